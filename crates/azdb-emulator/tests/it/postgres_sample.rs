//! The sample over the PostgreSQL protocol, as a driver sees it.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::support::{emulator, session, tcp, told};

/// The rows of a query of the simple protocol, `|` between columns.
async fn shown(client: &Client, text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for message in client.simple_query(text).await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            let columns = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL"));
            rows.push(columns.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

async fn error(client: &Client, text: &str) -> (String, String) {
    told(&client.simple_query(text).await.unwrap_err())
}

#[tokio::test]
async fn what_was_once_answered_wrongly_is_right_or_refused() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for text in [
        "select 1/0",
        "grant select on products to nobody",
        "savepoint a",
        "copy products to stdout",
    ] {
        let (code, message) = error(&client, text).await;
        assert_eq!(code, "0A000", "{text}");
        let (start, end) = (
            "azdb-emulator: this sample ",
            "azdb-emulator --behind postgres://user:password@host:5432",
        );
        assert!(
            message.starts_with(start) && message.ends_with(end),
            "{message}"
        );
    }
    for (begin, end, left) in [
        ("begin", "rollback", "8"),
        ("BEGIN", "ROLLBACK", "8"),
        ("start transaction", "COMMIT", "7"),
        ("begin isolation level read committed", "commit", "6"),
    ] {
        client.batch_execute(begin).await.unwrap();
        let lowest = shown(&client, "select min(id) from orders").await;
        let delete = format!("delete from orders where id = {}", lowest[0]);
        client.batch_execute(&delete).await.unwrap();
        client.batch_execute(end).await.unwrap();
        let count = shown(&client, "select count(*) from orders").await;
        assert_eq!(count, [left], "{begin}, {end}");
    }
}

#[tokio::test]
async fn prepared_statements_carry_every_type() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let create = "create temp table t (a smallint, b int, c bigint, d float8, e boolean, f text, \
                  g varchar(3), h numeric(6, 2))";
    client.batch_execute(create).await.unwrap();
    let insert = "insert into t values ($1, $2, $3, $4, $5, $6, $7, 1.5)";
    let insert = client.prepare(insert).await.unwrap();
    let kinds = [Type::INT2, Type::INT4, Type::INT8, Type::FLOAT8];
    assert_eq!(insert.params()[..4], kinds);
    let inserted = client.execute(
        &insert,
        &[&-1_i16, &2, &3_i64, &0.5, &true, &"naïve", &None::<&str>],
    );
    assert_eq!(inserted.await.unwrap(), 1);
    let query = "select a, b, c, d, e, f, g from t where f = $1 and e";
    let row = client.query_one(query, &[&"naïve"]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (-1_i16, 2, 3_i64));
    assert_eq!((row.get(3), row.get(4), row.get(5)), (0.5, true, "naïve"));
    assert_eq!(row.get::<_, Option<&str>>(6), None);
    let row = "-1|2|3|0.5|t|naïve|NULL|1.50";
    assert_eq!(shown(&client, "select * from t").await, [row]);

    let query = "select name, price from products order by id limit $1";
    let statement = client.prepare(query).await.unwrap();
    assert_eq!(statement.columns()[1].type_(), &Type::NUMERIC);
    assert_eq!(client.query(&statement, &[&3_i64]).await.unwrap().len(), 3);
}

#[tokio::test]
async fn errors_fail_the_transaction_and_have_the_codes_of_postgresql() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for (text, code, message) in [
        (
            "select * from nowhere",
            "42P01",
            "relation \"nowhere\" does not exist",
        ),
        (
            "select nothing from products",
            "42703",
            "column \"nothing\" does not exist",
        ),
        (
            "insert into customers values (1, 'a', 'b', 'c', 'd')",
            "23505",
            "duplicate key value violates unique constraint \"customers_pkey\"",
        ),
        (
            "insert into customers (name) values ('a')",
            "23502",
            "null value in column \"email\" of relation \"customers\" violates not-null constraint",
        ),
        (
            "update products set stock = 3000000000",
            "22003",
            "integer out of range",
        ),
    ] {
        let told = error(&client, text).await;
        assert_eq!(told, (code.to_owned(), message.to_owned()));
    }
    client.batch_execute("begin").await.unwrap();
    assert_eq!(error(&client, "select 1/0").await.0, "0A000");
    assert_eq!(error(&client, "select 1").await.0, "25P02");
    assert_eq!(error(&client, "show server_version").await.0, "25P02");
    client.batch_execute("commit").await.unwrap();

    // Several statements in one message are one transaction.
    let text = "delete from orders; select * from nowhere";
    assert_eq!(error(&client, text).await.0, "42P01");
    assert_eq!(shown(&client, "select count(*) from orders").await, ["8"]);
}

#[tokio::test]
async fn cancel_request_ends_what_waits_and_needs_the_key() {
    let azure = emulator().await;
    let (writer, waiting) = (session(&azure).await, session(&azure).await);
    writer
        .batch_execute("begin; update products set stock = 0")
        .await
        .unwrap();
    let token = waiting.cancel_token();
    let asleep = tokio::spawn(async move {
        let error = waiting
            .simple_query("delete from orders")
            .await
            .unwrap_err();
        waiting.simple_query("select 1").await.unwrap();
        told(&error)
    });
    // When the statement begins can't be seen from outside, so the request is repeated.
    while !asleep.is_finished() {
        token
            .cancel_query_raw(tcp(&azure).await, NoTls)
            .await
            .unwrap();
    }
    let expected = ("57014", "canceling statement due to user request");
    assert_eq!(
        asleep.await.unwrap(),
        (expected.0.to_owned(), expected.1.to_owned())
    );
    writer.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn chatter_of_drivers_is_answered_and_settings_are_not_promised() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for (text, answer) in [
        (
            "select current_user, current_database() as database",
            "orders-app|shop",
        ),
        (
            "select pg_catalog.version()",
            "PostgreSQL 16.4 (azdb-emulator: a sample)",
        ),
        ("SHOW transaction isolation level", "read committed"),
        ("show TimeZone", "UTC"),
    ] {
        assert_eq!(shown(&client, text).await, [answer]);
    }
    let reset = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";
    client.batch_execute(reset).await.unwrap();
    client.batch_execute("SET application_name = 'x'; set extra_float_digits to 3; set client_encoding to 'utf-8'").await.unwrap();
    assert_eq!(shown(&client, "show application_name").await, ["x"]);
    for text in [
        "set timezone = 'Asia/Tokyo'",
        "set search_path = elsewhere",
        "set statement_timeout = 5",
    ] {
        let (code, message) = error(&client, text).await;
        assert_eq!(code, "0A000");
        assert!(message.contains(text), "{message}");
    }
}
