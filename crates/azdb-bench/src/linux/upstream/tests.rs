//! The app against the upstream, without a peer between them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::linux::app::{App, Login, Way};
use crate::linux::chain::Chain;
use crate::linux::tls::Tls;

async fn upstream(dialect: Dialect) -> (Upstream, Issuer, Way) {
    let tls = Tls::new(Chain::Short).unwrap();
    let issuer = Issuer::new(azdb_emulator::DEFAULT_TENANT).unwrap();
    let upstream = Upstream::start(tls.server, issuer.clone(), dialect)
        .await
        .unwrap();
    let way = Way {
        dialect,
        address: upstream.address,
        tls: Some(tls.client),
        login: Login::BENCH,
    };
    (upstream, issuer, way)
}

#[tokio::test]
async fn what_is_copied_arrives_in_full_both_ways() {
    for (dialect, block) in [(Dialect::Postgres, block()), (Dialect::Mysql, file())] {
        let (_upstream, _, way) = upstream(dialect).await;
        let mut app = App::connect(&way, PASSWORD).await.unwrap();
        app.copy_out(3).await.unwrap();
        app.copy_in(2, &block).await.unwrap();
        app.leave().await.unwrap();
    }
}

#[tokio::test]
async fn prepared_selects_are_answered() {
    for dialect in [Dialect::Postgres, Dialect::Mysql] {
        let (_upstream, _, way) = upstream(dialect).await;
        let mut app = App::connect(&way, PASSWORD).await.unwrap();
        app.first_row().await.unwrap();
        app.prepare().await.unwrap();
        for _ in 0..3 {
            app.select().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_token_lets_in_and_a_stranger_stays_out() {
    for dialect in [Dialect::Postgres, Dialect::Mysql] {
        let (_upstream, issuer, way) = upstream(dialect).await;
        let identity = azdb_emulator::ManagedIdentity::system_assigned("bench");
        let token = issuer.issue(&identity, OSSRDBMS_AUDIENCE).unwrap();
        App::connect(&way, &token.access_token).await.unwrap();
        let error = App::connect(&way, "a guess")
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.ends_with("neither the password nor a token"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_was_negotiated_is_told_once() {
    let (upstream, _, way) = upstream(Dialect::Postgres).await;
    for _ in 0..2 {
        App::connect(&way, PASSWORD).await.unwrap();
    }
    assert_eq!(
        upstream.negotiated(),
        ["TLSv1_3, TLS13_AES_256_GCM_SHA384, X25519"]
    );
}
