//! Password mode: a development server is told its password.

use azdb_config::route::PlainPassword;
use azdb_wire::tds::Encryption;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{Database, prelogin_answer, read_prelogin, refusal, says_yes, with_features};
use super::visit::Visit;
use super::*;

fn development(tls: UpstreamTls) -> House {
    telling(PlainPassword::ToAnybody, Some(tls))
}

fn telling(plain: PlainPassword, tls: Option<UpstreamTls>) -> House {
    House::of(|route| {
        route.auth = UpstreamAuth::Password(SecretString::from("Secret1"));
        route.plain_password = plain;
        if let Some(tls) = tls {
            route.tls = tls;
        }
        route.principals = Principals::One(Arc::new(Principal {
            user: "orders-app".into(),
            identity: Arc::default(),
        }));
    })
}

#[tokio::test(start_paused = true)]
async fn a_development_server_gets_the_configured_password() {
    let mut visit = development(UpstreamTls::Unverified).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    let asked = read_prelogin(&mut stream).await;
    assert_eq!(asked.fed_auth_required, None);
    let answer = prelogin_answer(Encryption::Required, false);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &visit.rest.server).await;
    let login = database.login().await;
    let login = Login7::parse(&login).unwrap();
    assert_eq!(from_utf16(login.user), "orders-app");
    assert_eq!(login.fed_auth(), None);
    // Nobody asked for a token, so nobody says that one was taken.
    database.say(&with_features(&[])).await;
    assert!(says_yes(&visit.hear().await));
}

#[tokio::test(start_paused = true)]
async fn a_development_server_may_have_no_tls_at_all() {
    let mut visit = development(UpstreamTls::Off).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    let asked = read_prelogin(&mut stream).await;
    assert_eq!(asked.encryption, Some(Encryption::NotSupported));
    let answer = prelogin_answer(Encryption::On, false);
    stream.write_all(&answer).await.unwrap();
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("a demand for TLS"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_password_itself_is_told_to_a_verified_server_or_where_anybody_may_be_told() {
    for (plain, tls, told) in [
        (PlainPassword::ToVerified, None, true),
        (
            PlainPassword::ToVerified,
            Some(UpstreamTls::Unverified),
            false,
        ),
        (
            PlainPassword::ToAnybody,
            Some(UpstreamTls::Unverified),
            true,
        ),
    ] {
        let mut visit = telling(plain, tls).app();
        visit.log_in().await;
        let (mut stream, _) = visit.rest.dialled().await;
        read_prelogin(&mut stream).await;
        let answer = prelogin_answer(Encryption::Required, false);
        stream.write_all(&answer).await.unwrap();
        let mut database = Database::shake(stream, &visit.rest.server).await;
        if told {
            let login = database.login().await;
            assert_eq!(
                from_utf16(Login7::parse(&login).unwrap().user),
                "orders-app"
            );
            continue;
        }
        is_refused(&mut visit).await;
        assert!(database.heard_nothing_more().await);
    }
    let mut visit = telling(PlainPassword::ToVerified, Some(UpstreamTls::Off)).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::NotSupported, false);
    stream.write_all(&answer).await.unwrap();
    is_refused(&mut visit).await;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"");
}

async fn is_refused(visit: &mut Visit) {
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("nobody has verified who that is"), "{text}");
    assert!(text.contains("upstream_password_in_clear"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_refused_is_told_in_the_servers_words_alone() {
    let mut visit = development(UpstreamTls::Unverified).app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::Required, false);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &visit.rest.server).await;
    database.login().await;
    let no = refusal(18_456, "Login failed for user 'orders-app'.");
    database.say(&no).await;
    assert_eq!(visit.hear().await, no);
}
