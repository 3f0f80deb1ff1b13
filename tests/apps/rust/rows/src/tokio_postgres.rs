//! tokio-postgres, with rustls and the pool of deadpool.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, Pool};
use futures_util::future::join_all;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::app::{App, Failure, Protocol, Told, Value, port, variable, version};

pub(crate) struct TokioPostgres {
    config: Config,
    told: Told<Option<MakeRustlsConnect>>,
}

pub(crate) fn of(mode: &str) -> TokioPostgres {
    let mut config = Config::new();
    config
        .host(variable("DB_HOST"))
        .port(port())
        .user(variable("DB_USER"))
        .password(variable("DB_PASSWORD"))
        .dbname(variable("DB_NAME"));
    let told = match mode {
        "off" => {
            config.ssl_mode(SslMode::Disable);
            Ok(("sslmode=disable".to_owned(), None))
        }
        "asks" => {
            config.ssl_mode(SslMode::Require);
            let tls = MakeRustlsConnect::with_webpki_roots();
            Ok((
                "sslmode=require, MakeRustlsConnect::with_webpki_roots()".to_owned(),
                Some(tls),
            ))
        }
        "trusting" => Err("rustls verifies always"),
        "verified" => {
            config.ssl_mode(SslMode::Require);
            let certificates = CertificateDer::pem_file_iter(variable("DB_CA")).unwrap();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.map(Result::unwrap));
            let tls = ClientConfig::builder()
                .with_root_certificates(Arc::new(roots))
                .with_no_client_auth();
            let setting = "sslmode=require, ClientConfig::builder().with_root_certificates(roots)";
            Ok((setting.to_owned(), Some(MakeRustlsConnect::new(tls))))
        }
        _ => Ok((String::new(), None)),
    };
    TokioPostgres { config, told }
}

impl TokioPostgres {
    fn tls(&self) -> Option<MakeRustlsConnect> {
        self.told.as_ref().ok().and_then(|(_, tls)| tls.clone())
    }
}

impl App for TokioPostgres {
    type Client = Client;
    type Pool = Pool;

    const PROTOCOL: Protocol = Protocol::Postgres;

    fn driver(&self) -> String {
        version("tokio-postgres")
    }

    fn setting(&self) -> Result<&str, &str> {
        self.told
            .as_ref()
            .map(|(setting, _)| setting.as_str())
            .map_err(|why| *why)
    }

    async fn connect(&self) -> Result<Client, Failure> {
        match self.tls() {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }

    async fn rows(
        &self,
        client: &mut Client,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let statement = client.prepare(sql).await?;
        execute(client, &statement, values).await
    }

    async fn prepared(
        &self,
        client: &mut Client,
        sql: &str,
        numbers: &[i32],
    ) -> Result<Vec<Value>, Failure> {
        let statement = client.prepare(sql).await?;
        let mut all = Vec::new();
        for number in numbers {
            all.extend(execute(client, &statement, &[Value::Number(i64::from(*number))]).await?);
        }
        Ok(all)
    }

    async fn transaction(
        &self,
        client: &mut Client,
        sql: &str,
        keeps: bool,
    ) -> Result<(), Failure> {
        let transaction = client.transaction().await?;
        transaction.execute(sql, &[]).await?;
        if keeps {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(())
    }

    /// Futures that are polled together are pipelined.
    async fn batch(
        &self,
        client: &mut Client,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure> {
        let client = &*client;
        let statement = &client
            .prepare(&format!("insert into {table} (id, name) values ($1, $2)"))
            .await?;
        let inserts = rows
            .iter()
            .map(async |(id, name)| client.execute(statement, &[id, name]).await);
        let done: Result<Vec<u64>, Error> = join_all(inserts).await.into_iter().collect();
        done?;
        Ok(())
    }

    /// A server that gets the cancel before the query forgets it, so it is asked until the query has ended.
    async fn cancel(&self, client: &mut Client, sql: &str) -> Result<(), Failure> {
        let token = client.cancel_token();
        let mut query = pin!(client.query(sql, &[]));
        loop {
            if let Ok(ended) = timeout(Duration::from_millis(50), &mut query).await {
                return match ended.map_err(Failure::from) {
                    Err(failure) if failure.code == "57014" => Ok(()),
                    Err(failure) => Err(failure),
                    Ok(_) => Err("the query ended by itself".into()),
                };
            }
            match self.tls() {
                Some(tls) => token.cancel_query(tls).await?,
                None => token.cancel_query(NoTls).await?,
            }
        }
    }

    fn pool(&self) -> Result<Pool, &'static str> {
        let manager = match self.tls() {
            Some(tls) => Manager::new(self.config.clone(), tls),
            None => Manager::new(self.config.clone(), NoTls),
        };
        Ok(Pool::builder(manager).max_size(10).build().unwrap())
    }

    async fn pooled(
        &self,
        pool: &Pool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let client = pool.get().await.map_err(|error| Failure::new("", &error))?;
        let statement = client.prepare_cached(sql).await?;
        execute(&client, &statement, values).await
    }
}

async fn execute(
    client: &Client,
    statement: &Statement,
    values: &[Value],
) -> Result<Vec<Value>, Failure> {
    let owned: Vec<Box<dyn ToSql + Sync>> = values
        .iter()
        .map(|value| -> Box<dyn ToSql + Sync> {
            match value.clone() {
                Value::Number(number) => Box::new(i32::try_from(number).unwrap()),
                Value::Text(text) => Box::new(text),
                Value::Bytes(bytes) => Box::new(bytes),
                Value::Null => Box::new(None::<String>),
            }
        })
        .collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = owned.iter().map(AsRef::as_ref).collect();
    let rows = client.query(statement, &parameters).await?;
    rows.iter().map(first).collect()
}

fn first(row: &Row) -> Result<Value, Failure> {
    Ok(match *row.columns()[0].type_() {
        Type::INT4 => Value::Number(row.try_get::<_, i32>(0)?.into()),
        Type::INT8 => Value::Number(row.try_get(0)?),
        Type::BYTEA => Value::Bytes(row.try_get(0)?),
        _ => row.try_get::<_, Option<&str>>(0)?.into(),
    })
}

impl Failure {
    fn from_postgres(error: &Error) -> Self {
        Self::new(error.code().map_or("", |code| code.code()), error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from_postgres(&error)
    }
}
