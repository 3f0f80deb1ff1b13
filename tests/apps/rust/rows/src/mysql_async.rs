//! mysql_async, with rustls and its own pool.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{
    Conn, Error, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row, SslOpts, TxOpts,
};
use tokio::time::timeout;

use crate::app::{App, Failure, Protocol, Value, port, variable, version};

pub(crate) struct MysqlAsync {
    opts: Opts,
    setting: &'static str,
}

pub(crate) fn of(mode: &str) -> MysqlAsync {
    let (setting, tls) = match mode {
        "off" => ("ssl_opts(None)", None),
        "asks" => ("ssl_opts(SslOpts::default())", Some(SslOpts::default())),
        "trusting" => (
            "SslOpts::default().with_danger_accept_invalid_certs(true)",
            Some(SslOpts::default().with_danger_accept_invalid_certs(true)),
        ),
        "verified" => (
            "SslOpts::default().with_root_certs(vec![ca])",
            Some(SslOpts::default().with_root_certs(vec![PathBuf::from(variable("DB_CA")).into()])),
        ),
        _ => ("", None),
    };
    let ten = PoolConstraints::new(0, 10).unwrap();
    let opts = OptsBuilder::default()
        .ip_or_hostname(variable("DB_HOST"))
        .tcp_port(port())
        .user(Some(variable("DB_USER")))
        .pass(Some(variable("DB_PASSWORD")))
        .db_name(Some(variable("DB_NAME")))
        .ssl_opts(tls)
        .pool_opts(PoolOpts::new().with_constraints(ten));
    MysqlAsync {
        opts: opts.into(),
        setting,
    }
}

impl App for MysqlAsync {
    type Client = Conn;
    type Pool = Pool;

    const PROTOCOL: Protocol = Protocol::Mysql;

    fn driver(&self) -> String {
        version("mysql_async")
    }

    fn setting(&self) -> Result<&str, &str> {
        Ok(self.setting)
    }

    async fn connect(&self) -> Result<Conn, Failure> {
        Ok(Conn::new(self.opts.clone()).await?)
    }

    async fn rows(
        &self,
        client: &mut Conn,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        if values.is_empty() {
            let rows: Vec<Row> = client.query(sql).await?;
            return Ok(rows.into_iter().map(first).collect());
        }
        let rows: Vec<Row> = client.exec(sql, parameters(values)).await?;
        Ok(rows.into_iter().map(first).collect())
    }

    async fn prepared(
        &self,
        client: &mut Conn,
        sql: &str,
        numbers: &[i32],
    ) -> Result<Vec<Value>, Failure> {
        let statement = client.prep(sql).await?;
        let mut all = Vec::new();
        for number in numbers {
            let rows: Vec<Row> = client.exec(&statement, (number,)).await?;
            all.extend(rows.into_iter().map(first));
        }
        client.close(statement).await?;
        Ok(all)
    }

    async fn transaction(&self, client: &mut Conn, sql: &str, keeps: bool) -> Result<(), Failure> {
        let mut transaction = client.start_transaction(TxOpts::default()).await?;
        transaction.query_drop(sql).await?;
        if keeps {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(())
    }

    async fn batch(
        &self,
        client: &mut Conn,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure> {
        let insert = format!("insert into {table} (id, name) values (?, ?)");
        Ok(client.exec_batch(insert, rows.iter().cloned()).await?)
    }

    /// A server that gets the kill before the query forgets it, so it is asked until the query has ended.
    async fn cancel(&self, client: &mut Conn, sql: &str) -> Result<(), Failure> {
        let kill = format!("kill query {}", client.id());
        let mut other = self.connect().await?;
        let mut query = pin!(client.query_drop(sql));
        loop {
            // MySQL's sleep says 1, MariaDB's that it was interrupted.
            match timeout(Duration::from_millis(50), &mut query).await {
                Ok(Err(Error::Server(error))) if error.code == 1317 => return Ok(()),
                Ok(ended) => return Ok(ended?),
                Err(_elapsed) => other.query_drop(&kill).await?,
            }
        }
    }

    fn pool(&self) -> Result<Pool, &'static str> {
        Ok(Pool::new(self.opts.clone()))
    }

    async fn pooled(
        &self,
        pool: &Pool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let mut client = pool.get_conn().await?;
        self.rows(&mut client, sql, values).await
    }
}

fn parameters(values: &[Value]) -> Vec<mysql_async::Value> {
    let parameter = |value: &Value| match value {
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => bytes.into(),
        Value::Null => mysql_async::Value::NULL,
    };
    values.iter().map(parameter).collect()
}

/// Text comes for numbers, too, unless the statement is prepared.
fn first(row: Row) -> Value {
    match row.unwrap().swap_remove(0) {
        mysql_async::Value::NULL => Value::Null,
        mysql_async::Value::Int(number) => Value::Number(number),
        mysql_async::Value::UInt(number) => Value::Number(number.try_into().unwrap()),
        mysql_async::Value::Double(number) => Value::Number(number as i64),
        mysql_async::Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text.parse().map_or(Value::Text(text), Value::Number),
            Err(error) => Value::Bytes(error.into_bytes()),
        },
        other => Value::Text(format!("{other:?}")),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Server(error) => error.code.to_string(),
            _ => String::new(),
        };
        Self::new(code, &error)
    }
}
