//! The sample as its three dialects see it.

use std::time::Duration;

use super::Dialect::{Mysql, Postgres, Tds};
use super::*;

pub(super) async fn sample() -> Sample {
    Sample::new().await.unwrap()
}

/// Runs the statements of a text, one after the other; what the last one has done.
pub(super) async fn run(session: &Session, text: &str, values: &[Value]) -> Result<Outcome, Fault> {
    let mut last = None;
    for part in split(text, session.dialect) {
        for statement in parse(part, session.dialect)? {
            let prepared = session.prepare(&statement, &[])?;
            last = Some(session.run(&prepared, values).await?);
        }
    }
    Ok(last.unwrap())
}

/// The rows of a query as text, `|` between columns.
pub(super) async fn shown(session: &Session, text: &str) -> Vec<String> {
    let outcome = run(session, text, &[]).await;
    let outcome = outcome.unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    let row = |row: &Vec<Value>| row.iter().map(Value::shown).collect::<Vec<_>>().join("|");
    outcome.rows.iter().map(row).collect()
}

#[tokio::test]
async fn what_it_knows_is_exact() {
    let sample = sample().await;
    for (dialects, text, rows) in [
        (
            &[Postgres, Mysql, Tds][..],
            "select * from products where id = 1",
            &["1|Olive oil, cold pressed|pantry|14.50|120|true"][..],
        ),
        (
            &[Postgres, Mysql, Tds],
            "select products.name from products where price >= 16.4 and not (id = 3 or 5 = id) \
             or stock = 210 order by name desc",
            &["Espresso beans", "Dark chocolate 85 %"],
        ),
        (
            &[Postgres, Mysql, Tds],
            "select count(*), min(price), max(name) from products",
            &["8|3.75|Wildflower honey"],
        ),
        (&[Postgres, Mysql, Tds], "select 1 + 1, 2 - 3", &["2|-1"]),
        (
            &[Postgres, Mysql],
            "select stock + 1 as more from products order by name limit 1 offset 1",
            &["41"],
        ),
        // Texts are compared with their case in PostgreSQL, and without it elsewhere.
        (
            &[Postgres],
            "select count(*) from orders where status = 'Paid'",
            &["0"],
        ),
        (
            &[Mysql, Tds],
            "select count(*) from orders where status = 'Paid'",
            &["2"],
        ),
        (
            &[Postgres],
            "select name from customers where name > 'B' order by name limit 1",
            &["Björn Lindqvist"],
        ),
        (
            &[Mysql, Tds],
            "select count(name) from customers where name <> 'amara okafor'",
            &["7"],
        ),
        (
            &[Tds],
            "select top 1 'a' + N'é', name from [dbo].[Products] where organic = 1 order by price",
            &["aé|Sourdough loaf"],
        ),
    ] {
        for dialect in dialects {
            let session = sample.session(*dialect).unwrap();
            assert_eq!(shown(&session, text).await, rows, "{text}");
        }
    }
}

const UNKNOWN: [&str; 34] = [
    "select 1/0",
    "select 7 % 2",
    "select 1.5 + 2",
    "grant select on products to nobody",
    "select * from products, orders",
    "select * from products join orders on true",
    "select distinct name from products",
    "select name from products group by name",
    "select name from products where name like 'a%'",
    "select name from products where price > (select 1)",
    "select name from products where price > 1.005",
    "select name from products where name = 5",
    "select name from products for update",
    "select lower(name) from products",
    "select count(distinct name) from products",
    "select id from products order by price / 2",
    "select id from products order by 1",
    "select stock + 1 as name from products order by name",
    "select price as name from products order by name",
    "with a as (select 1) select * from a",
    "select 1 union select 2",
    "insert into products (id) select 1",
    "insert into products (name) values (default)",
    "update products set price = price / 2",
    "delete from products where id = 1 / 0",
    "create view v as select 1",
    "create table t (a money)",
    "create table t (a int check (a > 0))",
    "create table if not exists products (a int)",
    "create table t (a int references products (id) on delete cascade)",
    "drop table products cascade",
    "drop view products",
    "truncate table products",
    "selct 1",
];

/// Nobody here knows their order, or what they are equal to.
const LETTERS: [&str; 5] = [
    "select name from customers order by name",
    "select max(name) from customers",
    "select id from customers where name > 'B'",
    "select id from customers where name = 'björn lindqvist'",
    "select id from customers where name = 'Amara Okafor '",
];

#[tokio::test]
async fn what_it_does_not_know_is_refused_with_a_way_out() {
    let sample = sample().await;
    for (dialect, texts) in [
        (Postgres, &UNKNOWN[..]),
        (Mysql, &UNKNOWN),
        (Tds, &UNKNOWN),
        (Mysql, &LETTERS),
        (Tds, &LETTERS),
    ] {
        let session = sample.session(dialect).unwrap();
        for text in texts {
            let Err(Fault::Unknown(told)) = run(&session, text, &[]).await else {
                panic!("{text}");
            };
            let start = "azdb-emulator: this sample does not know ";
            assert!(told.starts_with(start), "{told}");
            assert!(told.contains("azdb-emulator --behind "), "{told}");
        }
        let count = "select count(*) from products";
        assert_eq!(shown(&session, count).await, ["8"]);
    }
}

/// A session with a table of its own, and two rows in it.
async fn shelf(sample: &Sample) -> Session {
    let session = sample.session(Postgres).unwrap();
    let create = "create table shelf (id serial primary key, label varchar(5) not null unique, \
                  product int references products (id), price numeric(6,2) default 1.5, \
                  at timestamp default current_timestamp, open boolean)";
    run(&session, create, &[]).await.unwrap();
    let insert = "insert into shelf (label, product, at) values ($1, $2, $3), ('b', null, null)";
    let values = [
        Value::Text("a".into()),
        Value::Int(1),
        Value::Text("2024-02-29".into()),
    ];
    let outcome = run(&session, insert, &values).await.unwrap();
    assert_eq!((outcome.affected, outcome.last_id), (2, Some(2)));
    let rows = "select label, price, at from shelf order by at";
    let rows = shown(&session, rows).await;
    assert_eq!(rows, ["a|1.50|2024-02-29 00:00:00", "b|1.50|NULL"]);
    session
}

#[tokio::test]
async fn own_tables_keep_their_types_and_rules() {
    let sample = sample().await;
    let session = shelf(&sample).await;
    let unique = |column: &str, primary| Fault::Unique {
        table: "shelf".into(),
        columns: vec![column.into()],
        primary,
    };
    let no_label = Fault::NotNull {
        table: "shelf".into(),
        column: "label".into(),
    };
    let (price, at) = (Type::Numeric(6, 2), Type::Timestamp);
    for (text, fault) in [
        (
            "insert into shelf (label) values ('toolong')",
            Fault::TooLong(5),
        ),
        ("insert into shelf (label) values (null)", no_label),
        (
            "insert into shelf (label) values ('a')",
            unique("label", false),
        ),
        (
            "insert into shelf (id, label) values (1, 'c')",
            unique("id", true),
        ),
        (
            "insert into shelf (label) values ('x', 'y')",
            Fault::RowWidth,
        ),
        ("update shelf set product = 99", Fault::ForeignKey),
        (
            "update shelf set product = 3000000000",
            Fault::OutOfRange(Type::Int),
        ),
        (
            "update shelf set price = 1.005",
            Fault::Invalid(price, "1.005".into()),
        ),
        (
            "update shelf set at = '2023-02-29'",
            Fault::Invalid(at, "2023-02-29".into()),
        ),
        ("select 2147483647 + 1", Fault::OutOfRange(Type::Int)),
        ("select \"Id\" from shelf", Fault::NoColumn("Id".into())),
        ("select id from \"Shelf\"", Fault::NoTable("Shelf".into())),
        (
            "create table shelf (a int)",
            Fault::TableExists("shelf".into()),
        ),
    ] {
        assert_eq!(run(&session, text, &[]).await, Err(fault), "{text}");
    }
    let null = "insert into shelf (id, label) values ($1, 'n')";
    assert!(run(&session, null, &[Value::Null]).await.is_err());
    let undone = "begin; drop table shelf; rollback; select count(*) from shelf";
    assert_eq!(shown(&session, undone).await, ["2"]);
    let drop = "drop table shelf; drop table if exists shelf";
    run(&session, drop, &[]).await.unwrap();
}

#[tokio::test]
async fn dialects_have_their_own_tables_and_parameters() {
    let sample = sample().await;
    let mysql = sample.session(Mysql).unwrap();
    let create = "create table `t` (`id` int auto_increment primary key, `Name` varchar(9))";
    run(&mysql, create, &[]).await.unwrap();
    let values = [Value::Text("Eins".into()), Value::Null];
    let inserted = run(&mysql, "insert into t (name) values (?), (?)", &values).await;
    assert_eq!(inserted.unwrap().last_id, Some(2));
    let zero = run(&mysql, "insert into t values (0, 'x')", &[]).await;
    assert!(matches!(zero, Err(Fault::Unknown(_))), "{zero:?}");
    let query = "select id from shop.t where NAME = 'eins' limit 1";
    assert_eq!(shown(&mysql, query).await, ["1"]);
    let nulls_first = "select name from t order by name limit 1";
    assert_eq!(shown(&mysql, nulls_first).await, ["NULL"]);

    let (tds, other) = (sample.session(Tds).unwrap(), sample.session(Tds).unwrap());
    let batch = "create table #t (id int identity(1,1) primary key, name nvarchar(max)) \
                 insert into #t values (N'é') select top 2 Name from [#T] order by id";
    assert_eq!(shown(&tds, batch).await, ["é"]);
    let unseen = run(&other, "select * from #t", &[]).await;
    assert_eq!(unseen, Err(Fault::NoTable("#t".into())));
    let declared = [Declared {
        name: "@text".into(),
        kind: Some(Type::Text(None)),
    }];
    let statement = parse("select @text + N'é', @TEXT", Tds).unwrap();
    let prepared = tds.prepare(&statement[0], &declared).unwrap();
    let outcome = tds.run(&prepared, &[Value::Text("na".into())]).await;
    let row = ["naé", "na"].map(|text| Value::Text(text.into()));
    assert_eq!(outcome.unwrap().rows, [row]);

    let postgres = sample.session(Postgres).unwrap();
    let text = "select name as n, id from products where id = $2 and price > $1 limit $3";
    let prepared = postgres.prepare(&parse(text, Postgres).unwrap()[0], &[]);
    let prepared = prepared.unwrap();
    let price = Type::Numeric(MAX_PRECISION, 2);
    assert_eq!(prepared.parameters, [price, Type::Int, Type::BigInt]);
    let names = prepared.columns.iter().map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["n", "id"]);
}

#[test]
fn texts_are_parted_at_semicolons_outside_of_quotes() {
    let text = "select ';' ; -- a; b\n\n select \"é;\"; ; update x /* ; */ set a = 1";
    let parts = [
        "select ';'",
        "-- a; b\n\n select \"é;\"",
        "update x /* ; */ set a = 1",
    ];
    assert_eq!(split(text, Postgres), parts);
    assert_eq!(split("é; b", Mysql), ["é", "b"]);
    let list = "a, 'b,c', f(d, e), `g,h`, ?";
    assert_eq!(items(list, Mysql), ["a", "'b,c'", "f(d, e)", "`g,h`", "?"]);
    assert_eq!(places("select ?, '?', `?`, ? from t", Mysql), 2);
}

#[tokio::test]
async fn transactions_end_as_they_are_told_in_every_spelling() {
    let sample = sample().await;
    for (dialect, begin, end, left) in [
        (Postgres, "begin", "Rollback Work", "8"),
        (Postgres, "BEGIN TRANSACTION", "abort", "8"),
        (Mysql, "start transaction", "rollback", "8"),
        (Tds, "begin tran", "ROLLBACK TRAN", "8"),
        (Tds, "Begin Transaction", "rollback transaction", "8"),
        (Postgres, "begin", "end", "7"),
        (Mysql, "begin", "COMMIT WORK", "6"),
        (Tds, "begin transaction", "commit tran", "5"),
        (Tds, "begin tran; begin tran; commit", "rollback", "5"),
    ] {
        let session = sample.session(dialect).unwrap();
        run(&session, begin, &[]).await.unwrap();
        assert_eq!(session.transaction(), Transaction::Open, "{begin}");
        let first = shown(&session, "select min(id) from orders").await;
        let delete = format!("delete from orders where id = {}", first[0]);
        run(&session, &delete, &[]).await.unwrap();
        run(&session, end, &[]).await.unwrap();
        assert_eq!(session.transaction(), Transaction::None, "{end}");
        let count = shown(&session, "select count(*) from orders").await;
        assert_eq!(count, [left], "{begin} {end}");
    }
}

#[tokio::test]
async fn second_writer_waits_and_readers_do_not() {
    let sample = sample().await;
    let [one, two] = [Postgres; 2].map(|dialect| sample.session(dialect).unwrap());
    let stock = "select stock from products where id = 2";
    run(&two, "begin", &[]).await.unwrap();
    assert_eq!(shown(&two, stock).await, ["35"]);
    let change = "begin; update products set stock = 1 where id = 2";
    run(&one, change, &[]).await.unwrap();
    let change = "update products set stock = stock + 1 where id = 2";
    let mut change = std::pin::pin!(run(&two, change, &[]));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut change).await;
    assert!(early.is_err(), "a second writer has to wait");
    let reader = sample.session(Mysql).unwrap();
    assert_eq!(shown(&reader, stock).await, ["35"]);
    run(&one, "commit", &[]).await.unwrap();
    assert_eq!(change.await.unwrap().affected, 1);
    assert_eq!(shown(&two, stock).await, ["2"]);
}

#[tokio::test]
async fn writer_that_waits_can_be_interrupted() {
    let sample = sample().await;
    let [one, two] = [Mysql; 2].map(|dialect| sample.session(dialect).unwrap());
    run(&one, "begin; delete from orders", &[]).await.unwrap();
    two.interrupt().fire();
    let (waited, ()) = tokio::join!(biased; run(&two, "delete from orders", &[]), async {
        two.interrupt().fire();
    });
    assert_eq!(waited, Err(Fault::Cancelled));
    run(&one, "rollback", &[]).await.unwrap();
    let deleted = run(&two, "delete from orders where id = 1", &[]).await;
    assert_eq!(deleted.unwrap().affected, 1);
}

#[tokio::test]
async fn sessions_come_and_go_without_keeping_each_other_out() {
    let sample = Sample::new().await.unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(sample.session(Mysql).unwrap());
                }
            });
        }
    });
}
