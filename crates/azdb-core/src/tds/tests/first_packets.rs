//! How apps may begin.

use azdb_wire::tds::{Encryption, kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{app_login, says_yes, welcome};
use super::*;

/// Lets the login through and checks that the app is told so.
async fn is_let_in<S: Stream>(mut visit: visit::Visit<S>) {
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    let answer = visit.hear().await;
    assert!(says_yes(&answer));
    assert!(matches!(visit.rest.outcome().await, Ok(Login::Session(..))));
}

#[tokio::test(start_paused = true)]
async fn an_app_without_encryption_hears_that_there_is_none() {
    for said in [Encryption::Off, Encryption::NotSupported] {
        let mut visit = House::new().app();
        let answer = visit.prelogin(said, false).await;
        assert_eq!(answer.encryption, Some(Encryption::NotSupported));
        assert_eq!(answer.mars, Some(false));
        assert_eq!(answer.fed_auth_required, None);
        is_let_in(visit).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_with_encryption_shakes_hands_inside_packets() {
    for said in [Encryption::On, Encryption::Required] {
        let mut visit = House::new().app();
        let answer = visit.prelogin(said, false).await;
        assert_eq!(answer.encryption, Some(Encryption::On));
        is_let_in(visit.with_tls::<InPrelogin>().await).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_wants_tls_after_all_gets_it() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::Off, false).await;
    is_let_in(visit.with_tls::<InPrelogin>().await).await;
}

#[tokio::test(start_paused = true)]
async fn an_app_of_tds_8_begins_with_tls() {
    // go-mssqldb says 4: inside TLS nobody looks.
    for said in [Encryption::NotSupported, Encryption::Other(4)] {
        let mut visit = House::new().app().with_strict_tls().await;
        let answer = visit.prelogin(said, false).await;
        assert_eq!(answer.encryption, Some(Encryption::NotSupported));
        is_let_in(visit).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_may_begin_with_its_login() {
    is_let_in(House::new().app()).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_certificate_nobody_is_offered_encryption() {
    let house = House::of(|route| route.local_tls = azdb_config::route::LocalTls::Off);
    let mut visit = house.app();
    let answer = visit.prelogin(Encryption::Required, false).await;
    assert_eq!(answer.encryption, Some(Encryption::NotSupported));
}

#[tokio::test(start_paused = true)]
async fn a_login_in_many_pieces_is_one() {
    let mut visit = House::new().app();
    let login = app_login("sa", "orders");
    let (first, second) = login.split_at(100);
    for (share, status) in [(first, 0), (second, 1)] {
        let length = u16::try_from(share.len() + 8).unwrap().to_be_bytes();
        let header = [&[kind::LOGIN7, status], &length[..], &[0; 4]].concat();
        for byte in header.iter().chain(share) {
            visit.app.write_all(&[*byte]).await.unwrap();
        }
    }
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_speaks_something_else_is_left_without_an_answer() {
    for begin in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x02\x01\x02\x00\0\0\0\0a login of Sybase",
        b"\x04\x01\x00\x09\0\0\0\0x",
        b"",
    ] {
        let mut visit = House::new().app();
        visit.app.write_all(begin).await.unwrap();
        visit.app.shutdown().await.unwrap();
        let mut heard = Vec::new();
        visit.app.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty(), "{begin:?}");
        assert!(visit.rest.nobody_dialled());
        assert!(matches!(visit.rest.outcome().await, Ok(Login::Nobody(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn what_pretends_to_be_a_login_ends_without_a_dial() {
    for (begin, number) in [
        (&b"\x10\x01\x00\x09\0\0\0\0x"[..], Some(18456)),
        (b"\x10\x00\x00\x09\0\0\0\0x\x12\x01\x00\x09\0\0\0\0x", None),
        (b"\x12\x01\x00\x09\0\0\0\0x", None),
    ] {
        let mut visit = House::new().app();
        visit.app.write_all(begin).await.unwrap();
        if let Some(number) = number {
            assert_eq!(visit.error().await.0, number);
        }
        assert!(visit.rest.nobody_dialled());
        let outcome = visit.rest.outcome().await;
        assert!(!matches!(outcome, Ok(Login::Session(..))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_without_end_is_given_up() {
    let mut visit = House::new().app();
    let packet = [&b"\x10\x00\x80\x00\0\0\0\0"[..], &[0; 0x8000 - 8]].concat();
    let mut sent = 0;
    while visit.app.write_all(&packet).await.is_ok() {
        sent += 1;
        assert!(sent < 20, "it reads on and on");
    }
    let outcome = visit.rest.outcome().await;
    assert!(was_told!(outcome, Fault::Own(TdsFault::AppPacket(_))));
}

#[tokio::test(start_paused = true)]
async fn a_browser_over_tls_ends_without_a_dial() {
    let mut visit = House::new().app().with_strict_tls().await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    visit.app.write_all(request).await.unwrap();
    let mut heard = Vec::new();
    let _ = visit.app.read_to_end(&mut heard).await;
    assert!(heard.is_empty());
    assert!(visit.rest.nobody_dialled());
    assert!(matches!(visit.rest.outcome().await, Ok(Login::Nobody(_))));
}

#[tokio::test(start_paused = true)]
async fn tls_is_closed_at_once_where_apps_are_offered_none() {
    let mut visit = House::of(|route| route.local_tls = azdb_config::route::LocalTls::Off).app();
    visit.app.write_all(&[0x16, 3, 1]).await.unwrap();
    let mut heard = Vec::new();
    visit.app.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty());
    assert!(visit.rest.nobody_dialled());
    assert!(matches!(visit.rest.outcome().await, Ok(Login::Nobody(_))));
}
