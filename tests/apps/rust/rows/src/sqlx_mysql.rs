//! sqlx on MySQL, with rustls. Its users hold a pool, never a connection.

use std::pin::pin;
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPoolOptions, MySqlRow, MySqlSslMode};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, MySqlPool, QueryBuilder, Row as _, TypeInfo as _, ValueRef as _};
use tokio::time::timeout;

use crate::app::{App, Failure, Protocol, Value, port, variable, version};

pub(crate) struct SqlxMysql {
    options: MySqlConnectOptions,
    setting: String,
}

pub(crate) fn of(mode: &str) -> SqlxMysql {
    let options = MySqlConnectOptions::new()
        .host(&variable("DB_HOST"))
        .port(port())
        .username(&variable("DB_USER"))
        .password(&variable("DB_PASSWORD"))
        .database(&variable("DB_NAME"));
    let ca = variable("DB_CA");
    let (setting, options) = match mode {
        "off" => (
            "ssl-mode=DISABLED".to_owned(),
            options.ssl_mode(MySqlSslMode::Disabled),
        ),
        "asks" | "trusting" => (
            "ssl-mode=REQUIRED".to_owned(),
            options.ssl_mode(MySqlSslMode::Required),
        ),
        "verified" => (
            format!("ssl-mode=VERIFY_IDENTITY, ssl-ca={ca}"),
            options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(ca),
        ),
        _ => (String::new(), options),
    };
    SqlxMysql { options, setting }
}

impl App for SqlxMysql {
    type Client = MySqlPool;
    type Pool = MySqlPool;

    const PROTOCOL: Protocol = Protocol::Mysql;

    fn driver(&self) -> String {
        version("sqlx-mysql")
    }

    fn setting(&self) -> Result<&str, &str> {
        Ok(&self.setting)
    }

    async fn connect(&self) -> Result<MySqlPool, Failure> {
        let pool = MySqlPoolOptions::new().max_connections(1);
        Ok(pool.connect_with(self.options.clone()).await?)
    }

    async fn rows(
        &self,
        client: &mut MySqlPool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        self.pooled(client, sql, values).await
    }

    /// It keeps what it has prepared, by its text.
    async fn prepared(
        &self,
        client: &mut MySqlPool,
        sql: &str,
        numbers: &[i32],
    ) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for number in numbers {
            all.extend(
                self.pooled(client, sql, &[Value::Number(i64::from(*number))])
                    .await?,
            );
        }
        Ok(all)
    }

    async fn transaction(
        &self,
        client: &mut MySqlPool,
        sql: &str,
        keeps: bool,
    ) -> Result<(), Failure> {
        let mut transaction = client.begin().await?;
        query(sql, &[]).execute(&mut *transaction).await?;
        if keeps {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(())
    }

    async fn batch(
        &self,
        client: &mut MySqlPool,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure> {
        let mut insert = QueryBuilder::<MySql>::new(format!("insert into {table} (id, name) "));
        insert.push_values(rows, |mut values, (id, name)| {
            values.push_bind(id).push_bind(name);
        });
        insert.build().execute(&*client).await?;
        Ok(())
    }

    /// It can't cancel; another connection can, once the query has begun.
    async fn cancel(&self, client: &mut MySqlPool, sql: &str) -> Result<(), Failure> {
        let id = self.pooled(client, "select connection_id()", &[]).await?;
        let [Value::Number(id)] = id.as_slice() else {
            return Err("it has no number".into());
        };
        let kill = format!("kill query {id}");
        let mut other = self.connect().await?;
        let mut query = pin!(self.pooled(client, sql, &[]));
        loop {
            // MySQL's sleep says 1, MariaDB's that it was interrupted.
            match timeout(Duration::from_millis(50), &mut query).await {
                Ok(Err(failure)) if failure.code == "1317" => return Ok(()),
                Ok(ended) => return ended.map(|_| ()),
                Err(_elapsed) => self.rows(&mut other, &kill, &[]).await?,
            };
        }
    }

    fn pool(&self) -> Result<MySqlPool, &'static str> {
        let pool = MySqlPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(10));
        Ok(pool.connect_lazy_with(self.options.clone()))
    }

    async fn pooled(
        &self,
        pool: &MySqlPool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let rows = query(sql, values).fetch_all(pool).await?;
        rows.iter().map(first).collect()
    }
}

fn query(sql: &str, values: &[Value]) -> Query<'static, MySql, MySqlArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    values.iter().fold(query, |query, value| match value {
        Value::Number(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
        Value::Null => query.bind(None::<String>),
    })
}

fn first(row: &MySqlRow) -> Result<Value, Failure> {
    let raw = row.try_get_raw(0)?;
    Ok(match raw.type_info().name() {
        _ if raw.is_null() => Value::Null,
        "INT" | "BIGINT" => Value::Number(row.try_get(0)?),
        "INT UNSIGNED" | "BIGINT UNSIGNED" => {
            Value::Number(row.try_get::<u64, _>(0)?.try_into().unwrap())
        }
        "DOUBLE" => Value::Number(row.try_get::<f64, _>(0)? as i64),
        "VARCHAR" | "CHAR" | "TEXT" => Value::Text(row.try_get(0)?),
        _ => Value::Bytes(row.try_get(0)?),
    })
}
