//! One of every cause.

use std::io;
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_identity::{Audience, IdentityConfig, SourceKind};
use azdb_names::NameError;

use super::tokens;
use crate::fault::{AppTlsFlaw, Cause, FarEnd, Left, Overdue, TlsFlaw};

/// One of every cause, in the order of their places.
pub(crate) fn every_cause() -> Vec<Cause> {
    let host = || "db.example.org".to_owned();
    let upstream = || Endpoint {
        host: host(),
        port: 1433,
    };
    let far_end = || FarEnd::at(&upstream(), ([192, 0, 2, 4], 1433).into());
    let source = || io::Error::other("as the system says it");
    let tls = |flaw: fn(io::Error) -> TlsFlaw| Cause::Tls {
        host: host(),
        flaw: flaw(source()),
    };
    let (audience, nothing) = (
        Audience::new("https://example.org"),
        IdentityConfig {
            source: SourceKind::File,
            ..IdentityConfig::default()
        },
    );
    let no_token = tokens().start(&nothing, &audience).unwrap_err();
    let all = vec![
        Cause::UnknownUser {
            user: b"ann".to_vec(),
        },
        Cause::NotAdmitted {
            peer: "10.9.0.2".to_owned(),
        },
        Cause::WrongPassword {
            user: b"ann".to_vec(),
        },
        Cause::TooManyWrong {
            origin: "10.9.0.2".to_owned(),
        },
        Cause::AppWithoutTls,
        Cause::TooMany { limit: 10 },
        Cause::ShuttingDown,
        Cause::NoRandomness,
        Cause::Token {
            audience,
            source: no_token,
        },
        Cause::SecretTooLong {
            bytes: 70_000,
            most: 65_530,
        },
        Cause::Password(source()),
        Cause::PasswordInClear { host: host() },
        Cause::NoUpstream,
        Cause::Resolve {
            host: host(),
            source: NameError::NoAnswer(Duration::from_secs(5)),
        },
        Cause::Connect {
            far_end: far_end(),
            source: source(),
        },
        Cause::Loop {
            upstream: upstream(),
        },
        Cause::NoTls { host: host() },
        Cause::StuffedBytes {
            host: host(),
            count: 7,
        },
        tls(TlsFlaw::Expired),
        tls(TlsFlaw::NotYetValid),
        tls(TlsFlaw::FirstVersion),
        tls(TlsFlaw::UnknownAuthority),
        tls(TlsFlaw::OtherName),
        tls(TlsFlaw::Unusable),
        tls(TlsFlaw::OldVersion),
        tls(TlsFlaw::NoCommonCipher),
        tls(|_| TlsFlaw::NoAlpn),
        tls(TlsFlaw::BrokenOff),
        tls(TlsFlaw::Failed),
        Cause::NotSealed { host: host() },
        Cause::UpstreamRules {
            what: "an unexpected message",
        },
        Cause::UpstreamLost {
            far_end: Some(Box::new(far_end())),
            doing: "waiting for its answer",
            source: source(),
        },
        Cause::UpstreamSilent {
            limit: Duration::from_secs(30),
        },
        Cause::Overdue(Overdue {
            doing: "waiting for a token",
            limit: Duration::from_secs(9),
            waited: Duration::from_secs(9),
        }),
        Cause::Moved { name: upstream() },
        Cause::Idle {
            limit: Duration::from_secs(300),
        },
        Cause::NotAnnounced {
            balancer: "10.9.0.1".to_owned(),
        },
        Cause::NoAnswer {
            far_end: far_end(),
            waited: Duration::from_secs(9),
        },
        Cause::Unheard {
            far_end: far_end(),
            awaiting: "waiting for its greeting",
            waited: Duration::from_secs(9),
        },
        tls(TlsFlaw::SelfSigned),
    ];
    let places: Vec<usize> = all.iter().map(place).collect();
    assert!(places.iter().copied().eq(0..all.len()), "{places:?}");
    all
}

/// Where a cause stands in the list. A new one does not compile until it has a place, and fails until it stands there.
fn place(cause: &Cause) -> usize {
    match cause {
        Cause::UnknownUser { .. } => 0,
        Cause::NotAdmitted { .. } => 1,
        Cause::WrongPassword { .. } => 2,
        Cause::TooManyWrong { .. } => 3,
        Cause::AppWithoutTls => 4,
        Cause::TooMany { .. } => 5,
        Cause::ShuttingDown => 6,
        Cause::NoRandomness => 7,
        Cause::Token { .. } => 8,
        Cause::SecretTooLong { .. } => 9,
        Cause::Password(_) => 10,
        Cause::PasswordInClear { .. } => 11,
        Cause::NoUpstream => 12,
        Cause::Resolve { .. } => 13,
        Cause::Connect { .. } => 14,
        Cause::Loop { .. } => 15,
        Cause::NoTls { .. } => 16,
        Cause::StuffedBytes { .. } => 17,
        Cause::Tls { flaw, .. } => 18 + place_of_flaw(flaw),
        Cause::NotSealed { .. } => 29,
        Cause::UpstreamRules { .. } => 30,
        Cause::UpstreamLost { .. } => 31,
        Cause::UpstreamSilent { .. } => 32,
        Cause::Overdue(_) => 33,
        Cause::Moved { .. } => 34,
        Cause::Idle { .. } => 35,
        Cause::NotAnnounced { .. } => 36,
        Cause::NoAnswer { .. } => 37,
        Cause::Unheard { .. } => 38,
    }
}

fn place_of_flaw(flaw: &TlsFlaw) -> usize {
    match flaw {
        TlsFlaw::Expired(_) => 0,
        TlsFlaw::NotYetValid(_) => 1,
        TlsFlaw::FirstVersion(_) => 2,
        TlsFlaw::UnknownAuthority(_) => 3,
        TlsFlaw::OtherName(_) => 4,
        TlsFlaw::Unusable(_) => 5,
        TlsFlaw::OldVersion(_) => 6,
        TlsFlaw::NoCommonCipher(_) => 7,
        TlsFlaw::NoAlpn => 8,
        TlsFlaw::BrokenOff(_) => 9,
        TlsFlaw::Failed(_) => 10,
        TlsFlaw::SelfSigned(_) => 21,
    }
}

/// One of every way to leave, in the order of their places.
pub(crate) fn every_left() -> Vec<Left> {
    let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let overdue = Overdue {
        doing: "waiting for the app's first packet",
        limit: Duration::from_secs(9),
        waited: Duration::from_secs(9),
    };
    let all = vec![
        Left::Gone(gone()),
        Left::WithoutPassword(gone()),
        Left::Silent(overdue),
        Left::StuffedBytes(7),
        Left::ShuttingDown,
        Left::Tls(AppTlsFlaw::UnknownAuthority(gone())),
        Left::Tls(AppTlsFlaw::Expired(gone())),
        Left::Tls(AppTlsFlaw::NotAccepted(gone())),
        Left::Tls(AppTlsFlaw::OldVersion(gone())),
        Left::Tls(AppTlsFlaw::NewVersion(gone())),
        Left::Tls(AppTlsFlaw::NoCommonCipher(gone())),
        Left::Tls(AppTlsFlaw::OtherProtocol(gone())),
        Left::Tls(AppTlsFlaw::LeftAtCertificate(gone())),
        Left::Tls(AppTlsFlaw::BrokenOff(gone())),
        Left::Tls(AppTlsFlaw::Failed(gone())),
        Left::Tls(AppTlsFlaw::NoExtendedSecret(gone())),
    ];
    // A new one does not compile until it has a place, and fails until it stands there.
    let places = all.iter().map(|left| match left {
        Left::Gone(_) => 0,
        Left::WithoutPassword(_) => 1,
        Left::Silent(_) => 2,
        Left::StuffedBytes(_) => 3,
        Left::ShuttingDown => 4,
        Left::Tls(AppTlsFlaw::UnknownAuthority(_)) => 5,
        Left::Tls(AppTlsFlaw::Expired(_)) => 6,
        Left::Tls(AppTlsFlaw::NotAccepted(_)) => 7,
        Left::Tls(AppTlsFlaw::OldVersion(_)) => 8,
        Left::Tls(AppTlsFlaw::NewVersion(_)) => 9,
        Left::Tls(AppTlsFlaw::NoCommonCipher(_)) => 10,
        Left::Tls(AppTlsFlaw::OtherProtocol(_)) => 11,
        Left::Tls(AppTlsFlaw::LeftAtCertificate(_)) => 12,
        Left::Tls(AppTlsFlaw::BrokenOff(_)) => 13,
        Left::Tls(AppTlsFlaw::Failed(_)) => 14,
        Left::Tls(AppTlsFlaw::NoExtendedSecret(_)) => 15,
    });
    assert!(places.eq(0..all.len()));
    all
}
