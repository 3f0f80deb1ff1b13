//! Transactions: what ReadyForQuery says, and what stays in the database.

use crate::raw::{Raw, shortened};
use crate::support::{emulator, session};

async fn stock(client: &tokio_postgres::Client) -> i32 {
    let row = client.query_one("select stock from products where id = 1", &[]);
    row.await.unwrap().get(0)
}

#[tokio::test]
async fn ready_for_query_tells_the_state_of_the_transaction() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    for (sql, answer) in [
        ("select 1", &["SELECT 1", "I"][..]),
        ("begin", &["BEGIN", "T"]),
        ("begin", &["N 25001", "BEGIN", "T"]),
        ("update products set stock = 1", &["UPDATE 8", "T"]),
        ("select unknown", &["E 42703", "E"]),
        ("select 1", &["E 25P02", "E"]),
        ("commit", &["ROLLBACK", "I"]),
        ("commit", &["N 25P01", "COMMIT", "I"]),
        ("savepoint a", &["E 25P01", "I"]),
        ("begin", &["BEGIN", "T"]),
        ("savepoint a", &["SAVEPOINT", "T"]),
        ("select 1/0", &["E 22012", "E"]),
        ("rollback to a", &["ROLLBACK", "T"]),
        ("release a", &["RELEASE", "T"]),
        ("rollback", &["ROLLBACK", "I"]),
        ("", &["I", "I"]),
    ] {
        assert_eq!(raw.query(sql).await, answer, "{sql}");
    }
}

#[tokio::test]
async fn query_string_is_one_transaction() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    let both = "delete from orders where id = 1; select unknown; delete from orders where id = 2";
    assert_eq!(raw.query(both).await, ["DELETE 1", "E 42703", "I"]);
    assert_eq!(raw.query("select * from orders").await, ["SELECT 8", "I"]);

    let both = "delete from orders where id = 1; delete from orders where id = 2";
    assert_eq!(raw.query(both).await, ["DELETE 1", "DELETE 1", "I"]);
    assert_eq!(raw.query("select * from orders").await, ["SELECT 6", "I"]);

    let block = "begin; delete from orders; select 1";
    assert_eq!(
        raw.query(block).await,
        ["BEGIN", "DELETE 6", "SELECT 1", "T"]
    );
    assert_eq!(raw.query("rollback").await, ["ROLLBACK", "I"]);
    assert_eq!(raw.query("select * from orders").await, ["SELECT 6", "I"]);
}

#[tokio::test]
async fn messages_behind_an_error_are_skipped_until_sync() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    raw.write('P', b"\0select unknown\0\0\0").await;
    raw.write('B', b"\0\0\0\0\0\0\0\0").await;
    raw.write('E', b"\0\0\0\0\0").await;
    raw.write('S', b"").await;
    raw.write('P', b"a\0delete from orders where id > $1\0\0\0")
        .await;
    raw.write('D', b"Sa\0").await;
    raw.write('S', b"").await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let messages = raw.until_ready().await;
        answers.push(
            messages
                .into_iter()
                .filter_map(shortened)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(answers, [vec!["E 42703", "I"], vec!["1", "n", "I"]]);
}

#[tokio::test]
async fn portal_gives_its_rows_in_portions() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    raw.write('P', b"\0select id from orders\0\0\0").await;
    raw.write('B', b"\0\0\0\0\0\0\0\0").await;
    for _ in 0..3 {
        raw.write('E', b"\0\0\0\0\x03").await;
    }
    raw.write('S', b"").await;
    let messages = raw.until_ready().await;
    let kinds: String = messages.iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, "12DDDsDDDsDDCZ");
}

#[tokio::test]
async fn rollback_leaves_nothing() {
    let azure = emulator().await;
    let mut client = session(&azure).await;
    let before = stock(&client).await;
    let transaction = client.transaction().await.unwrap();
    let update = "update products set stock = stock + $1 where id = 1";
    assert_eq!(transaction.execute(update, &[&5_i32]).await.unwrap(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(stock(&client).await, before);

    let transaction = client.transaction().await.unwrap();
    transaction.execute(update, &[&5_i32]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(stock(&session(&azure).await).await, before + 5);
}

#[tokio::test]
async fn open_reader_does_not_keep_others_from_writing() {
    let azure = emulator().await;
    let mut reader = session(&azure).await;
    let writer = session(&azure).await;
    let reading = reader.transaction().await.unwrap();
    let count = "select count(*) from orders";
    let before: i64 = reading.query_one(count, &[]).await.unwrap().get(0);

    let deleted = writer.execute("delete from orders where id = 1", &[]).await;
    assert_eq!(deleted.unwrap(), 1);
    let after: i64 = reading.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(after, before);
    reading.commit().await.unwrap();
    let now: i64 = reader.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(now, before - 1);
}

#[tokio::test]
async fn cursor_is_read_in_portions_and_ends_with_its_transaction() {
    let azure = emulator().await;
    let (mut raw, _) = Raw::log_in(&azure).await;
    for (sql, answer) in [
        ("declare c cursor for select 1", &["E 25P01", "I"][..]),
        ("begin", &["BEGIN", "T"]),
        (
            "declare c cursor for select id from orders order by id",
            &["DECLARE CURSOR", "T"],
        ),
        ("fetch 3 from c", &["FETCH 3", "T"]),
        ("move c", &["MOVE 1", "T"]),
        ("fetch all from c", &["FETCH 4", "T"]),
        ("fetch c", &["FETCH 0", "T"]),
        ("commit", &["COMMIT", "I"]),
        ("fetch c", &["E 34000", "I"]),
    ] {
        assert_eq!(raw.query(sql).await, answer, "{sql}");
    }
}

#[tokio::test]
async fn changed_settings_are_reported() {
    let azure = emulator().await;
    let (mut raw, told) = Raw::log_in(&azure).await;
    let told: Vec<String> = told.into_iter().filter_map(shortened).collect();
    for report in [
        "S server_version=16.4",
        "S integer_datetimes=on",
        "S TimeZone=UTC",
    ] {
        assert!(told.iter().any(|line| line == report), "{report}: {told:?}");
    }
    assert_eq!(
        raw.query("set application_name = 'billing'").await,
        ["S application_name=billing", "SET", "I"]
    );
    assert_eq!(raw.query("set work_mem = '8MB'").await, ["SET", "I"]);
    assert_eq!(raw.query("set nonsense = 1").await, ["E 42704", "I"]);
    assert_eq!(raw.query("show nonsense").await, ["E 42704", "I"]);
}
