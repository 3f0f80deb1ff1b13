//! Refusals that are waited for, and those that never are.

use super::*;

fn held() -> Door {
    Door::with(|route| route.hold_logins = true)
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_place_is_waited_for_before_its_greeting() {
    for code in [1040, 1203, 1053] {
        let mut door = held();
        let mut app = door.app();
        for _ in 0..3 {
            door.dialled().await.refuse(code, "not yet").await;
        }
        let database = door.greeting().await;
        app.hear().await;
        app.say(&response()).await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        database.say(&[0, 0, 0, 2, 0, 0, 0]).await;
        assert_eq!(app.hear().await.first(), Some(&0), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_place_is_waited_for_behind_its_greeting() {
    let mut door = held();
    let (mut app, mut database) = asked(&mut door).await;
    database.refuse(1040, "Too many connections").await;
    let database = door.greeting().await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    database.say(&[0, 0, 0, 2, 0, 0, 0]).await;
    assert_eq!(app.hear().await.first(), Some(&0));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_not_waited_for() {
    for code in [1129, 1130] {
        let mut door = held();
        let mut app = door.app();
        door.dialled().await.refuse(code, "no").await;
        app.hear().await;
        app.say(&response()).await;
        let (told, text) = app.refused().await;
        assert_eq!(told, 1105, "{text}");
        assert!(!text.contains("held"), "{text}");
    }
    let mut door = held();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.refuse(1049, "Unknown database 'shop'").await;
    assert_remarked(&app.hear().await, 1049, "Unknown database 'shop'");
}
