//! How sessions end that the proxy ends.

use std::time::Duration;

use azdb_wire::postgres::TERMINATE;
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::postgres::Postgres;
use crate::rig::in_every_protocol;
use crate::tls::TlsEnd;

in_every_protocol!(
    an_app_at_rest_hears_the_farewell_of_its_protocol,
    an_upstream_at_rest_hears_that_its_client_leaves,
    a_goodbye_never_cuts_into_an_answer,
    an_app_that_has_begun_to_ask_is_heard_out,
    a_login_that_waits_hears_of_the_end_in_the_words_of_its_protocol,
    an_app_that_has_not_said_who_it_is_is_let_go_at_the_end,
    an_end_gives_the_place_back,
);

async fn an_app_at_rest_hears_the_farewell_of_its_protocol<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    route.ending.goodbye.cancel();
    let heard = hear_out(&mut app).await;
    assert!(P::is_farewell(&heard), "{heard:?}");
    drop(app);
    route.empty().await;
    assert_eq!((route.ledger().open(), route.ending.sessions()), (0, 0));
    assert_eq!(route.ledger().ended_by(End::ShuttingDown), 1);
}

async fn an_upstream_at_rest_hears_that_its_client_leaves<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    route.ending.goodbye.cancel();
    let (heard, end) = P::hear_out(database).await;
    let expected = if P::LEAVE.is_empty() {
        TlsEnd::Bare
    } else {
        P::TLS.upstream_end
    };
    assert_eq!((&heard[..], end), (P::LEAVE, expected));
    drop(app);
    route.empty().await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_in_an_answer_hears_terminate_where_the_app_is_between_messages() {
    for (more, left) in [(&b""[..], &TERMINATE[..]), (b"Q\0\0\0\x0dsele", b"")] {
        let mut route = Served::<Postgres>::new();
        let (mut app, mut database) = route.session().await;
        Postgres::ask(&mut app, &mut database).await;
        app.write_all(more).await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        route.ending.goodbye.cancel();
        let (heard, _) = Postgres::hear_out(database).await;
        assert_eq!(heard, [more, left].concat());
        assert_eq!(hear_out(&mut app).await, b"");
        drop(app);
        route.empty().await;
    }
}

async fn a_goodbye_never_cuts_into_an_answer<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    let asked = P::ask(&mut app, &mut database).await;
    route.ending.goodbye.cancel();
    assert_eq!(hear_out(&mut app).await, b"", "an answer is due");
    route.empty().await;
    let ledger = route.ledger();
    assert_eq!((ledger.open(), route.ending.sessions()), (0, 0));
    assert_eq!(
        (ledger.from_app.read(), ledger.from_upstream.read()),
        (asked, 0)
    );
}

async fn an_app_that_has_begun_to_ask_is_heard_out<P: Spoken>() {
    let question = P::question();
    for begun in [1, 3, 4, 5, question.len() - 1] {
        let mut route = Served::<P>::new();
        let (mut app, mut database) = route.session().await;
        let (now, later) = question.split_at(begun);
        app.write_all(now).await.unwrap();
        // Until nobody has anything to do.
        tokio::time::sleep(Duration::from_millis(1)).await;
        route.ending.rest.cancel();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(route.ledger().open(), 1, "{begun} bytes");
        app.write_all(later).await.unwrap();
        P::hear_question(&mut database).await;
        P::answer(&mut app, &mut database).await;
        assert!(P::is_farewell(&hear_out(&mut app).await));
        drop(app);
        route.empty().await;
    }
}

async fn a_login_that_waits_hears_of_the_end_in_the_words_of_its_protocol<P: Spoken>() {
    // The upstream takes the connection and says nothing.
    let route = Served::<P>::new();
    let mut app = route.app();
    let ending = route.ending.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        ending.goodbye.cancel();
    });
    let told = P::refused(&mut app).await;
    assert!(
        told.contains("azdb-proxy: the proxy is shutting down"),
        "{told}"
    );
    drop(app);
    route.empty().await;
    let ledger = route.ledger();
    assert_eq!((ledger.refused(), ledger.sessions.read()), (1, 0));
}

async fn an_app_that_has_not_said_who_it_is_is_let_go_at_the_end<P: Spoken>() {
    let route = Served::<P>::new();
    let mut app = route.app();
    tokio::task::yield_now().await;
    assert_eq!(route.ledger().accepted.read(), 1);
    route.ending.goodbye.cancel();
    hear_out(&mut app).await;
    drop(app);
    route.empty().await;
    assert_eq!(route.ledger().sessions.read(), 0);
}

async fn an_end_gives_the_place_back<P: Spoken>() {
    let mut route = Served::<P>::of(|route| route.max_connections = 1);
    for _ in 0..3 {
        let (mut app, database) = route.session().await;
        assert!(route.lobby.permit().is_err(), "it is taken");
        drop(database);
        hear_out(&mut app).await;
        drop(app);
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(route.ledger().open(), 0);
    }
    assert_eq!(route.ledger().ended_by(End::UpstreamClosed), 3);
    assert!(route.lobby.permit().is_ok());
}
