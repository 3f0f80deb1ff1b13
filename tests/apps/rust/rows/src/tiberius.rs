//! tiberius, with rustls. Its pools are of others, and none is for this version.

use std::io::ErrorKind;
use std::time::Duration;

use tiberius::error::Error;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, IntoRow as _, Query, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use crate::app::{App, Failure, Protocol, Value, port, variable, version};

pub(crate) struct Tiberius {
    config: Config,
    setting: String,
}

pub(crate) fn of(mode: &str) -> Tiberius {
    let mut config = Config::new();
    config.host(variable("DB_HOST"));
    config.port(port());
    config.database(variable("DB_NAME"));
    config.authentication(AuthMethod::sql_server(
        variable("DB_USER"),
        variable("DB_PASSWORD"),
    ));
    let setting = match mode {
        "off" => {
            config.encryption(EncryptionLevel::NotSupported);
            "EncryptionLevel::NotSupported".to_owned()
        }
        "asks" => {
            config.encryption(EncryptionLevel::Required);
            "EncryptionLevel::Required".to_owned()
        }
        "trusting" => {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
            "EncryptionLevel::Required, trust_cert()".to_owned()
        }
        "verified" => {
            let ca = variable("DB_CA");
            config.encryption(EncryptionLevel::Strict);
            config.trust_cert_ca(&ca);
            format!("EncryptionLevel::Strict, trust_cert_ca({ca:?})")
        }
        _ => String::new(),
    };
    Tiberius { config, setting }
}

impl App for Tiberius {
    type Client = Client<Compat<TcpStream>>;
    type Pool = ();

    const PROTOCOL: Protocol = Protocol::Tds;

    fn driver(&self) -> String {
        version("tiberius")
    }

    fn setting(&self) -> Result<&str, &str> {
        Ok(&self.setting)
    }

    async fn connect(&self) -> Result<Self::Client, Failure> {
        connect(self.config.clone()).await
    }

    async fn rows(
        &self,
        client: &mut Self::Client,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let rows = if values.is_empty() {
            client.simple_query(sql).await?.into_first_result().await?
        } else {
            // Here placeholders have capitals.
            let mut query = Query::new(sql.replace("@p", "@P"));
            for value in values {
                match value {
                    Value::Number(number) => query.bind(i32::try_from(*number).unwrap()),
                    Value::Text(text) => query.bind(text.as_str()),
                    Value::Bytes(bytes) => query.bind(bytes.as_slice()),
                    Value::Null => query.bind(None::<&str>),
                }
            }
            query.query(client).await?.into_first_result().await?
        };
        Ok(rows.into_iter().map(first).collect())
    }

    /// It has no statements that last: each is prepared on its way to the server.
    async fn prepared(
        &self,
        client: &mut Self::Client,
        sql: &str,
        numbers: &[i32],
    ) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for number in numbers {
            all.extend(
                self.rows(client, sql, &[Value::Number(i64::from(*number))])
                    .await?,
            );
        }
        Ok(all)
    }

    async fn transaction(
        &self,
        client: &mut Self::Client,
        sql: &str,
        keeps: bool,
    ) -> Result<(), Failure> {
        client.begin_transaction().await?;
        client.execute(sql, &[]).await?;
        if keeps {
            client.commit_transaction().await?;
        } else {
            client.rollback_transaction().await?;
        }
        Ok(())
    }

    async fn batch(
        &self,
        client: &mut Self::Client,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure> {
        let mut load = client.bulk_insert(table).await?;
        for (id, name) in rows {
            load.send((*id, Some(name.as_str())).into_row()).await?;
        }
        load.finalize().await?;
        Ok(())
    }

    /// The driver has a limit, after which the connection is of no use. It can cancel, too, but reads one message then,
    /// and what acknowledges a cancel may be a second.
    async fn cancel(&self, client: &mut Self::Client, sql: &str) -> Result<(), Failure> {
        let mut config = self.config.clone();
        config.command_timeout(Some(Duration::from_millis(200)));
        *client = connect(config).await?;
        let query = async { client.simple_query(sql).await?.into_results().await };
        match query.await {
            Err(Error::Io {
                kind: ErrorKind::TimedOut,
                ..
            }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err("the query ended by itself".into()),
        }
        *client = self.connect().await?;
        Ok(())
    }

    fn pool(&self) -> Result<(), &'static str> {
        Err("it has none")
    }

    async fn pooled(&self, (): &(), _: &str, _: &[Value]) -> Result<Vec<Value>, Failure> {
        Err("it has none".into())
    }
}

async fn connect(config: Config) -> Result<Client<Compat<TcpStream>>, Failure> {
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    Ok(Client::connect(config, stream.compat_write()).await?)
}

fn first(row: Row) -> Value {
    match row.into_iter().next() {
        Some(ColumnData::I32(Some(number))) => Value::Number(number.into()),
        Some(ColumnData::I64(Some(number))) => Value::Number(number),
        Some(ColumnData::String(Some(text))) => Value::Text(text.into_owned()),
        Some(ColumnData::Binary(Some(bytes))) => Value::Bytes(bytes.into_owned()),
        _ => Value::Null,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code().map(|code| code.to_string());
        Self::new(code.unwrap_or_default(), &error)
    }
}
