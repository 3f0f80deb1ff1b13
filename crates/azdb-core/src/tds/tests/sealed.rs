//! Which databases a token reaches, and which not.

use azdb_wire::tds::{Encryption, kind, push_message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{prelogin_answer, read_prelogin, refusal};
use super::*;
use crate::fault::Cause;

#[tokio::test(start_paused = true)]
async fn an_upstream_without_tls_never_sees_the_token() {
    for said in [Encryption::Off, Encryption::NotSupported] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let (mut stream, _) = visit.rest.dialled().await;
        read_prelogin(&mut stream).await;
        let answer = prelogin_answer(said, false);
        stream.write_all(&answer).await.unwrap();
        let (number, text) = visit.error().await;
        assert_eq!(number, 18456);
        assert!(text.contains("does not speak TLS"), "{text}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_nobody_vouches_for_never_sees_the_token() {
    let stranger = House::new();
    let mut visit = House::new().app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::On, false);
    stream.write_all(&answer).await.unwrap();
    let shaking =
        in_packets::accept::<InPrelogin, _>(Arc::clone(&stranger.server), Leg::new(stream)).await;
    assert!(shaking.is_err());
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("cannot trust upstream"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_gets_nothing_secret() {
    let house = House::of(|route| {
        if let Some(upstream) = route.upstream.first_mut() {
            upstream.host = "stock.database.windows.net".into();
        }
    });
    let mut visit = house.app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::On, false);
    stream.write_all(&answer).await.unwrap();
    let server = Arc::clone(&visit.rest.server);
    let shaking = in_packets::accept::<InPrelogin, _>(server, Leg::new(stream)).await;
    assert!(shaking.is_err());
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    let start = "azdb-proxy: cannot trust upstream `stock.database.windows.net`: ";
    assert!(text.starts_with(start), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_token_never_goes_where_nobody_has_verified_the_name() {
    // No configuration says this; `check` refuses it. The types refuse it, too.
    let mut visit = House::of(|route| route.tls = UpstreamTls::Unverified).app();
    visit.log_in().await;
    let database = visit.rest.database().await;
    assert!(visit.error().await.1.contains("the token was not sent"));
    assert!(database.heard_nothing_more().await);

    let mut visit = House::of(|route| route.tls = UpstreamTls::Off).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::NotSupported, false);
    stream.write_all(&answer).await.unwrap();
    assert!(visit.error().await.1.contains("the token was not sent"));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    let outcome = visit.rest.outcome().await;
    assert!(was_told!(outcome, Fault::Shared(Cause::NotSealed { .. })));
}

#[tokio::test(start_paused = true)]
async fn bytes_from_before_tls_are_an_error_and_no_news() {
    for kind in [kind::RESPONSE, kind::PRELOGIN] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let (mut stream, _) = visit.rest.dialled().await;
        read_prelogin(&mut stream).await;
        let mut bytes = prelogin_answer(Encryption::On, false);
        push_message(kind, 0, &refusal(18456, "call this number"), &mut bytes);
        stream.write_all(&bytes).await.unwrap();
        let (number, text) = visit.error().await;
        assert_eq!(number, 18456);
        assert!(
            text.starts_with("azdb-proxy: no TLS with upstream"),
            "{text}"
        );
        assert!(!text.contains("number"), "{text}");
    }
}
