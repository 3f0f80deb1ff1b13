//! What the sample knows in T-SQL alone.

use super::Dialect::Tds;
use super::tests::{run, sample, shown};
use super::*;

#[tokio::test]
async fn bytes_are_kept_in_tables_of_sql_server() {
    let sample = sample().await;
    let session = sample.session(Tds).unwrap();
    let text = "create table #b (id int, data varbinary(max)); insert into #b (id, data) values \
                (1, 0x00ffA0), (2, 0x), (3, null); select data from #b order by id";
    run(&session, text, &[]).await.unwrap();
    let rows = shown(&session, "select data from #b order by id").await;
    assert_eq!(rows, ["00ffa0", "", "NULL"]);
    let odd = run(&session, "insert into #b (id, data) values (4, 0x123)", &[]).await;
    assert!(matches!(odd, Err(Fault::Unknown(_))), "{odd:?}");
}

#[tokio::test]
async fn generators_name_the_key_behind_the_columns_and_count_by_big_numbers() {
    let sample = sample().await;
    let session = sample.session(Tds).unwrap();
    let create =
        "create table [made] ([id] int not null, [name] nvarchar(max) null, primary key ([id]))";
    run(&session, create, &[]).await.unwrap();
    let insert = "insert into [made] ([id]) values (1)";
    run(&session, insert, &[]).await.unwrap();
    let again = run(&session, insert, &[]).await;
    let key = matches!(again, Err(Fault::Unique { primary: true, .. }));
    assert!(key, "{again:?}");
    let count = "select count_big(*) as [__count] from [made]";
    assert_eq!(shown(&session, count).await, ["1"]);
    let counted = run(&session, count, &[]).await.unwrap();
    assert_eq!(counted.columns[0].kind, Type::BigInt);
    for constraint in [
        "primary key (id, name)",
        "unique (id)",
        "constraint k primary key (id)",
    ] {
        let text = format!("create table #u (id int, name nvarchar(9), {constraint})");
        let refused = run(&session, &text, &[]).await;
        assert!(
            matches!(refused, Err(Fault::Unknown(_))),
            "{constraint}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn transaction_goes_back_to_a_point() {
    let sample = sample().await;
    let session = sample.session(Tds).unwrap();
    let insert = |id: u8| format!("insert into #s (id) values ({id})");
    run(&session, "create table #s (id int)", &[])
        .await
        .unwrap();
    run(&session, "begin transaction", &[]).await.unwrap();
    run(&session, &insert(1), &[]).await.unwrap();
    session.save("Here").unwrap();
    run(&session, &insert(2), &[]).await.unwrap();
    session.rollback_to("here").unwrap();
    run(&session, &insert(3), &[]).await.unwrap();
    assert!(session.rollback_to("nowhere").is_err());
    run(&session, "commit", &[]).await.unwrap();
    assert_eq!(shown(&session, "select id from #s").await, ["1", "3"]);
}
