//! Refusals that are waited for, and those that never are.

use super::database::{refusal, says_yes, welcome};
use super::visit::{Visit, assert_remarked};
use super::*;

const TEXT: &str = "Database 'orders' on server 'orders' is not currently available.";

async fn visited_and_held() -> Visit<DuplexStream> {
    let mut visit = House::of(|route| route.hold_logins = true).app();
    visit.log_in().await;
    visit
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_not_available_now_is_waited_for() {
    for number in [40_613, 40_197, 10_928, 18_401] {
        let mut visit = visited_and_held().await;
        for _ in 0..3 {
            let mut database = visit.rest.database().await;
            database.expect_token(TOKEN).await;
            database.say(&refusal(number, TEXT)).await;
        }
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&welcome()).await;
        assert!(says_yes(&visit.hear().await));
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_words_end_the_wait() {
    let mut visit = visited_and_held().await;
    let waiting = tokio::time::sleep(LOGIN_TIMEOUT - std::time::Duration::from_millis(1));
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            mut database = visit.rest.database() => {
                database.expect_token(TOKEN).await;
                database.say(&refusal(40_613, TEXT)).await;
            }
            () = &mut waiting => break,
        }
    }
    let said = assert_remarked(&visit.hear().await, 40_613, TEXT);
    assert!(
        said.contains("is waking, which takes about a minute"),
        "{said}"
    );
    assert!(said.contains("; held for "), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_not_waited_for() {
    for number in [18_456, 4060, 40_615, 40_914] {
        let mut visit = visited_and_held().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&refusal(number, "no")).await;
        assert_remarked(&visit.hear().await, number, "no");
        assert!(visit.rest.nobody_dialled());
    }
}
