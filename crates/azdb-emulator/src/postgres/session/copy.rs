//! `COPY`, in text and CSV.

use std::io;

use bytes::Bytes;
use futures_util::SinkExt;
use pgwire::messages::copy::{CopyData, CopyDone, CopyInResponse, CopyOutResponse};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use rusqlite::types::Value;

use super::conversation::{Conversation, Protocol};
use super::portal::complete;
use super::worker::Worker;
use crate::postgres::error::SqlError;
use crate::postgres::sql::copy::{CopyFormat, CopyStatement, Direction, Splitter, parse};
use crate::postgres::sql::lexer::{self, Token};
use crate::postgres::types::ColumnType;
use crate::postgres::value::{from_text, text};

/// How many bytes of `COPY .. FROM STDIN` are collected before they are stored.
const BATCH: usize = 1024 * 1024;

/// A `COPY .. FROM STDIN` under way.
pub(super) struct CopyIn {
    protocol: Protocol,
    /// The `insert` that stores a row.
    sql: String,
    types: Vec<ColumnType>,
    splitter: Splitter,
    rows: usize,
}

impl Conversation {
    /// Runs a `COPY`, or begins it when data has to come from the client.
    pub(super) async fn start_copy(
        &mut self,
        tokens: &[Token<'_>],
        protocol: Protocol,
    ) -> io::Result<Result<(), SqlError>> {
        let statement = match parse(tokens) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error)),
        };
        match statement.direction {
            Direction::ToClient => self.copy_out(statement).await,
            Direction::FromClient => self.begin_copy_in(statement, protocol).await,
        }
    }

    async fn copy_out(&mut self, statement: CopyStatement) -> io::Result<Result<(), SqlError>> {
        let format = statement.format.clone();
        let found = self.session.work(move |worker| {
            let outcome = worker.read_copied(&statement.source);
            outcome.map_err(|error| worker.failed(error))
        });
        let lines = match found.await {
            Ok((names, rows)) => format.lines(&names, &rows),
            Err(error) => return Ok(Err(error)),
        };
        let width = lines.width;
        let formats = vec![0; width];
        let response = CopyOutResponse::new(0, i16::try_from(width).unwrap_or(0), formats);
        self.socket
            .feed(PgWireBackendMessage::CopyOutResponse(response))
            .await?;
        for line in lines.lines {
            let data = CopyData::new(Bytes::from(line));
            self.socket
                .feed(PgWireBackendMessage::CopyData(data))
                .await?;
        }
        self.socket
            .feed(PgWireBackendMessage::CopyDone(CopyDone::new()))
            .await?;
        let tag = format!("COPY {}", lines.rows);
        self.socket.feed(complete(&tag, None)).await?;
        Ok(Ok(()))
    }

    async fn begin_copy_in(
        &mut self,
        statement: CopyStatement,
        protocol: Protocol,
    ) -> io::Result<Result<(), SqlError>> {
        let format = statement.format.clone();
        let begun = self.session.work(move |worker| {
            let begun = worker.begin_copy(&statement);
            begun.map_err(|error| worker.failed(error))
        });
        let (sql, types) = match begun.await {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        let width = types.len();
        let formats = vec![0; width];
        let response = CopyInResponse::new(0, i16::try_from(width).unwrap_or(0), formats);
        self.copy = Some(CopyIn {
            protocol,
            sql,
            types,
            splitter: Splitter::new(format),
            rows: 0,
        });
        self.socket
            .send(PgWireBackendMessage::CopyInResponse(response))
            .await?;
        Ok(Ok(()))
    }

    /// A message while `COPY .. FROM STDIN` is under way.
    pub(super) async fn copied(&mut self, message: PgWireFrontendMessage) -> io::Result<()> {
        let Some(mut copy) = self.copy.take() else {
            return Ok(());
        };
        let failure = match message {
            PgWireFrontendMessage::CopyData(data) => {
                copy.splitter.push(&data.data);
                if copy.splitter.len() < BATCH {
                    self.copy = Some(copy);
                    return Ok(());
                }
                match self.store(&mut copy).await {
                    Ok(()) => {
                        self.copy = Some(copy);
                        return Ok(());
                    }
                    Err(error) => error,
                }
            }
            PgWireFrontendMessage::CopyDone(_) => {
                copy.splitter.finish();
                match self.finish(&mut copy).await {
                    Ok(()) => {
                        let tag = format!("COPY {}", copy.rows);
                        self.socket.feed(complete(&tag, None)).await?;
                        return self.over(copy.protocol).await;
                    }
                    Err(error) => error,
                }
            }
            PgWireFrontendMessage::CopyFail(fail) => {
                SqlError::new("57014", format!("COPY from stdin failed: {}", fail.message))
            }
            // Clients send these ahead of their data.
            PgWireFrontendMessage::Flush(_) | PgWireFrontendMessage::Sync(_) => {
                self.copy = Some(copy);
                return Ok(());
            }
            _ => SqlError::new("08P01", "unexpected message type during COPY from stdin"),
        };
        let undone = self.session.work(|worker| {
            let undone = worker.end_copy("rollback to emulator_copy; release emulator_copy");
            worker.failed(SqlError::canceled());
            undone.map(|()| worker.status())
        });
        if let Ok(status) = undone.await {
            self.status = status;
        }
        match copy.protocol {
            Protocol::Simple => {
                self.tell(failure).await?;
                self.ready().await
            }
            Protocol::Extended => self.extended_failed(failure).await,
        }
    }

    /// Stores what has come in whole rows.
    async fn store(&mut self, copy: &mut CopyIn) -> Result<(), SqlError> {
        let rows = copy.splitter.rows()?;
        copy.rows += rows.len();
        let (sql, types) = (copy.sql.clone(), copy.types.clone());
        self.session
            .work(move |worker| worker.insert_copied(&sql, &types, rows))
            .await
    }

    async fn finish(&mut self, copy: &mut CopyIn) -> Result<(), SqlError> {
        self.store(copy).await?;
        self.session
            .work(|worker| worker.end_copy("release emulator_copy"))
            .await
    }

    /// The simple protocol is ready again; in the extended one, Sync comes.
    async fn over(&mut self, protocol: Protocol) -> io::Result<()> {
        match protocol {
            Protocol::Simple => self.ready().await,
            Protocol::Extended => Ok(()),
        }
    }
}

/// Column names, and rows in text form.
type Copied = (Vec<String>, Vec<Vec<Option<String>>>);

impl Worker {
    /// The rows that `COPY .. TO STDOUT` sends.
    fn read_copied(&mut self, query: &str) -> Result<Copied, SqlError> {
        let tokens = lexer::tokens(query);
        let prepared = self.prepare(&tokens, &[])?;
        let outcome = self.run(&prepared, Vec::new())?;
        let columns = outcome.columns.unwrap_or_default();
        let rows = outcome.rows.iter().map(|row| {
            let values = row.iter().zip(&columns);
            values
                .map(|(value, column)| text(value.into(), column.ty()))
                .collect()
        });
        let rows = rows.collect();
        Ok((
            columns.into_iter().map(|column| column.name).collect(),
            rows,
        ))
    }

    /// Opens the savepoint of a `COPY .. FROM STDIN`: its `insert` and the columns' types.
    fn begin_copy(
        &mut self,
        statement: &CopyStatement,
    ) -> Result<(String, Vec<ColumnType>), SqlError> {
        let tokens = lexer::tokens(&statement.source);
        let prepared = self.prepare(&tokens, &[])?;
        let columns = prepared.columns.unwrap_or_default();
        let marks: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "insert into {} values ({})",
            statement.target,
            marks.join(",")
        );
        self.sqlite("savepoint emulator_copy")?;
        Ok((sql, columns.iter().map(|column| column.ty()).collect()))
    }

    fn insert_copied(
        &mut self,
        sql: &str,
        types: &[ColumnType],
        rows: Vec<Vec<Option<String>>>,
    ) -> Result<(), SqlError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for row in rows {
            if row.len() != types.len() {
                let what = if row.len() < types.len() {
                    "missing data for a column"
                } else {
                    "extra data after last expected column"
                };
                return Err(SqlError::new("22P04", what));
            }
            let values: Result<Vec<Value>, SqlError> = row
                .into_iter()
                .zip(types)
                .map(|(value, ty)| match value {
                    Some(text) => from_text(text, *ty),
                    None => Ok(Value::Null),
                })
                .collect();
            statement.execute(rusqlite::params_from_iter(values?))?;
        }
        Ok(())
    }

    fn end_copy(&mut self, sql: &str) -> Result<(), SqlError> {
        self.sqlite(sql)
    }
}

/// Rows as `COPY .. TO STDOUT` sends them.
struct Lines {
    lines: Vec<String>,
    /// How many of them are rows; a header is none.
    rows: usize,
    width: usize,
}

impl CopyFormat {
    fn lines(&self, names: &[String], rows: &[Vec<Option<String>>]) -> Lines {
        let mut lines = Vec::with_capacity(rows.len() + 1);
        if self.header {
            let names: Vec<Option<String>> = names.iter().cloned().map(Some).collect();
            lines.push(self.line(&names));
        }
        lines.extend(rows.iter().map(|row| self.line(row)));
        Lines {
            lines,
            rows: rows.len(),
            width: names.len(),
        }
    }
}
