//! Types and binary values, as drivers ask for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_postgres::types::Type;

use crate::support::{emulator, session};

#[tokio::test]
async fn parameters_and_results_are_typed() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let statement = client
        .prepare(
            "select id, name, price, organic, stock * 2 as double, count(*) over () as n
             from products where price > $1 and organic = $2 and name like $3 limit $4",
        )
        .await
        .unwrap();
    assert_eq!(
        statement.params(),
        [Type::NUMERIC, Type::BOOL, Type::TEXT, Type::INT8]
    );
    let columns: Vec<(&str, &Type)> = statement
        .columns()
        .iter()
        .map(|column| (column.name(), column.type_()))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", &Type::INT4),
            ("name", &Type::VARCHAR),
            ("price", &Type::NUMERIC),
            ("organic", &Type::BOOL),
            ("double", &Type::INT4),
            ("n", &Type::INT8),
        ]
    );
    let statement = client
        .prepare("delete from orders where id = $1")
        .await
        .unwrap();
    assert_eq!(statement.params(), [Type::INT4]);
    assert!(statement.columns().is_empty());
}

#[tokio::test]
async fn binary_values_go_both_ways() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let time = UNIX_EPOCH + Duration::new(1_772_438_400, 123_456_000);
    let row = client
        .query_one(
            "select $1::int2, $2::int4, $3::int8, $4::float8, $5::bool, $6::text, $7::bytea,
                    $8::timestamptz, $9::int4[], $10::text, $11::float4, $12::text[]",
            &[
                &-2_i16,
                &i32::MAX,
                &i64::MIN,
                &0.1_f64,
                &true,
                &"ü€",
                &&[0_u8, 255][..],
                &time,
                &vec![Some(1), None],
                &None::<&str>,
                &1.5_f32,
                &vec!["a b", ""],
            ],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i16>(0), -2);
    assert_eq!(row.get::<_, i32>(1), i32::MAX);
    assert_eq!(row.get::<_, i64>(2), i64::MIN);
    assert_eq!(row.get::<_, f64>(3).to_bits(), 0.1_f64.to_bits());
    assert!(row.get::<_, bool>(4));
    assert_eq!(row.get::<_, &str>(5), "ü€");
    assert_eq!(row.get::<_, &[u8]>(6), [0, 255]);
    assert_eq!(row.get::<_, SystemTime>(7), time);
    assert_eq!(row.get::<_, Vec<Option<i32>>>(8), [Some(1), None]);
    assert_eq!(row.get::<_, Option<&str>>(9), None);
    assert_eq!(row.get::<_, f32>(10).to_bits(), 1.5_f32.to_bits());
    assert_eq!(row.get::<_, Vec<String>>(11), ["a b", ""]);
}

#[tokio::test]
async fn stored_values_come_back_as_they_were() {
    let azure = emulator().await;
    let client = session(&azure).await;
    client
        .batch_execute("create table kept (a int8, b float8, c bool, d text, e bytea, f timestamp)")
        .await
        .unwrap();
    let time = UNIX_EPOCH + Duration::new(951_782_400, 7_000);
    client
        .execute(
            "insert into kept values ($1::int8, $2::float8, $3::bool, $4, $5::bytea, $6::timestamp)",
            &[&i64::MAX, &1e300_f64, &false, &"'quoted'", &&b"\0\x01"[..], &time],
        )
        .await
        .unwrap();
    let row = client
        .query_one("select * from kept where c = $1", &[&false])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), i64::MAX);
    assert_eq!(row.get::<_, f64>(1).to_bits(), 1e300_f64.to_bits());
    assert!(!row.get::<_, bool>(2));
    assert_eq!(row.get::<_, &str>(3), "'quoted'");
    assert_eq!(row.get::<_, &[u8]>(4), b"\0\x01");
    assert_eq!(row.get::<_, SystemTime>(5), time);
}

#[tokio::test]
async fn one_megabyte_in_one_value_arrives() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let large = "x".repeat(1024 * 1024);
    let sql = "select $1::text || repeat('y', $2)";
    let row = client
        .query_one(sql, &[&large, &1_000_000_i32])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0).len(), large.len() + 1_000_000);
}
