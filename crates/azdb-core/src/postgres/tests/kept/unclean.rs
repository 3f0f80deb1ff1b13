//! Sessions that are not given on: what their apps leave them in.

use super::*;

/// The app says this, the upstream this; then the app leaves by its goodbye, and by a bare end. Its upstream hears it as without us.
async fn is_closed(app_says: &[&[u8]], upstream_says: &[&[u8]]) {
    for goodbye in [GOODBYE, b""] {
        let mut town = reuse();
        let (mut app, mut database) = town.log_in(ANN, LOGIN).await;
        let mut expected = Vec::new();
        for (said, answered) in app_says.iter().zip(upstream_says) {
            app.write_all(said).await.unwrap();
            let mut heard = vec![0; said.len()];
            database.0.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, *said);
            database.say(answered).await;
            let mut heard = vec![0; answered.len()];
            app.read_exact(&mut heard).await.unwrap();
        }
        app.write_all(goodbye).await.unwrap();
        app.shutdown().await.unwrap();
        expected.extend_from_slice(goodbye);
        assert_eq!(heard_out(database).await, expected, "{app_says:?}");
        town.ending.tasks.close();
        town.ending.tasks.wait().await;
        assert_eq!(town.waiting(Kind::Reused), 0);
        let resets: u64 = town
            .lobby
            .state
            .ledger
            .resets()
            .map(|(_, count)| count)
            .sum();
        assert_eq!(resets, 0, "nobody is asked to reset it");
    }
}

fn query() -> Vec<u8> {
    message(b'Q', b"select 1\0")
}

fn ready(status: u8) -> Vec<u8> {
    [message(b'C', b"SELECT 1\0"), message(b'Z', &[status])].concat()
}

#[tokio::test(start_paused = true)]
async fn an_open_or_a_failed_transaction() {
    is_closed(&[&query()], &[&ready(b'T')]).await;
    is_closed(&[&query()], &[&ready(b'E')]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_not_come_or_is_half_read() {
    is_closed(&[&query()], &[b""]).await;
    is_closed(&[&query()], &[&message(b'D', b"row")]).await;
    is_closed(&[&query()], &[&ready(b'I')[..9]]).await;
}

#[tokio::test(start_paused = true)]
async fn half_a_message() {
    is_closed(&[&query()[..7]], &[b""]).await;
    is_closed(&[&query()[..1]], &[b""]).await;
}

#[tokio::test(start_paused = true)]
async fn an_extended_query_without_its_sync() {
    is_closed(
        &[&message(b'P', b"s\0select 1\0\0\0")],
        &[&message(b'1', b"")],
    )
    .await;
    let asked = [
        message(b'B', b"\0\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'H', b""),
    ]
    .concat();
    is_closed(&[&asked], &[&message(b'2', b"")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_goes_on_or_data_for_nobody() {
    is_closed(&[&query()], &[&message(b'G', b"\0\0\0")]).await;
    is_closed(
        &[&query()],
        &[&[message(b'H', b"\0\0\0"), message(b'd', b"x")].concat()],
    )
    .await;
    is_closed(&[&message(b'd', b"x"), &query()], &[b"", &ready(b'I')]).await;
    // COPY both ways: replication.
    let both = [message(b'W', b"\0\0\0"), ready(b'I')].concat();
    is_closed(&[&query()], &[&both]).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows() {
    is_closed(&[&message(b'y', b""), &query()], &[b"", &ready(b'I')]).await;
    let unknown = [message(b'!', b""), ready(b'I')].concat();
    is_closed(&[&query()], &[&unknown]).await;
    // A setting too long to be one.
    let long = [message(b'S', &[b'x'; 5000]), ready(b'I')].concat();
    is_closed(&[&query()], &[&long]).await;
}

#[tokio::test(start_paused = true)]
async fn a_word_of_the_upstream_behind_its_last_answer() {
    let notified = [ready(b'I'), message(b'A', b"0000x\0\0")].concat();
    is_closed(&[&query()], &[&notified]).await;
    let fatal = [ready(b'I'), message(b'E', b"SFATAL\0C57P01\0\0")].concat();
    is_closed(&[&query()], &[&fatal]).await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_with_something_behind_it() {
    let mut town = reuse();
    let (mut app, database) = town.log_in(ANN, LOGIN).await;
    let more = [GOODBYE, b"Q"].concat();
    app.write_all(&more).await.unwrap();
    drop(app);
    assert_eq!(heard_out(database).await, more);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_behind_a_request_in_one_breath() {
    let mut town = reuse();
    let (mut app, database) = town.log_in(ANN, LOGIN).await;
    let both = [&query()[..], GOODBYE].concat();
    app.write_all(&both).await.unwrap();
    drop(app);
    assert_eq!(heard_out(database).await, both);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_only_begins_like_a_goodbye() {
    for odd in [&b"X\0\0\0\x05a"[..], b"X\0\0\0"] {
        let mut town = reuse();
        let (mut app, database) = town.log_in(ANN, LOGIN).await;
        app.write_all(odd).await.unwrap();
        drop(app);
        assert_eq!(heard_out(database).await, odd);
    }
}
