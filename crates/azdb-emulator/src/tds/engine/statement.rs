//! Batches, statement by statement: patterns first, then canned answers, then the sample.

use std::time::Duration;

use super::super::token::{Refusal, change};
use super::batch::{Statement, bare, statements, string};
use super::{Engine, Sink, unknown};

/// Errors after which a batch goes on: constraints that were not met.
const STATEMENT_ONLY: [u32; 3] = [515, 547, 2627];

/// Options of `SET` that change nothing here, with the value that does so where not all do.
const IDLE_OPTIONS: [(&str, &str); 14] = [
    ("ansi_null_dflt_on", "on"),
    ("ansi_nulls", "on"),
    ("ansi_padding", "on"),
    ("ansi_warnings", "on"),
    ("arithabort", ""),
    ("concat_null_yields_null", "on"),
    ("cursor_close_on_commit", ""),
    ("datefirst", ""),
    ("dateformat", ""),
    ("language", ""),
    ("lock_timeout", ""),
    ("numeric_roundabort", "off"),
    ("quoted_identifier", "on"),
    ("xact_abort", "off"),
];

impl Engine {
    /// Runs a batch. One that breaks a constraint is told of, and the next one runs.
    pub(super) async fn batch(&mut self, text: &str, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        tracing::trace!(text, "runs a batch");
        for statement in statements(text)? {
            if sink.cancel.is_cancelled() {
                return Ok(());
            }
            match self.statement(&statement, sink).await {
                Err(refusal) if STATEMENT_ONLY.contains(&refusal.number) => {
                    self.tell(&refusal, sink);
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    async fn statement(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["set", name, "=", value @ ..] | ["select", name, "=", value @ ..]
                if name.starts_with('@') =>
            {
                self.assign(name, value)
            }
            ["declare", name, "table", "(", columns @ .., ")"] => {
                self.declare_table(name, columns);
                Ok(())
            }
            ["declare", items @ ..] => self.declare(items),
            ["set", "transaction", "isolation", "level", level @ ..] => self.isolate(level),
            ["set", option @ .., value] => self.set(option, value, statement),
            ["use", name] => self.use_database(&bare(name), sink),
            ["begin", "tran" | "transaction"] => self.begin(sink),
            ["begin", "tran" | "transaction", name] => self.begin_as(&bare(name), sink),
            // A name means nothing here.
            ["commit"]
            | ["commit", "tran" | "transaction" | "work"]
            | ["commit", "tran" | "transaction", _] => self.commit(sink),
            ["rollback"] | ["rollback", "tran" | "transaction" | "work"] => self.rollback(sink),
            // What jTDS says before a savepoint.
            [
                "if",
                "@@trancount",
                "=",
                "0",
                "begin",
                "set",
                "implicit_transactions",
                "off",
                "begin",
                "tran",
                "set",
                "implicit_transactions",
                "on",
                "end",
            ] => match self.session.depth() {
                0 => self.begin(sink),
                _ => Ok(()),
            },
            ["save", "tran" | "transaction", name] => self.save(&bare(name)),
            ["rollback", "tran" | "transaction", name] => self.rollback_to(&bare(name), sink),
            ["if", "@@trancount", ">", "0", end @ ("commit" | "rollback")]
            | [
                "if",
                "@@trancount",
                ">",
                "0",
                end @ ("commit" | "rollback"),
                "tran" | "transaction",
            ] => match (self.session.depth(), *end) {
                (0, _) => Ok(()),
                (_, "commit") => self.commit(sink),
                _ => self.rollback(sink),
            },
            ["waitfor", "delay", time] => wait(time, sink).await,
            ["insert", "bulk", target @ ..] => {
                self.announce_bulk(target);
                Ok(())
            }
            ["insert", "into", name, "exec" | "execute", call @ ..] => self.fill(name, call, sink),
            // How Mono.Data.Tds runs all that has results.
            ["exec" | "execute", "sp_executesql", text] if let Some(text) = string(text) => {
                Box::pin(self.batch(text, sink)).await
            }
            ["exec" | "execute", call @ ..] => self.execute(call, sink).await,
            // Without `EXEC`, as the first of a batch.
            [name, ..] if name.starts_with("sp_") => self.execute(&words, sink).await,
            words => {
                let table = match self.read(statement.text, words)? {
                    None => self.canned(words)?,
                    table => table,
                };
                match table {
                    Some(table) => self.send_canned(table, sink).await,
                    None => self.sql(statement.text, words, sink).await,
                }
            }
        }
    }

    fn set(
        &mut self,
        option: &[&str],
        value: &str,
        statement: &Statement<'_>,
    ) -> Result<(), Refusal> {
        let is_on = value == "on";
        match option {
            ["nocount"] => self.options.nocount = is_on,
            ["implicit_transactions"] => self.options.implicit_transactions = is_on,
            ["textsize"] => {
                let bytes: usize = value.parse().map_err(|_| unknown(statement.text))?;
                self.options.longest = Some(if bytes == 0 { 4096 } else { bytes });
            }
            ["textsize", "-"] if value == "1" => self.options.longest = None,
            ["fmtonly"] => self.options.metadata_only = is_on,
            [option] if IDLE_OPTIONS.contains(&(option, "")) => {}
            [option] if IDLE_OPTIONS.contains(&(option, value)) => {}
            _ => return Err(unknown(statement.text)),
        }
        Ok(())
    }

    /// `USE`: Azure SQL stays in the database of the login.
    fn use_database(&mut self, database: &str, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        let current = &self.database;
        if !database.eq_ignore_ascii_case(current) {
            let text = "USE statement is not supported to switch between databases. Use a new \
                        connection to connect to a different database.";
            return Err(Refusal::new(40508, text).class(16));
        }
        let tokens = sink.tokens();
        tokens.changed(change::DATABASE, current, current);
        let text = format!("Changed database context to '{current}'.");
        tokens.info(5701, 0, &text);
        Ok(())
    }
}

/// `WAITFOR DELAY 'hh:mm[:ss]'`.
async fn wait(time: &str, sink: &Sink<'_>) -> Result<(), Refusal> {
    let time = string(time).unwrap_or_default();
    let mut parts = time.split(':').map(str::parse::<u64>);
    let mut part = || parts.next().unwrap_or(Ok(0));
    let (Ok(hours), Ok(minutes), Ok(seconds)) = (part(), part(), part()) else {
        let text = format!("Incorrect time syntax in time string '{time}' used with WAITFOR.");
        return Err(Refusal::new(148, text).class(15));
    };
    let delay = Duration::from_secs((hours * 60 + minutes) * 60 + seconds);
    let _ = tokio::time::timeout(delay, sink.cancel.cancelled()).await;
    Ok(())
}
