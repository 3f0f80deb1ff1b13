//! The sample as its three dialects see it.

mod transactions;

use super::*;

async fn sample() -> Sample {
    Sample::new().await.unwrap()
}

/// Runs the statements of a text, one after the other; what the last one has done.
async fn run(session: &Session, text: &str, values: &[Value]) -> Result<Outcome, Fault> {
    let mut last = None;
    for part in split(text, session.dialect()) {
        for statement in parse(part, session.dialect())? {
            let prepared = session.prepare(&statement, &[])?;
            last = Some(session.run(&prepared, values).await?);
        }
    }
    Ok(last.unwrap())
}

/// The rows of a query as text, `|` between columns.
async fn shown(session: &Session, text: &str) -> Vec<String> {
    let outcome = run(session, text, &[]).await.unwrap();
    let row = |row: &Vec<Value>| row.iter().map(Value::shown).collect::<Vec<_>>().join("|");
    outcome.rows.iter().map(row).collect()
}

async fn refused(session: &Session, text: &str) -> String {
    match run(session, text, &[]).await {
        Err(Fault::Unknown(text)) => text,
        other => panic!("{text}: {other:?}"),
    }
}

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::Mysql, Dialect::Tds];

#[tokio::test]
async fn rows_of_the_sample_are_exact_in_every_dialect() {
    let sample = sample().await;
    for dialect in DIALECTS {
        let session = sample.session(dialect).unwrap();
        let rows = shown(&session, "select * from products where id = 1").await;
        assert_eq!(rows, ["1|Olive oil, cold pressed|pantry|14.50|120|true"]);
        let rows = shown(&session, "select p.name from products p where price >= 16.4 and not (id in (3, 5)) or p.stock = 210 order by 1 desc").await;
        assert_eq!(rows, ["Espresso beans", "Dark chocolate 85 %"]);
        assert_eq!(
            shown(
                &session,
                "select count(*), min(price), max(name) from products"
            )
            .await,
            ["8|3.75|Wildflower honey"]
        );
        assert_eq!(shown(&session, "select 1 + 1, -2 * 3").await, ["2|-6"]);
    }
}

#[tokio::test]
async fn what_it_does_not_know_is_refused_with_a_way_out() {
    let sample = sample().await;
    for dialect in DIALECTS {
        let session = sample.session(dialect).unwrap();
        for text in [
            "select 1/0",
            "select 7 % 2",
            "grant select on products to nobody",
            "select * from products, orders",
            "select * from products join orders on true",
            "select distinct name from products",
            "select name from products group by name",
            "select name from products where name like 'a%'",
            "select name from products where price > (select 1)",
            "select lower(name) from products",
            "select count(distinct name) from products",
            "with a as (select 1) select * from a",
            "select 1 union select 2",
            "insert into products (id) select 1",
            "update products set price = price / 2",
            "delete from products where id = 1 / 0",
            "create view v as select 1",
            "create table t (a money)",
            "create table t (a int check (a > 0))",
            "truncate table products",
            "selct 1",
        ] {
            let told = refused(&session, text).await;
            assert!(
                told.starts_with("azdb-emulator: this sample does not know "),
                "{told}"
            );
            assert!(told.contains("azdb-emulator --behind "), "{told}");
        }
        assert_eq!(
            shown(&session, "select count(*) from products").await,
            ["8"]
        );
    }
}

#[tokio::test]
async fn own_tables_keep_their_types_and_rules() {
    let sample = sample().await;
    let session = sample.session(Dialect::Postgres).unwrap();
    let create = "create table shelf (id serial primary key, label varchar(5) not null unique, \
                  product int references products (id), price numeric(6,2) default 1.5, made date, \
                  at timestamp default now(), mark uuid, open boolean, raw bytea, weight float8)";
    run(&session, create, &[]).await.unwrap();
    let insert = "insert into shelf (label, product, price, made) values ($1, $2, $3, $4), ('b', null, 1, null) returning id, price, made";
    let values = [
        Value::Text("a".into()),
        Value::Int(1),
        Value::Text("2.25".into()),
        Value::Text("2024-02-29".into()),
    ];
    let outcome = run(&session, insert, &values).await.unwrap();
    assert_eq!((outcome.affected, outcome.last_id), (2, Some(2)));
    assert_eq!(
        outcome.rows[0],
        [
            Value::Int(1),
            Value::Numeric {
                units: 225,
                scale: 2
            },
            Value::Text("2024-02-29".into())
        ]
    );
    let insert = "insert into shelf (id, label) values ($1, 'n')";
    for insert in [insert, "insert into shelf values ($1, 'n')"] {
        let numbered = run(&session, insert, &[Value::Null]).await;
        assert!(
            matches!(numbered, Err(Fault::NotNull { .. })),
            "{numbered:?}"
        );
    }
    for (text, fault) in [
        (
            "insert into shelf (id, label) values (null, 'n')",
            Fault::NotNull {
                table: "shelf".into(),
                column: "id".into(),
            },
        ),
        (
            "insert into shelf (label) values ('toolong')",
            Fault::TooLong(5),
        ),
        (
            "insert into shelf (label) values (null)",
            Fault::NotNull {
                table: "shelf".into(),
                column: "label".into(),
            },
        ),
        (
            "insert into shelf (label) values ('a')",
            Fault::Unique {
                table: "shelf".into(),
                columns: vec!["label".into()],
                primary: false,
            },
        ),
        (
            "insert into shelf (id, label) values (1, 'c')",
            Fault::Unique {
                table: "shelf".into(),
                columns: vec!["id".into()],
                primary: true,
            },
        ),
        ("update shelf set product = 99", Fault::ForeignKey),
        (
            "update shelf set product = 3000000000",
            Fault::OutOfRange(Type::Int),
        ),
        (
            "update shelf set price = price + 9999",
            Fault::OutOfRange(Type::Numeric(6, 2)),
        ),
        (
            "update shelf set price = 1.005",
            Fault::Invalid(Type::Numeric(6, 2), "1.005".into()),
        ),
        (
            "update shelf set made = '2023-02-29'",
            Fault::Invalid(Type::Date, "2023-02-29".into()),
        ),
        ("select 2147483647 + 1", Fault::OutOfRange(Type::Int)),
        ("select \"Id\" from shelf", Fault::NoColumn("Id".into())),
        ("select id from \"Shelf\"", Fault::NoTable("Shelf".into())),
        (
            "create table shelf (a int)",
            Fault::TableExists("shelf".into()),
        ),
        (
            "insert into shelf (label) values ('x', 'y')",
            Fault::RowWidth,
        ),
    ] {
        assert_eq!(run(&session, text, &[]).await, Err(fault), "{text}");
    }
    assert_eq!(
        shown(&session, "select label, price from shelf order by made").await,
        ["a|2.25", "b|1.00"]
    );
    run(
        &session,
        "drop table shelf; drop table if exists shelf",
        &[],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn dialects_have_their_own_ways() {
    let sample = sample().await;
    let mysql = sample.session(Dialect::Mysql).unwrap();
    run(&mysql, "create table `t` (`id` bigint not null auto_increment, `Name` varchar(9), primary key (`id`)) engine=InnoDB", &[]).await.unwrap();
    let inserted = run(
        &mysql,
        "insert into t (name) values (?), (?)",
        &[Value::Text("Eins".into()), Value::Null],
    )
    .await
    .unwrap();
    assert_eq!(inserted.last_id, Some(2));
    assert_eq!(
        shown(
            &mysql,
            "select id from shop.t where NAME = 'eins' limit 0, 1"
        )
        .await,
        ["1"]
    );
    assert_eq!(
        shown(&mysql, "select name from t order by name limit 1").await,
        ["NULL"]
    );

    let tds = sample.session(Dialect::Tds).unwrap();
    run(&tds, "create table #t (id int identity(1,1) primary key, name nvarchar(max), at datetime2, data varbinary(8))", &[]).await.unwrap();
    let batch = "insert into #t (name, data) values (N'é', 0x01ff) select top 2 Name, data from [#T] order by id";
    assert_eq!(shown(&tds, batch).await, ["é|01ff"]);
    let other = sample.session(Dialect::Tds).unwrap();
    assert_eq!(
        run(&other, "select * from #t", &[]).await,
        Err(Fault::NoTable("#t".into()))
    );
    let declared = [Declared {
        name: "@text".into(),
        kind: Some(Type::Text(None)),
    }];
    let statement = parse("select @text + N'é', @TEXT", Dialect::Tds)
        .unwrap()
        .pop()
        .unwrap();
    let prepared = tds.prepare(&statement, &declared).unwrap();
    let outcome = tds
        .run(&prepared, &[Value::Text("na".into())])
        .await
        .unwrap();
    assert_eq!(
        outcome.rows,
        [[Value::Text("naé".into()), Value::Text("na".into())]]
    );
    run(&tds, "begin tran; begin tran; commit", &[])
        .await
        .unwrap();
    assert_eq!(tds.depth(), 1);

    let postgres = sample.session(Dialect::Postgres).unwrap();
    let statement = parse(
        "select $1::int8 + 1, $2 as a, count from (select 1)",
        Dialect::Postgres,
    );
    assert!(postgres.prepare(&statement.unwrap()[0], &[]).is_err());
    let statement = parse(
        "select $1::int8 + 1 as n, name from products where id = $2 limit $3",
        Dialect::Postgres,
    )
    .unwrap();
    let prepared = postgres.prepare(&statement[0], &[]).unwrap();
    assert_eq!(prepared.parameters, [Type::BigInt, Type::Int, Type::BigInt]);
    let names: Vec<&str> = prepared
        .columns
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["n", "name"]);
}

#[test]
fn texts_are_parted_at_semicolons_outside_of_quotes() {
    let text = "select ';' ; -- a; b\n\n select \"é;\"; ; update x /* ; */ set a = 1";
    let parts = [
        "select ';'",
        "-- a; b\n\n select \"é;\"",
        "update x /* ; */ set a = 1",
    ];
    assert_eq!(split(text, Dialect::Postgres), parts);
    assert_eq!(split("é; b", Dialect::Mysql), ["é", "b"]);
}
