//! What a session of the sample answers: statements that the sample knows, and what drivers say
//! beside them. It is no T-SQL: whatever is neither is refused.
//!
//! ```text
//!   batch, procedure, bulk load -- batch --> statements -- patterns here, canned answers
//!                                                 |  else
//!                                                 v
//!                                            crate::sample --> rows -- value --> Sink
//! ```
//!
//! # Invariants
//!
//! * What is not known ends the batch with one error, and the session lives on.
//! * Requests of one connection run one after the other.

mod batch;
mod bulk;
mod canned;
mod catalog;
mod cursor;
mod every_type;
mod isolation;
mod procedure;
mod relation;
mod rows;
mod scalar;
mod sink;
mod statement;
mod table_variable;
mod transaction;
mod variable;

use std::collections::HashMap;
use std::sync::Arc;

use super::request::{Asks, Request};
use super::session::Opened;
use super::token::{Refusal, done};
use crate::emulator::Azure;
use crate::sample::{self, Dialect, Fault, Session};
use bulk::BulkTarget;
use isolation::Isolation;
use procedure::Kept;
pub(super) use sink::Sink;
use table_variable::TableVariable;
use variable::Variable;

/// A session's connection to the sample, and what it has set.
pub(super) struct Engine {
    azure: Arc<Azure>,
    session: Session,
    user: String,
    database: String,
    spid: u16,
    /// Of the request that runs.
    variables: Vec<Variable>,
    table_variables: Vec<TableVariable>,
    /// How many transactions there have been: the descriptor of the last one.
    transactions: u64,
    /// What the outermost transaction is called, if its statement said so.
    transaction_name: Option<String>,
    prepared: HashMap<i32, Kept>,
    next_handle: i32,
    bulk: Option<BulkTarget>,
    options: Options,
    isolation: Isolation,
    resets_isolation: bool,
    rows_affected: u64,
    last_identity: Option<i64>,
}

/// What `SET` has set.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    nocount: bool,
    implicit_transactions: bool,
    metadata_only: bool,
    /// The most bytes of a long value; all of it without.
    longest: Option<usize>,
}

/// How far a session goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reset {
    All,
    /// Not the transaction, and what was made in it.
    KeepTransaction,
}

impl Engine {
    /// Opens a session.
    pub(super) fn open(azure: &Arc<Azure>, user: String, opened: &Opened) -> Result<Self, Refusal> {
        Ok(Self {
            session: session(azure)?,
            azure: Arc::clone(azure),
            user,
            database: opened.database.clone(),
            spid: opened.spid,
            variables: Vec::new(),
            table_variables: Vec::new(),
            transactions: 0,
            transaction_name: None,
            prepared: HashMap::new(),
            next_handle: 0,
            bulk: None,
            options: Options::default(),
            isolation: Isolation::default(),
            resets_isolation: opened.resets_isolation,
            rows_affected: 0,
            last_identity: None,
        })
    }

    /// Runs a request. Gives what of the response the sink has not handed on.
    pub(super) async fn run(
        &mut self,
        request: Request,
        reset: Option<Reset>,
        mut sink: Sink<'_>,
    ) -> Vec<u8> {
        let mut ended = reset.map_or(Ok(()), |reset| self.reset(reset));
        if ended.is_ok() {
            ended = self.answer(request, &mut sink).await;
        }
        if let Err(refusal) = ended {
            self.tell(&refusal, &mut sink);
        }
        sink.finish(self.status())
    }

    fn reset(&mut self, reset: Reset) -> Result<(), Refusal> {
        if reset == Reset::All || self.session.depth() == 0 {
            // Temporary tables end with it.
            self.session = session(&self.azure)?;
        }
        self.prepared.clear();
        self.bulk = None;
        self.options = Options::default();
        if self.resets_isolation {
            self.isolation = Isolation::default();
        }
        Ok(())
    }

    async fn answer(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        let current = self.descriptor();
        if request
            .transaction
            .is_some_and(|claimed| claimed != current)
        {
            let text = "New request is not allowed to start because it should come with valid \
                        transaction descriptor.";
            return Err(Refusal::new(3989, text).class(16));
        }
        self.variables.clear();
        self.table_variables.clear();
        match request.asks {
            Asks::Batch(text) => self.batch(&text, sink).await,
            Asks::Calls(calls) => self.calls(calls, sink).await,
            Asks::Transaction(asked) => self.transaction(asked, sink),
            Asks::Bulk(data) => self.load(&data, sink).await,
            Asks::Unknown(what) => {
                self.refuse_call(&unknown(what), sink);
                Ok(())
            }
        }
    }

    /// The DONE status that says whether a transaction is open.
    fn status(&self) -> u16 {
        match self.session.depth() {
            0 => done::FINAL,
            _ => done::IN_TRANSACTION,
        }
    }

    /// Tells the client of an error.
    fn tell(&self, refusal: &Refusal, sink: &mut Sink<'_>) {
        tracing::debug!(refusal.number, refusal.message, "tells of an error");
        sink.tokens().error(refusal);
        sink.done(done::ERROR | self.status(), 0, 0);
    }
}

fn session(azure: &Azure) -> Result<Session, Refusal> {
    let session = azure.sample.session(Dialect::Tds);
    session.map_err(|error| rows::refusal(Fault::from(error)))
}

/// The error about something that the sample does not know.
fn unknown(what: &str) -> Refusal {
    rows::refusal(sample::unknown(what, Dialect::Tds))
}
