//! A server that repeats what it was sent.

use azdb_wire::mysql::Command;

use super::change_user::{command, encoded};
use super::visit::App;
use super::*;
use crate::rig::{PASSWORD, assert_silent, assert_silent_of, digits, quoting, quoting_of};

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

/// An OK with a text, and with a change of the session that it tells of (`character_set_client` is a lie).
fn ok_with(quote: &[u8]) -> Vec<u8> {
    let counted = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
        [&[0xfc], &length[..], bytes].concat()
    };
    let variable = [&counted(b"character_set_client")[..], &counted(quote)].concat();
    let change = [&[0][..], &counted(&variable)].concat();
    [
        &b"\0\0\0\x02\x40\0\0"[..],
        &counted(quote),
        &counted(&change),
    ]
    .concat()
}

#[tokio::test(start_paused = true)]
async fn an_ok_that_quotes_the_secret_does_not_pass_it_on() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    let said = ok_with(quoting().as_bytes());
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.say(&said).await;
    let heard = app.hear().await;
    assert_silent(&heard);
    assert_eq!((heard.len(), &heard[..7]), (said.len(), &said[..7]));

    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.say(&said).await;
    let heard = app.hear().await;
    assert_silent(&heard);
    assert_eq!(heard.len(), said.len());
}

/// An app of a route with a password, and its upstream, which greets with this plugin and has heard the answer.
async fn with_password(named: &'static [u8]) -> (App, Peer<TlsStream<DuplexStream>>, Vec<u8>) {
    let mut door = Door::with(|route| {
        route.auth = UpstreamAuth::Password(PASSWORD.into());
    });
    let mut app = door.app();
    let mut database = door.dialled().await;
    let greeting = Greeting {
        plugin: named,
        ..greeting()
    };
    database.say(&greeting.encode()).await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    let answer = parsed(&database.hear().await).auth.to_vec();
    (app, database, answer)
}

/// That what an upstream quotes in a refusal, and what it quotes in a welcome, comes through as stars.
async fn is_kept(
    mut app: App,
    mut database: Peer<TlsStream<DuplexStream>>,
    quote: &[u8],
    secret: &[u8],
    lets_in: bool,
) {
    let said = if lets_in {
        ok_with(quote)
    } else {
        [b"\xff\x51\x04#28000", quote].concat()
    };
    database.say(&said).await;
    let heard = app.hear().await;
    assert_silent_of(&heard, secret);
    assert!(
        heard.windows(12).any(|window| window == [b'*'; 12]),
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_passed_on_either() {
    for lets_in in [false, true] {
        let (app, mut database, _) = with_password(plugin::NATIVE).await;
        database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
        assert_eq!(database.hear().await, [PASSWORD.as_bytes(), b"\0"].concat());
        let quote = quoting_of(PASSWORD);
        is_kept(
            app,
            database,
            quote.as_bytes(),
            PASSWORD.as_bytes(),
            lets_in,
        )
        .await;
    }
}

/// The same, and where `salt` is another one, behind a switch to the same plugin with that.
async fn answered(
    named: &'static [u8],
    salt: &[u8; SCRAMBLE],
) -> (App, Peer<TlsStream<DuplexStream>>, Vec<u8>) {
    let (app, mut database, mut answer) = with_password(named).await;
    if *salt != SALT {
        database.say(&encode_switch(named, salt)).await;
        answer = database.hear().await;
    }
    (app, database, answer)
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_scramble_is_as_secret_as_the_password() {
    for named in [plugin::NATIVE, plugin::CACHING_SHA2] {
        for (salt, lets_in) in [
            (SALT, false),
            (*b"98765432109876543210", true),
            (*b"98765432109876543210", false),
        ] {
            let (_, _, answer) = answered(named, &salt).await;
            let [large, small] = digits(&answer);
            for quote in [answer, large.into_bytes(), small.into_bytes()] {
                let (app, database, _) = answered(named, &salt).await;
                is_kept(app, database, &quote, &quote, lets_in).await;
            }
        }
    }
}
