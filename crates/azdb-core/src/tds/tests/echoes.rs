//! A server that repeats what it was sent.

use azdb_quote::Chain;

use super::database::{refusal, routing, welcome, with_features};
use super::*;
use crate::rig::{PASSWORD, assert_silent, assert_silent_of, digits, quoting, quoting_of};

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

/// What an upstream of a route with a password says, and what the app reads in its place: an error, or a message and a welcome.
async fn passed_on(text: &str, lets_in: bool) -> Vec<u8> {
    let mut visit = House::of(|route| {
        route.auth = UpstreamAuth::Password(PASSWORD.into());
    })
    .app();
    visit.log_in().await;
    let mut database = visit.rest.database().await;
    database.login().await;
    let mut said = refusal(50_000, text);
    if lets_in {
        *said.first_mut().unwrap() = 0xab;
        said = [said, with_features(&[])].concat();
    }
    database.say(&said).await;
    let heard = visit.hear().await;
    assert!(
        heard.len() >= 2 * text.encode_utf16().count(),
        "it is passed on"
    );
    heard
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_passed_on_either() {
    for lets_in in [false, true] {
        let heard = passed_on(&quoting_of(PASSWORD), lets_in).await;
        assert_silent_of(&heard, PASSWORD.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_as_it_stands_in_a_login_is_not_passed_on_either() {
    let hidden = azdb_wire::tds::hidden(PASSWORD);
    let units = hidden
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let as_it_is: String = char::decode_utf16(units).map(Result::unwrap).collect();
    let [large, small] = digits(&hidden);
    for quote in [as_it_is, large, small] {
        for lets_in in [false, true] {
            let heard = passed_on(&quote, lets_in).await;
            let secret: Vec<u8> = quote.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_silent_of(&heard, &secret);
        }
    }
}
