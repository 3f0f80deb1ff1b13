//! Commands and answers.
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

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use pgwire::api::portal::Format;
use pgwire::api::{DefaultClient, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::{
    EmptyQueryResponse, ErrorResponse, NoticeResponse, ReadyForQuery, TransactionStatus,
};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use pgwire::tokio::server::PgWireMessageServerCodec;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

use super::Session;
use super::copy::CopyIn;
use super::extended::Failure;
use super::portal::{Portal, complete, data_row, description};
use super::prepare::Prepared;
use super::worker::Outcome;
use crate::postgres::cancel::Entry;
use crate::postgres::error::SqlError;
use crate::postgres::sql::command::{Command, command};
use crate::postgres::sql::{lexer, significant, statements};
use crate::postgres::wire::fatal;

/// A session's stream, with `pgwire`'s codec.
type Socket = Framed<TlsStream<TcpStream>, PgWireMessageServerCodec<()>>;

/// Serves commands until the client leaves or the session is terminated.
pub(in crate::postgres) async fn run(
    stream: TlsStream<TcpStream>,
    peer: SocketAddr,
    session: Session,
    entry: Entry,
) -> io::Result<()> {
    let mut client = DefaultClient::new(peer, true);
    client.protocol_version = ProtocolVersion::PROTOCOL3_0;
    client.state = PgWireConnectionState::ReadyForQuery;
    let mut conversation = Conversation {
        socket: Framed::new(stream, PgWireMessageServerCodec::new(client)),
        session,
        statements: HashMap::new(),
        portals: HashMap::new(),
        status: TransactionStatus::Idle,
        skipping: false,
        copy: None,
    };
    loop {
        let message = tokio::select! {
            // A session that has to go takes no more commands.
            biased;
            () = entry.end.cancelled() => {
                let text = "terminating connection due to administrator command";
                conversation.socket.send(fatal("57P01", text)).await?;
                return conversation.socket.close().await;
            }
            message = conversation.socket.next() => message,
        };
        match message {
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

pub(super) struct Conversation {
    pub(super) socket: Socket,
    pub(super) session: Session,
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) status: TransactionStatus,
    /// An error was told, and what comes before the next Sync counts for nothing.
    skipping: bool,
    pub(super) copy: Option<CopyIn>,
}

impl Conversation {
    async fn answer(&mut self, message: PgWireFrontendMessage) -> io::Result<()> {
        if self.copy.is_some() {
            return self.copied(message).await;
        }
        let answered = match message {
            PgWireFrontendMessage::Query(query) => return self.query(query.query).await,
            PgWireFrontendMessage::Sync(_) => return self.synced().await,
            PgWireFrontendMessage::Flush(_) => return self.socket.flush().await,
            _ if self.skipping => return Ok(()),
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await,
            PgWireFrontendMessage::Describe(describe) => self.describe(describe).await,
            PgWireFrontendMessage::Execute(execute) => self.execute(execute).await,
            PgWireFrontendMessage::Close(close) => self.close(close).await,
            // What is left of a COPY that failed.
            _ => return Ok(()),
        };
        match answered {
            Ok(()) => Ok(()),
            Err(Failure::Stream(error)) => Err(error),
            Err(Failure::Sql(error)) => self.extended_failed(error).await,
        }
    }

    /// The simple protocol.
    async fn query(&mut self, sql: String) -> io::Result<()> {
        let tokens = lexer::tokens(&sql);
        let found = statements(&tokens);
        match found.as_slice() {
            [] => {
                let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
                self.socket.feed(empty).await?;
            }
            [only] if command(&significant(only)) == Command::Copy => {
                if let Err(error) = self.start_copy(only, Protocol::Simple).await? {
                    self.tell(error).await?;
                } else if self.copy.is_some() {
                    return self.socket.flush().await;
                }
            }
            _ => {
                let done = self.session.work(move |worker| {
                    let (outcomes, failure) = worker.run_all(&sql);
                    Ok((outcomes, failure, worker.status()))
                });
                match done.await {
                    Ok((outcomes, failure, status)) => {
                        self.status = status;
                        for outcome in outcomes {
                            self.show(outcome).await?;
                        }
                        if let Some(error) = failure {
                            self.tell(error).await?;
                        }
                    }
                    Err(error) => self.tell(error).await?,
                }
            }
        }
        self.ready().await
    }

    /// A statement's whole result, described, in text.
    async fn show(&mut self, outcome: Outcome) -> io::Result<()> {
        self.announce(&outcome).await?;
        let format = Format::UnifiedText;
        let Some(columns) = &outcome.columns else {
            return self.socket.feed(complete(&outcome.tag, None)).await;
        };
        self.socket
            .feed(description(Some(columns), &format))
            .await?;
        for row in &outcome.rows {
            match data_row(&self.session.surroundings, columns, row, &format) {
                Ok(row) => self.socket.feed(row).await?,
                Err(error) => return self.tell(error).await,
            }
        }
        let complete = complete(&outcome.tag, Some(outcome.rows.len()));
        self.socket.feed(complete).await
    }

    /// Warnings and changed settings.
    pub(super) async fn announce(&mut self, outcome: &Outcome) -> io::Result<()> {
        for (code, text) in &outcome.warnings {
            let mut info =
                ErrorInfo::new("WARNING".to_owned(), (*code).to_owned(), (*text).to_owned());
            info.severity_nonlocalized = Some("WARNING".to_owned());
            let notice = PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info));
            self.socket.feed(notice).await?;
        }
        for (name, value) in &outcome.reports {
            let status = ParameterStatus::new(name.clone(), value.clone());
            self.socket
                .feed(PgWireBackendMessage::ParameterStatus(status))
                .await?;
        }
        Ok(())
    }

    async fn synced(&mut self) -> io::Result<()> {
        self.skipping = false;
        // Portals live as long as their transaction.
        if self.status == TransactionStatus::Idle {
            self.portals.clear();
        }
        self.ready().await
    }

    pub(super) async fn ready(&mut self) -> io::Result<()> {
        let ready = ReadyForQuery::new(self.status);
        self.socket
            .send(PgWireBackendMessage::ReadyForQuery(ready))
            .await
    }

    pub(super) async fn extended_failed(&mut self, error: SqlError) -> io::Result<()> {
        self.skipping = true;
        if self.status == TransactionStatus::Transaction {
            self.status = TransactionStatus::Error;
            let marked = self
                .session
                .work(|worker| Err::<(), _>(worker.failed(SqlError::canceled())));
            // Only the mark counts: the transaction has failed, whatever the error was.
            let _ = marked.await;
        }
        self.tell(error).await
    }

    /// Tells an error.
    pub(super) async fn tell(&mut self, error: SqlError) -> io::Result<()> {
        tracing::debug!(
            sqlstate = error.code,
            message = error.message,
            "statement failed"
        );
        if let PgWireError::UserError(info) = error.into_wire() {
            let response = ErrorResponse::from(*info);
            self.socket
                .feed(PgWireBackendMessage::ErrorResponse(response))
                .await?;
        }
        Ok(())
    }
}

/// Which protocol a statement came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Simple,
    Extended,
}
