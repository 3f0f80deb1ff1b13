//! SQL as a user types it, and as drivers send it.

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::{emulator, session, told};

/// A query's rows in text, `None` for NULL.
async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await;
    let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(
            (0..row.len())
                .map(|at| row.get(at).map(str::to_owned))
                .collect(),
        ),
        _ => None,
    });
    rows.collect()
}

/// The only row of a query in text, with `-` for NULL.
async fn row(client: &Client, sql: &str) -> Vec<String> {
    let mut rows = rows(client, sql).await;
    assert_eq!(rows.len(), 1, "{sql}");
    let row = rows.remove(0).into_iter();
    row.map(|value| value.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

#[tokio::test]
async fn sample_tables_have_eight_rows_each() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for table in ["customers", "products", "orders"] {
        let count: i64 = client
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(count, 8, "{table}");
    }
}

/// Queries and their only row.
const SHOWN: [(&str, &[&str]); 19] = [
    (
        "select 1, 1.50, 'a', true, null",
        &["1", "1.50", "a", "t", "-"],
    ),
    (
        "select total, ordered_at from orders where id = 1",
        &["29.00", "2026-03-02 08:15:00"],
    ),
    (
        "select sum(total), max(price * 2) from orders, products",
        &["1338.40", "44.00"],
    ),
    (
        "select organic, organic::text, not organic from products where id = 1",
        &["t", "true", "f"],
    ),
    (
        "select country, length(name) from customers where id = 2",
        &["SE", "15"],
    ),
    ("select 7/2, 7%2, 7/2.0, -7/2", &["3", "1", "3.5", "-3"]),
    (
        "select 1e20::float8, 1.5::float4, 3.5::int, 4.5::int",
        &["1e+20", "1.5", "4", "4"],
    ),
    (
        "select '2026-03-01 01:00+02'::timestamptz",
        &["2026-02-28 23:00:00+00"],
    ),
    (
        "select date_trunc('month', ordered_at), extract(day from ordered_at) from orders where id = 8",
        &["2026-03-01 00:00:00", "8"],
    ),
    (
        "select '\\xdead'::bytea, 'ab'::bytea",
        &["\\xdead", "\\x6162"],
    ),
    (
        "select array[1,2], array(select id from orders where id < 3), (array['a','b'])[2]",
        &["{1,2}", "{1,2}", "b"],
    ),
    (
        "select 'Straße' ilike 'STRASSE', 'abc' ~ '^A', 'abc' ~* '^A'",
        &["f", "f", "t"],
    ),
    (
        "select 'x' || 1, e'a\\tb', $$it's$$",
        &["x1", "a\tb", "it's"],
    ),
    (
        "select 'products'::regclass, 'products'::regclass::oid = oid from pg_class where relname = 'products'",
        &["products", "t"],
    ),
    (
        "select current_user, current_database(), current_schema",
        &["orders-app", "shop", "public"],
    ),
    (
        "select left('abcdef', 2), right('abcdef', 2), split_part('a,b', ',', 2), initcap('a bc')",
        &["ab", "ef", "b", "A Bc"],
    ),
    (
        "select string_agg(name, '/') from products where id in (7, 8)",
        &["Smoked paprika/Espresso beans"],
    ),
    ("show server_version", &["16.4"]),
    ("select current_setting('server_version_num')", &["160004"]),
];

#[tokio::test]
async fn values_look_as_in_postgresql() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for (sql, expected) in SHOWN {
        assert_eq!(row(&client, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn tables_are_made_and_filled() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute(
            "create table notes (
                 id bigserial primary key,
                 body text not null default 'empty'::text,
                 at timestamptz default now(),
                 done boolean default false
             );
             create unique index on_body on notes (body);",
        )
        .await
        .unwrap();
    let insert = "insert into notes (body) values ($1) returning id, body, done";
    let first = client.query_one(insert, &[&"buy tea"]).await.unwrap();
    assert_eq!(first.get::<_, String>("body"), "buy tea");
    assert!(!first.get::<_, bool>("done"));
    let upsert = "insert into notes (body) values ('buy tea')
                  on conflict (body) do update set done = true returning done";
    assert!(
        client
            .query_one(upsert, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
    let other = client.query_one(
        "insert into notes values (default, default, null, default) returning id, body, done",
        &[],
    );
    let other = other.await.unwrap();
    assert_eq!(other.get::<_, &str>("body"), "empty");
    assert_eq!(other.get::<_, Option<bool>>("done"), Some(false));
    client
        .batch_execute("truncate notes; drop table notes cascade")
        .await
        .unwrap();
    let gone = client.query("select * from notes", &[]).await.unwrap_err();
    assert_eq!(told(&gone).0, "42P01");
}

#[tokio::test]
async fn columns_may_have_names_that_sqlite_reserves() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute("create table odd (\"index\" int, \"transaction\" text)")
        .await
        .unwrap();
    let insert = "insert into odd (index, transaction) values (1, 'a')";
    assert_eq!(client.execute(insert, &[]).await.unwrap(), 1);
    let found = row(
        &client,
        "select index, o.transaction from odd o where index = 1",
    )
    .await;
    assert_eq!(found, ["1", "a"]);
}
