//! A server that repeats what it was sent.

use azdb_quote::Chain;

use super::*;
use crate::rig::{assert_silent, quoting};

#[tokio::test(start_paused = true)]
async fn a_refusal_that_quotes_the_secret_does_not_pass_it_on() {
    let quote = quoting();
    let fields = format!("C28000\0M{quote}\0D{quote}\0H{quote}\0W{quote}\0\0");
    let mut visit = visited().await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let notice = message(b'N', format!("SNOTICE\0C00000\0M{quote}\0\0").as_bytes());
    let status = message(b'S', format!("application_name\0{quote}\0").as_bytes());
    let error = message(b'E', fields.as_bytes());
    database
        .say(&[notice, ask(0), status, error].concat())
        .await;
    let heard = visit.hear_out().await;
    assert_silent(&heard);
    let stars = "*".repeat(TOKEN.len());
    let shown = format!("\0Mno: <{stars}> <");
    assert!(String::from_utf8_lossy(&heard).contains(&shown));
    let Err(NotIn::Told(told)) = visit.outcome().await else {
        unreachable!("let in")
    };
    assert_silent(Chain(told.fault()).to_string().as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_welcome_that_quotes_the_secret_does_not_pass_it_on() {
    let mut visit = visited().await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let notice = message(b'N', format!("SNOTICE\0M{}\0\0", quoting()).as_bytes());
    let said = [ask(0), notice, message(b'Z', b"I")].concat();
    database.say(&said).await;
    let mut heard = vec![0; said.len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    assert_silent(&heard);
    assert_eq!(heard.last(), Some(&b'I'));
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_passed_on_either() {
    let mut visit = House::of(|route| {
        route.auth = UpstreamAuth::Password("hunter2-and-more".into());
    })
    .app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand("hunter2-and-more").await;
    let text = b"C28P01\0Mpassword authentication failed: \"hunter2-and-mor\"\0\0";
    database.say(&message(b'E', text)).await;
    let (_, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(
        message,
        "password authentication failed: \"***************\""
    );
    assert!(hint.contains("upstream_password_file"), "{hint}");
}
