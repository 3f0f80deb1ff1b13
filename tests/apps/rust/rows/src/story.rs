//! What every app does, in this order.

use std::io::Write as _;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin, stdin};

use crate::app::{App, Failure, Protocol, Value, variable};

/// The SQL of a protocol.
struct Sql {
    places: [&'static str; 2],
    name: &'static str,
    sum: &'static str,
    twice: &'static str,
    echo: &'static str,
    sleep: &'static str,
    no_table: &'static str,
}

const POSTGRES: Sql = Sql {
    places: ["$1", "$2"],
    name: "varchar(100)",
    sum: "select $1::int + $2::int",
    twice: "select $1::int * 2",
    echo: "select $1::bytea",
    sleep: "select 1 from pg_sleep(600)",
    no_table: "42P01",
};
const MYSQL: Sql = Sql {
    places: ["?", "?"],
    name: "varchar(100) character set utf8mb4",
    sum: "select ? + ?",
    twice: "select ? * 2",
    echo: "select cast(? as binary)",
    sleep: "select sleep(600)",
    no_table: "1146",
};
const TDS: Sql = Sql {
    places: ["@p1", "@p2"],
    name: "nvarchar(100)",
    sum: "select @p1 + @p2",
    twice: "select @p1 + @p1",
    echo: "select @p1",
    sleep: "waitfor delay '0:10:00'",
    no_table: "208",
};

struct Story<'a, A: App> {
    app: &'a A,
    sql: &'static Sql,
    client: A::Client,
    table: String,
    input: Lines<BufReader<Stdin>>,
}

pub(crate) async fn tell<A: App>(app: A) -> Result<(), Failure> {
    say("driver", &app.driver());
    match app.setting() {
        Ok(setting) => say("setting", setting),
        Err(why) => {
            say("cannot", &format!("{}: {why}", variable("DB_TLS")));
            return Ok(());
        }
    }
    let client = match app.connect().await {
        Ok(client) => client,
        Err(failure) => {
            say("refused", &failure.text);
            return Ok(());
        }
    };
    let sql = match A::PROTOCOL {
        Protocol::Postgres => &POSTGRES,
        Protocol::Mysql => &MYSQL,
        Protocol::Tds => &TDS,
    };
    let mut story = Story {
        app: &app,
        sql,
        client,
        table: format!("things_rust_{}", std::process::id()),
        input: BufReader::new(stdin()).lines(),
    };
    story.expect("select 1", &[], &[Value::Number(1)]).await?;
    say("did", "connect");
    if variable("DB_STORY") == "whole" {
        story.whole().await
    } else {
        story.short().await
    }
}

fn say(what: &str, text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    println!("{what}: {}", words.join(" "));
    let _ = std::io::stdout().flush();
}

impl<A: App> Story<'_, A> {
    async fn short(&mut self) -> Result<(), Failure> {
        self.adds(1, 2).await?;
        say("did", "parameters");
        self.large().await?;
        say("did", "large");
        self.error().await?;
        say("did", "error");
        Ok(())
    }

    async fn whole(&mut self) -> Result<(), Failure> {
        let create = format!(
            "create table {} (id int primary key, name {})",
            self.table, self.sql.name
        );
        self.rows(&create, &[]).await?;
        say("did", "create");
        self.adds(1, 2).await?;
        self.keeps(1, Some("O'Hara \\ \"quoted\"")).await?;
        say("did", "parameters");
        let numbers: Vec<i32> = (0..20).collect();
        let twice = self
            .app
            .prepared(&mut self.client, self.sql.twice, &numbers)
            .await?;
        same(
            &twice,
            &numbers
                .iter()
                .map(|n| Value::Number(i64::from(n * 2)))
                .collect::<Vec<_>>(),
        )?;
        say("did", "prepared");
        self.rollback().await?;
        say("did", "rollback");
        self.large().await?;
        say("did", "large");
        self.keeps(20, None).await?;
        say("did", "nulls");
        self.keeps(30, Some("Grüße, 世界 🎉")).await?;
        say("did", "unicode");
        let rows: Vec<(i32, String)> = (0..500).map(|n| (1000 + n, format!("name {n}"))).collect();
        self.app.batch(&mut self.client, &self.table, &rows).await?;
        self.counts("id >= 1000", 500).await?;
        say("did", "batch");
        self.error().await?;
        say("did", "error");
        self.app.cancel(&mut self.client, self.sql.sleep).await?;
        self.adds(1, 2).await?;
        say("did", "cancel");
        let pool = self.app.pool();
        match &pool {
            Ok(pool) => {
                self.use_pool(pool).await?;
                say("did", "pool");
            }
            Err(why) => say("cannot", &format!("pool: {why}")),
        }
        self.metadata().await?;
        say("did", "metadata");
        self.rows(&format!("drop table {}", self.table), &[])
            .await?;
        for what in ["proxy", "upstream"] {
            say("now", &format!("{what} restarts"));
            self.input.next_line().await?;
            self.comes_back(pool.as_ref().ok()).await?;
            say("did", &format!("{what} restart"));
        }
        Ok(())
    }

    async fn rows(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Value>, Failure> {
        self.app.rows(&mut self.client, sql, values).await
    }

    async fn expect(
        &mut self,
        sql: &str,
        values: &[Value],
        wanted: &[Value],
    ) -> Result<(), Failure> {
        same(&self.rows(sql, values).await?, wanted)
    }

    async fn adds(&mut self, one: i64, other: i64) -> Result<(), Failure> {
        let numbers = [Value::Number(one), Value::Number(other)];
        self.expect(self.sql.sum, &numbers, &[Value::Number(one + other)])
            .await
    }

    async fn counts(&mut self, condition: &str, wanted: i64) -> Result<(), Failure> {
        let count = format!("select count(*) from {} where {condition}", self.table);
        self.expect(&count, &[], &[Value::Number(wanted)]).await
    }

    /// A name that is inserted comes back.
    async fn keeps(&mut self, id: i64, name: Option<&str>) -> Result<(), Failure> {
        let [first, second] = self.sql.places;
        let insert = format!(
            "insert into {} (id, name) values ({first}, {second})",
            self.table
        );
        self.rows(&insert, &[Value::Number(id), name.into()])
            .await?;
        let select = format!("select name from {} where id = {first}", self.table);
        self.expect(&select, &[Value::Number(id)], &[name.into()])
            .await
    }

    async fn rollback(&mut self) -> Result<(), Failure> {
        let insert = format!(
            "insert into {} (id, name) values (10, 'in a transaction')",
            self.table
        );
        for keeps in [false, true] {
            self.app
                .transaction(&mut self.client, &insert, keeps)
                .await?;
            self.counts("id = 10", i64::from(keeps)).await?;
        }
        Ok(())
    }

    async fn large(&mut self) -> Result<(), Failure> {
        let bytes = (0..5_u32 << 20).map(|at| (at * 7 + at / 251).to_le_bytes()[0]);
        let value = Value::Bytes(bytes.collect());
        self.expect(
            self.sql.echo,
            std::slice::from_ref(&value),
            std::slice::from_ref(&value),
        )
        .await
    }

    async fn error(&mut self) -> Result<(), Failure> {
        match self.rows("select * from nowhere", &[]).await {
            Err(failure) if failure.code == self.sql.no_table => self.adds(1, 2).await,
            Err(failure) => Err(failure),
            Ok(_) => Err("there is a table nowhere".into()),
        }
    }

    async fn metadata(&mut self) -> Result<(), Failure> {
        let table = &self.table;
        let columns = match A::PROTOCOL {
            Protocol::Tds => format!("exec sp_columns '{table}'"),
            Protocol::Postgres | Protocol::Mysql => format!(
                "select cast(column_name as char(64)) from information_schema.columns where table_name = '{table}'"
            ),
        };
        match self.rows(&columns, &[]).await?.as_slice() {
            [_, _] => Ok(()),
            columns => Err(format!("{} columns", columns.len()).into()),
        }
    }

    /// A hundred times, as many at once as it has connections.
    async fn use_pool(&self, pool: &A::Pool) -> Result<(), Failure> {
        let uses = (0..100).map(async |number| {
            let values = [Value::Number(number), Value::Number(1)];
            let sum = self.app.pooled(pool, self.sql.sum, &values).await?;
            same(&sum, &[Value::Number(number + 1)])
        });
        try_join_all(uses).await.map(|_| ())
    }

    /// What the pool held may fail, once each; then it works, and so does a new connection.
    async fn comes_back(&mut self, pool: Option<&A::Pool>) -> Result<(), Failure> {
        let mut attempt = 1;
        loop {
            let back = self.is_back(pool).await;
            if back.is_ok() || attempt == 50 {
                return back;
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_back(&mut self, pool: Option<&A::Pool>) -> Result<(), Failure> {
        self.client = self.app.connect().await?;
        self.adds(1, 2).await?;
        match pool {
            Some(pool) => self.use_pool(pool).await,
            None => Ok(()),
        }
    }
}

fn same(seen: &[Value], wanted: &[Value]) -> Result<(), Failure> {
    if seen == wanted {
        return Ok(());
    }
    let shown = |values: &[Value]| {
        let shown = values.iter().map(|value| match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Null => "NULL".to_owned(),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    Err(format!("[{}] is not [{}]", shown(seen), shown(wanted)).into())
}
