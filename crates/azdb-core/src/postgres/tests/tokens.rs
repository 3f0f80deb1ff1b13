//! Tokens that are long, missing or too old.

use super::*;

#[tokio::test(start_paused = true)]
async fn tokens_of_every_size_that_a_server_reads_arrive_whole() {
    for size in [2_000, 9_996, 60_000, 65_530] {
        let token = format!("eyJ{}", "x".repeat(size - 3));
        let house = House::new();
        write_token(&house.token_file, &token);
        let mut visit = house.app();
        visit.say(&startup(b"user\0ann\0")).await;
        let mut database = visit.database().await;
        database.startup().await;
        database.demand(&token).await;
        database.welcome().await;
        assert_eq!(&visit.hear::<1>().await, b"R");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_server_reads_is_explained_and_not_sent() {
    let house = House::new();
    write_token(&house.token_file, &"x".repeat(65_531));
    let mut visit = house.app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.say(&ask(3)).await;
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28000");
    assert!(message.contains("65531 bytes"), "{message}");
    assert!(hint.contains("group memberships"), "{hint}");
    assert!(database.heard_nothing_more().await);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_the_app_reads_cause_and_remedy_and_nobody_is_dialled() {
    let house = House::new();
    std::fs::write(house.token_file.path(), "").unwrap();
    let mut visit = house.app();
    visit.say(&startup(b"user\0ann\0")).await;
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert!(code == "28000" || code == "57P03", "{code}");
    assert!(message.starts_with("azdb-proxy: no token: "), "{message}");
    assert!(!hint.is_empty());
    assert!(visit.nobody_dialled());
}

const EXPIRED: &[u8] =
    b"SFATAL\0C28000\0MThe access token has expired. Please acquire a new token and retry.\0\0";

#[tokio::test(start_paused = true)]
async fn a_token_that_the_upstream_calls_expired_is_replaced_once() {
    let house = House::new();
    let path = house.token_file.path().to_owned();
    let mut visit = house.app();
    visit.say(&startup(b"user\0ann\0")).await;

    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let json = r#"{"access_token":"eyJuZXc.bmV3.bmV3","expires_on":4102444800}"#;
    std::fs::write(path, json).unwrap();
    database.say(&message(b'E', EXPIRED)).await;

    let mut second = visit.database().await;
    second.startup().await;
    second.demand("eyJuZXc.bmV3.bmV3").await;
    second.welcome().await;
    assert_eq!(&visit.hear::<1>().await, b"R");
}

#[tokio::test(start_paused = true)]
async fn the_same_token_is_not_tried_twice() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    database.say(&message(b'E', EXPIRED)).await;
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28000");
    assert!(
        message.starts_with("The access token has expired."),
        "{message}"
    );
    assert!(hint.contains("clock"), "{hint}");
    assert!(visit.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn a_password_challenge_in_token_mode_is_explained_and_not_answered() {
    let sasl = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let md5 = message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]);
    for (request, name) in [(sasl, "SCRAM"), (md5, "MD5"), (ask(7), "GSSAPI")] {
        let mut visit = visited().await;
        let mut database = visit.database().await;
        database.startup().await;
        database.say(&request).await;
        let (code, message, _) = error_fields(&visit.hear_out().await);
        assert_eq!(code, "28000");
        assert!(
            message.contains("role \"My Identity\" is not mapped"),
            "{message}"
        );
        assert!(message.contains(name), "{message}");
        assert!(database.heard_nothing_more().await);
    }
}
