//! The extended protocol: Parse, Bind, Describe, Execute, Close.

use std::io;
use std::sync::Arc;

use futures_util::SinkExt;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::ParameterDescription;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete,
};
use pgwire::messages::response::EmptyQueryResponse;

use super::Conversation;
use super::answer::{Statement, complete, data_row, description};
use super::canned::refused;
use super::fault::Error;
use super::values::{Form, decode, described, kind_of};
use crate::sample::{self, Declared, Dialect, Value};

/// A statement with its parameters.
pub(super) struct Portal {
    statement: Arc<Statement>,
    values: Vec<Value>,
    /// Format codes of the result.
    forms: Vec<i16>,
}

/// Why a message was not answered as wished.
pub(super) enum Failure {
    /// The client is told.
    Sql(Error),
    /// There is no client any more.
    Stream(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

fn no_portal(name: &str) -> Error {
    Error::new("34000", format!("portal \"{name}\" does not exist"))
}

impl Conversation {
    pub(super) async fn parse(&mut self, message: Parse) -> Result<(), Failure> {
        let mut declared = Vec::new();
        for oid in &message.type_oids {
            declared.push(Declared {
                name: String::new(),
                kind: kind_of(*oid)?,
            });
        }
        let statement = match sample::split(&message.query, Dialect::Postgres).as_slice() {
            [] => Statement::Empty,
            [only] => self.session.prepare(only, &declared)?,
            _ => {
                let text = "cannot insert multiple commands into a prepared statement";
                return Err(Error::new("42601", text).into());
            }
        };
        let name = message.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            let text = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new("42P05", text).into());
        }
        self.statements.insert(name, Arc::new(statement));
        self.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new()))
            .await
    }

    pub(super) async fn bind(&mut self, message: Bind) -> Result<(), Failure> {
        let statement = Arc::clone(self.statement(message.statement_name.as_deref())?);
        let (wanted, given) = (statement.parameters().len(), message.parameters.len());
        if given != wanted {
            let text = format!(
                "bind message supplies {given} parameters, but prepared statement \"{}\" requires \
                 {wanted}",
                message.statement_name.unwrap_or_default()
            );
            return Err(Error::new("08P01", text).into());
        }
        let mut values = Vec::with_capacity(wanted);
        let parameters = message.parameters.iter().zip(statement.parameters());
        for (at, (bytes, kind)) in parameters.enumerate() {
            values.push(match bytes {
                Some(bytes) => {
                    let form = Form::at(&message.parameter_format_codes, at);
                    decode(bytes, *kind, form)?
                }
                None => Value::Null,
            });
        }
        let portal = Portal {
            statement,
            values,
            forms: message.result_column_format_codes,
        };
        self.portals
            .insert(message.portal_name.unwrap_or_default(), portal);
        self.feed(PgWireBackendMessage::BindComplete(BindComplete::new()))
            .await
    }

    pub(super) async fn describe(&mut self, message: Describe) -> Result<(), Failure> {
        let name = message.name.as_deref();
        if message.target_type == b'P' {
            let name = name.unwrap_or_default();
            let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
            let described = description(portal.statement.columns(), &portal.forms);
            return self.feed(described).await;
        }
        let statement = Arc::clone(self.statement(name)?);
        let kinds = statement.parameters().iter();
        let types = ParameterDescription::new(kinds.map(|kind| described(*kind).0).collect());
        self.feed(PgWireBackendMessage::ParameterDescription(types))
            .await?;
        self.feed(description(statement.columns(), &[])).await
    }

    /// Runs a portal, once, and sends its whole result.
    pub(super) async fn execute(&mut self, message: Execute) -> Result<(), Failure> {
        let name = message.name.unwrap_or_default();
        let portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        if matches!(*portal.statement, Statement::Empty) {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            return self.feed(empty).await;
        }
        let answer = self.run(&portal.statement, &portal.values).await?;
        let limit = usize::try_from(message.max_rows).unwrap_or(0);
        if (1..answer.rows.len()).contains(&limit) {
            return Err(refused("a result in portions").into());
        }
        for row in &answer.rows {
            let row = data_row(portal.statement.columns(), row, &portal.forms)?;
            self.socket.feed(row).await?;
        }
        self.feed(complete(&answer.tag)).await
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

    fn statement(&self, name: Option<&str>) -> Result<&Arc<Statement>, Error> {
        let name = name.unwrap_or_default();
        let found = self.statements.get(name);
        found.ok_or_else(|| {
            let text = format!("prepared statement \"{name}\" does not exist");
            Error::new("26000", text)
        })
    }

    async fn feed(&mut self, message: PgWireBackendMessage) -> Result<(), Failure> {
        self.socket.feed(message).await.map_err(Failure::Stream)
    }
}
