//! Password mode: a development server is told its password.

use azdb_config::route::PlainPassword;
use secrecy::SecretString;

use super::visit::Visit;
use super::*;

fn with_password(tls: UpstreamTls) -> House {
    telling(PlainPassword::ToVerified, Some(tls))
}

fn telling(plain: PlainPassword, tls: Option<UpstreamTls>) -> House {
    House::of(|route| {
        route.auth = UpstreamAuth::Password(SecretString::from("correct horse"));
        route.plain_password = plain;
        if let Some(tls) = tls {
            route.tls = tls;
        }
    })
}

/// Asks for SCRAM, up to the message that ends with the proof.
pub(super) async fn scram_proof<S: Stream>(database: &mut Database<S>) -> String {
    let asked = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    database.say(&asked).await;
    let (_, initial) = database.message().await;
    let text = String::from_utf8_lossy(&initial);
    let (_, nonce) = text.split_once("n,,n=,r=").unwrap();
    let nonce = nonce.as_bytes();
    let first = [b"\0\0\0\x0br=", nonce, b"XYZ,s=c2FsdA==,i=4096"].concat();
    database.say(&message(b'R', &first)).await;
    let (_, last) = database.message().await;
    String::from_utf8(last).unwrap()
}

#[tokio::test(start_paused = true)]
async fn scram_without_the_servers_proof_is_not_a_login() {
    let mut visit = with_password(UpstreamTls::Off).app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = Database(visit.dialled().await);
    database.startup().await;
    scram_proof(&mut database).await;
    // An impostor does not know the password: it skips its proof and says "Ok".
    database.welcome().await;
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28000");
    assert!(message.contains("left out a step of SCRAM"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_quotes_the_password_tells_it_to_nobody() {
    let mut visit = with_password(UpstreamTls::Unverified).app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    let salted = message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]);
    database.say(&salted).await;
    database.message().await;
    let quoting = |password: &str| {
        let text = format!("SFATAL\0C28P01\0M\"{password}\" is not it\0\0");
        message(b'E', text.as_bytes())
    };
    database.say(&quoting("correct horse")).await;
    assert_eq!(visit.hear_out().await, quoting("*************"));
}

#[tokio::test(start_paused = true)]
async fn md5_is_hashed_with_the_role_and_the_salt() {
    let mut visit = with_password(UpstreamTls::Unverified).app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database
        .say(&message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]))
        .await;
    let expected =
        postgres_protocol::authentication::md5_hash(b"My Identity", b"correct horse", [1, 2, 3, 4]);
    assert_eq!(
        database.message().await,
        (b'p', [expected.as_bytes(), b"\0"].concat())
    );
    database.welcome().await;
    assert_eq!(&visit.hear::<1>().await, b"R");
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
        (PlainPassword::ToVerified, Some(UpstreamTls::Off), false),
        (
            PlainPassword::ToAnybody,
            Some(UpstreamTls::Unverified),
            true,
        ),
        (PlainPassword::ToAnybody, Some(UpstreamTls::Off), true),
    ] {
        let in_the_open = matches!(tls, Some(UpstreamTls::Off));
        let mut visit = telling(plain, tls).app();
        visit.say(&startup(b"user\0ann\0")).await;
        if in_the_open {
            let database = Database(visit.dialled().await);
            is_asked_for_it(visit, database, told).await;
        } else {
            let database = visit.database().await;
            is_asked_for_it(visit, database, told).await;
        }
    }
}

async fn is_asked_for_it<S: Stream>(mut visit: Visit, mut database: Database<S>, told: bool) {
    database.startup().await;
    database.say(&ask(3)).await;
    if told {
        let password = (b'p', b"correct horse\0".to_vec());
        assert_eq!(database.message().await, password);
        return;
    }
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28000");
    assert!(
        message.contains("nobody has verified who that is"),
        "{message}"
    );
    assert!(hint.contains("upstream_password_in_clear"), "{hint}");
    assert!(database.heard_nothing_more().await);
}
