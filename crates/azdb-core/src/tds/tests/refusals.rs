//! What an app reads when it is not let in.

use azdb_wire::tds::{Encryption, Version, kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{Database, app_login, read_prelogin, refusal, welcome, with_features};
use super::visit::{assert_remarked, error_in};
use super::*;
use crate::fault::Left;

/// The app's login, with a word at `at` replaced.
fn login_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut login = app_login("sa", "orders");
    let place = login.get_mut(at..at + bytes.len()).unwrap();
    place.copy_from_slice(bytes);
    login
}

/// What the proxy says to a login that it does not take upstream.
async fn refused_at_once(login: &[u8]) -> Vec<u8> {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::Off, false).await;
    visit.say(kind::LOGIN7, login).await;
    let answer = visit.hear().await;
    assert!(visit.rest.nobody_dialled());
    assert!(visit.rest.outcome().await.is_err());
    answer
}

#[tokio::test(start_paused = true)]
async fn the_upstreams_own_error_arrives_as_it_came() {
    let text = "The server has reasons of its own.";
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&refusal(50_001, text)).await;
    assert_eq!(visit.hear().await, refusal(50_001, text));
    let outcome = visit.rest.outcome().await;
    assert!(was_told!(outcome, Fault::Own(TdsFault::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_known_refusal_keeps_its_words_and_has_ours_behind_them() {
    for (number, text, remedy) in [
        (40_615, "Cannot open server.", "firewall rules"),
        (
            18_456,
            "Login failed for user '<token-identified principal>'.",
            "FROM EXTERNAL PROVIDER",
        ),
        (40_613, "Not available.", "takes about a minute"),
    ] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&refusal(number, text)).await;
        let said = assert_remarked(&visit.hear().await, number, text);
        assert!(said.contains(remedy), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_quotes_the_token_tells_it_to_nobody() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    let quoting = |token: &str| refusal(50_001, &format!("bad token '{token}', {token}"));
    database.say(&quoting(TOKEN)).await;
    let stars = "*".repeat(TOKEN.len());
    assert_eq!(visit.hear().await, quoting(&stars));
    let outcome = visit.rest.outcome().await;
    assert!(was_told!(outcome, Fault::Own(TdsFault::Refused { .. })));
    assert!(!format!("{:?}", outcome.err()).contains("eyJ"));
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_the_upstreams_loginack_arrives_behind_it() {
    const DONE: usize = 13;
    let text = "Cannot open user default database. Login failed.";
    let granted = welcome();
    let taken = granted.get(..granted.len() - DONE).unwrap();
    let unsaid = with_features(b"");
    let unsaid = unsaid.get(..unsaid.len() - DONE).unwrap();
    for granted in [taken, unsaid] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        let answer = [granted, &refusal(4064, text)].concat();
        database.say(&answer).await;
        let heard = visit.hear().await;
        assert_eq!(error_in(&heard), (4064, text.to_owned()));
        let understood = LoginAnswer::parse(&heard, Version::V7_4).unwrap();
        assert!(understood.version.is_some(), "LOGINACK stands before it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_none_is_refused() {
    let (number, text) = error_in(&refused_at_once(&login_with(4, &[1, 0, 0, 0])).await);
    assert_eq!(number, 18456);
    assert!(text.contains("asks for TDS 0x00000001"), "{text}");
    assert!(text.contains("7.0 to 7.4"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_old_driver_reads_in_its_own_widths_what_to_change() {
    let mut login = login_with(4, &0x7100_0001u32.to_le_bytes());
    // AtchDBFile, two characters of the host's name.
    login.splice(82..86, [94, 0, 2, 0]);
    let answer = refused_at_once(&login).await;
    // DONE with a row count of four bytes.
    assert!(answer.ends_with(&[0xfd, 2, 0, 0, 0, 0, 0, 0, 0]));
    let text = from_utf16(answer.get(11..).unwrap());
    assert!(text.contains("a database file to attach"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_could_do_is_said_and_not_left_undone() {
    // OptionFlags3: a new password.
    let (number, text) = error_in(&refused_at_once(&login_with(27, &[1])).await);
    assert_eq!(number, 18456);
    assert!(text.contains("the app asks for a new password"), "{text}");
    // AtchDBFile, two characters of the host's name.
    let (_, text) = error_in(&refused_at_once(&login_with(82, &[94, 0, 2, 0])).await);
    assert!(text.contains("a database file to attach"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_none_is_an_error() {
    for garbage in [
        &b"\xd1rows"[..],
        b"\xad\xff\xff",
        b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(garbage).await;
        assert_eq!(visit.error().await.0, 18456);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_says_nothing_is_unavailable_in_time() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let began = Instant::now();
    let (_silent, _) = visit.rest.dialled().await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 40613);
    assert!(
        text.starts_with(
            "azdb-proxy: `orders.database.windows.net:1433` at 127.0.0.1 took the connection and has not answered in 9s: waiting for its answer to PRELOGIN"
        ),
        "{text}"
    );
    assert!(began.elapsed() < LOGIN_TIMEOUT + Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_error_travels_through_the_apps_own_tls() {
    let mut visit = House::new().app();
    visit.prelogin(Encryption::On, false).await;
    let mut visit = visit.with_tls::<InPrelogin>().await;
    visit.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    let (stream, _) = visit.rest.dialled().await;
    drop(stream);
    let (number, text) = visit.error().await;
    assert_eq!(number, 40613);
    assert!(
        text.contains("lost `orders.database.windows.net:1433` at 127.0.0.1"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_route_and_never_the_token() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database: Database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    drop(database);
    let answer = visit.hear().await;
    let orders = utf16("orders");
    assert!(answer.windows(orders.len()).any(|window| window == orders));
    let secret = utf16("c2VjcmV0");
    assert!(!answer.windows(secret.len()).any(|window| window == secret));
    let chain = match visit.rest.outcome().await {
        Err(NotIn::Told(told)) => azdb_quote::Chain(told.fault()).to_string(),
        _ => unreachable!("not told"),
    };
    assert!(!chain.contains("eyJ"), "{chain}");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_stays_silent_is_let_go() {
    let mut visit = House::new().app();
    visit.app.write_all(&[kind::LOGIN7, 1, 0]).await.unwrap();
    let mut heard = Vec::new();
    visit.app.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty());
    let outcome = visit.rest.outcome().await;
    assert!(matches!(outcome, Err(NotIn::Left(Left::Silent(_)))));
}

/// The number and the text of what an app reads that is refused before anybody is dialled.
async fn refused_by(house: House) -> (u32, String) {
    let mut visit = house.app();
    visit.log_in().await;
    let error = visit.error().await;
    assert!(visit.rest.nobody_dialled());
    error
}

#[tokio::test(start_paused = true)]
async fn one_more_than_the_route_takes_is_told_so() {
    let house = House::of(|route| route.max_connections = 1);
    let _taken = house.lobby.permit().unwrap();
    let (number, text) = refused_by(house).await;
    assert_eq!(number, 40613);
    assert!(
        text.contains("all 1 connections of the route are taken"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_that_the_map_does_not_list_is_refused() {
    let house = House::of(|route| route.principals = Principals::ByAppUser(Vec::new()));
    let (number, text) = refused_by(house).await;
    assert_eq!(number, 18456);
    assert!(text.contains("user `sa` is not in user_map"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_comes_too_late_is_told() {
    let house = House::new();
    house.lobby.closing.cancel();
    let (number, text) = refused_by(house).await;
    assert_eq!(number, 40613);
    assert!(text.contains("the proxy is shutting down"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_speaks_something_else_is_known_by_its_first_bytes() {
    // A TLS alert, read as a packet, claims 768 bytes that never come. One server closes behind it, another does not.
    const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28\x00";
    for closes in [true, false] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let (mut stream, _) = visit.rest.dialled().await;
        read_prelogin(&mut stream).await;
        stream.write_all(ALERT).await.unwrap();
        let stream = (!closes).then_some(stream);
        let (number, text) = visit.error().await;
        assert_eq!(number, 18456);
        assert!(
            text.contains("something else than an answer to PRELOGIN"),
            "{text}"
        );
        // It may be one that wants TLS before anything else.
        assert!(text.contains("upstream_tls_first = true"), "{text}");
        drop(stream);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_up_at_prelogin_may_want_tls_before_it() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let (mut stream, _) = visit.rest.dialled().await;
    read_prelogin(&mut stream).await;
    drop(stream);
    let (number, text) = visit.error().await;
    assert_eq!(number, 40613, "it may also be away for a moment");
    assert!(text.contains("takes TDS 8.0 alone"), "{text}");
    assert!(text.contains("upstream_tls_first = true"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn who_speaks_tls_first_already_does_not_read_to_do_so() {
    let mut visit = House::of(|route| route.tls_first = true).app();
    visit.log_in().await;
    drop(visit.rest.dialled().await);
    let (_, text) = visit.error().await;
    assert!(!text.contains("upstream_tls_first"), "{text}");
}
