//! A session of the sample, on `pgwire`'s codec.
//!
//! ```text
//!   client                                  server
//!    | Query                          ----> |
//!    | <-- per statement: RowDescription, DataRow.., CommandComplete
//!    | <------------------- ReadyForQuery   |
//!    | Parse, Bind, Describe, Execute ----> |
//!    | <-- ParseComplete, BindComplete, .., CommandComplete | PortalSuspended
//!    | Sync                           ----> |
//!    | <------------------- ReadyForQuery   |   after an error: all before Sync is skipped
//! ```
//!
//! What the messages mean is decided here: `pgwire`'s handlers keep no transaction's state, and
//! describe a statement without result as one with an empty row.

mod answer;
mod canned;
mod extended;
mod fault;
mod psql;
mod settings;
mod values;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use pgwire::api::{DefaultClient, PgWireConnectionState};
use pgwire::messages::response::{EmptyQueryResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use pgwire::tokio::server::PgWireMessageServerCodec;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

use answer::{Answer, Statement, complete, data_row, description};
use extended::{Failure, Portal};
use fault::Error;
use settings::Settings;

use super::opening::Startup;
use super::wire::fatal;
use crate::sample::{self, Dialect, Fault, Kind, Transaction, Value};

/// A session's stream, with `pgwire`'s codec.
type Socket = Framed<TlsStream<TcpStream>, PgWireMessageServerCodec<()>>;

/// A session that is logged in.
pub(super) struct Session {
    sample: sample::Session,
    settings: Settings,
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
            settings: Settings::new(startup, &user),
            user,
            database,
            process,
        }
    }

    /// Settings that a client is told at login.
    pub(super) fn reported(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.settings.reported()
    }

    /// Looks at a statement.
    fn prepare(&self, text: &str, declared: &[sample::Declared]) -> Result<Statement, Error> {
        if self.sample.transaction() == Transaction::Failed && !ends(text) {
            return Err(Fault::Failed.into());
        }
        if let Some(answer) = canned::answer(text, self) {
            let columns = answer?.columns;
            let text = text.to_owned();
            return Ok(Statement::Canned { text, columns });
        }
        match sample::parse(text, Dialect::Postgres)?.as_slice() {
            [] => Ok(Statement::Empty),
            [one] => {
                let prepared = self.sample.prepare(one, declared)?;
                Ok(Statement::Sample(Box::new(prepared)))
            }
            _ => Err(Error::new("42601", "several statements without semicolons")),
        }
    }

    async fn run(&self, statement: &Statement, values: &[Value]) -> Result<Answer, Error> {
        match statement {
            Statement::Empty => Ok(Answer::done("")),
            Statement::Canned { .. } if self.sample.transaction() == Transaction::Failed => {
                Err(Fault::Failed.into())
            }
            Statement::Canned { text, .. } => {
                if let Some(time) = canned::sleep(text) {
                    self.sample.sleep(time).await?;
                }
                canned::answer(text, self).unwrap_or_else(|| Err(Fault::Stale.into()))
            }
            Statement::Sample(prepared) => Ok(self.sample.run(prepared, values).await?.into()),
        }
    }

    fn status(&self) -> TransactionStatus {
        match self.sample.transaction() {
            Transaction::None => TransactionStatus::Idle,
            Transaction::Open => TransactionStatus::Transaction,
            Transaction::Failed => TransactionStatus::Error,
        }
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
    let mut conversation = Conversation {
        socket: Framed::new(stream, PgWireMessageServerCodec::new(client)),
        session,
        statements: HashMap::new(),
        portals: HashMap::new(),
        skipping: false,
    };
    loop {
        match conversation.socket.next().await {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
            Some(Ok(message)) => conversation.answer(message).await?,
            Some(Err(error)) => {
                let error = fatal("08P01", &error.to_string());
                conversation.socket.send(error).await?;
                return conversation.socket.close().await;
            }
        }
    }
}

struct Conversation {
    socket: Socket,
    session: Session,
    statements: HashMap<String, Arc<Statement>>,
    portals: HashMap<String, Portal>,
    /// An error was told, and what comes before the next Sync counts for nothing.
    skipping: bool,
}

impl Conversation {
    async fn answer(&mut self, message: PgWireFrontendMessage) -> io::Result<()> {
        let answered = match message {
            PgWireFrontendMessage::Query(query) => return self.query(&query.query).await,
            PgWireFrontendMessage::Sync(_) => {
                self.skipping = false;
                // Portals live as long as their transaction.
                if self.session.status() == TransactionStatus::Idle {
                    self.portals.clear();
                }
                return self.ready().await;
            }
            PgWireFrontendMessage::Flush(_) => return self.socket.flush().await,
            _ if self.skipping => return Ok(()),
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await,
            PgWireFrontendMessage::Describe(describe) => self.describe(describe).await,
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await,
            PgWireFrontendMessage::Close(close) => self.close(close).await,
            // What a client sends for a COPY that was refused.
            _ => return Ok(()),
        };
        match answered {
            Ok(()) => Ok(()),
            Err(Failure::Stream(error)) => Err(error),
            Err(Failure::Sql(error)) => {
                self.skipping = true;
                self.tell(error).await
            }
        }
    }

    /// The simple protocol: what stands in one message is one transaction, unless it says otherwise.
    async fn query(&mut self, text: &str) -> io::Result<()> {
        let parts = sample::split(text, Dialect::Postgres);
        if parts.is_empty() {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            self.socket.feed(empty).await?;
        }
        let turns = parts.iter().any(|part| begins(part) || ends(part));
        let idle = self.session.sample.transaction() == Transaction::None;
        let is_one = parts.len() > 1 && idle && !turns;
        match self.statements(&parts, is_one).await {
            Ok(()) => {}
            Err(Failure::Stream(error)) => return Err(error),
            Err(Failure::Sql(error)) => {
                self.tell(error).await?;
                if is_one && let Err(fault) = self.session.sample.turn(Kind::Rollback) {
                    self.tell(fault.into()).await?;
                }
            }
        }
        self.ready().await
    }

    async fn statements(&mut self, parts: &[&str], is_one: bool) -> Result<(), Failure> {
        if is_one {
            self.session.sample.turn(Kind::Begin).map_err(Error::from)?;
        }
        for part in parts {
            let statement = self.session.prepare(part, &[])?;
            if !matches!(statement, Statement::Empty) {
                let answer = self.run(&statement, &[]).await?;
                self.show(answer).await?;
            }
        }
        if is_one {
            self.session
                .sample
                .turn(Kind::Commit)
                .map_err(Error::from)?;
        }
        Ok(())
    }

    /// Runs a statement, and tells the client of a setting that is another one now.
    async fn run(&mut self, statement: &Statement, values: &[Value]) -> Result<Answer, Failure> {
        let answer = self.session.run(statement, values).await?;
        if let Some((name, value)) = &answer.change
            && let Some(name) = self.session.settings.put(name, value)
        {
            let status = ParameterStatus::new(name.to_owned(), value.clone());
            let status = PgWireBackendMessage::ParameterStatus(status);
            self.socket.feed(status).await?;
        }
        Ok(answer)
    }

    /// A statement's whole result, described, in text.
    async fn show(&mut self, answer: Answer) -> io::Result<()> {
        if !answer.columns.is_empty() {
            self.socket.feed(description(&answer.columns, &[])).await?;
            for row in &answer.rows {
                match data_row(&answer.columns, row, &[]) {
                    Ok(row) => self.socket.feed(row).await?,
                    Err(error) => return self.tell(error).await,
                }
            }
        }
        self.socket.feed(complete(&answer.tag)).await
    }

    async fn ready(&mut self) -> io::Result<()> {
        let ready = ReadyForQuery::new(self.session.status());
        self.socket
            .send(PgWireBackendMessage::ReadyForQuery(ready))
            .await
    }

    /// Tells an error, which fails the transaction.
    async fn tell(&mut self, error: Error) -> io::Result<()> {
        self.session.sample.fail();
        tracing::debug!(
            code = error.code,
            message = error.message,
            "statement failed"
        );
        self.socket.feed(error.response()).await
    }
}
