//! A side whose connection breaks: who is told, and when the place is free.

use std::io::ErrorKind::{ConnectionReset, InvalidData, TimedOut};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::rig::{Break, Breaking, BreakingDial, in_every_protocol};

in_every_protocol!(
    an_app_that_waits_is_told_of_an_upstream_that_vanished,
    an_app_that_waits_is_told_of_an_upstream_that_reset,
    an_app_in_the_middle_of_an_answer_gets_what_came_of_it_and_no_more,
    an_app_between_two_rows_is_told_where_it_would_listen,
    an_app_that_has_not_taken_its_rows_is_told_nothing_behind_some_of_them,
    an_app_that_resets_while_its_query_runs_gives_its_place_back_at_once,
    an_app_that_resets_while_its_upstream_takes_nothing_gives_its_place_back_soon,
    what_an_app_said_before_it_reset_reaches_its_upstream,
);

/// A route whose upstreams break.
fn breaking<P: Spoken>() -> (Served<P, BreakingDial>, Break) {
    let broken = Break::default();
    let route = Served::from(House::spoken(|route| route.max_connections = 1), |lobby| {
        BreakingDial::instead(lobby, &broken)
    });
    (route, broken)
}

async fn an_app_that_waits_is_told_of_an_upstream_that_vanished<P: Spoken>() {
    let (mut route, broken) = breaking::<P>();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    broken.with(TimedOut);
    drop(database);
    let heard = P::error_in_session(&mut app, &[]).await;
    let text = "azdb-proxy: the upstream has answered nothing for 30s";
    assert!(heard.contains(text), "{heard}");
    assert!(heard.contains("upstream_timeout"), "{heard}");
    assert_eq!(hear_out(&mut app).await, b"");
    drop(app);
    route.empty().await;
}

async fn an_app_that_waits_is_told_of_an_upstream_that_reset<P: Spoken>() {
    let (mut route, broken) = breaking::<P>();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    broken.with(ConnectionReset);
    drop(database);
    let heard = P::error_in_session(&mut app, &[]).await;
    let text = "lost the upstream while the session was going on";
    assert!(heard.contains(text), "{heard}");
    drop(app);
    route.empty().await;
}

async fn an_app_in_the_middle_of_an_answer_gets_what_came_of_it_and_no_more<P: Spoken>() {
    let (mut route, broken) = breaking::<P>();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    let half = P::half_an_answer(&mut database).await;
    let mut heard = vec![0; half.len()];
    app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, half);
    broken.with(TimedOut);
    drop(database);
    assert_eq!(hear_out(&mut app).await, b"", "no word of ours");
    drop(app);
    route.empty().await;
}

async fn an_app_between_two_rows_is_told_where_it_would_listen<P: Spoken>() {
    let (mut route, broken) = breaking::<P>();
    let (mut app, mut database) = route.session().await;
    P::ask(&mut app, &mut database).await;
    let rows = P::rows(&mut database, 2).await;
    let mut heard = vec![0; rows.len()];
    app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, rows);
    broken.with(TimedOut);
    drop(database);
    if P::HEARS_BEHIND_ROWS {
        let told = P::error_in_session(&mut app, &rows).await;
        assert!(told.contains("the upstream has answered nothing"), "{told}");
    }
    assert_eq!(hear_out(&mut app).await, b"");
    drop(app);
    route.empty().await;
}

async fn an_app_that_has_not_taken_its_rows_is_told_nothing_behind_some_of_them<P: Spoken>() {
    let (mut route, broken) = breaking::<P>();
    let (mut app, socket) = duplex(PIPE / 4);
    route.serve(socket);
    let mut database = P::log_in(&mut app, &mut route.databases, &route.server).await;
    P::ask(&mut app, &mut database).await;
    // More than the pipe to the app takes, and the end, in one read.
    let rows = P::rows(&mut database, 40).await;
    broken.with(TimedOut);
    drop(database);
    let given_up = crate::relay::Linger::default().after_upstream;
    tokio::time::sleep(given_up + Duration::from_millis(500)).await;
    let heard = hear_out(&mut app).await;
    assert!(heard.len() < rows.len() && rows.starts_with(&heard));
    drop(app);
    route.empty().await;
    assert_eq!(route.ledger().ended_by(End::UpstreamBroke), 1);
}

/// An app whose connection breaks, and how to break it.
async fn session_that_breaks<P: Spoken>(
    route: &mut Served<P>,
) -> (DuplexStream, P::Database, Break) {
    let broken = Break::default();
    let (mut app, socket) = duplex(PIPE);
    route.serve(Breaking(socket, broken.clone()));
    let database = P::log_in(&mut app, &mut route.databases, &route.server).await;
    (app, database, broken)
}

async fn an_app_that_resets_while_its_query_runs_gives_its_place_back_at_once<P: Spoken>() {
    for kind in [ConnectionReset, TimedOut, InvalidData] {
        let mut route = Served::<P>::of(|route| route.max_connections = 1);
        let (mut app, mut database, broken) = session_that_breaks(&mut route).await;
        P::ask(&mut app, &mut database).await;
        assert!(route.lobby.permit().is_err(), "it is taken");
        broken.with(kind);
        drop(app);
        let began = tokio::time::Instant::now();
        while route.lobby.permit().is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(began.elapsed().as_secs(), 0, "no clock had to run");
        assert_eq!((route.ledger().open(), route.ending.sessions()), (0, 0));
        assert_eq!(route.ledger().ended_by(End::AppBroke), 1);
        // The upstream, which has not ended, is not waited for.
        route.empty().await;
        drop(database);
    }
}

async fn an_app_that_resets_while_its_upstream_takes_nothing_gives_its_place_back_soon<
    P: Spoken,
>() {
    let mut route = Served::<P>::of(|route| route.max_connections = 1);
    let (mut app, database, broken) = session_that_breaks(&mut route).await;
    // Question after question, until nobody takes any more: the app's pipe is full, and the proxy holds what it has read.
    let questions = P::question().repeat(100);
    while tokio::time::timeout(Duration::from_secs(5), app.write_all(&questions))
        .await
        .is_ok()
    {}
    assert!(route.lobby.permit().is_err(), "it is taken");
    let began = tokio::time::Instant::now();
    broken.with(ConnectionReset);
    while route.lobby.permit().is_err() {
        assert!(began.elapsed() <= Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop((app, database));
    route.empty().await;
}

async fn what_an_app_said_before_it_reset_reaches_its_upstream<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database, broken) = session_that_breaks(&mut route).await;
    // Asked, and gone before the proxy has looked.
    app.write_all(&P::question()).await.unwrap();
    tokio::task::yield_now().await;
    broken.with(ConnectionReset);
    drop(app);
    P::hear_question(&mut database).await;
    route.empty().await;
}
