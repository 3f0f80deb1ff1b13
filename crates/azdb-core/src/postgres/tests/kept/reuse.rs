//! Sessions that apps have left.

use super::*;

const DISCARD_ALL: &[u8] = b"DISCARD ALL\0";

/// What a server answers to DISCARD ALL.
fn discarded() -> Vec<Vec<u8>> {
    vec![message(b'C', DISCARD_ALL), message(b'Z', b"I")]
}

/// An app that has had an answer, and its upstream.
async fn session(town: &mut Town) -> (DuplexStream, Upstream) {
    let (mut app, mut database) = town.log_in(ANN, LOGIN).await;
    ask_and_answer(&mut app, &mut database).await;
    (app, database)
}

/// The upstream is asked to reset its session, and says so.
async fn reset(database: &mut Upstream, answer: &[Vec<u8>]) {
    assert_eq!(database.message().await, (b'Q', DISCARD_ALL.to_vec()));
    database.say(&answer.concat()).await;
}

fn resets(town: &Town) -> Vec<(&'static str, u64)> {
    let counts = town.lobby.state.ledger.resets();
    let counts = counts.filter(|(_, count)| *count > 0);
    counts
        .map(|(outcome, count)| (outcome.name(), count))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_app_has_the_session_of_one_that_says_goodbye() {
    let mut town = reuse();
    let (mut app, mut database) = session(&mut town).await;
    app.write_all(GOODBYE).await.unwrap();
    let mut end = Vec::new();
    app.read_to_end(&mut end).await.unwrap();
    assert_eq!(end, b"", "its end is as its server's");
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    assert_eq!(resets(&town), [("clean", 1)]);

    let (mut next, key) = town.found(ANN, LOGIN).await;
    assert_ne!(key[4..], KEY[4..]);
    ask_and_answer(&mut next, &mut database).await;
    assert_eq!(town.began(Beginning::Reused), 1);
    // And so on.
    drop(next);
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    assert!(town.nobody_dialled());
}

#[tokio::test(start_paused = true)]
async fn an_app_that_simply_ends_at_rest_leaves_its_session() {
    let mut town = reuse();
    let (app, mut database) = session(&mut town).await;
    drop(app);
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    let ended = town
        .lobby
        .state
        .ledger
        .ended_by(crate::ledger::End::AppClosed);
    assert_eq!(ended, 1);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_in_pieces_is_held_back_whole() {
    let mut town = reuse();
    let (mut app, mut database) = session(&mut town).await;
    for byte in GOODBYE {
        app.write_all(&[*byte]).await.unwrap();
        app.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
}

#[tokio::test(start_paused = true)]
async fn settings_that_go_back_to_those_of_the_login_prove_the_reset() {
    let version = |version: &str| message(b'S', format!("server_version\0{version}\0").as_bytes());
    let with = |more: Vec<u8>| {
        let [done, ready] = <[_; 2]>::try_from(discarded()).unwrap();
        vec![message(b'N', b"SNOTICE\0\0"), done, more, ready]
    };
    for (changed, reported, expected) in [
        ("19", "18", "clean"),
        ("19", "20", "dirty"),
        ("18", "19", "dirty"),
    ] {
        let mut town = reuse();
        let (mut app, mut database) = session(&mut town).await;
        app.write_all(&message(b'Q', b"set\0")).await.unwrap();
        database.message().await;
        let said = [
            message(b'C', b"SET\0"),
            version(changed),
            message(b'Z', b"I"),
        ];
        answer(&mut app, &mut database, &said).await;
        drop(app);
        reset(&mut database, &with(version(reported))).await;
        until(|| !resets(&town).is_empty()).await;
        assert_eq!(resets(&town), [(expected, 1)], "{changed} {reported}");
    }
    // A setting that the server says nothing of is still another one.
    let mut town = reuse();
    let (mut app, mut database) = session(&mut town).await;
    app.write_all(&message(b'Q', b"set\0")).await.unwrap();
    database.message().await;
    let said = [message(b'C', b"SET\0"), version("19"), message(b'Z', b"I")];
    answer(&mut app, &mut database, &said).await;
    drop(app);
    reset(&mut database, &discarded()).await;
    assert_eq!(heard_out(database).await, b"");
    assert_eq!(resets(&town), [("dirty", 1)]);
}

#[tokio::test(start_paused = true)]
async fn any_other_answer_closes_it_and_the_next_app_is_dialled_for() {
    let error = message(b'E', b"SERROR\0C25001\0\0");
    for (said, outcome) in [
        (vec![error, message(b'Z', b"I")], "refused"),
        (
            vec![message(b'C', b"DISCARD\0"), message(b'Z', b"I")],
            "dirty",
        ),
        (
            vec![message(b'C', DISCARD_ALL), message(b'Z', b"T")],
            "dirty",
        ),
        (
            vec![
                message(b'C', DISCARD_ALL),
                message(b'C', DISCARD_ALL),
                message(b'Z', b"I"),
            ],
            "dirty",
        ),
        (
            vec![
                message(b'A', b"0000x\0\0"),
                message(b'C', DISCARD_ALL),
                message(b'Z', b"I"),
            ],
            "dirty",
        ),
        (vec![message(b'Z', b"I")], "dirty"),
        (
            vec![
                message(b'C', DISCARD_ALL),
                message(b'N', b"x"),
                message(b'Z', b"I"),
            ],
            "dirty",
        ),
        // Half of it, and nothing: 2 s.
        (vec![message(b'C', DISCARD_ALL)], "late"),
        (vec![], "late"),
    ] {
        let mut town = reuse();
        let (mut app, mut database) = session(&mut town).await;
        app.write_all(GOODBYE).await.unwrap();
        reset(&mut database, &said).await;
        // Whoever has refused in order hears the app's goodbye.
        let goodbye = if outcome == "refused" { GOODBYE } else { b"" };
        assert_eq!(heard_out(database).await, goodbye, "{said:?}");
        assert_eq!(resets(&town), [(outcome, 1)], "{said:?}");
        assert_eq!(town.waiting(Kind::Reused), 0);
        let _next = town.log_in(ANN, LOGIN).await;
    }
    // Cut off.
    let mut town = reuse();
    let (app, mut database) = session(&mut town).await;
    drop(app);
    database.message().await;
    drop(database);
    until(|| !resets(&town).is_empty()).await;
    assert_eq!(resets(&town), [("dirty", 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_stands_behind_the_answer_closes_it() {
    let mut town = reuse();
    let (app, mut database) = session(&mut town).await;
    drop(app);
    let more = [discarded(), vec![message(b'A', b"0000x\0\0")]].concat();
    reset(&mut database, &more).await;
    heard_out(database).await;
    assert_eq!(town.waiting(Kind::Reused), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_given_on_until_it_is_old() {
    let mut town = Town::without_prepared(|route| {
        route.keeping.reuse = Reuse::Reset;
        route.keeping.age = Duration::from_secs(30);
    });
    let (app, mut database) = session(&mut town).await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    drop(app);
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    let (next, _) = town.found(ANN, LOGIN).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(next);
    assert_eq!(
        heard_out(database).await,
        b"",
        "as of an app that ended without a word"
    );
    let (mut app, database) = session(&mut town).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    app.write_all(GOODBYE).await.unwrap();
    assert_eq!(heard_out(database).await, GOODBYE, "as the app has said it");
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_may_and_none_when_the_end_has_come() {
    let mut town = Town::without_prepared(|route| {
        (route.keeping.reuse, route.keeping.most) = (Reuse::Reset, 1);
    });
    let (one, mut first) = session(&mut town).await;
    let (two, second) = session(&mut town).await;
    drop(one);
    reset(&mut first, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    drop(two);
    assert_eq!(heard_out(second).await, b"");
    let (three, mut third) = town.log_in(BEN, LOGIN).await;
    town.ending.closing.cancel();
    assert_eq!(heard_out(first).await, GOODBYE);
    drop(three);
    let mut heard = Vec::new();
    let _ = third.0.read_to_end(&mut heard).await;
    assert_eq!(heard, b"");
}

#[tokio::test(start_paused = true)]
async fn other_callers_and_logins_never_have_it() {
    for (peer, parameters) in [
        (BEN, LOGIN),
        (
            ANN,
            &b"user\0ann\0database\0stock\0application_name\0shop\0"[..],
        ),
        (
            ANN,
            b"user\0ann\0database\0orders\0application_name\0desk\0",
        ),
    ] {
        let mut town = reuse();
        let (app, mut database) = session(&mut town).await;
        drop(app);
        reset(&mut database, &discarded()).await;
        town.until_waiting(Kind::Reused, 1).await;
        let _other = town.log_in(peer, parameters).await;
        assert_eq!(town.began(Beginning::Reused), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_of_no_use_under_another_configuration() {
    let mut town = reuse();
    let (app, database) = session(&mut town).await;
    let before = Arc::clone(&town.lobby.route);
    let other = Arc::new(crate::rig::route(ProtocolName::Postgres));
    town.lobby.state.go_on_under(&other, &before);
    drop(app);
    assert_eq!(heard_out(database).await, b"");
}

/// A cancel request with this key.
async fn cancel(town: &Town, key: &[u8]) -> DuplexStream {
    let mut app = town.connection(ANN);
    let request = [&16u32.to_be_bytes()[..], &80_877_102u32.to_be_bytes(), key].concat();
    app.write_all(&request).await.unwrap();
    app
}

#[tokio::test(start_paused = true)]
async fn a_late_cancel_request_finds_nobody_and_the_next_apps_finds_the_server() {
    let mut town = reuse();
    let mut app = town.app(ANN, LOGIN).await;
    let (mut database, _) = town.granted().await;
    let first = welcomed(&mut app).await;
    assert_ne!(first, KEY);
    drop(app);
    reset(&mut database, &discarded()).await;
    town.until_waiting(Kind::Reused, 1).await;
    let (_next, second) = town.found(ANN, LOGIN).await;
    for nobodys in [&first[..], KEY] {
        let mut late = cancel(&town, nobodys).await;
        assert_eq!(late.read(&mut [0]).await.unwrap(), 0);
        assert!(town.nobody_dialled());
    }
    let _asking = cancel(&town, &second).await;
    let mut server = town.dialled().await;
    let mut heard = [0; 16];
    server.0.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard[8..], KEY[..], "by its server's own key");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_not_given_on_within_a_second_of_a_cancel_request() {
    for (pause, kept) in [(0, 0), (900, 0), (1001, 1)] {
        let mut town = reuse();
        let mut app = town.app(ANN, LOGIN).await;
        let (mut database, _) = town.granted().await;
        let key = welcomed(&mut app).await;
        let mut asking = cancel(&town, &key).await;
        let server = town.dialled().await;
        drop(server);
        assert_eq!(asking.read(&mut [0]).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        app.write_all(GOODBYE).await.unwrap();
        if kept == 0 {
            assert_eq!(heard_out(database).await, GOODBYE, "{pause}");
        } else {
            reset(&mut database, &discarded()).await;
            town.until_waiting(Kind::Reused, 1).await;
        }
    }
    // One is under way.
    let mut town = reuse();
    let mut app = town.app(ANN, LOGIN).await;
    let (database, _) = town.granted().await;
    let key = welcomed(&mut app).await;
    let _asking = cancel(&town, &key).await;
    let _server = town.dialled().await;
    drop(app);
    assert_eq!(heard_out(database).await, b"");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_reset_gives_its_place_to_an_app_before_that_is_refused() {
    let mut town = Town::without_prepared(|route| {
        (route.keeping.reuse, route.max_connections) = (Reuse::Reset, 1);
    });
    let (app, mut database) = session(&mut town).await;
    drop(app);
    assert_eq!(database.message().await, (b'Q', DISCARD_ALL.to_vec()));
    let (mut next, mut its_own) = town.log_in(ANN, LOGIN).await;
    assert_eq!(heard_out(database).await, b"");
    ask_and_answer(&mut next, &mut its_own).await;
    assert_eq!(town.waiting(Kind::Reused), 0);
}
