//! The table of causes.

use std::io;

use azdb_quote::Chain;

use super::*;
use crate::rig::every_cause;

/// What every remedy and every text looks like.
fn assert_is_a_clause(text: &str) {
    assert!(!text.trim().is_empty());
    assert_eq!(text, text.trim(), "{text}");
    assert!(!text.ends_with(['.', ';', '!']), "no full stop: {text}");
    assert!(!text.contains('\n'), "{text}");
}

fn every_left() -> Vec<Left> {
    let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let overdue = Overdue {
        doing: "waiting for the app's first packet",
        limit: Duration::from_secs(9),
    };
    let all = vec![
        Left::Gone(gone()),
        Left::Silent(overdue),
        Left::Tls(gone()),
        Left::OldTls(gone()),
        Left::OtherTls(gone()),
        Left::StuffedBytes(7),
        Left::ShuttingDown,
    ];
    // A new one does not compile until it has a place, and fails until it stands there.
    let places = all.iter().map(|left| match left {
        Left::Gone(_) => 0,
        Left::Silent(_) => 1,
        Left::Tls(_) => 2,
        Left::OldTls(_) => 3,
        Left::OtherTls(_) => 4,
        Left::StuffedBytes(_) => 5,
        Left::ShuttingDown => 6,
    });
    assert!(places.eq(0..all.len()));
    all
}

#[tokio::test]
async fn every_cause_says_what_happened_and_what_to_do() {
    for cause in every_cause() {
        assert_is_a_clause(&cause.remedy());
        assert_is_a_clause(&cause.told());
        assert_is_a_clause(&cause.to_string());
    }
    for left in every_left() {
        assert_is_a_clause(&left.remedy());
        assert_is_a_clause(&left.to_string());
    }
}

/// In the order of [`every_cause`].
const KINDS: [Kind; 31] = [
    Kind::User,
    Kind::Limit,
    Kind::Limit,
    Kind::Bug,
    // As the source says: this one has no file to read.
    Kind::Configuration,
    Kind::Identity,
    Kind::Configuration,
    Kind::Configuration,
    Kind::Bug,
    Kind::Network,
    Kind::Network,
    Kind::Configuration,
    Kind::Upstream,
    Kind::Network,
    // What is wrong with an upstream's TLS.
    Kind::Upstream,
    Kind::Configuration,
    Kind::Configuration,
    Kind::Configuration,
    Kind::Configuration,
    Kind::Configuration,
    Kind::Upstream,
    Kind::Upstream,
    Kind::Configuration,
    Kind::Network,
    Kind::Network,
    Kind::Configuration,
    Kind::Upstream,
    Kind::Network,
    Kind::Network,
    Kind::Network,
    Kind::Limit,
];

#[tokio::test]
async fn every_cause_is_somebodys_business() {
    let kinds: Vec<Kind> = every_cause().iter().map(Cause::kind).collect();
    assert_eq!(kinds, KINDS);
}

#[tokio::test]
async fn every_flaw_of_tls_has_a_remedy_of_its_own() {
    let flaws: Vec<_> = every_cause()
        .into_iter()
        .filter(|cause| matches!(cause, Cause::Tls { .. }))
        .collect();
    let mut remedies: Vec<_> = flaws.iter().map(Cause::remedy).collect();
    remedies.sort();
    remedies.dedup();
    assert_eq!(remedies.len(), flaws.len());
}

#[tokio::test]
async fn an_app_reads_no_words_that_nobody_vouches_for() {
    for cause in every_cause() {
        if let Cause::Token { source, .. } = &cause {
            assert_eq!(cause.told(), format!("no token: {}", source.cause()));
        } else {
            assert_eq!(cause.told(), Chain(&cause).to_string());
        }
    }
}

#[test]
fn azure_sql_alone_sends_clients_on_to_other_ports() {
    for (port, sends_on) in [
        (1433, true),
        (11_000, true),
        (11_999, true),
        (12_000, false),
        (5432, false),
        (3306, false),
    ] {
        let upstream = azdb_config::route::Endpoint {
            host: "db".into(),
            port,
        };
        let source = io::ErrorKind::ConnectionRefused.into();
        let remedy = Cause::Connect { upstream, source }.remedy().into_owned();
        assert_eq!(remedy.contains("11000 to 11999"), sends_on, "{port}");
    }
}
