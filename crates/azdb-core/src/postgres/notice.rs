//! What an app reads when it is not let in: code and class of each cause, decided one by one.
//!
//! Source of the codes: PostgreSQL 18, appendix A. Pools take class 08 for a connection that failed, and libpq tries the next
//! host of a list after 57P03.

use std::borrow::Cow;

use azdb_wire::postgres::{ErrorResponse, append_hint};

use super::PostgresFault;
use crate::fault::{Cause, Explained as _, Fault, Meaning, ProvedBy, Root};
use crate::stranger::PROXY_HEADER;

/// A connection that was good is not any more.
const CONNECTION_FAILURE: &str = "08006";

/// Whose words an app reads.
enum Words<'a> {
    /// Ours, with this SQLSTATE.
    Ours(&'static str),
    /// The upstream's own ErrorResponse, perhaps with a hint that it did not have.
    Upstreams {
        /// The messages that it sent before. Apps tell a login that failed from a session that did by what stands in front: libpq
        /// with `sslmode=prefer` tries the former once more without TLS.
        before: &'a [u8],
        body: &'a [u8],
        meaning: Option<Meaning>,
        proved_by: ProvedBy,
    },
}

/// The ErrorResponse that tells an app.
pub(super) fn notice(fault: &Fault<PostgresFault>) -> Vec<u8> {
    let words = match fault.root() {
        Root::Shared(cause) => Words::Ours(of_cause(cause)),
        Root::Own(own) => of_own(own),
    };
    let mut out = Vec::new();
    match words {
        Words::Upstreams {
            before,
            body,
            meaning,
            proved_by,
        } => {
            out.extend_from_slice(before);
            append_hint(body, fault.beside(meaning, proved_by).as_deref(), &mut out);
        }
        Words::Ours(sqlstate) => encode(sqlstate, fault, &mut out),
    }
    out
}

fn encode(sqlstate: &'static str, fault: &Fault<PostgresFault>, out: &mut Vec<u8>) {
    let response = ErrorResponse {
        sqlstate,
        message: &format!("azdb-proxy: {}", fault.told()),
        hint: &fault.remedy(),
    };
    response.encode(out);
}

/// What whoever waits behind a header of the PROXY protocol reads.
pub(super) fn no_proxy_header() -> Vec<u8> {
    let mut out = Vec::new();
    ErrorResponse {
        sqlstate: "08P01",
        message: PROXY_HEADER.0,
        hint: PROXY_HEADER.1,
    }
    .encode(&mut out);
    out
}

/// What an app reads whose session ends because of `cause`.
pub(super) fn in_session(cause: Cause) -> Vec<u8> {
    let mut out = Vec::new();
    match cause {
        Cause::ShuttingDown | Cause::Moved { .. } => goodbye("57P01", &cause, &mut out),
        Cause::Idle { .. } => goodbye("57P05", &cause, &mut out),
        _ => encode(CONNECTION_FAILURE, &Fault::Shared(cause), &mut out),
    }
    out
}

/// What an app at rest reads when its session ends here.
fn goodbye(sqlstate: &'static str, cause: &Cause, out: &mut Vec<u8>) {
    let hint = match cause {
        Cause::ShuttingDown => Cow::Borrowed("connect again"),
        _ => cause.remedy(),
    };
    ErrorResponse {
        sqlstate,
        message: &format!("azdb-proxy: terminating connection, {}", cause.told()),
        hint: &hint,
    }
    .encode(out);
}

fn of_cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::Token { source, .. } if source.is_transient() => "57P03",
        // Not 08001, which libpq takes for a server that is there, nor 53300, after which it does not go on to its next host.
        Cause::ShuttingDown
        | Cause::TooManyWrong { .. }
        | Cause::Moved { .. }
        | Cause::Idle { .. }
        | Cause::TooMany { .. }
        | Cause::Resolve { .. }
        | Cause::Connect { .. }
        | Cause::NoAnswer { .. }
        | Cause::Unheard { .. }
        | Cause::UpstreamLost { .. }
        | Cause::UpstreamSilent { .. }
        | Cause::Overdue(_) => "57P03",
        // By which psql and pgAdmin know that they should ask for another one.
        Cause::WrongPassword { .. } => "28P01",
        Cause::UnknownUser { .. }
        | Cause::NotAdmitted { .. }
        | Cause::NotAnnounced { .. }
        | Cause::AppWithoutTls
        | Cause::Token { .. }
        | Cause::SecretTooLong { .. }
        | Cause::Password(_)
        | Cause::PasswordInClear { .. } => "28000",
        Cause::Loop { .. } | Cause::NoUpstream | Cause::NoTls { .. } => "08001",
        Cause::StuffedBytes { .. } | Cause::Tls { .. } | Cause::NotSealed { .. } => "08006",
        Cause::UpstreamRules { .. } => "08P01",
        Cause::NoRandomness => "XX000",
    }
}

fn of_own(own: &PostgresFault) -> Words<'_> {
    Words::Ours(match own {
        PostgresFault::AppPacket(_)
        | PostgresFault::AppProof(_)
        | PostgresFault::UpstreamMessage(_) => "08P01",
        PostgresFault::AppVersion(_) => "0A000",
        PostgresFault::NoUser | PostgresFault::Challenge { .. } => "28000",
        PostgresFault::TlsAnswer { .. } => "08001",
        PostgresFault::Refused {
            body,
            meaning,
            proved_by,
            before,
            ..
        } => {
            return Words::Upstreams {
                before,
                body,
                meaning: *meaning,
                proved_by: *proved_by,
            };
        }
    })
}
