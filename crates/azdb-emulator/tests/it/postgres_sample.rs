//! The sample over the PostgreSQL protocol, as a driver sees it.

use std::time::{Duration, UNIX_EPOCH};

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::{emulator, session, told};

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
}

#[tokio::test]
async fn prepared_statements_carry_every_type() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let create = "create temp table t (a smallint, b int, c bigint, d timestamp, e boolean, f text, \
                  g varchar(3), h numeric(6, 2))";
    client.batch_execute(create).await.unwrap();
    let insert = "insert into t values ($1, $2, $3, $4, $5, $6, $7, 1.5)";
    let insert = client.prepare(insert).await.unwrap();
    let kinds = [Type::INT2, Type::INT4, Type::INT8, Type::TIMESTAMP];
    assert_eq!(insert.params()[..4], kinds);
    let at = UNIX_EPOCH + Duration::from_millis(1_500);
    let given: [&(dyn ToSql + Sync); 7] =
        [&-1_i16, &2, &3_i64, &at, &true, &"naïve", &None::<&str>];
    assert_eq!(client.execute(&insert, &given).await.unwrap(), 1);
    let query = "select a, b, c, d, e, f, g from t where f = $1 and e";
    let row = client.query_one(query, &[&"naïve"]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (-1_i16, 2, 3_i64));
    assert_eq!((row.get(3), row.get(4), row.get(5)), (at, true, "naïve"));
    assert_eq!(row.get::<_, Option<&str>>(6), None);
    let row = "-1|2|3|1970-01-01 00:00:01.5|t|naïve|NULL|1.50";
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
