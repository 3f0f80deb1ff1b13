//! A server that repeats what it was sent.

use azdb_wire::mysql::Command;

use super::change_user::{command, encoded};
use super::visit::App;
use super::*;
use crate::rig::{assert_silent, quoting};

#[tokio::test(start_paused = true)]
async fn a_refusal_that_quotes_the_secret_does_not_pass_it_on() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.refuse(1105, &quoting()).await;
    let heard = app.hear().await;
    assert_silent(&heard);
    assert_eq!(heard.len(), refusal(1105, &quoting()).len());
    let App { peer, session } = app;
    drop(peer);
    session.await.unwrap();
    let last = door.lobby.state.ledger.last_refusal().expect("a refusal");
    assert_silent(last.cause.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_user_that_is_refused_with_a_quotation_is_silent_too() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    assert_eq!(sent.first(), Some(&Command::CHANGE_USER.0));
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.refuse(1105, &quoting()).await;
    assert_silent(&app.hear().await);
}
