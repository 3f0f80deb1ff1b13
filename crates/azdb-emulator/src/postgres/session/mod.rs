//! A session of the sample, on `pgwire`.
//!
//! `pgwire` reads the messages, keeps prepared statements and portals, and skips to Sync after an
//! error. Here is what a statement means, and the one thing that 0.42 does otherwise than PostgreSQL:
//! it describes a statement that has parameters and no result as one with an empty row.

mod answer;
mod canned;
mod fault;
mod psql;
mod settings;
mod values;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{Sink, SinkExt, StreamExt};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler, send_describe_response};
use pgwire::api::results::{DescribePortalResponse, FieldInfo, Response};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{
    ClientInfo, ClientPortalStore, DefaultClient, NoopHandler, PgWireConnectionState,
    Type as PgType,
};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::ParameterDescription;
use pgwire::messages::extendedquery::{Describe, TARGET_TYPE_BYTE_STATEMENT};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use pgwire::tokio::server::{PgWireMessageServerCodec, process_error, process_message};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

use answer::{Answer, Statement, fields, form};
use settings::Settings;
use values::{decode, kind_of, type_of};

use super::opening::Startup;
use super::wire::fatal;
use crate::door::locked;
use crate::sample::{self, Declared, Dialect, Fault, Kind, Transaction, Value};

/// A session that is logged in.
pub(super) struct Session {
    sample: sample::Session,
    settings: Mutex<Settings>,
    user: String,
    database: String,
    process: i32,
}

impl Session {
    /// A session for a client that has logged in.
    pub(super) fn new(sample: sample::Session, startup: &Startup, process: i32) -> Self {
        let user = startup.parameter("user").unwrap_or_default().to_owned();
        let database = startup.parameter("database").unwrap_or(&user).to_owned();
        Self {
            sample,
            settings: Mutex::new(Settings::new(startup, &user)),
            user,
            database,
            process,
        }
    }

    /// Settings that a client is told at login.
    pub(super) fn reported(&self) -> Vec<(&'static str, String)> {
        locked(&self.settings).reported()
    }

    /// Looks at a statement.
    fn prepare(&self, text: &str, declared: &[Declared]) -> PgWireResult<Statement> {
        if self.sample.transaction() == Transaction::Failed && !ends(text) {
            return Err(fault::error(Fault::Failed));
        }
        if let Some(answer) = canned::answer(text, self) {
            let (columns, text) = (answer?.columns, text.to_owned());
            return Ok(Statement::Canned { text, columns });
        }
        let parsed = sample::parse(text, Dialect::Postgres).map_err(fault::error)?;
        let [one] = parsed.as_slice() else {
            return Err(canned::refused("several statements here"));
        };
        let prepared = self.sample.prepare(one, declared).map_err(fault::error)?;
        Ok(Statement::Sample(Box::new(prepared)))
    }

    /// Runs a statement, and tells the client of a setting that is another one now.
    async fn run<C>(
        &self,
        client: &mut C,
        statement: &Statement,
        values: &[Value],
    ) -> PgWireResult<Answer>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<C::Error>,
    {
        let text = match statement {
            Statement::Canned { .. } if self.sample.transaction() == Transaction::Failed => {
                return Err(fault::error(Fault::Failed));
            }
            Statement::Canned { text, .. } => text,
            Statement::Sample(prepared) => {
                let outcome = self.sample.run(prepared, values).await;
                return Ok(outcome.map_err(fault::error)?.into());
            }
        };
        if let Some(time) = canned::sleep(text) {
            self.sample.sleep(time).await.map_err(fault::error)?;
        }
        let answer = canned::answer(text, self);
        let answer = answer.unwrap_or_else(|| Err(fault::error(Fault::Stale)))?;
        let changed = answer.change.clone().and_then(|(name, value)| {
            let name = locked(&self.settings).put(&name, &value)?;
            Some(ParameterStatus::new(name.to_owned(), value))
        });
        if let Some(changed) = changed {
            let changed = PgWireBackendMessage::ParameterStatus(changed);
            client.feed(changed).await?;
        }
        Ok(answer)
    }

    /// Runs what stands in one message: one transaction, unless it says otherwise.
    async fn run_all<C>(&self, client: &mut C, parts: &[&str]) -> Vec<Response>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<C::Error>,
    {
        let turns = parts.iter().any(|part| begins(part) || ends(part));
        let idle = self.sample.transaction() == Transaction::None;
        let is_one = parts.len() > 1 && idle && !turns;
        let mut turn = if is_one {
            self.turn(Kind::Begin)
        } else {
            Ok(())
        };
        let mut responses = Vec::new();
        for part in parts {
            let ran = match turn.and_then(|()| self.prepare(part, &[])) {
                Ok(statement) => self.run(client, &statement, &[]).await,
                Err(error) => Err(error),
            };
            match ran.and_then(|answer| answer.response(&Format::UnifiedText)) {
                Ok(response) => responses.push(response),
                Err(error) => {
                    self.sample.fail();
                    responses.push(Response::Error(Box::new(error.into())));
                    break;
                }
            }
            turn = Ok(());
        }
        let failed = matches!(responses.last(), Some(Response::Error(_)));
        if is_one {
            let end = if failed { Kind::Rollback } else { Kind::Commit };
            if let Err(error) = self.turn(end) {
                responses.push(Response::Error(Box::new(error.into())));
            }
        }
        responses
    }

    fn turn(&self, kind: Kind) -> PgWireResult<()> {
        self.sample.turn(kind).map(drop).map_err(fault::error)
    }
}

/// Whether a statement may end a transaction: what a failed one still takes.
fn ends(text: &str) -> bool {
    ["commit", "end", "rollback", "abort"].contains(&first_word(text).as_str())
}

fn begins(text: &str) -> bool {
    ["begin", "start"].contains(&first_word(text).as_str())
}

fn first_word(text: &str) -> String {
    let word = text.trim_start().split(|c: char| !c.is_alphabetic()).next();
    word.unwrap_or_default().to_lowercase()
}

/// Serves commands until the client leaves.
pub(super) async fn run(
    stream: TlsStream<TcpStream>,
    peer: SocketAddr,
    session: Session,
) -> io::Result<()> {
    let mut client = DefaultClient::new(peer, true);
    client.protocol_version = ProtocolVersion::PROTOCOL3_0;
    client.state = PgWireConnectionState::ReadyForQuery;
    let mut socket = Framed::new(stream, PgWireMessageServerCodec::new(client));
    let nobody = Arc::new(NoopHandler);
    let conversation = Arc::new(Conversation(Arc::new(session)));
    loop {
        let message = match socket.next().await {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                socket.send(fatal("08P01", &error.to_string())).await?;
                return socket.close().await;
            }
        };
        let is_extended = message.is_extended_query();
        let answered = process_message(
            message,
            &mut socket,
            Arc::clone(&nobody),
            Arc::clone(&conversation),
            Arc::clone(&conversation),
            Arc::clone(&nobody),
            Arc::clone(&nobody),
        );
        if let Err(error) = answered.await {
            tracing::debug!(%error, "statement failed");
            conversation.0.sample.fail();
            process_error(&mut socket, error, is_extended).await?;
        }
    }
}

/// What `pgwire` asks of a session.
struct Conversation(Arc<Session>);

#[async_trait]
impl SimpleQueryHandler for Conversation {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let parts = sample::split(query, Dialect::Postgres);
        Ok(self.0.run_all(client, &parts).await)
    }
}

#[async_trait]
impl QueryParser for Session {
    type Statement = Statement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        types: &[Option<PgType>],
    ) -> PgWireResult<Option<Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let declared = types.iter().map(|told| {
            let name = String::new();
            let kind = told.as_ref().map_or(Ok(None), kind_of)?;
            Ok(Declared { name, kind })
        });
        let declared: Vec<Declared> = declared.collect::<PgWireResult<_>>()?;
        match sample::split(sql, Dialect::Postgres).as_slice() {
            [] => Ok(None),
            [only] => self.prepare(only, &declared).map(Some),
            _ => Err(canned::refused("several statements in a prepared one")),
        }
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<PgType>> {
        Ok(statement
            .parameters()
            .iter()
            .map(|kind| type_of(*kind))
            .collect())
    }

    fn get_result_schema(
        &self,
        statement: &Statement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let format = format.unwrap_or(&Format::UnifiedText);
        Ok(fields(statement.columns(), format))
    }
}

#[async_trait]
impl ExtendedQueryHandler for Conversation {
    type Statement = Statement;
    type QueryParser = Session;

    fn query_parser(&self) -> Arc<Session> {
        Arc::clone(&self.0)
    }

    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or_default();
        let stored = client.portal_store().get_statement(name);
        let (TARGET_TYPE_BYTE_STATEMENT, Some(Entry::Value(stored))) =
            (message.target_type, stored)
        else {
            return self._on_describe(client, message).await;
        };
        let described = self.do_describe_statement(client, &stored).await?;
        let types = described.parameters.iter().map(PgType::oid).collect();
        let types = PgWireBackendMessage::ParameterDescription(ParameterDescription::new(types));
        client.feed(types).await?;
        send_describe_response(client, &DescribePortalResponse::new(described.fields)).await
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statement = &portal.statement.statement;
        let given = portal.parameters.iter().zip(statement.parameters());
        let values = given.enumerate().map(|(at, (bytes, kind))| match bytes {
            Some(bytes) => decode(bytes, *kind, form(&portal.parameter_format, at)),
            None => Ok(Value::Null),
        });
        let values: Vec<Value> = values.collect::<PgWireResult<_>>()?;
        let answer = self.0.run(client, statement, &values).await?;
        answer.response(&portal.result_column_format)
    }
}
