//! What an app reads when it is not let in.

use super::*;

async fn refused_by(house: House, parameters: &[u8]) -> (String, String, String) {
    let mut visit = house.app();
    visit.say(&startup(parameters)).await;
    let fields = error_fields(&visit.hear_out().await);
    assert!(visit.nobody_dialled());
    assert!(visit.outcome().await.is_err());
    fields
}

#[tokio::test(start_paused = true)]
async fn the_upstreams_own_error_arrives_as_it_came() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0database\0nowhere\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let error = message(
        b'E',
        b"SFATAL\0VFATAL\0C3D000\0Mdatabase \"nowhere\" has no room\0Fpostinit.c\0L941\0\0",
    );
    database.say(&error).await;
    assert_eq!(visit.hear_out().await, error);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_quotes_the_token_tells_it_to_nobody() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let quoting = |token: &str| {
        let text = |code: &str| format!("SFATAL\0C{code}\0Mbad token \"{token}\"\0D{token}\0\0");
        let notice = message(b'N', text("00000").as_bytes());
        [notice, message(b'E', text("28P01").as_bytes())].concat()
    };
    database.say(&quoting(TOKEN)).await;
    assert_eq!(visit.hear_out().await, quoting(&"*".repeat(TOKEN.len())));
    let outcome = visit.outcome().await;
    assert!(was_told!(
        outcome,
        Fault::Own(PostgresFault::Refused { .. })
    ));
    assert!(!format!("{:?}", outcome.err()).contains("eyJ"));
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_the_upstreams_ok_arrives_behind_it() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0database\0nowhere\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    let version = message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
    let notice = message(b'N', b"SNOTICE\0C00000\0Mwelcome\0\0");
    database.say(&version).await;
    database.demand(TOKEN).await;
    let status = message(b'S', b"is_superuser\0off\0");
    let error = message(
        b'E',
        b"SFATAL\0C3D000\0Mdatabase \"nowhere\" has no room\0\0",
    );
    let said = [ask(0), notice, status, error].concat();
    database.say(&said).await;
    assert_eq!(visit.hear_out().await, [version, said].concat());
    assert!(was_told!(
        visit.outcome().await,
        Fault::Own(PostgresFault::Refused { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_ours_stands_before_the_upstreams_ok() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    database.say(&ask(0)).await;
    drop(database);
    let heard = visit.hear_out().await;
    assert_eq!(heard.first(), Some(&b'E'), "{heard:?}");
    let (code, message, _) = error_fields(&heard);
    assert_eq!(code, "57P03");
    assert!(
        message.starts_with("azdb-proxy: lost `db.example.org:5432` at 127.0.0.1"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_known_refusal_of_azures_gets_a_hint_and_keeps_its_words() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let text = b"SFATAL\0C28P01\0Mpassword authentication failed for user \"My Identity\"\0\0";
    database.say(&message(b'E', text)).await;
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "28P01");
    assert_eq!(
        message,
        "password authentication failed for user \"My Identity\""
    );
    assert!(
        hint.starts_with("azdb-proxy: the role is not mapped to this identity"),
        "{hint}"
    );
    assert!(hint.contains("pgaadauth_list_principals"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_names_no_database_reads_where_to_name_one() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0bob\0database\0bob\0")).await;
    let mut database = visit.database().await;
    database.startup().await;
    database.demand(TOKEN).await;
    let text = b"SFATAL\0C3D000\0Mdatabase \"bob\" does not exist\0\0";
    database.say(&message(b'E', text)).await;
    let (code, message, hint) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "3D000");
    assert_eq!(message, "database \"bob\" does not exist");
    assert!(hint.starts_with("azdb-proxy: "), "{hint}");
    assert!(hint.contains("set default_database"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_stays_silent_is_given_up_with_what_it_was_asked() {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    let began = tokio::time::Instant::now();
    let _silent = visit.dialled().await;
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "57P03");
    assert_eq!(
        message,
        "azdb-proxy: `db.example.org:5432` at 127.0.0.1 took the connection and has not answered in 9s: waiting for its answer to the \
         request for TLS"
    );
    assert_eq!(began.elapsed().as_secs(), LOGIN_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_app_that_stays_silent_is_let_go() {
    let mut visit = House::new().app();
    visit.say(&[0, 0, 0]).await;
    assert_eq!(visit.hear_out().await, b"");
    assert!(matches!(
        visit.outcome().await,
        Err(NotIn::Left(Left::Silent(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn one_more_than_the_route_takes_is_told_so() {
    let house = House::of(|route| route.max_connections = 1);
    let _taken = house.lobby.permit().unwrap();
    let (code, message, hint) = refused_by(house, b"user\0ann\0").await;
    assert_eq!(code, "57P03");
    assert_eq!(
        message,
        "azdb-proxy: all 1 connections of the route are taken"
    );
    assert!(hint.contains("max_connections"));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_the_map_does_not_list_is_refused() {
    let identity = Arc::new(IdentityConfig::default());
    let principal = Arc::new(Principal {
        user: "role".into(),
        identity,
    });
    let house = House::of(|route| {
        route.principals = Principals::ByAppUser(vec![("legacy".into(), principal)]);
    });
    let (code, message, hint) = refused_by(house, b"user\0evil\x1b[2J\0").await;
    assert_eq!(code, "28000");
    assert_eq!(
        message,
        "azdb-proxy: user `evil\\u{1b}[2J` is not in user_map"
    );
    assert!(hint.contains("user_map"));
}

#[tokio::test(start_paused = true)]
async fn an_app_without_a_user_and_one_that_comes_too_late_are_told() {
    let (code, ..) = refused_by(House::new(), b"database\0shop\0").await;
    assert_eq!(code, "28000");

    let house = House::new();
    house.lobby.closing.cancel();
    let (code, ..) = refused_by(house, b"user\0ann\0").await;
    assert_eq!(code, "57P03");
}
