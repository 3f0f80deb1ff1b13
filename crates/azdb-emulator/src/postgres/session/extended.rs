//! The extended protocol: Parse, Bind, Describe, Execute, Close.

use std::io;
use std::sync::Arc;

use futures_util::SinkExt;
use pgwire::api::portal::Format;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::ParameterDescription;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete,
    PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;
use rusqlite::types::Value;

use super::conversation::{Conversation, Protocol};
use super::portal::{Pending, Portal, complete, data_row, description};
use super::prepare::{Prepared, ResultColumn};
use crate::postgres::error::SqlError;
use crate::postgres::sql::command::Command;
use crate::postgres::sql::{lexer, statements};
use crate::postgres::value::{Form, decode};

impl Conversation {
    pub(super) async fn parse(&mut self, message: Parse) -> Result<(), Failure> {
        let Parse {
            name,
            query,
            type_oids,
            ..
        } = message;
        let prepared = self.session.work(move |worker| {
            let tokens = lexer::tokens(&query);
            match statements(&tokens).as_slice() {
                [] => Ok(Prepared::empty()),
                [only] => worker.prepare(only, &type_oids),
                _ => Err(SqlError::new(
                    "42601",
                    "cannot insert multiple commands into a prepared statement",
                )),
            }
        });
        let prepared = prepared.await?;
        self.statements
            .insert(name.unwrap_or_default(), Arc::new(prepared));
        self.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new()))
            .await
    }

    pub(super) async fn bind(&mut self, message: Bind) -> Result<(), Failure> {
        let prepared = Arc::clone(self.statement(message.statement_name.as_deref())?);
        let wanted = prepared.parameters.len();
        if message.parameters.len() != wanted {
            let name = message.statement_name.unwrap_or_default();
            let text = format!(
                "bind message supplies {} parameters, but prepared statement \"{name}\" requires {wanted}",
                message.parameters.len()
            );
            return Err(SqlError::new("08P01", text).into());
        }
        let format = formats(&message.parameter_format_codes);
        let mut values = Vec::with_capacity(wanted);
        for (at, (bytes, ty)) in message
            .parameters
            .iter()
            .zip(&prepared.parameters)
            .enumerate()
        {
            values.push(match bytes {
                Some(bytes) => decode(bytes, *ty, Form::of(&format, at))?,
                None => Value::Null,
            });
        }
        let portal = Portal {
            prepared,
            values,
            format: formats(&message.result_column_format_codes),
            pending: None,
        };
        self.portals
            .insert(message.portal_name.unwrap_or_default(), portal);
        self.feed(PgWireBackendMessage::BindComplete(BindComplete::new()))
            .await
    }

    pub(super) async fn describe(&mut self, message: Describe) -> Result<(), Failure> {
        let name = message.name.as_deref();
        if message.target_type == b'P' {
            let described = match self.portal(name) {
                Ok(portal) => portal.description(),
                Err(missing) => self.cursor(name).await.ok_or(missing)?,
            };
            return self.feed(described).await;
        }
        let prepared = Arc::clone(self.statement(name)?);
        let types = prepared.parameters.iter().map(|ty| ty.oid).collect();
        let types = ParameterDescription::new(types);
        self.feed(PgWireBackendMessage::ParameterDescription(types))
            .await?;
        let columns = prepared.columns.as_deref();
        self.feed(description(columns, &Format::UnifiedText)).await
    }

    /// What Describe says of a cursor of SQL, which is a portal too.
    async fn cursor(&self, name: Option<&str>) -> Option<PgWireBackendMessage> {
        let name = name.unwrap_or_default().to_owned();
        let columns = self
            .session
            .work(move |worker| Ok(worker.cursors.columns(&name).map(<[ResultColumn]>::to_vec)));
        let columns = columns.await.ok()??;
        Some(description(Some(&columns), &Format::UnifiedText))
    }

    pub(super) async fn execute(&mut self, message: Execute) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        let portal = self.portal(Some(&name))?;
        if portal.prepared.is_empty() {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            return self.feed(empty).await;
        }
        if portal.pending.is_none() {
            let (prepared, values) = (Arc::clone(&portal.prepared), portal.values.clone());
            if prepared.command == Command::Copy {
                let tokens = lexer::tokens(&prepared.source);
                return Ok(self.start_copy(&tokens, Protocol::Extended).await??);
            }
            let done = self.session.work(move |worker| {
                let outcome = worker.run_one(&prepared, values);
                Ok((outcome, worker.status()))
            });
            let (outcome, status) = done.await?;
            self.status = status;
            let outcome = outcome?;
            self.announce(&outcome).await?;
            if outcome.columns.is_none() {
                return self.feed(complete(&outcome.tag, None)).await;
            }
            self.portal(Some(&name))?.pending = Some(outcome.into());
        }
        self.send_rows(&name, usize::try_from(message.max_rows).unwrap_or(0))
            .await
    }

    /// Sends the next rows of a portal; 0 means all.
    async fn send_rows(&mut self, name: &str, limit: usize) -> Result<(), Failure> {
        let portal = self.portal(Some(name))?;
        let format = portal.format.clone();
        let Some(Pending { columns, rows, tag }) = &mut portal.pending else {
            return Ok(());
        };
        let count = if limit == 0 {
            rows.len()
        } else {
            limit.min(rows.len())
        };
        let sent: Vec<Vec<Value>> = rows.drain(..count).collect();
        let last = if limit == 0 || sent.len() < limit {
            complete(tag, Some(sent.len()))
        } else {
            PgWireBackendMessage::PortalSuspended(PortalSuspended::new())
        };
        let columns = columns.clone();
        for row in sent {
            let row = data_row(&self.session.surroundings, &columns, &row, &format)?;
            self.socket.feed(row).await?;
        }
        self.feed(last).await
    }

    pub(super) async fn close(&mut self, message: Close) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        if message.target_type == b'P' {
            self.portals.remove(&name);
        } else {
            self.statements.remove(&name);
        }
        self.feed(PgWireBackendMessage::CloseComplete(CloseComplete::new()))
            .await
    }

    fn statement(&self, name: Option<&str>) -> Result<&Arc<Prepared>, SqlError> {
        let name = name.unwrap_or_default();
        self.statements.get(name).ok_or_else(|| {
            SqlError::new(
                "26000",
                format!("prepared statement \"{name}\" does not exist"),
            )
        })
    }

    fn portal(&mut self, name: Option<&str>) -> Result<&mut Portal, SqlError> {
        let name = name.unwrap_or_default();
        self.portals
            .get_mut(name)
            .ok_or_else(|| SqlError::new("34000", format!("portal \"{name}\" does not exist")))
    }

    async fn feed(&mut self, message: PgWireBackendMessage) -> Result<(), Failure> {
        self.socket.feed(message).await.map_err(Failure::Stream)
    }
}

/// Why a message was not answered as wished.
pub(super) enum Failure {
    /// The client is told.
    Sql(SqlError),
    /// There is no client any more.
    Stream(io::Error),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

/// Format codes: none is text, one is for all.
fn formats(codes: &[i16]) -> Format {
    match codes {
        [] => Format::UnifiedText,
        [code] => Format::from(*code),
        codes => Format::Individual(codes.to_vec()),
    }
}
