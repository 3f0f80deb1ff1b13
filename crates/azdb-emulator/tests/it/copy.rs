//! `COPY`, both ways.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::Client;

use crate::support::{emulator, session, told};

async fn copy_in(client: &Client, sql: &str, parts: &[&str]) -> Result<u64, tokio_postgres::Error> {
    let sink = client.copy_in(sql).await?;
    pin_mut!(sink);
    for part in parts {
        sink.send(Bytes::copy_from_slice(part.as_bytes())).await?;
    }
    sink.finish().await
}

async fn copy_out(client: &Client, sql: &str) -> String {
    let stream = client.copy_out(sql).await.unwrap();
    pin_mut!(stream);
    let mut text = String::new();
    while let Some(part) = stream.next().await {
        text.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn rows_are_copied_in_and_out() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let into = "copy products (name, category, price, organic) from stdin";
    let parts = ["Plum j", "am\tpantry\t5.5\tt\nRye\t", "bakery\t4\tf\n"];
    assert_eq!(copy_in(&client, into, &parts).await.unwrap(), 2);
    let out = "copy (select name, price, organic from products where id > 8 order by id) to stdout";
    assert_eq!(
        copy_out(&client, out).await,
        "Plum jam\t5.50\tt\nRye\t4.00\tf\n"
    );
}

#[tokio::test]
async fn csv_keeps_quotes_and_nulls() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute("create table c (a int, b text)")
        .await
        .unwrap();
    let csv = "a,b\n1,\"x,\"\"y\"\"\"\n2,\n3,\"\"\n";
    let into = "copy c from stdin with (format csv, header true)";
    assert_eq!(copy_in(&client, into, &[csv]).await.unwrap(), 3);
    assert_eq!(copy_out(&client, "copy c to stdout csv header").await, csv);
    let nulls = client
        .query_one("select count(*) from c where b is null", &[])
        .await;
    assert_eq!(nulls.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn copy_that_fails_leaves_nothing() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let into = "copy products (name, category, price) from stdin";
    for (data, sqlstate) in [
        ("ok\tx\t1\nbad\tx\tnot a number\n", "22P02"),
        ("ok\tx\t1\nshort\n", "22P04"),
        ("ok\tx\t1\nAged pecorino\tx\t1\n", "23505"),
    ] {
        let error = copy_in(&client, into, &[data]).await.unwrap_err();
        assert_eq!(told(&error).0, sqlstate, "{data}");
    }
    let count = client.query_one("select count(*) from products", &[]).await;
    assert_eq!(count.unwrap().get::<_, i64>(0), 8);
}

#[tokio::test]
async fn four_megabytes_are_copied_there_and_back() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute("create table big (id int, line text)")
        .await
        .unwrap();
    let line = "x".repeat(4096);
    let rows: Vec<String> = (0..1024).map(|id| format!("{id}\t{line}\n")).collect();
    let parts: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(
        copy_in(&client, "copy big from stdin", &parts)
            .await
            .unwrap(),
        1024
    );
    assert_eq!(copy_out(&client, "copy big to stdout").await, rows.concat());
}
