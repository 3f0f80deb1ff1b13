//! Drivers that are known by their PRELOGIN.

use std::net::SocketAddr;

use azdb_config::route::{LocalTls, PlainApps};
use azdb_wire::tds::{Encryption, Prelogin, Version, kind};
use tokio::io::AsyncWriteExt as _;

use super::database::{app_login, welcome};
use super::visit::Visit;
use super::*;
use crate::socket::Peer;

/// The PRELOGIN of r2dbc-mssql, which has this for encryption.
fn of_r2dbc(encryption: u8) -> Vec<u8> {
    let table = b"\0\0\x15\0\x06\x01\0\x1b\0\x01\x02\0\x1c\0\x0c\x05\0\x28\0\x24\xff";
    let instance = b"MSSQLServer\0";
    [&table[..], &[0; 6], &[encryption], instance, &[7; 36]].concat()
}

/// What it hears of encryption.
async fn heard(visit: &mut Visit, prelogin: &[u8]) -> Encryption {
    visit.say(kind::PRELOGIN, prelogin).await;
    let answer = Prelogin::parse(&visit.hear().await).unwrap();
    answer.encryption.unwrap()
}

#[tokio::test(start_paused = true)]
async fn r2dbc_speaks_tls_for_its_login_alone() {
    let mut visit = House::new().app();
    assert_eq!(heard(&mut visit, &of_r2dbc(0)).await, Encryption::Off);
    let mut visit = visit.say_login_in_tls(&app_login("sa", "orders")).await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    let answer = visit.hear().await;
    assert!(
        LoginAnswer::parse(&answer, Version::V7_4)
            .unwrap()
            .version
            .is_some()
    );
    let Ok(Login::Session(mut session, entrant)) = visit.rest.outcome().await else {
        unreachable!("it is let in");
    };
    assert!(!entrant.app_tls, "what it says from here on anybody hears");
    visit.app.write_all(b"in the clear").await.unwrap();
    session.legs.app.fill(12).await.unwrap();
    assert_eq!(session.legs.app.unread(), b"in the clear");
}

#[tokio::test(start_paused = true)]
async fn r2dbc_reads_in_the_clear_why_it_may_not_come_in() {
    let mut visit = House::of(|route| route.principals = Principals::ByAppUser(Vec::new())).app();
    assert_eq!(heard(&mut visit, &of_r2dbc(0)).await, Encryption::Off);
    let mut visit = visit.say_login_in_tls(&app_login("sa", "orders")).await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("user_map"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_r2dbc_says_behind_its_login_in_tls_is_not_lost_in_silence() {
    let mut visit = House::new().app();
    assert_eq!(heard(&mut visit, &of_r2dbc(0)).await, Encryption::Off);
    let login = app_login("sa", "orders");
    let mut both = Vec::new();
    azdb_wire::tds::push_message(kind::LOGIN7, 0, &login, &mut both);
    both.extend(b"more");
    let visit = visit.say_in_tls(&both).await;
    assert!(matches!(visit.rest.outcome().await, Err(NotIn::Left(_))));
}

#[tokio::test(start_paused = true)]
async fn r2dbc_with_ssl_speaks_tls_to_the_end() {
    let mut visit = House::new().app();
    assert_eq!(heard(&mut visit, &of_r2dbc(1)).await, Encryption::On);
}

#[tokio::test(start_paused = true)]
async fn who_must_speak_tls_is_told_so_whoever_it_is() {
    let must = || House::of(|route| route.plain_apps = PlainApps::Refused);
    let here = || Peer::Local(SocketAddr::from(([127, 0, 0, 1], 5000)), 0);
    let mut visit = must().app_from(here());
    assert_eq!(heard(&mut visit, &of_r2dbc(0)).await, Encryption::Required);
    let mut visit = House::of(|route| route.local_tls = LocalTls::Off).app();
    let heard = heard(&mut visit, &of_r2dbc(0)).await;
    assert_eq!(heard, Encryption::NotSupported, "there is no certificate");
}
