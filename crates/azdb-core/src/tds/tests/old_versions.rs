//! Apps of TDS 7.0 to 7.3, and what goes up and down in their names.

use azdb_config::route::PlainPassword;
use azdb_wire::tds::{Encryption, LOGIN_PACKET, Version, kind, push_message};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{Database, app_login, done, prelogin_answer, read_prelogin, welcome};
use super::visit::{Visit, hear};
use super::*;
use crate::fault::Cause;

type Entered = Box<Session<Tds, DuplexStream, DuplexStream>>;

/// DONE as narrow and as wide apps read it.
const NARROW: [u8; 9] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
const WIDE: [u8; 13] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Asks for a version, and says nothing else than an app of 7.4 does.
async fn log_in_as(visit: &mut Visit, version: Version) {
    let mut login = app_login("sa", "orders");
    login.splice(4..8, version.to_login().to_le_bytes());
    visit.prelogin(Encryption::Off, false).await;
    visit.say(kind::LOGIN7, &login).await;
}

/// The version that a login asks for.
fn asked_for(login: &[u8]) -> Version {
    Login7::parse(login).unwrap().version
}

fn names(answer: &[u8], version: Version) -> bool {
    let ack = version.to_ack();
    answer.windows(4).any(|window| window == ack)
}

/// A session of an app of this version in token mode.
async fn session_of(version: Version) -> (DuplexStream, Database, Entered) {
    let mut visit = House::new().app();
    log_in_as(&mut visit, version).await;
    let mut database = visit.rest.database().await;
    assert_eq!(
        asked_for(&database.expect_token(TOKEN).await),
        Version::V7_4
    );
    database.say(&welcome()).await;
    let answer = visit.hear().await;
    assert!(names(&answer, version), "{version}: {answer:?}");
    let Visit { app, rest } = visit;
    match rest.outcome().await.unwrap() {
        Login::Session(session, _) => (app, database, session),
        _ => panic!("no session"),
    }
}

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push_message(kind, 0, payload, &mut message);
    message
}

#[tokio::test(start_paused = true)]
async fn each_version_is_granted_and_a_token_goes_up_at_7_4() {
    for version in [
        Version::V7_0,
        Version::V7_1_RTM,
        Version::V7_1,
        Version::V7_2,
        Version::V7_3A,
        Version::V7_3B,
        Version::V7_4,
        Version::V8_0,
    ] {
        let _ = session_of(version).await;
    }
}

#[tokio::test(start_paused = true)]
async fn requests_and_answers_are_those_of_each_side() {
    let batch = utf16("select 1");
    let mut answer = Vec::new();
    done(0, &mut answer);
    for (version, headers, read) in [
        (Version::V7_1, 22, &NARROW[..]),
        (Version::V7_2, 0, &WIDE),
        (Version::V7_4, 0, &WIDE),
    ] {
        let (_app, mut database, mut session) = session_of(version).await;
        let upstream = &mut session.legs.upstream;
        let sent = message(kind::SQL_BATCH, &batch);
        upstream.write_all(&sent).await.unwrap();
        upstream.flush().await.unwrap();
        let (header, payload) = database.packet().await;
        assert!(header.is_last());
        assert_eq!(payload.get(headers..), Some(&batch[..]), "{version}");
        database.say(&answer).await;
        assert_eq!(hear(upstream).await, read, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_request_arrives_whole_in_packets_of_the_agreed_size() {
    let (_app, mut database, mut session) = session_of(Version::V7_1).await;
    let batch = utf16(&"x".repeat(100_000));
    let writing = async {
        let upstream = &mut session.legs.upstream;
        let sent = message(kind::SQL_BATCH, &batch);
        upstream.write_all(&sent).await.unwrap();
        upstream.flush().await.unwrap();
    };
    let reading = async {
        let mut heard = Vec::new();
        loop {
            let (header, payload) = database.packet().await;
            heard.extend_from_slice(&payload);
            if header.is_last() {
                return heard;
            }
            assert_eq!(usize::from(header.length), LOGIN_PACKET);
        }
    };
    let ((), heard) = tokio::join!(writing, reading);
    assert_eq!(heard.get(22..), Some(&batch[..]));
}

#[tokio::test(start_paused = true)]
async fn what_an_upstream_says_before_it_ends_is_heard() {
    let (_app, mut database, mut session) = session_of(Version::V7_1).await;
    let mut answer = Vec::new();
    done(1, &mut answer);
    let mut packet = message(kind::RESPONSE, &answer);
    // Not the last of its message.
    packet[1] = 0;
    // And half of another one.
    packet.extend_from_slice(&[kind::RESPONSE, 0, 0, 50, 0, 0, 2, 0, 0xfd, 1, 0]);
    database.say_bytes(&packet).await;
    drop(database);
    let mut heard = Vec::new();
    let end = session.legs.upstream.read_to_end(&mut heard).await;
    assert!(end.is_err(), "TLS was cut off");
    let payload = heard.get(8..).unwrap();
    assert_eq!(payload, [0xfd, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_read_without_room_is_no_end() {
    let (_app, mut database, mut session) = session_of(Version::V7_1).await;
    let upstream = &mut session.legs.upstream;
    database.say(&WIDE).await;
    assert_eq!(upstream.read(&mut []).await.unwrap(), 0);
    assert_eq!(hear(upstream).await, NARROW);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_translated_breaks_the_session_behind_what_can() {
    let (_app, mut database, mut session) = session_of(Version::V7_1).await;
    let mut answer = Vec::new();
    done(1, &mut answer);
    // A type that was not asked for.
    answer.extend_from_slice(&[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xf4]);
    database.say(&answer).await;
    let mut heard = Vec::new();
    let end = session.legs.upstream.read_to_end(&mut heard).await;
    let error = end.unwrap_err().to_string();
    assert_eq!(error, "cannot be translated: a value of type 0xf4");
}

#[tokio::test(start_paused = true)]
async fn the_last_words_are_in_the_widths_of_the_app() {
    for (version, width) in [(Version::V7_0, NARROW.len()), (Version::V7_3A, WIDE.len())] {
        let (_app, _database, mut session) = session_of(version).await;
        let sent = message(kind::SQL_BATCH, &utf16("waitfor delay '1:00'"));
        let _ = session.watch.app_sent(&sent);
        let route = House::new().lobby.route;
        let words = Tds::last_words(&session.watch, Cause::ShuttingDown, &route).unwrap();
        let end = words.len() - width;
        assert_eq!(
            words.get(end..end + 3),
            Some(&[0xfd, 2, 0][..]),
            "{version}"
        );
    }
}

/// A route in password mode with an app of 7.1 at it, and the login that its upstream gets.
async fn in_password_mode() -> (Visit, Database, Vec<u8>) {
    let mut visit = House::of(|route| {
        route.auth = UpstreamAuth::Password(SecretString::from("Secret1"));
        route.plain_password = PlainPassword::ToVerified;
        route.principals = Principals::One(Arc::new(Principal {
            user: "orders-app".into(),
            identity: Arc::default(),
        }));
    })
    .app();
    log_in_as(&mut visit, Version::V7_1).await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::Required, false);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &visit.rest.server).await;
    let login = database.login().await;
    (visit, database, login)
}

/// LOGINACK of this version, and a DONE.
fn granting(version: Version, end: &[u8]) -> Vec<u8> {
    let mut answer = vec![0xad, 10, 0, 1];
    answer.extend_from_slice(&version.to_ack());
    answer.extend_from_slice(&[0, 12, 0, 0, 0]);
    answer.extend_from_slice(end);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_password_goes_up_in_the_version_of_the_app_and_the_server_speaks_it() {
    let (mut visit, mut database, login) = in_password_mode().await;
    assert_eq!(asked_for(&login), Version::V7_1);
    assert!(
        Login7::parse(&login)
            .unwrap()
            .features
            .iter()
            .next()
            .is_none()
    );
    let answer = granting(Version::V7_1, &NARROW);
    database.say(&answer).await;
    assert_eq!(visit.hear().await, answer);
    let Ok(Login::Session(mut session, _)) = visit.rest.outcome().await else {
        panic!("no session");
    };
    database.say(&NARROW).await;
    assert_eq!(hear(&mut session.legs.upstream).await, NARROW);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_7_4_whatever_it_is_asked_for_is_translated() {
    let (mut visit, mut database, _) = in_password_mode().await;
    database.say(&granting(Version::V7_4, &WIDE)).await;
    assert_eq!(visit.hear().await, granting(Version::V7_1, &NARROW));
    let Ok(Login::Session(mut session, _)) = visit.rest.outcome().await else {
        panic!("no session");
    };
    database.say(&WIDE).await;
    assert_eq!(hear(&mut session.legs.upstream).await, NARROW);
}

#[tokio::test(start_paused = true)]
async fn an_app_is_told_the_version_of_an_older_server() {
    let (mut visit, mut database, _) = in_password_mode().await;
    let answer = granting(Version::V7_0, &NARROW);
    database.say(&answer).await;
    assert_eq!(visit.hear().await, answer);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_the_widths_of_the_app_is_understood() {
    let (mut visit, mut database, _) = in_password_mode().await;
    let mut no = vec![0xaa, 18, 0, 0x18, 0x48, 0, 0, 1, 14, 3, 0];
    no.extend_from_slice(&utf16("No."));
    no.extend_from_slice(&[0, 0, 1, 0]);
    no.extend_from_slice(&[0xfd, 2, 0, 0, 0, 0, 0, 0, 0]);
    database.say(&no).await;
    assert_eq!(visit.hear().await, no);
    let Err(NotIn::Told(told)) = visit.rest.outcome().await else {
        panic!("let in");
    };
    assert!(told.fault().to_string().contains("No. (error 18456"));
}
