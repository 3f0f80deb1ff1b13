//! T-SQL on SQLite: what drivers and small apps say, not the whole language.
//!
//! ```text
//!   text -- lexer --> tokens -- statement --> statements -- rewrite --> SQL for SQLite
//!                                                 |  variables, IF, transactions: here
//!                                                 v
//!   rows -- describe, value --> tokens -- Sink --> the session's Out
//! ```

mod bulk;
mod call;
mod describe;
mod errors;
mod extent;
mod functions;
mod joining;
mod lexer;
mod procedure;
mod query;
mod rewrite;
mod run;
mod sink;
mod statement;
mod table;
mod transaction;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;

use super::request::{Asks, Request};
use super::token::Refusal;
use super::value::Type;
use crate::sqlite::{Database, Interrupt};
use bulk::BulkTarget;
use errors::Stop;
use lexer::Token;
use rewrite::Context;
pub(super) use sink::Sink;
use transaction::Transactions;

/// Who a session is.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) user: String,
    pub(super) host: String,
    pub(super) app: String,
    pub(super) database: String,
    pub(super) spid: u16,
}

/// A variable: its type and value.
type Variables = HashMap<String, (Type, Value)>;

/// A statement that a client has prepared: parameter declarations and text.
struct Prepared {
    declarations: String,
    text: String,
}

/// A session's SQL: its connection to SQLite and what it has set.
pub(super) struct Engine {
    connection: Connection,
    interrupt: Arc<Interrupt>,
    who: Who,
    variables: Variables,
    transactions: Transactions,
    prepared: HashMap<i32, Prepared>,
    next_handle: i32,
    bulk: Option<BulkTarget>,
    nocount: bool,
    implicit_transactions: bool,
    metadata_only: bool,
    rows_affected: u64,
    last_error: u32,
}

impl Engine {
    /// Opens a session's connection.
    pub(super) fn open(database: &Database, who: Who) -> rusqlite::Result<Self> {
        let connection = database.connect()?;
        // SQLite would take a quoted name that it does not know for text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        functions::register(&connection, &who)?;
        connection.execute_batch(functions::CATALOG)?;
        Ok(Self {
            interrupt: Arc::new(Interrupt::new(&connection)),
            connection,
            who,
            variables: Variables::new(),
            transactions: Transactions::default(),
            prepared: HashMap::new(),
            next_handle: 0,
            bulk: None,
            nocount: false,
            implicit_transactions: false,
            metadata_only: false,
            rows_affected: 0,
            last_error: 0,
        })
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    /// A request begins: an attention from before it is forgotten.
    pub(super) fn arm(&self) {
        self.interrupt.arm();
    }

    /// Back to the state after login.
    pub(super) fn reset(&mut self, keep_transaction: bool) {
        if !keep_transaction {
            self.transactions.abandon(&self.connection);
        }
        let temporary: Vec<String> = self.temporary_tables().unwrap_or_default();
        for table in temporary {
            let drop = format!("drop table temp.\"{}\"", table.replace('"', "\"\""));
            if let Err(error) = self.connection.execute(&drop, []) {
                tracing::debug!(%error, "a temporary table stays");
            }
        }
        self.prepared.clear();
        self.bulk = None;
        self.nocount = false;
        self.implicit_transactions = false;
        self.metadata_only = false;
    }

    fn temporary_tables(&self) -> rusqlite::Result<Vec<String>> {
        let sql = "select name from temp.sqlite_master where type = 'table' and name like '#%'";
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    /// Runs a request; all that there is to say goes to the sink.
    pub(super) fn run(&mut self, request: Request, sink: &mut Sink) {
        let current = self.transactions.descriptor();
        if request
            .transaction
            .is_some_and(|claimed| claimed != current)
        {
            let text = "New request is not allowed to start because it should come with valid \
                        transaction descriptor.";
            self.tell(&Refusal::new(3989, text).class(16), sink);
            sink.finish(self.status());
            return;
        }
        let ended = match request.asks {
            Asks::Batch(text) => {
                self.variables.clear();
                self.batch(&text, sink)
            }
            Asks::Call(calls) => self.calls(calls, sink),
            Asks::Transaction(asked) => self.transaction(asked, sink),
            Asks::Bulk(data) => self.load(&data, sink),
        };
        if let Err(Stop::Batch(refusal) | Stop::Statement(refusal)) = ended {
            self.tell(&refusal, sink);
        }
        sink.finish(self.status());
    }

    /// The DONE status that says whether a transaction is open.
    fn status(&self) -> u16 {
        self.transactions.status()
    }

    /// What a rewrite must know.
    fn context<'a>(
        &self,
        tokens: &[Token],
        global: &'a dyn Fn(&str) -> Option<String>,
    ) -> Context<'a> {
        let joins = tokens.iter().any(|token| token.is("+"));
        let text_columns = joins.then(|| self.text_columns().unwrap_or_default());
        let variables = self.variables.iter();
        Context {
            variables: variables
                .map(|(name, (kind, _))| (name.clone(), *kind))
                .collect(),
            text_columns: text_columns.unwrap_or_default(),
            global,
        }
    }

    /// Columns that hold text wherever they occur.
    fn text_columns(&self) -> rusqlite::Result<HashSet<String>> {
        let sql = "select lower(p.name), p.type from (
                       select name from main.sqlite_master where type = 'table'
                       union all select name from temp.sqlite_master where type = 'table') t,
                   pragma_table_info(t.name) p";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let (mut text, mut other) = (HashSet::new(), HashSet::new());
        while let Some(row) = rows.next()? {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            match Type::declared(&kind) {
                Some(Type::Text(_)) => text.insert(name),
                _ => other.insert(name),
            };
        }
        Ok(text.difference(&other).cloned().collect())
    }

    /// The value of an `@@` variable as a SQL literal.
    fn global(&self, name: &str) -> Option<String> {
        let text = |text: &str| Some(rewrite::literal(text));
        match name {
            "@@version" => {
                text("Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tazdb-emulator: T-SQL on SQLite\n")
            }
            "@@servername" => text(super::token::SERVER_NAME),
            "@@language" => text("us_english"),
            "@@spid" => Some(self.who.spid.to_string()),
            "@@trancount" => Some(self.transactions.depth().to_string()),
            "@@rowcount" => Some(self.rows_affected.to_string()),
            "@@error" => Some(self.last_error.to_string()),
            "@@identity" => Some(self.connection.last_insert_rowid().to_string()),
            "@@max_precision" => Some("38".to_owned()),
            "@@microsoftversion" => Some("201328592".to_owned()),
            "@@options" => Some("5496".to_owned()),
            "@@textsize" => Some("2147483647".to_owned()),
            "@@datefirst" => Some("7".to_owned()),
            "@@lock_timeout" => Some("-1".to_owned()),
            "@@fetch_status" => Some("0".to_owned()),
            _ => None,
        }
    }

    /// Tells the client of an error.
    fn tell(&mut self, refusal: &Refusal, sink: &mut Sink) {
        tracing::debug!(refusal.number, refusal.message, "tells of an error");
        self.last_error = refusal.number;
        sink.failed = true;
        sink.tokens().error(refusal);
        sink.done(super::token::done::ERROR | self.status(), 0, 0);
    }
}
