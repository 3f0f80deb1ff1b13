//! Apps that are asked for a password.

use azdb_config::AppPasswords;
use azdb_wire::tds::{Encryption, kind};

use super::database::{app_login, says_yes, welcome};
use super::*;
use crate::socket::Peer;

/// The password that [`app_login`] says.
const SAID: &str = "the app's own";
const FAILED: u32 = 18_456;

fn here() -> Peer {
    Peer::Tcp(([127, 0, 0, 1], 4711).into())
}

fn elsewhere() -> Peer {
    Peer::Tcp(([10, 1, 0, 4], 4711).into())
}

/// A route whose apps have these passwords.
fn house(text: &str) -> House {
    let passwords = AppPasswords::parse(text, ProtocolName::Tds).unwrap();
    House::of(|route| {
        route.app_passwords = Some(passwords);
        route.admission.networks = vec!["10.1.0.0/16".parse().unwrap()];
    })
}

async fn is_let_in<S: Stream>(mut visit: visit::Visit<S>) {
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    let answer = visit.hear().await;
    assert!(says_yes(&answer));
}

async fn is_refused<S: Stream>(mut visit: visit::Visit<S>, login: &[u8]) -> String {
    visit.say(kind::LOGIN7, login).await;
    let (number, text) = visit.error().await;
    assert_eq!(number, FAILED, "{text}");
    assert!(visit.rest.nobody_dialled());
    text
}

#[tokio::test(start_paused = true)]
async fn the_password_of_login7_is_looked_at_inside_tls_and_on_this_machine_without() {
    let verifier = postgres_protocol::password::scram_sha_256(SAID.as_bytes());
    for text in [
        format!("sa:{SAID}"),
        format!(":{SAID}"),
        format!("sa:{verifier}"),
    ] {
        let mut visit = house(&text).app_from(here());
        let heard = visit.prelogin(Encryption::Off, false).await;
        assert_eq!(heard.encryption, Some(Encryption::NotSupported));
        is_let_in(visit).await;
        let mut visit = house(&text).app_from(elsewhere());
        visit.prelogin(Encryption::On, false).await;
        is_let_in(visit.with_tls::<InPrelogin>().await).await;
        let visit = house(&text).app_from(elsewhere()).with_strict_tls().await;
        is_let_in(visit).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_a_user_that_there_is_not_read_alike() {
    let mut told = Vec::new();
    for text in ["sa:another", "nobody:the app's own", &format!("SA:{SAID}")] {
        let mut visit = house(text).app_from(here());
        visit.prelogin(Encryption::Off, false).await;
        told.push(is_refused(visit, &app_login("sa", "orders")).await);
    }
    assert!(told[0].contains("app_password_file"), "{told:?}");
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn from_elsewhere_tls_is_demanded_and_a_password_in_the_clear_is_not_looked_at() {
    for said in [Encryption::Off, Encryption::NotSupported] {
        let mut visit = house(&format!("sa:{SAID}")).app_from(elsewhere());
        let heard = visit.prelogin(said, false).await;
        assert_eq!(heard.encryption, Some(Encryption::Required));
        let text = is_refused(visit, &app_login("sa", "orders")).await;
        assert!(text.contains("can be heard on the way"), "{text}");
        // One that understands it comes over TLS.
        let mut visit = house(&format!("sa:{SAID}")).app_from(elsewhere());
        visit.prelogin(said, false).await;
        is_let_in(visit.with_tls::<InPrelogin>().await).await;
    }
    // An app that says no PRELOGIN has not been told.
    let visit = house(&format!("sa:{SAID}")).app_from(elsewhere());
    is_refused(visit, &app_login("sa", "orders")).await;
}

#[tokio::test(start_paused = true)]
async fn integrated_security_has_no_password() {
    let mut visit = house(&format!("sa:{SAID}")).app_from(here());
    visit.prelogin(Encryption::Off, false).await;
    let mut login = app_login("sa", "orders");
    login[25] |= 0x80;
    let text = is_refused(visit, &login).await;
    assert!(text.contains("integrated security"), "{text}");
    assert!(text.contains("Password=..."), "{text}");
}
