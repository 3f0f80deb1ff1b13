//! sqlx on PostgreSQL, with rustls. Its users hold a pool, never a connection.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _, TypeInfo as _, ValueRef as _};

use crate::app::{App, Failure, Protocol, Value, port, variable, version};

pub(crate) struct SqlxPostgres {
    options: PgConnectOptions,
    setting: String,
}

pub(crate) fn of(mode: &str) -> SqlxPostgres {
    let options = PgConnectOptions::new()
        .host(&variable("DB_HOST"))
        .port(port())
        .username(&variable("DB_USER"))
        .password(&variable("DB_PASSWORD"))
        .database(&variable("DB_NAME"));
    let ca = variable("DB_CA");
    let (setting, options) = match mode {
        "off" => (
            "sslmode=disable".to_owned(),
            options.ssl_mode(PgSslMode::Disable),
        ),
        "asks" | "trusting" => (
            "sslmode=require".to_owned(),
            options.ssl_mode(PgSslMode::Require),
        ),
        "verified" => (
            format!("sslmode=verify-full, sslrootcert={ca}"),
            options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
        ),
        _ => (String::new(), options),
    };
    SqlxPostgres { options, setting }
}

impl SqlxPostgres {
    async fn pool_of(&self, size: u32) -> Result<PgPool, Failure> {
        let pool = PgPoolOptions::new().max_connections(size);
        Ok(pool.connect_with(self.options.clone()).await?)
    }
}

impl App for SqlxPostgres {
    type Client = PgPool;
    type Pool = PgPool;

    const PROTOCOL: Protocol = Protocol::Postgres;

    fn driver(&self) -> String {
        version("sqlx-postgres")
    }

    fn setting(&self) -> Result<&str, &str> {
        Ok(&self.setting)
    }

    async fn connect(&self) -> Result<PgPool, Failure> {
        self.pool_of(1).await
    }

    async fn rows(
        &self,
        client: &mut PgPool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        self.pooled(client, sql, values).await
    }

    /// It keeps what it has prepared, by its text.
    async fn prepared(
        &self,
        client: &mut PgPool,
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
        client: &mut PgPool,
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
        client: &mut PgPool,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure> {
        let insert =
            format!("insert into {table} (id, name) select * from unnest($1::int[], $2::text[])");
        let (ids, names): (Vec<i32>, Vec<String>) = rows.iter().cloned().unzip();
        sqlx::query(AssertSqlSafe(insert))
            .bind(ids)
            .bind(names)
            .execute(&*client)
            .await?;
        Ok(())
    }

    /// It can't cancel; the server has a limit of its own.
    async fn cancel(&self, _: &mut PgPool, sql: &str) -> Result<(), Failure> {
        let limited = self
            .options
            .clone()
            .options([("statement_timeout", "200ms")]);
        let limited = PgPoolOptions::new().connect_with(limited).await?;
        match query(sql, &[])
            .fetch_all(&limited)
            .await
            .map_err(Failure::from)
        {
            Err(failure) if failure.code == "57014" => Ok(()),
            Err(failure) => Err(failure),
            Ok(_) => Err("the query ended by itself".into()),
        }
    }

    fn pool(&self) -> Result<PgPool, &'static str> {
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(10));
        Ok(pool.connect_lazy_with(self.options.clone()))
    }

    async fn pooled(
        &self,
        pool: &PgPool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let rows = query(sql, values).fetch_all(pool).await?;
        rows.iter().map(first).collect()
    }
}

fn query(sql: &str, values: &[Value]) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    values.iter().fold(query, |query, value| match value {
        Value::Number(number) => query.bind(i32::try_from(*number).unwrap()),
        Value::Text(text) => query.bind(text.clone()),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
        Value::Null => query.bind(None::<String>),
    })
}

fn first(row: &PgRow) -> Result<Value, Failure> {
    let raw = row.try_get_raw(0)?;
    Ok(match raw.type_info().name() {
        _ if raw.is_null() => Value::Null,
        "INT4" => Value::Number(row.try_get::<i32, _>(0)?.into()),
        "INT8" => Value::Number(row.try_get(0)?),
        "BYTEA" => Value::Bytes(row.try_get(0)?),
        _ => Value::Text(row.try_get(0)?),
    })
}

impl From<sqlx::Error> for Failure {
    /// PostgreSQL's SQLSTATE, MySQL's number.
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().map(|error| {
            let mysql = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
            let number = mysql.map(|error| error.number().to_string());
            number
                .or_else(|| error.code().map(Into::into))
                .unwrap_or_default()
        });
        Self::new(code.unwrap_or_default(), &error)
    }
}
