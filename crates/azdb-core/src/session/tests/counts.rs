//! What is written down.

use tokio::io::AsyncWriteExt as _;

use azdb_config::route::ProtocolName;

use super::*;
use crate::fault::{Cause, Kind};
use crate::ledger::Histogram;
use crate::phases::Phase;
use crate::postgres::Postgres;
use crate::rig::in_every_protocol;

in_every_protocol!(
    a_session_is_counted_from_its_login_to_its_end,
    bytes_are_counted_while_they_move,
    what_a_login_took_is_counted_by_phase_whether_it_was_granted_or_refused,
    a_refused_login_is_counted_and_kept_with_kind_cause_and_remedy,
    whoever_leaves_without_a_word_is_taken_in_and_not_refused,
);

async fn a_session_is_counted_from_its_login_to_its_end<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    let ledger = route.ledger();
    assert_eq!((ledger.accepted.read(), ledger.refused()), (1, 0));
    assert_eq!((ledger.sessions.read(), ledger.ended()), (1, 0));
    assert_eq!((ledger.open(), route.ending.sessions()), (1, 1));

    let mut asked = P::ask(&mut app, &mut database).await;
    let mut answered = P::answer(&mut app, &mut database).await;
    asked += P::ask(&mut app, &mut database).await;
    answered += P::answer(&mut app, &mut database).await;
    drop((app, database));
    route.empty().await;

    let ledger = route.ledger();
    assert_eq!((ledger.sessions.read(), ledger.ended()), (1, 1));
    assert_eq!((ledger.open(), route.ending.sessions()), (0, 0));
    assert_eq!(ledger.ended_by(End::AppClosed), 1);
    assert_eq!(ledger.refused(), 0);
    let moved = (ledger.from_app.read(), ledger.from_upstream.read());
    assert_eq!(moved, (asked, answered), "the login is not counted");
}

async fn bytes_are_counted_while_they_move<P: Spoken>() {
    let mut route = Served::<P>::new();
    let (mut app, mut database) = route.session().await;
    let (mut asked, mut answered) = (0, 0);
    for _ in 0..3 {
        asked += P::ask(&mut app, &mut database).await;
        answered += P::answer(&mut app, &mut database).await;
        let ledger = route.ledger();
        let moved = (ledger.from_app.read(), ledger.from_upstream.read());
        assert_eq!((moved, ledger.open()), ((asked, answered), 1));
    }
}

/// How many logins spent time on this, and how many there were by outcome.
fn took(ledger: &Ledger, phase: Phase) -> (u64, [u64; 2]) {
    let count = |histogram: &Histogram| histogram.buckets().iter().map(|(_, count)| count).sum();
    let (_, spent) = ledger.phases().find(|(one, _)| *one == phase).unwrap();
    let outcomes = ledger.logins.both().map(|(_, took)| count(took));
    (count(spent), outcomes)
}

async fn what_a_login_took_is_counted_by_phase_whether_it_was_granted_or_refused<P: Spoken>() {
    let mut route = Served::<P>::new();
    let _session = route.session().await;
    for phase in Phase::ALL {
        let there = match phase {
            Phase::App | Phase::Token | Phase::Dns | Phase::Tcp | Phase::Tls | Phase::Database => 1,
            Phase::AppTls => 0,
            // Only where an app must wait before its upstream is dialled.
            Phase::Queue => u64::from(P::NAME == ProtocolName::Mysql),
        };
        assert_eq!(took(route.ledger(), phase), (there, [1, 0]), "{phase:?}");
    }

    let route = Served::<P>::of(|route| route.upstream.clear());
    let mut app = route.app();
    P::refused(&mut app).await;
    drop(app);
    route.empty().await;
    assert_eq!(took(route.ledger(), Phase::Token), (1, [0, 1]));
    assert_eq!(took(route.ledger(), Phase::Database), (0, [0, 1]));
}

async fn a_refused_login_is_counted_and_kept_with_kind_cause_and_remedy<P: Spoken>() {
    let route = Served::<P>::of(|route| route.upstream.clear());
    assert!(route.ledger().last_refusal().is_none());
    let mut app = route.app();
    let told = P::refused(&mut app).await;
    drop(app);
    route.empty().await;

    let ledger = route.ledger();
    assert_eq!((ledger.accepted.read(), ledger.refused()), (1, 1));
    assert_eq!((ledger.sessions.read(), ledger.ended()), (0, 0));
    let kept = ledger.last_refusal().expect("it is kept");
    assert_eq!(kept.kind, Kind::Bug);
    assert_eq!(ledger.refusals(), [(("no_upstream", Kind::Bug), 1)]);
    assert_eq!(kept.cause, "the route has no upstream");
    assert_eq!(kept.remedy, "name one as upstream");
    assert!(
        told.contains(&kept.cause) && told.contains(&kept.remedy),
        "{told}"
    );
}

#[test]
fn a_later_refusal_stands_in_the_place_of_an_earlier_one() {
    let ledger = Ledger::default();
    ledger.refuse(&Cause::NoUpstream);
    ledger.refuse(&Cause::TooMany { limit: 1 });
    let kept = ledger.last_refusal().expect("it is kept");
    assert_eq!((ledger.refused(), kept.kind), (2, Kind::Limit));
    assert_eq!(kept.cause, "all 1 connections of the route are taken");
}

async fn whoever_leaves_without_a_word_is_taken_in_and_not_refused<P: Spoken>() {
    let route = Served::<P>::new();
    drop(route.app());
    route.empty().await;
    let ledger = route.ledger();
    assert_eq!((ledger.accepted.read(), ledger.refused()), (1, 0));
    assert_eq!((ledger.sessions.read(), ledger.ended()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_errand_is_neither_a_session_nor_refused() {
    let route = Served::<Postgres>::new();
    let mut app = route.app();
    let request = [
        &16u32.to_be_bytes()[..],
        &80_877_102u32.to_be_bytes(),
        b"pid.key.",
    ];
    app.write_all(&request.concat()).await.unwrap();
    assert_eq!(hear_out(&mut app).await, b"");
    route.empty().await;
    let ledger = route.ledger();
    assert_eq!((ledger.accepted.read(), ledger.refused()), (1, 0));
    assert_eq!((ledger.sessions.read(), ledger.ended()), (0, 0));
    assert_eq!(ledger.cancels.unknown.read(), 1);
}
