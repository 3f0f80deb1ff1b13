//! What is said to an upstream whose app has left, and what it must answer.

use super::*;
use crate::ledger::Reset;

#[tokio::test(start_paused = true)]
async fn a_session_is_reset_and_becomes_that_of_the_next_app() {
    let mut served = Served::reusing();
    let (mut app, mut database) = served.session().await;
    for _ in 0..3 {
        ask(&mut app, &mut database).await;
        drop(app);
        reset(&mut database).await;
        served.until_waiting(1).await;
        app = served.served_from_memory().await;
        assert_eq!(served.waiting(), 0);
    }
    ask(&mut app, &mut database).await;
}

#[tokio::test(start_paused = true)]
async fn an_app_reads_the_answer_and_the_number_of_the_session_that_it_is_in() {
    let mut served = Served::reusing();
    let mut first = served.app_saying(&plain()).await;
    let (mut database, _) = served.dialled().await;
    database.say(&welcome()).await;
    let mut heard = Vec::new();
    for _ in 0..2 {
        let mut header = [0; Header::LEN];
        tokio::io::AsyncReadExt::read_exact(&mut first, &mut header)
            .await
            .unwrap();
        let parsed = Header::parse(header).unwrap();
        let mut payload = vec![0; parsed.payload()];
        tokio::io::AsyncReadExt::read_exact(&mut first, &mut payload)
            .await
            .unwrap();
        heard.push((header, payload));
        drop(first);
        reset(&mut database).await;
        served.until_waiting(1).await;
        first = served.app_saying(&plain()).await;
    }
    assert_eq!(heard.first(), heard.last());
    assert_eq!(heard[0].0[4..6], [0, 51], "its SPID");
}

#[tokio::test(start_paused = true)]
async fn with_reuse_off_an_upstream_hears_the_end_of_its_app_and_nothing_else() {
    let mut served = Served::of(|_| {});
    let (mut app, mut database) = served.session().await;
    ask(&mut app, &mut database).await;
    drop(app);
    let (heard, end) = Tds::hear_out(database).await;
    assert_eq!((heard, end), (Vec::new(), TlsEnd::Bare));
    assert_eq!(served.waiting(), 0);
}

/// Has an app leave, the upstream say this for an answer to the reset, and says what became of it.
async fn outcome(packets: &[Vec<u8>]) -> Reset {
    let mut served = Served::reusing();
    let (mut app, mut database) = served.session().await;
    ask(&mut app, &mut database).await;
    drop(app);
    expect_reset(&mut database).await;
    for packet in packets {
        database.say_bytes(packet).await;
    }
    if packets.is_empty() {
        drop(database);
    } else {
        assert!(database.heard_nothing_more().await);
    }
    served.assert_dials().await;
    assert_eq!(served.waiting(), 0);
    let mut resets = served.lobby.state.ledger.resets();
    let (outcome, count) = resets.find(|(_, count)| *count > 0).expect("a reset");
    assert_eq!(count, 1);
    outcome
}

fn message(payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push_message(kind::RESPONSE, 51, payload, &mut message);
    message
}

#[tokio::test(start_paused = true)]
async fn another_answer_ends_the_session() {
    let unsaid = {
        let mut payload = Vec::new();
        done(0, &mut payload);
        message(&payload)
    };
    let open = {
        let mut payload = RESET.to_vec();
        done(4, &mut payload);
        message(&payload)
    };
    let refused = message(&super::super::database::refusal(18_059, "The connection"));
    let mut half = message(&clean());
    half[1] = 0;
    let mut other = message(&clean());
    other[0] = kind::SQL_BATCH;
    let behind = [message(&clean()), message(&clean())].concat();
    for (answer, expected) in [
        (vec![unsaid], Reset::Dirty),
        (vec![open], Reset::Dirty),
        (vec![refused], Reset::Refused),
        (vec![other], Reset::Dirty),
        (vec![half.clone()], Reset::Late),
        (vec![half, message(&clean())], Reset::Dirty),
        // It is clean, and then there is more.
        (vec![behind], Reset::Clean),
        (vec![], Reset::Dirty),
    ] {
        assert_eq!(outcome(&answer).await, expected, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_any_packets_and_records_is_one() {
    let whole = clean();
    for cut in 1..whole.len() {
        let mut served = Served::reusing();
        let (app, mut database) = served.session().await;
        drop(app);
        expect_reset(&mut database).await;
        let (one, other) = whole.split_at(cut);
        let (mut one, other) = (message(one), message(other));
        one[1] = 0;
        let bytes = [one, other].concat();
        // And records that have nothing to do with them.
        for piece in bytes.chunks(cut) {
            database.say_bytes(piece).await;
        }
        served.until_waiting(1).await;
        served.served_from_memory().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_ends_or_speaks_while_its_session_waits_is_nobodys() {
    for speaks in [true, false] {
        let mut served = Served::reusing();
        let (app, mut database) = served.session().await;
        drop(app);
        reset(&mut database).await;
        served.until_waiting(1).await;
        if speaks {
            database.say(&clean()).await;
        }
        drop(database);
        served.until_waiting(0).await;
        served.assert_dials().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_token_comes_to_its_end_is_given_to_nobody() {
    use azdb_config::route::SessionAge;

    let hour = Duration::from_secs(3600);
    let mut served = Served::of(|route| {
        route.keeping.reuse = Reuse::Reset;
        route.keeping.age = 24 * hour;
        route.keeping.patience = hour;
        route.tds.session_age = SessionAge::After(hour);
    });
    let (mut app, mut database) = served.session().await;
    tokio::time::sleep(hour - Duration::from_secs(6 * 60)).await;
    drop(app);
    reset(&mut database).await;
    served.until_waiting(1).await;
    app = served.served_from_memory().await;
    ask(&mut app, &mut database).await;
    drop(app);
    reset(&mut database).await;
    served.until_waiting(1).await;
    // Five minutes before it has to end.
    tokio::time::sleep(Duration::from_secs(61)).await;
    served.until_waiting(0).await;
    served.assert_dials().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_reset_gives_its_place_to_an_app() {
    let mut served = Served::of(|route| {
        (route.keeping.reuse, route.max_connections) = (Reuse::Reset, 1);
    });
    let (mut app, mut database) = served.session().await;
    ask(&mut app, &mut database).await;
    drop(app);
    expect_reset(&mut database).await;
    let (mut next, mut its_own) = served.session().await;
    assert!(database.heard_nothing_more().await);
    ask(&mut next, &mut its_own).await;
    assert_eq!(served.waiting(), 0);
}
