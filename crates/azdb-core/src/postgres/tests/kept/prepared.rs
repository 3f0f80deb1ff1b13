//! Connections that are made ahead and say nothing.

use super::*;

/// A route at which two apps have come within 10 s, and the connection that is made ahead of the third.
async fn town_with_one() -> (Town, Upstream) {
    town_with_one_of(|_| {}).await
}

/// Of a route with this change.
async fn town_with_one_of(change: impl FnOnce(&mut Route)) -> (Town, Upstream) {
    let mut town = Town::of(change);
    for _ in 0..2 {
        drop(town.log_in(ANN, LOGIN).await);
    }
    let database = town.dialled().await;
    until_there(&town, true).await;
    (town, database)
}

async fn until_there(town: &Town, has_one: bool) {
    until(|| town.lobby.state.own.ahead.has_one() == has_one).await;
}

/// Somebody comes, and logs in over `database`.
async fn comes_in_over(town: &Town, database: &mut Upstream) -> DuplexStream {
    let mut app = town.app(ANN, LOGIN).await;
    let parameters = database.startup().await;
    assert_eq!(parameters[0].1, crate::rig::PRINCIPAL);
    database.demand(TOKEN).await;
    database.welcome().await;
    let mut heard = vec![0; welcome().len()];
    app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, welcome());
    app
}

#[tokio::test(start_paused = true)]
async fn apps_that_come_soon_after_each_other_find_one_and_another_is_made() {
    let (mut town, mut database) = town_with_one().await;
    for count in 1..4 {
        let settled = SETTLED.get();
        let _app = comes_in_over(&town, &mut database).await;
        assert_eq!(SETTLED.get(), settled + 1, "it goes on in its app's thread");
        database = town.dialled().await;
        until_there(&town, true).await;
        assert_eq!(town.began(Beginning::Prepared), count);
    }
    assert!(town.nobody_dialled(), "one at a time");
}

#[tokio::test(start_paused = true)]
async fn none_is_made_for_apps_that_come_seldom_or_from_within() {
    for (peer, pause) in [(ANN, 10), (Peer::InProcess, 0)] {
        let mut town = Town::of(|_| {});
        for _ in 0..3 {
            drop(town.log_in(peer, LOGIN).await);
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
        assert!(town.nobody_dialled());
    }
}

#[tokio::test(start_paused = true)]
async fn one_goes_when_no_app_has_come_for_10_s() {
    let (town, database) = town_with_one().await;
    let since = tokio::time::Instant::now();
    assert_eq!(heard_out(database).await, b"");
    let waited = since.elapsed();
    assert!(
        waited <= Duration::from_secs(10) && waited > Duration::from_secs(9),
        "{waited:?}"
    );
    until_there(&town, false).await;
}

#[tokio::test(start_paused = true)]
async fn one_goes_after_45_s_however_often_apps_come() {
    let (town, database) = town_with_one().await;
    let since = tokio::time::Instant::now();
    let coming = async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // One that has a session already, for which none is dialled.
            assert!(town.lobby.state.own.ahead.app_comes().is_none());
        }
    };
    tokio::select! {
        () = coming => {}
        heard = heard_out(database) => assert_eq!(heard, b""),
    }
    let waited = since.elapsed();
    assert!(
        waited <= Duration::from_secs(45) && waited > Duration::from_secs(44),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_whose_upstream_ends_or_speaks_is_dropped_and_nobody_notices() {
    for word in [&b""[..], b"E\0\0\0\x04"] {
        let (mut town, mut database) = town_with_one().await;
        if !word.is_empty() {
            database.say(word).await;
        }
        drop(database);
        until_there(&town, false).await;
        let _app = town.log_in(ANN, LOGIN).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_when_it_is_used_is_made_good_by_a_dial() {
    let (mut town, mut database) = town_with_one().await;
    let mut app = town.app(ANN, LOGIN).await;
    database.startup().await;
    drop(database);
    let _database = town.granted().await;
    welcomed(&mut app).await;
    assert_eq!(town.began(Beginning::Dialled), 3);
    assert_eq!(town.lobby.state.ledger.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_whose_far_end_is_gone_without_a_word_is_made_good_by_a_dial() {
    let (mut town, mut silent) = town_with_one().await;
    let mut app = town.app(ANN, LOGIN).await;
    silent.startup().await;
    let _database = town.granted().await;
    welcomed(&mut app).await;
    assert_eq!(town.lobby.state.ledger.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_over_it_is_the_apps() {
    let (mut town, mut database) = town_with_one().await;
    let mut app = town.app(ANN, LOGIN).await;
    database.startup().await;
    database
        .say(&message(b'E', b"SFATAL\0C28000\0Mno\0\0"))
        .await;
    let mut told = Vec::new();
    app.read_to_end(&mut told).await.unwrap();
    assert_eq!(error_fields(&told).0, "28000");
    assert!(town.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn after_one_that_failed_none_is_made_for_30_s() {
    let mut town = Town::of(|_| {});
    for _ in 0..2 {
        drop(town.log_in(ANN, LOGIN).await);
    }
    drop(town.databases.recv().await.unwrap());
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(town.log_in(ANN, LOGIN).await);
        assert!(town.nobody_dialled());
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(town.log_in(ANN, LOGIN).await);
    let _database = town.dialled().await;
    assert_eq!(town.lobby.state.ledger.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_is_void_when_the_way_the_settings_or_the_time_are_others() {
    // Another configuration.
    let (town, database) = town_with_one().await;
    let before = Arc::clone(&town.lobby.route);
    let other = Arc::new(crate::rig::route(ProtocolName::Postgres));
    town.lobby.state.go_on_under(&other, &before);
    assert_eq!(heard_out(database).await, b"");
    // The drain.
    let (town, database) = town_with_one().await;
    town.ending.closing.cancel();
    assert_eq!(heard_out(database).await, b"");
    // Its name has moved.
    let (town, _database) = town_with_one_of(|route| route.follow_dns = true).await;
    town.lobby.name_moves();
    until_there(&town, false).await;
    // Another upstream has answered in its place.
    let (mut town, _database) = town_with_one().await;
    let elsewhere = crate::way::Dialled {
        upstream: Endpoint {
            host: "other.example.org".into(),
            port: 5432,
        },
        addr: ([127, 0, 0, 1], 5432).into(),
    };
    town.lobby.goes_to(&elsewhere);
    drop(town.log_in(ANN, LOGIN).await);
}

#[tokio::test(start_paused = true)]
async fn it_takes_no_place_among_the_sessions() {
    let mut town = Town::of(|route| route.max_connections = 2);
    let one = town.log_in(ANN, LOGIN).await;
    let _two = town.log_in(ANN, LOGIN).await;
    let mut database = town.dialled().await;
    until_there(&town, true).await;
    drop(one);
    until(|| town.lobby.state.ledger.open() == 1).await;
    let _three = comes_in_over(&town, &mut database).await;
}
