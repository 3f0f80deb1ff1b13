//! What servers say when a session is to be made like new, and what becomes of it.

use std::time::Duration;

use azdb_wire::mysql::QUIT;
use tokio::time::sleep;

use super::reuse::{
    NOTHING, PLAIN_OK, QUARANTINE, dialled, door, greeted, kept, prove, quit, resets,
    see_forgotten, see_reset,
};
use super::*;
use crate::ledger::Reset;

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_another_ends_the_session() {
    // A server that has refused hears a goodbye, or it would count an app that was cut off.
    let cases: [(&[u8], Reset, &[u8]); 5] = [
        (b"\xff\x17\x04#08S01Unknown command", Reset::Refused, &QUIT),
        (b"\0\0\0\x03\0\0\0", Reset::Dirty, b""),
        (b"\0\x01\0\x02\0\0\0", Reset::Dirty, b""),
        (b"\x01", Reset::Dirty, b""),
        (b"", Reset::Late, b""),
    ];
    for (answer, outcome, goodbye) in cases {
        let mut door = door();
        let (app, mut database) = dialled(&mut door, &app_response()).await;
        quit(app).await;
        assert_eq!(database.hear_command().await, b"\x1f");
        if !answer.is_empty() {
            database.say(answer).await;
        }
        assert_eq!(database.hear_out().await, goodbye, "{outcome:?}");
        assert_eq!(resets(&door, outcome), 1);
        let _dialled = dialled(&mut door, &app_response()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn neither_the_rest_of_another_answer_nor_another_number_is_a_proof() {
    for number in [&[b'0'; 32][..], b"1"] {
        let mut door = door();
        let (app, mut database) = dialled(&mut door, &app_response()).await;
        quit(app).await;
        see_forgotten(&mut database, PLAIN_OK).await;
        database.hear_command().await;
        for payload in [b"\x03", number] {
            database.say(payload).await;
        }
        assert_eq!(database.hear_out().await, b"");
        assert_eq!(resets(&door, Reset::Dirty), 1);
    }
    let mut door = door();
    let (app, mut database) = dialled(&mut door, &app_response()).await;
    quit(app).await;
    assert_eq!(database.hear_command().await, b"\x1f");
    let mut twice = Vec::new();
    push_packet(&mut twice, 1, PLAIN_OK);
    push_packet(&mut twice, 1, PLAIN_OK);
    database.say_bytes(&twice).await;
    assert_eq!(database.hear_out().await, b"");
    assert_eq!(resets(&door, Reset::Dirty), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_optimizer_has_noted_of_an_app_is_forgotten_or_the_session_nobodys() {
    let unknown: &[u8] = b"\xff\xa9\x04#HY000Unknown system variable 'optimizer_trace_offset'";
    let denied: &[u8] = b"\xff\xcb\x04#42000Access denied";
    for (answer, outcome) in [(unknown, Reset::Clean), (denied, Reset::Dirty)] {
        let mut door = door();
        let (app, mut database) = dialled(&mut door, &app_response()).await;
        quit(app).await;
        see_forgotten(&mut database, answer).await;
        match outcome {
            Reset::Clean => prove(&mut database, NOTHING).await,
            _ => assert_eq!(database.hear_out().await, b""),
        }
        sleep(QUARANTINE * 2).await;
        assert_eq!(resets(&door, outcome), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_runs_something_for_whoever_logs_in_has_its_sessions_for_itself_for_an_hour()
{
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let mut door = door();
    let (app, mut database) = dialled(&mut door, &app_response()).await;
    quit(app).await;
    see_reset(&mut database, b"\x0dset sql_mode=\x010").await;
    assert_eq!(database.hear_out().await, QUIT);
    assert_eq!(resets(&door, Reset::Refused), 1);
    for _ in 0..2 {
        let (mut app, mut database) = dialled(&mut door, &app_response()).await;
        app.say_bytes(&QUIT).await;
        assert_eq!(database.hear_command().await, [1]);
    }
    sleep(HOUR).await;
    let _database = kept(&mut door).await;
    greeted(&mut door).await;
}
