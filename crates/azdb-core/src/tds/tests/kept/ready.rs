//! Sessions that nobody has used, made like those of the apps before.

use super::super::database::{refusal, routing};
use super::*;

fn making_ready(count: usize) -> Served {
    Served::of(|route| route.keeping.ready = count)
}

/// Two apps with the plainest login, which come and go.
async fn two_apps(served: &mut Served) -> Vec<u8> {
    let mut said = Vec::new();
    for _ in 0..2 {
        let mut app = served.app_saying(&plain()).await;
        let (mut database, login) = served.dialled().await;
        said = login;
        database.say(&welcome()).await;
        assert!(says_yes(&hear(&mut app).await));
    }
    said
}

#[tokio::test(start_paused = true)]
async fn the_third_app_finds_a_session_made_by_the_login_of_those_before() {
    let mut served = making_ready(1);
    let said = two_apps(&mut served).await;
    let (mut database, again) = served.dialled().await;
    assert_eq!(again, said, "byte for byte");
    assert_eq!(served.waiting(), 0, "it is not in yet");
    database.say(&welcome()).await;
    served.until_waiting(1).await;
    let mut app = served.app_saying(&plain()).await;
    assert!(says_yes(&hear(&mut app).await));
    ask(&mut app, &mut database).await;
    // The next one is made.
    let (mut next, _) = served.dialled().await;
    next.say(&welcome()).await;
    served.until_waiting(1).await;
    // One that has been used ends with its app.
    drop(app);
    let (heard, _) = Tds::hear_out(database).await;
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn nobodys_password_is_said_again() {
    let login = plain();
    let parsed = Login7::parse(&login).unwrap();
    let pattern = Pattern::of(&parsed, &utf16("orders"), "sa");
    let hidden = azdb_wire::tds::hidden("the app's own");
    let holds = |bytes: &[u8]| bytes.windows(hidden.len()).any(|window| window == hidden);
    assert!(holds(&login));
    assert!(!holds(pattern.said()));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_made_where_the_upstream_sends_it() {
    let mut served = making_ready(1);
    two_apps(&mut served).await;
    let (mut gateway, _) = served.dialled().await;
    gateway.say(&routing(WORKER, 11_042)).await;
    let (stream, target) = served.databases.recv().await.unwrap();
    assert_eq!(target.to_string(), format!("{WORKER}:11042"));
    let mut worker = Database::greet(stream, &served.server).await;
    worker.expect_token(TOKEN).await;
    worker.say(&welcome()).await;
    served.until_waiting(1).await;
    let mut app = served.served_from_memory().await;
    ask(&mut app, &mut worker).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_could_be_resumed_is_as_good_as_new_while_nobody_has_used_it() {
    let granted = super::super::database::with_features(b"\xae\x02\0\0\0\0\x01\x02\0\0\0ab\xff");
    let mut served = making_ready(1);
    two_apps(&mut served).await;
    let (mut database, _) = served.dialled().await;
    database.say(&granted).await;
    served.until_waiting(1).await;
    served.served_from_memory().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_which_no_app_waits() {
    let mut served = Served::of(|route| {
        route.keeping.ready = 1;
        route.hold_logins = true;
    });
    two_apps(&mut served).await;
    let (mut database, _) = served.dialled().await;
    database.say(&refusal(40_613, "not yet")).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert!(served.nobody_dialled(), "asked for once more");
}
