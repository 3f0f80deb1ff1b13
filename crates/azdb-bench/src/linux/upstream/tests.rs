//! The app against the upstream, without a peer between them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::linux::app::{App, Way};
use crate::linux::tls::Tls;

async fn upstream() -> (Upstream, Issuer, Way) {
    let tls = Tls::new().unwrap();
    let issuer = Issuer::new(azdb_emulator::DEFAULT_TENANT).unwrap();
    let upstream = Upstream::start(tls.server, issuer.clone()).await.unwrap();
    let way = Way {
        address: upstream.address,
        tls: Some(tls.client),
    };
    (upstream, issuer, way)
}

#[tokio::test]
async fn what_is_copied_arrives_in_full_both_ways() {
    let (upstream, _, way) = upstream().await;
    let mut app = App::connect(&way, PASSWORD).await.unwrap();
    app.copy_out(3).await.unwrap();
    app.copy_in(2, &upstream.shared.block).await.unwrap();
    app.leave().await.unwrap();
}

#[tokio::test]
async fn prepared_selects_are_answered() {
    let (_upstream, _, way) = upstream().await;
    let mut app = App::connect(&way, PASSWORD).await.unwrap();
    app.prepare().await.unwrap();
    for _ in 0..3 {
        app.select().await.unwrap();
    }
}

#[tokio::test]
async fn a_token_lets_in_and_a_stranger_stays_out() {
    let (_upstream, issuer, way) = upstream().await;
    let identity = azdb_emulator::ManagedIdentity::system_assigned("bench");
    let token = issuer.issue(&identity, OSSRDBMS_AUDIENCE).unwrap();
    App::connect(&way, &token.access_token).await.unwrap();
    let error = App::connect(&way, "a guess").await.err().unwrap();
    assert_eq!(error.to_string(), "neither the password nor a token");
}

#[tokio::test]
async fn what_was_negotiated_is_told_once() {
    let (upstream, _, way) = upstream().await;
    for _ in 0..2 {
        App::connect(&way, PASSWORD).await.unwrap();
    }
    assert_eq!(
        upstream.negotiated(),
        ["TLSv1_3, TLS13_AES_256_GCM_SHA384, X25519"]
    );
}
