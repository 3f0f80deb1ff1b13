//! What an app may have left that no reset takes back, or that is still on its way.

use super::super::database::with_features;
use super::*;

/// How far an app goes before it leaves.
async fn left_with(sent: &[Vec<u8>], answers: &[Vec<u8>]) -> (Served, Vec<u8>) {
    let mut served = Served::reusing();
    let (mut app, mut database) = served.session().await;
    ask(&mut app, &mut database).await;
    for request in sent {
        app.write_all(request).await.unwrap();
    }
    for _ in sent.iter().filter(|request| is_whole(request)) {
        database.packet().await;
    }
    for answer in answers {
        database.say_bytes(answer).await;
        let mut read = vec![0; answer.len()];
        tokio::io::AsyncReadExt::read_exact(&mut app, &mut read)
            .await
            .unwrap();
    }
    drop(app);
    let (rest, _) = Tds::hear_out(database).await;
    (served, rest)
}

fn is_whole(packet: &[u8]) -> bool {
    let header = packet.first_chunk().map(|header| Header::parse(*header));
    header.is_some_and(|header| usize::from(header.unwrap().length) == packet.len())
}

fn request(kind: u8) -> Vec<u8> {
    let mut message = Vec::new();
    push_message(kind, 0, b"some words of it", &mut message);
    message
}

fn answer() -> Vec<u8> {
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    done(0, &mut payload);
    push_message(kind::RESPONSE, 51, &payload, &mut message);
    message
}

fn without_end(mut message: Vec<u8>) -> Vec<u8> {
    message[1] &= !Header::LAST;
    message
}

#[tokio::test(start_paused = true)]
async fn a_session_with_anything_left_in_it_ends_with_its_app() {
    let batch = || request(kind::SQL_BATCH);
    let attention = {
        let mut message = Vec::new();
        push_message(kind::ATTENTION, 0, &[], &mut message);
        message
    };
    for (what, sent, answers) in [
        ("an answer is owed", vec![batch()], vec![]),
        (
            "an answer is half read",
            vec![batch()],
            vec![without_end(answer())],
        ),
        ("a request is half said", vec![without_end(batch())], vec![]),
        ("half a packet", vec![batch()[..20].to_vec()], vec![]),
        ("half a header", vec![batch()[..5].to_vec()], vec![]),
        (
            "two were asked and one was answered",
            vec![batch(), batch()],
            vec![answer()],
        ),
        (
            "it has asked the transaction manager",
            vec![request(kind::TRANSACTION)],
            vec![answer()],
        ),
        (
            "it has loaded rows in bulk",
            vec![request(kind::BULK_LOAD)],
            vec![answer()],
        ),
        (
            "it has said stop",
            vec![batch(), attention],
            vec![answer(), answer()],
        ),
        ("nobody has asked for this", vec![], vec![answer()]),
    ] {
        let (mut served, rest) = left_with(&sent, &answers).await;
        assert!(rest.is_empty() || !sent.is_empty(), "{what}: {rest:?}");
        let is_reset = rest
            .get(1)
            .is_some_and(|status| status & Header::RESET != 0);
        assert!(!is_reset, "{what}: {rest:?}");
        assert_eq!(served.waiting(), 0, "{what}");
        served.assert_dials().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_could_be_resumed_ends_with_its_app() {
    let mut served = Served::reusing();
    // SESSIONRECOVERY, asked for and granted.
    let mut login = plain();
    login[27] |= 0x10;
    let at = u32::try_from(login.len() + 4).unwrap();
    let pointer = u16::try_from(login.len()).unwrap();
    login[56..58].copy_from_slice(&pointer.to_le_bytes());
    login[58..60].copy_from_slice(&4u16.to_le_bytes());
    login.extend(at.to_le_bytes());
    login.extend(b"\x01\0\0\0\0\xff");
    let length = u32::try_from(login.len()).unwrap();
    login[..4].copy_from_slice(&length.to_le_bytes());
    let granted = with_features(b"\xae\x02\0\0\0\0\x01\x02\0\0\0ab\xff");
    let (app, database) = served.session_of(&login, &granted).await;
    drop(app);
    let (heard, _) = Tds::hear_out(database).await;
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_data_warehouse_is_kept() {
    let warehouse = "x.sql.azuresynapse.net";
    let mut served = Served::of(|route| {
        route.keeping.reuse = Reuse::Reset;
        route.upstream[0].host = warehouse.into();
        if let UpstreamTls::Verified { name, .. } = &mut route.tls {
            *name = Some(warehouse.try_into().unwrap());
        }
    });
    let mut app = served.app_saying(&plain()).await;
    let (stream, _) = served.databases.recv().await.unwrap();
    drop(stream);
    let _ = hear(&mut app).await;
    let found = served.lobby.state.kept.patterns().tally.reasons();
    assert_eq!(found, [(crate::kept::Found::Never("a data warehouse"), 1)]);
}
