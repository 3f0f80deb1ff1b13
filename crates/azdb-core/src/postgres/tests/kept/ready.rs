//! Sessions that nobody has used.

use super::*;

/// A route with a session that is ready, and its upstream: two apps have come and gone.
async fn town_with_one() -> (Town, Upstream) {
    let mut town = ready(1);
    for _ in 0..2 {
        drop(town.log_in(ANN, LOGIN).await);
    }
    let (database, _) = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    (town, database)
}

#[tokio::test(start_paused = true)]
async fn a_login_that_comes_twice_is_said_again_byte_for_byte_and_serves_the_third() {
    let mut town = ready(1);
    let (first, database) = town.log_in(ANN, LOGIN).await;
    assert!(town.nobody_dialled(), "it has come once");
    let mut second = town.app(ANN, LOGIN).await;
    let (_second, said) = town.granted().await;
    welcomed(&mut second).await;
    let (mut ready, said_again) = town.granted().await;
    assert_eq!(said_again, said);
    town.until_waiting(Kind::Ready, 1).await;

    let (mut third, _) = town.found(ANN, LOGIN).await;
    ask_and_answer(&mut third, &mut ready).await;
    assert_eq!(town.began(Beginning::Ready), 1);
    assert_eq!(town.began(Beginning::Dialled), 2);
    // Another one is made in its place.
    let _next = town.granted().await;
    // Nothing has changed for those who have sessions of their own.
    third.write_all(GOODBYE).await.unwrap();
    assert_eq!(heard_out(ready).await, GOODBYE);
    drop(first);
    assert_eq!(heard_out(database).await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_in_the_thread_of_its_app() {
    let (mut town, _database) = town_with_one().await;
    let before = SETTLED.get();
    let _app = town.found(ANN, LOGIN).await;
    assert_eq!(SETTLED.get(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn each_app_has_a_secret_of_its_own() {
    let (mut town, _database) = town_with_one().await;
    let (_app, key) = town.found(ANN, LOGIN).await;
    assert_ne!(key[4..], KEY[4..]);
    let _next = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    let (_app, other) = town.found(ANN, LOGIN).await;
    assert_ne!(other[4..], key[4..]);
    let _next = town.granted().await;
    // One that is dialled, too.
    let mut dialled = town.app(ANN, b"user\0ann\0").await;
    let _database = town.granted().await;
    assert_ne!(welcomed(&mut dialled).await[4..], KEY[4..]);
}

#[tokio::test(start_paused = true)]
async fn another_login_gets_another_session() {
    for (peer, parameters) in [
        (BEN, LOGIN),
        (Peer::Tcp(([127, 0, 0, 1], 1).into()), LOGIN),
        (ANN, b"user\0ann\0database\0stock\0application_name\0shop\0"),
        (
            ANN,
            b"user\0ann\0database\0orders\0application_name\0desk\0",
        ),
        (ANN, b"user\0ann\0database\0orders\0"),
        (
            ANN,
            b"user\0ann\0database\0orders\0application_name\0shop\0options\0-c x=1\0",
        ),
        (
            ANN,
            b"user\0ann\0database\0orders\0application_name\0shop\0_pq_.x\0y\0",
        ),
        (
            ANN,
            b"user\0ann\0database\0orders\0application_name\0shop\0replication\0true\0",
        ),
    ] {
        let (mut town, _database) = town_with_one().await;
        let _other = town.log_in(peer, parameters).await;
        assert_eq!(town.began(Beginning::Ready), 0, "{peer} {parameters:?}");
        assert_eq!(town.waiting(Kind::Ready), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_of_parameters_and_the_apps_user_make_no_difference_to_one_caller() {
    let (mut town, _database) = town_with_one().await;
    let parameters = b"application_name\0shop\0user\0bob\0database\0orders\0";
    let _app = town.found(ANN, parameters).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_for_replication_or_of_a_template_never_waits() {
    for parameters in [
        &b"user\0ann\0replication\0database\0"[..],
        b"user\0ann\0database\0template1\0",
        b"user\0ann\0database\0template0\0",
    ] {
        let mut town = ready(1);
        for _ in 0..3 {
            drop(town.log_in(ANN, parameters).await);
        }
        assert!(town.nobody_dialled());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_takes_is_closed_and_not_made_again() {
    let (mut town, database) = town_with_one().await;
    let since = tokio::time::Instant::now();
    assert_eq!(heard_out(database).await, GOODBYE);
    let waited = since.elapsed();
    assert!(
        waited > Duration::from_secs(59) && waited < Duration::from_secs(61),
        "{waited:?}"
    );
    town.until_waiting(Kind::Ready, 0).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(town.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn a_word_or_an_end_of_its_upstream_ends_it_and_nobody_notices() {
    for word in [
        &message(b'E', b"SFATAL\0C57P01\0\0")[..],
        &message(b'N', b"x"),
        b"",
    ] {
        let (mut town, mut database) = town_with_one().await;
        match word {
            b"" => drop(database),
            word => {
                database.say(word).await;
                town.until_waiting(Kind::Ready, 0).await;
                drop(database);
            }
        }
        town.until_waiting(Kind::Ready, 0).await;
        let _app = town.log_in(ANN, LOGIN).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_gives_its_place_to_an_app_before_that_is_refused() {
    let mut town =
        Town::without_prepared(|route| (route.keeping.ready, route.max_connections) = (1, 3));
    let _one = town.log_in(ANN, LOGIN).await;
    let _two = town.log_in(ANN, LOGIN).await;
    let (ready, _) = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    let _three = town.log_in(BEN, LOGIN).await;
    assert_eq!(heard_out(ready).await, GOODBYE);
    let mut four = town.app(BEN, LOGIN).await;
    let mut told = Vec::new();
    four.read_to_end(&mut told).await.unwrap();
    assert_eq!(error_fields(&told).0, "57P03");
    assert!(town.nobody_dialled(), "and there is none for another");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_made_gives_its_place_to_an_app_before_that_is_refused() {
    let mut town =
        Town::without_prepared(|route| (route.keeping.ready, route.max_connections) = (1, 3));
    let _one = town.log_in(ANN, LOGIN).await;
    let _two = town.log_in(ANN, LOGIN).await;
    let mut made = town.dialled().await;
    made.startup().await;
    let _three = town.log_in(BEN, LOGIN).await;
    assert_eq!(heard_out(made).await, b"");
    assert_eq!(town.waiting(Kind::Ready), 0);
}

#[tokio::test(start_paused = true)]
async fn one_for_which_there_was_no_place_is_made_when_the_next_app_comes() {
    let mut town =
        Town::without_prepared(|route| (route.keeping.ready, route.max_connections) = (1, 3));
    let both = [town.log_in(ANN, LOGIN).await, town.log_in(ANN, LOGIN).await];
    let (_ready, _) = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    let _three = town.found(ANN, LOGIN).await;
    assert!(town.nobody_dialled(), "all places are taken");
    drop(both);
    until(|| town.lobby.state.ledger.open() == 1).await;
    let _four = town.log_in(ANN, LOGIN).await;
    let _ready = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_has_given_its_place_back() {
    let mut town =
        Town::without_prepared(|route| (route.keeping.ready, route.max_connections) = (1, 3));
    let _one = town.log_in(ANN, LOGIN).await;
    let _two = town.log_in(ANN, LOGIN).await;
    let (mut ready, _) = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    // It stays open: whoever leaves it waits for its end.
    ready.say(&message(b'N', b"x")).await;
    town.until_waiting(Kind::Ready, 0).await;
    let _three = town.log_in(BEN, LOGIN).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_of_other_settings_is_given_to_nobody() {
    let (town, database) = town_with_one().await;
    let stock = &town.lobby.state.kept.stock;
    let before = Arc::clone(&town.lobby.route);
    let (key, kind, spare) = stock.take(|_| true).unwrap();
    let now = Arc::new(crate::rig::route(ProtocolName::Postgres));
    town.lobby.state.go_on_under(&now, &before);
    let at_once = tokio::time::Instant::now();
    assert!(stock.put(&key, kind, 1, at_once, spare).is_ok());
    let mut lobby = Lobby::clone(&town.lobby);
    lobby.route = now;
    assert!(lobby.take_kept(&key).await.is_none());
    assert_eq!(heard_out(database).await, GOODBYE);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_place_gets_one_back_before_an_app_is_refused() {
    let (mut town, ready) = town_with_one().await;
    let app = town.app(BEN, LOGIN).await;
    let mut full = town.dialled().await;
    full.startup().await;
    let full_up = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    full.say(&message(b'E', full_up)).await;
    assert_eq!(heard_out(ready).await, GOODBYE);
    let (_database, _) = town.granted().await;
    let mut app = app;
    welcomed(&mut app).await;
    // Nothing is made for a while.
    drop(town.log_in(BEN, LOGIN).await);
    assert!(town.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn the_drain_and_another_configuration_end_it() {
    let (town, database) = town_with_one().await;
    town.ending.closing.cancel();
    assert_eq!(heard_out(database).await, GOODBYE);
    assert_eq!(town.waiting(Kind::Ready), 0);

    let (town, database) = town_with_one().await;
    let before = Arc::clone(&town.lobby.route);
    let other = Arc::new(crate::rig::route(ProtocolName::Postgres));
    town.lobby.state.go_on_under(&other, &before);
    assert_eq!(heard_out(database).await, GOODBYE);
    assert_eq!(town.waiting(Kind::Ready), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_on_a_route_that_no_configuration_has_any_more() {
    let (mut town, database) = town_with_one().await;
    town.lobby.state.begin_anew(None);
    assert_eq!(heard_out(database).await, GOODBYE);
    for _ in 0..3 {
        drop(town.log_in(ANN, LOGIN).await);
    }
    assert!(town.nobody_dialled());
    assert_eq!(town.waiting(Kind::Ready), 0);
}

#[tokio::test(start_paused = true)]
async fn none_is_made_for_logins_of_which_few_are_alike() {
    let (mut town, database) = town_with_one().await;
    for number in 0..20 {
        let name = format!("user\0ann\0application_name\0{number}\0");
        drop(town.log_in(ANN, name.as_bytes()).await);
    }
    drop(database);
    town.until_waiting(Kind::Ready, 0).await;
    drop(town.log_in(ANN, LOGIN).await);
    assert!(town.nobody_dialled(), "19 of the last 20 were others");
    assert!(
        town.lobby.state.kept.patterns().stops().is_none(),
        "it has been told"
    );
    let tally = town.lobby.state.kept.patterns().tally.clone();
    assert!(tally.is_in_vain());
    let (reason, count) = tally.reasons().into_iter().next().unwrap();
    assert_eq!(
        reason,
        crate::kept::Found::Differs((*b"application_name").into())
    );
    assert_eq!(count, 19);
    assert_eq!(reason.to_string(), "differs in application_name");
}

#[tokio::test(start_paused = true)]
async fn a_login_of_ours_that_fails_is_tried_again_later() {
    let mut town = ready(1);
    drop(town.log_in(ANN, LOGIN).await);
    drop(town.log_in(ANN, LOGIN).await);
    drop(town.databases.recv().await.unwrap());
    town.until_waiting(Kind::Ready, 0).await;
    drop(town.log_in(ANN, LOGIN).await);
    assert!(town.nobody_dialled(), "not at once");
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(town.log_in(ANN, LOGIN).await);
    let _ready = town.granted().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_token_ends_soon_does_not_wait() {
    let mut town = ready(1);
    let soon = azdb_identity::Clock::system().now() + Duration::from_secs(5 * 60 + 20);
    let soon = soon
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let json = format!(r#"{{"access_token":"{TOKEN}","expires_on":{soon}}}"#);
    std::fs::write(town._token_file.path(), json).unwrap();
    drop(town.log_in(ANN, LOGIN).await);
    drop(town.log_in(ANN, LOGIN).await);
    let (database, _) = town.granted().await;
    town.until_waiting(Kind::Ready, 1).await;
    let since = tokio::time::Instant::now();
    assert_eq!(heard_out(database).await, GOODBYE);
    assert!(
        since.elapsed() < Duration::from_secs(30),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_apps_of_this_process() {
    let mut town = ready(1);
    for _ in 0..3 {
        drop(town.log_in(Peer::InProcess, LOGIN).await);
    }
    assert!(town.nobody_dialled());
}
