//! Tokens that are too old, and the sessions that they opened.

use std::time::SystemTime;

use azdb_config::route::SessionAge;
use azdb_wire::tds::{Width, kind, push_message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::database::{refusal, says_yes, welcome, with_features};
use super::*;
use crate::relay::{Ends, Linger, Stopped, Why, relay};

const EXPIRED: &str = "Login failed for user '<token-identified principal>'. Token is expired.";

#[tokio::test(start_paused = true)]
async fn a_token_that_the_upstream_calls_expired_is_replaced_once() {
    let house = House::new();
    let mut visit = house.app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    write_token(&visit.rest.token_file, "eyJ.fresh.token");
    database.say(&refusal(18456, EXPIRED)).await;
    let mut database = visit.rest.database().await;
    database.expect_token("eyJ.fresh.token").await;
    database.say(&welcome()).await;
    assert!(says_yes(&visit.hear().await));
}

#[tokio::test(start_paused = true)]
async fn a_source_without_another_token_leaves_the_upstreams_word() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&refusal(18456, EXPIRED)).await;
    assert_eq!(visit.error().await, (18456, EXPIRED.to_owned()));
    assert!(visit.rest.nobody_dialled());
}

/// Lets the token's source give a token with so many seconds to live.
fn write_mortal(file: &tempfile::NamedTempFile, token: &str, seconds: u64) {
    let expires = SystemTime::now() + Duration::from_secs(seconds);
    let since = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let json = format!(
        r#"{{"access_token":"{token}","expires_on":{}}}"#,
        since.as_secs()
    );
    std::fs::write(file.path(), json).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_with_little_life_left_is_worth_a_short_wait_and_no_more() {
    for fresher in [true, false] {
        let house = House::new();
        write_mortal(&house.token_file, "eyJ.tired.x", 300);
        let (audience, principal) = of_route(&house.lobby.route);
        let tokens = &house.lobby.tokens;
        let tired = tokens.get(&principal.identity, audience).await.unwrap();
        assert_eq!(tired.expose(), "eyJ.tired.x");
        if fresher {
            write_mortal(&house.token_file, "eyJ.fresh.x", 86_400);
        }
        let mut visit = house.app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        let expected = if fresher {
            "eyJ.fresh.x"
        } else {
            "eyJ.tired.x"
        };
        database.expect_token(expected).await;
    }
}

fn of_route(route: &Route) -> (&Audience, &Principal) {
    match (&route.auth, &route.principals) {
        (UpstreamAuth::Token(audience), Principals::One(principal)) => (audience, principal),
        _ => unreachable!("token mode, one principal"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_retires_before_its_token_does() {
    let house = House::new();
    let (audience, principal) = of_route(&house.lobby.route);
    let with_life = async |seconds: u64| {
        write_mortal(&house.token_file, "eyJ.mortal.x", seconds);
        let tokens = rig::tokens();
        tokens.get(&principal.identity, audience).await.unwrap()
    };
    let lasts = super::super::watch::lasts;
    let within = |lasts: Option<Duration>, seconds: u64| {
        let lasts = lasts.unwrap();
        lasts <= Duration::from_secs(seconds)
            && lasts + Duration::from_secs(60) > Duration::from_secs(seconds)
    };
    let day = with_life(86_400).await;
    assert!(within(lasts(SessionAge::Token, Some(&day)), 86_400 - 300));
    let tired = with_life(400).await;
    assert!(within(lasts(SessionAge::Token, Some(&tired)), 600));
    let age = Duration::from_secs(3600);
    assert!(within(lasts(SessionAge::After(age), Some(&day)), 3600));
    assert_eq!(lasts(SessionAge::Token, None), None);
    assert_eq!(lasts(SessionAge::Unlimited, Some(&day)), None);
}

#[tokio::test(start_paused = true)]
async fn a_session_retires_between_an_answer_and_the_next_request() {
    let (mut app, near) = duplex(64 * 1024);
    let (mut database, far) = duplex(64 * 1024);
    let retires_at = Some(Instant::now() + Duration::from_secs(3600));
    let mut watch = TdsWatch::new(false, Width::Wide, retires_at);
    let relaying = tokio::spawn(async move {
        let mut paired = Paired {
            app: Leg::new(near),
            upstream: far,
        };
        relay(
            &mut paired,
            &mut watch,
            Linger::default(),
            Ends::never(),
            &Default::default(),
        )
        .await
    });
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    push_message(kind::SQL_BATCH, 0, b"waitfor delay '02:00'", &mut request);
    push_message(kind::RESPONSE, 51, &[7; 5000], &mut answer);
    let (first, rest) = answer.split_at(4096);

    tokio::time::sleep(Duration::from_secs(3599)).await;
    app.write_all(&request).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    database.write_all(first).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!relaying.is_finished(), "an answer is under way");
    database.write_all(rest).await.unwrap();
    let Stopped::Ended(ended) = relaying.await.unwrap() else {
        unreachable!("nobody asked for a pause")
    };
    assert!(matches!(ended.why, Why::Retired));
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, answer);
}

#[tokio::test(start_paused = true)]
async fn a_long_token_is_cut_into_packets_of_a_record_each() {
    let house = House::new();
    let token = format!("eyJ.{}", "x".repeat(20_000));
    write_token(&house.token_file, &token);
    let mut visit = house.app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    // `login` checks each packet and its record.
    database.expect_token(&token).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_must_say_that_it_took_the_token() {
    for features in [
        &b""[..],
        b"\xae\x0a\x01\0\0\0\x01\xff",
        b"\xae\x02\x01\0\0\0\x01\xff",
    ] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&with_features(features)).await;
        assert!(
            visit
                .error()
                .await
                .1
                .contains("did not say that it took the token")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_server_reads_is_explained_and_not_sent() {
    let house = House::new();
    write_token(&house.token_file, &"x".repeat(70_000));
    let mut visit = house.app();
    visit.log_in().await;
    let database = visit.rest.database().await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.contains("the server reads at most"), "{text}");
    assert!(text.contains("group memberships"), "{text}");
    assert!(database.heard_nothing_more().await);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_the_app_reads_cause_and_remedy_and_nobody_is_dialled() {
    let house = House::new();
    std::fs::write(house.token_file.path(), "").unwrap();
    let mut visit = house.app();
    visit.log_in().await;
    let (number, text) = visit.error().await;
    assert_eq!(number, 18456);
    assert!(text.starts_with("azdb-proxy: no token: "), "{text}");
    assert!(visit.rest.nobody_dialled());
}
