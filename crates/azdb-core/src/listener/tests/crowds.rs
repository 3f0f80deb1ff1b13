//! Many who come and say nothing, little, or half of what is to be said.

use super::*;
use crate::tds::Tds;

#[tokio::test(start_paused = true)]
async fn an_app_of_postgresql_logs_in_beside_thousands_that_do_not() {
    for first in [0, 1] {
        logs_in_beside::<Postgres>(first).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_of_sql_server_logs_in_beside_thousands_that_do_not() {
    for first in [0, 1] {
        logs_in_beside::<Tds>(first).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_in_stays_in_whoever_comes() {
    stays_in::<Postgres>().await;
    stays_in::<Tds>().await;
}

const CROWD: usize = 3 * ARRIVALS;

/// A crowd that stays as long as it is let.
async fn crowd(street: &Street, first: &[u8]) -> Vec<DuplexStream> {
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut stranger = street.come(Peer::Tcp(HERE));
        stranger.write_all(first).await.unwrap();
        crowd.push(stranger);
    }
    street.settle().await;
    crowd
}

async fn logs_in_beside<P: Spoken>(bytes: usize) {
    let first: Vec<u8> = P::knock().into_iter().take(bytes).collect();
    let mut street = Street::of::<P>(|_| {});
    let crowd = crowd(&street, &first).await;
    for _ in 0..15 {
        let mut app = street.come(Peer::Tcp(HERE));
        let Neighbours {
            databases, server, ..
        } = &mut street.house;
        let mut database = P::log_in(&mut app, databases, server).await;
        P::ask(&mut app, &mut database).await;
        P::answer(&mut app, &mut database).await;
    }
    drop(crowd);
}

async fn stays_in<P: Spoken>() {
    let mut street = Street::of::<P>(|route| route.max_connections = 1);
    let mut app = street.come(Peer::Tcp(HERE));
    let Neighbours {
        databases, server, ..
    } = &mut street.house;
    let mut database = P::log_in(&mut app, databases, server).await;
    let _crowd = crowd(&street, b"").await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    // One too many is told so, at once and in its protocol.
    let mut next = street.come(Peer::Tcp(HERE));
    let text = P::refused(&mut next).await;
    assert!(
        text.contains("all 1 connections of the route are taken"),
        "{text}"
    );
}
