//! What others see: nothing, where a route keeps nothing.

use super::*;

/// What the upstream hears from an app's StartupMessage on, and what the app reads.
async fn heard_by_both(town: &mut Town) -> (Vec<u8>, Vec<u8>) {
    let mut app = town.app(ANN, LOGIN).await;
    let mut database = town.dialled().await;
    let mut startup = vec![0; 4];
    database.0.read_exact(&mut startup).await.unwrap();
    let length = u32::from_be_bytes(startup[..4].try_into().unwrap());
    startup.resize(length as usize, 0);
    database.0.read_exact(&mut startup[4..]).await.unwrap();
    database.demand(TOKEN).await;
    database
        .say(&[message(b'N', b"SNOTICE\0\0"), welcome()].concat())
        .await;
    database.say(&message(b'N', b"SNOTICE\0\0")).await;
    app.write_all(&message(b'Q', b"select 1\0")).await.unwrap();
    app.write_all(GOODBYE).await.unwrap();
    let mut heard = Vec::new();
    let mut until_goodbye = [0; 19];
    database.0.read_exact(&mut until_goodbye).await.unwrap();
    heard.extend_from_slice(&until_goodbye);
    database.0.shutdown().await.unwrap();
    let _ = database.0.read_to_end(&mut heard).await;
    let mut read = Vec::new();
    app.read_to_end(&mut read).await.unwrap();
    (([startup, heard].concat()), read)
}

#[tokio::test(start_paused = true)]
async fn with_everything_off_both_sides_read_what_they_always_did() {
    let mut town = Town::of(|_| {});
    let (heard, read) = heard_by_both(&mut town).await;
    let parameters = b"user\0My Identity\0database\0orders\0application_name\0shop\0";
    let expected = [
        &startup(parameters)[..],
        &message(b'Q', b"select 1\0"),
        GOODBYE,
    ]
    .concat();
    assert_eq!(heard, expected);
    let notice = message(b'N', b"SNOTICE\0\0");
    assert_eq!(
        read,
        [&notice[..], &welcome(), &notice].concat(),
        "its server's own secret"
    );
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_at_rest_goes_up_at_once_where_nothing_is_reused() {
    for mut town in [Town::of(|_| {}), super::ready(1)] {
        let (mut app, mut database) = town.log_in(ANN, LOGIN).await;
        ask_and_answer(&mut app, &mut database).await;
        app.write_all(GOODBYE).await.unwrap();
        assert_eq!(heard_out(database).await, GOODBYE);
    }
}
