//! As whom an app goes upstream, and what it is told.

use super::*;
use crate::rig::is_silent;

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_app_becomes_the_role_and_reads_the_upstreams_own_welcome() {
    let mut visit = House::new().app();
    visit
        .say(&startup(
            b"user\0ann\0database\0shop\0application_name\0till 7\0",
        ))
        .await;
    let seen = grant(&mut visit).await;
    let expected = [
        ("user", "My Identity"),
        ("database", "shop"),
        ("application_name", "till 7"),
    ];
    assert_eq!(seen, pairs(&expected));
    let mut heard = vec![0; welcome().len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, welcome());
    assert!(matches!(visit.outcome().await, Ok(Login::Session(..))));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_names_no_database_gets_the_default_or_its_own_name() {
    for (default, expected) in [(None, "ann"), (Some("shop".to_owned()), "shop")] {
        for parameters in [&b"user\0ann\0"[..], b"user\0ann\0database\0ann\0"] {
            let default = default.clone();
            let mut visit = House::of(|route| route.default_database = default).app();
            visit.say(&startup(parameters)).await;
            let seen = grant(&mut visit).await;
            assert_eq!(
                seen.last(),
                Some(&("database".to_owned(), expected.to_owned()))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn versions_are_negotiated_between_the_app_and_the_upstream() {
    let grease = (3 << 16) | 9999;
    let mut visit = House::new().app();
    let parameters = b"user\0ann\0_pq_.test_protocol_negotiation\0\0";
    visit.say(&versioned_startup(grease, parameters)).await;

    let mut database = visit.database().await;
    let seen = database.startup().await;
    assert_eq!(
        seen.get(1),
        Some(&("_pq_.test_protocol_negotiation".to_owned(), String::new()))
    );
    let negotiate = message(
        b'v',
        b"\0\x03\0\x02\0\0\0\x01_pq_.test_protocol_negotiation\0",
    );
    database.say(&negotiate).await;
    database.demand(TOKEN).await;
    database.welcome().await;

    let expected = [negotiate, welcome()].concat();
    let mut heard = vec![0; expected.len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, expected);
}

#[tokio::test(start_paused = true)]
async fn a_query_sent_with_the_startup_is_not_lost() {
    let mut visit = House::new().app();
    let query = message(b'Q', b"select 1\0");
    visit
        .say(&[startup(b"user\0ann\0"), query.clone()].concat())
        .await;
    grant(&mut visit).await;
    let Ok(Login::Session(session, _)) = visit.outcome().await else {
        unreachable!("not let in")
    };
    let mut app = session.legs.app;
    let mut read = vec![0; query.len()];
    app.read_exact(&mut read).await.unwrap();
    assert_eq!(read, query);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_either_way_before_the_upstream_has_said_ok() {
    let mut visit = House::new().app();
    let query = message(b'Q', b"select 1\0");
    visit.say(&[startup(b"user\0ann\0"), query].concat()).await;
    let mut database = visit.database().await;
    database.startup().await;
    assert!(is_silent(&mut visit.app).await);
    database.demand(TOKEN).await;
    assert!(is_silent(&mut database.0).await, "the app's query waits");
    assert!(is_silent(&mut visit.app).await);
    database.welcome().await;
    let mut heard = vec![0; welcome().len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, welcome());
}
