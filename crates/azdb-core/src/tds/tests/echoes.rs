//! A server that repeats what it was sent.

use azdb_quote::Chain;

use super::database::{refusal, routing, welcome};
use super::*;
use crate::rig::{assert_silent, quoting};

#[tokio::test(start_paused = true)]
async fn a_refusal_that_quotes_the_secret_does_not_pass_it_on() {
    let mut visit = House::new().app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.expect_token(TOKEN).await;
    database.say(&refusal(50_000, &quoting())).await;
    let heard = visit.hear().await;
    assert_silent(&heard);
    assert_eq!(heard.len(), refusal(50_000, &quoting()).len());
    let Err(NotIn::Told(told)) = visit.rest.outcome().await else {
        unreachable!("let in")
    };
    assert_silent(Chain(told.fault()).to_string().as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_welcome_or_a_route_that_quotes_the_secret_does_not_pass_it_on() {
    let mut info = refusal(50_000, &quoting());
    // A message, and not an error.
    *info.first_mut().unwrap() = 0xab;
    let granted = [info, welcome()].concat();
    for answer in [granted, routing(TOKEN, 1433)] {
        let mut visit = House::new().app();
        visit.log_in().await;
        let mut database = visit.rest.database().await;
        database.expect_token(TOKEN).await;
        database.say(&answer).await;
        assert_silent(&visit.hear().await);
    }
}
