//! A server that repeats what it was sent.

use azdb_quote::Chain;

use super::passwords::scram_proof;
use super::visit::Visit;
use super::*;
use crate::rig::{PASSWORD, assert_silent, assert_silent_of, quoting, quoting_of};

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
    let said = welcome_with(&quoting());
    database.say(&said).await;
    let heard = welcomed(&mut visit, &said).await;
    assert_silent(&heard);
    // Only what stands in the messages is touched.
    let is_header = |at: &usize| heard[*at] == said[*at];
    assert!((0..5).all(|at| is_header(&at)) && heard.last() == Some(&b'I'));
}

/// "Ok" and what comes behind it, in which all that is text is `quote`.
fn welcome_with(quote: &str) -> Vec<u8> {
    let notice = message(
        b'N',
        format!("SNOTICE\0C00000\0M{quote}\0D{quote}\0\0").as_bytes(),
    );
    let status = message(b'S', format!("application_name\0{quote}\0").as_bytes());
    [ask(0), notice, status, message(b'Z', b"I")].concat()
}

/// What the app reads in place of `said`.
async fn welcomed(visit: &mut Visit, said: &[u8]) -> Vec<u8> {
    let mut heard = vec![0; said.len()];
    visit.app.read_exact(&mut heard).await.unwrap();
    heard
}

/// An app of a route with a password, and its upstream, which has heard who comes.
async fn with_password(password: &str) -> (Visit, Database<TlsStream<DuplexStream>>) {
    let mut visit = House::of(|route| {
        route.auth = UpstreamAuth::Password(password.into());
    })
    .app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    (visit, database)
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_passed_on_either() {
    let (mut visit, mut database) = with_password("hunter2-and-more").await;
    database.demand("hunter2-and-more").await;
    let text = b"C28P01\0Mpassword authentication failed: \"hunter2-and-mor\"\0\0";
    database.say(&message(b'E', text)).await;
    let (_, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(
        message,
        "password authentication failed: \"***************\""
    );
    assert_eq!(hint, "", "nothing of ours: no identity is to blame");

    let (mut visit, mut database) = with_password(PASSWORD).await;
    database.demand(PASSWORD).await;
    let said = welcome_with(&quoting_of(PASSWORD));
    database.say(&said).await;
    assert_silent_of(&welcomed(&mut visit, &said).await, PASSWORD.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_password_of_one_letter_leaves_the_messages_whole() {
    for letter in ["R", "N", "S", "Z", "I"] {
        let (mut visit, mut database) = with_password(letter).await;
        database.demand(letter).await;
        let said = welcome_with("nothing to see");
        database.say(&said).await;
        let mut heard = welcomed(&mut visit, &said).await;
        // The letter may be a word of its own.
        let status = heard.pop().unwrap();
        assert_eq!(heard, said[..said.len() - 1]);
        assert_eq!(status, if letter == "I" { b'*' } else { b'I' });
    }
}

#[tokio::test(start_paused = true)]
async fn an_md5_answer_is_as_secret_as_the_password() {
    for lets_in in [false, true] {
        let (mut visit, mut database) = with_password(PASSWORD).await;
        database
            .say(&message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]))
            .await;
        let (_, mut answer) = database.message().await;
        assert_eq!(answer.pop(), Some(0));
        let quote = quoting_of(str::from_utf8(&answer).unwrap());
        let heard = if lets_in {
            let said = welcome_with(&quote);
            database.say(&said).await;
            welcomed(&mut visit, &said).await
        } else {
            let error = format!("C28P01\0M{quote}\0D{quote}\0\0");
            database.say(&message(b'E', error.as_bytes())).await;
            visit.hear_out().await
        };
        assert_silent_of(&heard, &answer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_of_scram_is_as_secret_as_the_password() {
    for in_an_error in [false, true] {
        let (mut visit, mut database) = with_password(PASSWORD).await;
        let last = scram_proof(&mut database).await;
        let (_, proof) = last.split_once(",p=").unwrap();
        // The library takes no `=` in the server's words.
        let proof = proof.trim_end_matches('=');
        let quote = quoting_of(proof);
        if in_an_error {
            let error = format!("C28P01\0M{quote}\0\0");
            database.say(&message(b'E', error.as_bytes())).await;
        } else {
            // In SCRAM's own word for no, which a library makes an error of.
            let no = [&b"\0\0\0\x0ce="[..], quote.as_bytes()].concat();
            database.say(&message(b'R', &no)).await;
        }
        let heard = visit.hear_out().await;
        let text = String::from_utf8_lossy(&heard);
        assert!(text.contains("no: <****"), "{text}");
        assert_silent_of(&heard, proof.as_bytes());
        let Err(NotIn::Told(told)) = visit.outcome().await else {
            unreachable!("let in")
        };
        assert_silent_of(Chain(told.fault()).to_string().as_bytes(), proof.as_bytes());
    }
}
