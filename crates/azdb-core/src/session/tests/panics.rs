//! A panic ends one session.

use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::rig::{ExplosiveDial, ExplosiveStream, Fuse, in_every_protocol};

in_every_protocol!(
    a_dial_that_panics_ends_its_own_login_and_nothing_else,
    a_stream_that_panics_ends_its_own_session_and_nothing_else,
);

async fn a_dial_that_panics_ends_its_own_login_and_nothing_else<P: Spoken>() {
    let fuse = Fuse::default();
    let mut route = Served::<P, ExplosiveDial>::from(House::spoken(|_| {}), |lobby| {
        ExplosiveDial::instead(lobby, &fuse)
    });
    let (mut bystander, mut database) = route.session().await;
    fuse.set(true);
    let mut app = route.app();
    app.write_all(&P::knock()).await.unwrap();
    assert_eq!(hear_out(&mut app).await, b"");
    fuse.set(false);
    let free = route.lobby.route.max_connections - 1;
    let permits: Vec<_> = (0..free).map(|_| route.lobby.permit()).collect();
    assert!(
        permits.iter().all(Result::is_ok),
        "its place was given back"
    );
    drop(permits);

    P::ask(&mut bystander, &mut database).await;
    P::answer(&mut bystander, &mut database).await;
    let (mut next, mut database) = route.session().await;
    P::ask(&mut next, &mut database).await;
    assert_eq!(
        (route.ledger().accepted.read(), route.ledger().open()),
        (3, 2)
    );
}

async fn a_stream_that_panics_ends_its_own_session_and_nothing_else<P: Spoken>() {
    let fuse = Fuse::default();
    let mut route = Served::<P>::new();
    let (mut bystander, mut database) = route.session().await;
    let (mut app, socket) = duplex(PIPE);
    route.serve(ExplosiveStream(socket, fuse.clone()));
    let ended = P::log_in(&mut app, &mut route.databases, &route.server).await;
    assert_eq!(route.ending.sessions(), 2);
    fuse.set(true);
    drop(ended);
    hear_out(&mut app).await;
    let ledger = route.ledger();
    assert_eq!((ledger.sessions.read(), ledger.ended()), (2, 1));
    assert_eq!(ledger.ended_by(End::Bug), 1);
    assert_eq!(route.ending.sessions(), 1);

    P::ask(&mut bystander, &mut database).await;
    P::answer(&mut bystander, &mut database).await;
    route.session().await;
}
