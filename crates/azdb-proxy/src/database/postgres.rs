//! tokio-postgres.

use std::pin::pin;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::rows::Coming;
use super::{As, Driver, PROGRAM, Refusal, Rows, Stream};

/// A session, and the task that reads for it.
pub(super) struct Session {
    client: Client,
    reading: JoinHandle<()>,
}

impl Session {
    pub(super) async fn open(stream: Box<dyn Stream>, who: &As) -> Result<Self, Refusal> {
        let mut config = Config::new();
        config
            .user(&who.user)
            .application_name(PROGRAM)
            .ssl_mode(SslMode::Disable);
        if let Some(database) = &who.database {
            config.dbname(database);
        }
        if let Some(password) = &who.password {
            config.password(password);
        }
        let connected = config.connect_raw(stream, NoTls).await;
        let (client, connection) = connected.map_err(|error| refusal(&error))?;
        let reading = tokio::spawn(async {
            // What breaks it is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { client, reading })
    }
}

#[async_trait]
impl Driver for Session {
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        let messages = self.client.simple_query_raw(sql).await;
        let mut messages = pin!(messages.map_err(|error| refusal(&error))?);
        let mut rows = Coming::default();
        while let Some(message) = messages.next().await {
            match message.map_err(|error| refusal(&error))? {
                SimpleQueryMessage::RowDescription(columns) => {
                    let names = columns.iter().map(|column| column.name().to_owned());
                    rows = Coming::of(names.collect());
                }
                SimpleQueryMessage::Row(row) => {
                    let cell = |at| row.get(at).map(str::to_owned);
                    rows.push((0..row.len()).map(cell).collect())?;
                }
                _ => {}
            }
        }
        Ok(rows.rows)
    }

    async fn close(self: Box<Self>) {
        let Self { client, reading } = *self;
        drop(client);
        let _ = reading.await;
    }
}

fn refusal(error: &Error) -> Refusal {
    match error.as_db_error() {
        Some(said) => Refusal::answered(said.code().code(), said.message(), said.hint()),
        None => Refusal::of_driver(error),
    }
}
