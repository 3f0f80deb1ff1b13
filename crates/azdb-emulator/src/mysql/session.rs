//! A session that is logged in: what `opensrv-mysql` asks of it, on a connection to SQLite.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter, OkResponse,
    ParamParser, QueryResultWriter, StatementMetaWriter, ValueInner,
};
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::io::AsyncWrite;

use super::sample::Repeated;
use super::server::Shared;
use super::sql::{self, Answer, Order, SqlError, Surroundings};
use crate::sqlite::{Database, Interrupt};

/// A session.
pub(super) struct Session {
    connection: Arc<Mutex<Connection>>,
    surroundings: Arc<Surroundings>,
    shared: Arc<Shared>,
    statements: HashMap<u32, String>,
    last_statement: u32,
}

impl Session {
    /// Opens a session for a client that has logged in.
    pub(super) fn open(
        database: &Database,
        shared: Arc<Shared>,
        id: u32,
        login: &Repeated,
    ) -> Result<Self, rusqlite::Error> {
        let connection = database.connect()?;
        let surroundings = Arc::new(Surroundings {
            id,
            user: login.user.clone(),
            database: Mutex::new(login.database.clone()),
            interrupt: Arc::new(Interrupt::new(&connection)),
        });
        sql::register(&connection, &surroundings)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            surroundings,
            shared,
            statements: HashMap::new(),
            last_statement: 0,
        })
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.surroundings.interrupt)
    }

    /// Runs a statement, on a thread that may block.
    async fn run(&self, text: &str, parameters: Vec<Value>) -> Result<Answer, SqlError> {
        match sql::order(text) {
            Order::Nothing => Ok(Answer::default()),
            Order::Kill(id) if self.shared.kill_query(id) => Ok(Answer::default()),
            Order::Kill(id) => Err(SqlError::no_such_thread(id)),
            Order::Run(statement) => {
                self.surroundings.interrupt.arm();
                let connection = Arc::clone(&self.connection);
                let work = tokio::task::spawn_blocking(move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    sql::run(&connection, &statement, parameters)
                });
                work.await
                    .unwrap_or_else(|error| Err(SqlError::unknown(&error)))
            }
        }
    }

    async fn answer<W: AsyncWrite + Send + Unpin>(
        &self,
        outcome: Result<Answer, SqlError>,
        results: QueryResultWriter<'_, W>,
    ) -> io::Result<()> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return results.error(error.kind, error.message.as_bytes()).await,
        };
        if answer.columns.is_empty() {
            let ok = OkResponse {
                affected_rows: answer.affected,
                last_insert_id: answer.last_id,
                ..OkResponse::default()
            };
            return results.completed(ok).await;
        }
        let columns = columns(&answer);
        let mut writer = results.start(&columns).await?;
        for row in &answer.rows {
            for (value, column) in row.iter().zip(&columns) {
                match (value, column.coltype) {
                    (Value::Null, _) => writer.write_col(None::<i64>)?,
                    (Value::Integer(number), ColumnType::MYSQL_TYPE_LONGLONG) => {
                        writer.write_col(*number)?;
                    }
                    (Value::Real(number), ColumnType::MYSQL_TYPE_DOUBLE) => {
                        writer.write_col(*number)?;
                    }
                    (Value::Integer(number), ColumnType::MYSQL_TYPE_DOUBLE) => {
                        #[expect(
                            clippy::cast_precision_loss,
                            reason = "it stands beside fractions"
                        )]
                        writer.write_col(*number as f64)?;
                    }
                    (Value::Blob(bytes), _) => writer.write_col(&bytes[..])?,
                    (Value::Text(text), _) => writer.write_col(text.as_str())?,
                    (Value::Integer(number), _) => writer.write_col(number.to_string())?,
                    (Value::Real(number), _) => writer.write_col(number.to_string())?,
                }
            }
            writer.end_row().await?;
        }
        writer.finish().await
    }
}

/// Names and types of a result's columns: the type is that of its values, because SQLite's are theirs and not the column's.
fn columns(answer: &Answer) -> Vec<Column> {
    let names = answer.columns.iter().enumerate();
    names
        .map(|(index, name)| {
            let values = || answer.rows.iter().filter_map(|row| row.get(index));
            let mut has = [false; 3];
            for value in values() {
                match value {
                    Value::Null => {}
                    Value::Integer(_) => has[0] = true,
                    Value::Real(_) => has[1] = true,
                    Value::Text(_) | Value::Blob(_) => has[2] = true,
                }
            }
            let coltype = match has {
                [_, _, true] | [false, false, false] => ColumnType::MYSQL_TYPE_VAR_STRING,
                [_, true, false] => ColumnType::MYSQL_TYPE_DOUBLE,
                [true, false, false] => ColumnType::MYSQL_TYPE_LONGLONG,
            };
            Column {
                table: String::new(),
                column: name.clone(),
                coltype,
                colflags: ColumnFlags::empty(),
            }
        })
        .collect()
}

fn parameter(value: ValueInner<'_>) -> Value {
    match value {
        ValueInner::NULL => Value::Null,
        ValueInner::Int(number) => Value::Integer(number),
        ValueInner::UInt(number) => {
            i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
        }
        ValueInner::Double(number) => Value::Real(number),
        ValueInner::Bytes(bytes)
        | ValueInner::Date(bytes)
        | ValueInner::Time(bytes)
        | ValueInner::Datetime(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(bytes.to_vec()),
        },
    }
}

#[async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Session {
    type Error = io::Error;

    async fn on_prepare<'a>(
        &'a mut self,
        query: &'a str,
        info: StatementMetaWriter<'a, W>,
    ) -> io::Result<()> {
        let parameters = sql::parameters(query);
        self.last_statement += 1;
        self.statements
            .insert(self.last_statement, query.to_owned());
        let unnamed: Vec<Column> = (0..parameters)
            .map(|_| Column {
                table: String::new(),
                column: "?".to_owned(),
                coltype: ColumnType::MYSQL_TYPE_VAR_STRING,
                colflags: ColumnFlags::empty(),
            })
            .collect();
        info.reply(self.last_statement, &unnamed, &[]).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        id: u32,
        parameters: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let values = parameters
            .into_iter()
            .map(|given| parameter(given.value.into_inner()))
            .collect();
        let text = self.statements.get(&id).cloned().unwrap_or_default();
        let outcome = self.run(&text, values).await;
        self.answer(outcome, results).await
    }

    async fn on_close<'a>(&'a mut self, id: u32)
    where
        W: 'async_trait,
    {
        self.statements.remove(&id);
    }

    async fn on_query<'a>(
        &'a mut self,
        query: &'a str,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let outcome = self.run(query, Vec::new()).await;
        self.answer(outcome, results).await
    }

    async fn on_init<'a>(
        &'a mut self,
        database: &'a str,
        writer: InitWriter<'a, W>,
    ) -> io::Result<()> {
        // Every name is a name of the one database that there is.
        if database == "nowhere" {
            let message = "Unknown database 'nowhere'".as_bytes();
            return writer.error(ErrorKind::ER_BAD_DB_ERROR, message).await;
        }
        self.surroundings.use_database(database);
        writer.ok().await
    }
}
