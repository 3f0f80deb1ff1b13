//! For whom a session waits: for an app whose login is the same, and for nobody else.

use azdb_wire::tds::{Encryption, Prelogin};

use super::super::database::{login_again, prelogin_answer, read_prelogin};
use super::*;

/// A login like the plainest one, but for this.
fn changed(change: impl FnOnce(&mut Login7<'_>)) -> Vec<u8> {
    let login = plain();
    let mut login = Login7::parse(&login).unwrap();
    change(&mut login);
    login_again(&login)
}

/// Whether an app with this login finds the session of one with the plainest login.
async fn is_like_the_plainest(login: &[u8]) -> bool {
    let mut served = Served::reusing();
    let (app, mut database) = served.session().await;
    drop(app);
    reset(&mut database).await;
    served.until_waiting(1).await;
    let mut app = served.app_saying(login).await;
    tokio::select! {
        biased;
        _ = served.databases.recv() => {
            assert_eq!(served.waiting(), 1);
            false
        }
        answer = hear(&mut app) => says_yes(&answer),
    }
}

#[tokio::test(start_paused = true)]
async fn who_and_in_which_process_an_app_is_makes_no_difference() {
    let again = changed(|login| {
        (login.process_id, login.connection_id) = (4711, 7);
        login.client_id = [9; 6];
    });
    assert!(is_like_the_plainest(&again).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_session_depends_on_makes_another_of_it() {
    let other: &'static [u8] = utf16("another").leak();
    let logins = [
        app_login("somebody", "orders"),
        app_login("sa", "another"),
        changed(|login| login.app = other),
        changed(|login| login.host = other),
        changed(|login| login.library = other),
        changed(|login| login.language = other),
        changed(|login| login.packet_size = 8000),
        changed(|login| login.lcid = 0x407),
        changed(|login| login.time_zone = 60),
        changed(|login| login.program_version = 9),
        // fReadOnlyIntent.
        changed(|login| login.flags[2] |= 0x20),
        changed(|login| login.version = Version::V7_2),
    ];
    for (at, login) in logins.iter().enumerate() {
        assert!(!is_like_the_plainest(login).await, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_of_an_older_version_finds_its_own_and_reads_what_it_asked_for() {
    let mut login = plain();
    login.splice(4..8, Version::V7_1.to_login().to_le_bytes());
    let mut served = Served::reusing();
    let (app, mut database) = served.session_of(&login, &welcome()).await;
    drop(app);
    for _ in 0..2 {
        reset(&mut database).await;
        served.until_waiting(1).await;
        let mut app = served.app_saying(&login).await;
        let answer = hear(&mut app).await;
        let granted = LoginAnswer::parse(&answer, Version::V7_1).unwrap();
        assert_eq!(granted.version, Some(Version::V7_1));
        assert!(served.nobody_dialled());
        // A request without headers, and an answer in narrow fields.
        let (mut request, text) = (Vec::new(), utf16("select 1"));
        push_message(kind::SQL_BATCH, 0, &text, &mut request);
        app.write_all(&request).await.unwrap();
        let (_, payload) = database.packet().await;
        assert_eq!(payload.get(22..), Some(&text[..]));
        let mut answer = Vec::new();
        done(0, &mut answer);
        database.say(&answer).await;
        assert_eq!(hear(&mut app).await.len(), 9);
        drop(app);
    }
}

#[tokio::test(start_paused = true)]
async fn no_session_of_mars_is_kept() {
    let mut served = Served::reusing();
    let mut app = served.app();
    let asked = Prelogin {
        encryption: Some(Encryption::Off),
        mars: Some(true),
        trace_id: None,
        fed_auth_required: None,
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    asked.encode_request(&mut payload);
    push_message(kind::PRELOGIN, 0, &payload, &mut message);
    app.write_all(&message).await.unwrap();
    hear(&mut app).await;
    app.write_all(&Tds::knock()).await.unwrap();
    let (mut stream, _) = served.databases.recv().await.unwrap();
    read_prelogin(&mut stream).await;
    let answer = prelogin_answer(Encryption::On, true);
    stream.write_all(&answer).await.unwrap();
    let mut database = Database::shake(stream, &served.server).await;
    database.expect_token(TOKEN).await;
    database.say(&welcome()).await;
    assert!(says_yes(&hear(&mut app).await));
    drop(app);
    let (heard, _) = Tds::hear_out(database).await;
    assert!(heard.is_empty(), "{heard:?}");
}
