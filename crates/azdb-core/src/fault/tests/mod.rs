//! The table of causes.

use azdb_quote::Chain;

use super::*;
use crate::rig::{every_cause, every_left};

/// What every remedy and every text looks like.
fn assert_is_a_clause(text: &str) {
    assert!(!text.trim().is_empty());
    assert_eq!(text, text.trim(), "{text}");
    assert!(!text.ends_with(['.', ';', '!']), "no full stop: {text}");
    assert!(!text.contains('\n'), "{text}");
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
const KINDS: [Kind; 40] = [
    Kind::User,
    Kind::Configuration,
    Kind::User,
    Kind::Limit,
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
    Kind::Limit,
    Kind::Configuration,
    Kind::Network,
    Kind::Network,
    Kind::Configuration,
];

#[tokio::test]
async fn every_cause_is_somebodys_business() {
    let kinds: Vec<Kind> = every_cause().iter().map(Cause::kind).collect();
    assert_eq!(kinds, KINDS);
}

/// Fails for one that stands there twice.
#[track_caller]
fn assert_are_different<'a>(remedies: impl Iterator<Item = Cow<'a, str>>) {
    let mut remedies: Vec<_> = remedies.collect();
    let count = remedies.len();
    remedies.sort();
    remedies.dedup();
    assert_eq!(remedies.len(), count);
}

#[tokio::test]
async fn every_flaw_of_tls_has_a_remedy_of_its_own() {
    let (causes, lefts) = (every_cause(), every_left());
    let upstreams = causes
        .iter()
        .filter(|cause| matches!(cause, Cause::Tls { .. }));
    assert_are_different(upstreams.map(Cause::remedy));
    assert_are_different(lefts.iter().map(Left::remedy));
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

/// Only a build with the feature `fips` asks apps for it, so that no handshake of a test can.
#[test]
fn an_app_without_what_fips_asks_of_it_reads_so() {
    use rustls::{Error, PeerIncompatible};
    let missing = PeerIncompatible::ExtendedMasterSecretExtensionRequired;
    let flaw = super::AppTlsFlaw::of(std::io::Error::other(Error::PeerIncompatible(missing)));
    assert!(matches!(flaw, super::AppTlsFlaw::NoExtendedSecret(_)));
}
