//! Ending statements and sessions from outside.

use azdb_emulator::Emulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{Client, NoTls};

use crate::raw::Raw;
use crate::support::{emulator, session, tcp, tls, told};

/// Waits until another session runs a statement that sleeps: it has then taken the write lock that
/// its statement needs.
async fn until_busy(azure: &Emulator) {
    let (mut raw, _) = Raw::log_in(azure).await;
    raw.query("set lock_timeout = '1ms'").await;
    while raw.query("update products set stock = stock").await.first()
        != Some(&"E 55P03".to_owned())
    {
        tokio::task::yield_now().await;
    }
}

/// A statement that never ends by itself, and holds the write lock while it sleeps.
const FOREVER: &str = "update products set stock = 1 where id = 1 and pg_sleep(3600) = ''";

async fn sleeping(azure: &Emulator) -> (Client, tokio::task::JoinHandle<(String, String)>) {
    let client = session(azure).await;
    let other = session(azure).await;
    let asleep = tokio::spawn(async move {
        let error = client.simple_query(FOREVER).await.unwrap_err();
        if error.is_closed() {
            return (String::new(), String::new());
        }
        told(&error)
    });
    until_busy(azure).await;
    (other, asleep)
}

#[tokio::test]
async fn cancel_request_ends_the_statement_and_not_the_session() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let token = client.cancel_token();
    let asleep = tokio::spawn(async move {
        let error = client.simple_query(FOREVER).await.unwrap_err();
        client.simple_query("select 1").await.unwrap();
        told(&error)
    });
    until_busy(&azure).await;
    token
        .cancel_query_raw(tcp(&azure).await, NoTls)
        .await
        .unwrap();
    let (sqlstate, message) = asleep.await.unwrap();
    assert_eq!(sqlstate, "57014");
    assert_eq!(message, "canceling statement due to user request");
}

#[tokio::test]
async fn cancel_request_over_tls_counts_and_is_closed_cleanly() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let token = client.cancel_token();
    let asleep = tokio::spawn(async move { client.simple_query(FOREVER).await.unwrap_err() });
    until_busy(&azure).await;
    token
        .cancel_query_raw(tls(&azure).await, NoTls)
        .await
        .unwrap();
    assert_eq!(told(&asleep.await.unwrap()).0, "57014");

    // A request with a wrong key is answered in the same way: by the end of TLS.
    let mut stream = tls(&azure).await;
    let request = [&[0, 0, 0, 16][..], &[0x04, 0xd2, 0x16, 0x2e], &[0; 8]].concat();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn cancel_request_with_a_wrong_key_ends_nothing() {
    let azure = emulator().await;
    let (other, asleep) = sleeping(&azure).await;
    let row = other.query_one("select min(pid) from pg_stat_activity", &[]);
    let process: i32 = row.await.unwrap().get(0);
    for guessed in process..process + 3 {
        let mut stream = tcp(&azure).await;
        let code = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];
        let request = [&code[..], &guessed.to_be_bytes(), &[1, 2, 3, 4]].concat();
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
    }
    assert!(!asleep.is_finished());
    azure.shutdown().await;
    asleep.await.unwrap();
}

#[tokio::test]
async fn statement_that_works_is_cancelled_too() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let token = client.cancel_token();
    let endless = "with recursive a(n) as (select 1 union all select n + 1 from a)
                   select max(n) from a";
    let asked = tokio::spawn(async move { client.simple_query(endless).await.unwrap_err() });
    // When the statement begins can't be seen from outside, so the request is repeated.
    while !asked.is_finished() {
        token
            .cancel_query_raw(tcp(&azure).await, NoTls)
            .await
            .unwrap();
    }
    assert_eq!(told(&asked.await.unwrap()).0, "57014");
}

#[tokio::test]
async fn cancelled_transaction_has_failed_and_can_be_rolled_back() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let token = client.cancel_token();
    let asleep = tokio::spawn(async move {
        client.simple_query("begin").await.unwrap();
        client.simple_query(FOREVER).await.unwrap_err();
        let refused = client.simple_query("select 1").await.unwrap_err();
        client.simple_query("rollback").await.unwrap();
        client.simple_query("select 1").await.unwrap();
        told(&refused).0
    });
    until_busy(&azure).await;
    token
        .cancel_query_raw(tcp(&azure).await, NoTls)
        .await
        .unwrap();
    assert_eq!(asleep.await.unwrap(), "25P02");
}

#[tokio::test]
async fn backends_are_cancelled_and_terminated_by_sql() {
    let azure = emulator().await;
    let (other, asleep) = sleeping(&azure).await;
    let row = other.query_one("select min(pid) from pg_stat_activity", &[]);
    let process: i32 = row.await.unwrap().get(0);
    let cancelled = other
        .query_one("select pg_cancel_backend($1)", &[&process])
        .await
        .unwrap();
    assert!(cancelled.get::<_, bool>(0));
    assert_eq!(asleep.await.unwrap().0, "57014");
    let nobody = other
        .query_one("select pg_cancel_backend(1)", &[])
        .await
        .unwrap();
    assert!(!nobody.get::<_, bool>(0));
}

#[tokio::test]
async fn statement_timeout_ends_a_statement() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute("set statement_timeout = '20ms'")
        .await
        .unwrap();
    let error = client
        .simple_query("select pg_sleep(3600)")
        .await
        .unwrap_err();
    let expected = ("57014", "canceling statement due to statement timeout");
    assert_eq!(told(&error), (expected.0.to_owned(), expected.1.to_owned()));
    client
        .batch_execute("reset statement_timeout")
        .await
        .unwrap();
    client.batch_execute("select pg_sleep(0.03)").await.unwrap();
}

#[tokio::test]
async fn terminated_sessions_are_told_57p01() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    azure.postgres().terminate_sessions();
    let (kind, body) = raw.read().await;
    let text = String::from_utf8_lossy(&body);
    assert_eq!(kind, 'E');
    assert!(text.contains("SFATAL\0"), "{text}");
    assert!(text.contains("C57P01\0"), "{text}");
    assert!(
        text.contains("Mterminating connection due to administrator command\0"),
        "{text}"
    );
}
