//! Refusals that are waited for, and those that never are.

use super::visit::Visit;
use super::*;

/// The ErrorResponse of a server.
fn refusal(sqlstate: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0C{sqlstate}\0M{text}\0\0").as_bytes())
}

async fn visited_and_held() -> Visit {
    let mut visit = House::of(|route| route.hold_logins = true).app();
    visit.say(&startup(b"user\0ann\0")).await;
    visit
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_is_waited_for() {
    for sqlstate in ["57P03", "57P01", "53300"] {
        let mut visit = visited_and_held().await;
        for _ in 0..3 {
            let mut database = visit.database().await;
            database.startup().await;
            database.say(&refusal(sqlstate, "not yet")).await;
        }
        grant(&mut visit).await;
        assert_eq!(visit.hear().await, *welcome().first_chunk::<9>().unwrap());
        assert!(visit.outcome().await.is_ok(), "{sqlstate}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_words_end_the_wait_and_a_hint_says_how_long_it_was() {
    let mut visit = visited_and_held().await;
    let text = "the database system is starting up";
    let starting = refusal("57P03", text);
    let waiting = tokio::time::sleep(LOGIN_TIMEOUT - std::time::Duration::from_millis(1));
    tokio::pin!(waiting);
    let heard = loop {
        tokio::select! {
            mut database = visit.database() => {
                database.startup().await;
                database.say(&starting).await;
            }
            () = &mut waiting => break visit.hear_out().await,
        }
    };
    let (code, message, hint) = error_fields(&heard);
    assert_eq!((code.as_str(), message.as_str()), ("57P03", text));
    assert!(hint.starts_with("azdb-proxy: the server starts"), "{hint}");
    assert!(hint.contains("; held for "), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_not_waited_for() {
    for sqlstate in ["28P01", "28000", "3D000", "42501"] {
        let mut visit = visited_and_held().await;
        let mut database = visit.database().await;
        database.startup().await;
        database.demand(TOKEN).await;
        database.say(&refusal(sqlstate, "no")).await;
        let (code, ..) = error_fields(&visit.hear_out().await);
        assert_eq!(code, sqlstate);
        assert!(visit.nobody_dialled());
    }
}
