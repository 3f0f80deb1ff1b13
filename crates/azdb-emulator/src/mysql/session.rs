//! A session of the sample: what `opensrv-mysql` asks of it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column, InitWriter, OkResponse, ParamParser, QueryResultWriter,
    StatementMetaWriter, StatusFlags, ValueInner,
};
use tokio::io::AsyncWrite;

use super::chatter::{self, Order, Surroundings};
use super::fault;
use super::server::Shared;
use super::values::{self, Cell};
use crate::sample::{
    self, Declared, Dialect, Fault, Interrupt, Kind, Prepared, Transaction, Value, parse, unknown,
};

const AUTOCOMMIT: &str = "autocommit";

/// A session.
pub(super) struct Session {
    sample: sample::Session,
    around: Surroundings,
    shared: Arc<Shared>,
    statements: HashMap<u32, String>,
    last_statement: u32,
}

/// What a statement gave.
#[derive(Default)]
struct Given {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    affected: u64,
    last_id: u64,
}

/// A fault, and the kind of the statement that had it.
type Failed = (Fault, Option<Kind>);

impl Given {
    fn texts(columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        let row = |row: Vec<String>| row.into_iter().map(Value::Text).collect();
        Self {
            columns: columns
                .iter()
                .map(|name| values::text_column(name))
                .collect(),
            rows: rows.into_iter().map(row).collect(),
            ..Self::default()
        }
    }
}

impl Session {
    pub(super) fn new(sample: sample::Session, around: Surroundings, shared: Arc<Shared>) -> Self {
        Self {
            sample,
            around,
            shared,
            statements: HashMap::new(),
            last_statement: 0,
        }
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        self.sample.interrupt()
    }

    /// Runs a text with the parameters that were sent for it.
    async fn run(&mut self, text: &str, given: &[ValueInner<'_>]) -> Result<Given, Failed> {
        let order = chatter::order(text, &self.around).map_err(|fault| (fault, None))?;
        if let Order::Statement(text) = order {
            return self.statement(&text, given).await;
        }
        self.chat(order).await.map_err(|fault| (fault, None))
    }

    async fn chat(&mut self, order: Order) -> Result<Given, Fault> {
        match order {
            Order::Statement(_) => Ok(Given::default()),
            Order::Set(variables) => {
                for (name, value) in variables {
                    if name == AUTOCOMMIT {
                        self.sample.set_autocommit(value == "1")?;
                    }
                    self.around.variables.insert(name, value);
                }
                Ok(Given::default())
            }
            Order::Use(name) => {
                self.around.database = name;
                Ok(Given::default())
            }
            Order::Rows(columns, rows) => Ok(Given::texts(&columns, rows)),
            Order::Tables { full } => {
                let tables = self.sample.tables()?.into_iter();
                let name = format!("Tables_in_{}", self.around.database);
                let columns = if full {
                    vec![&*name, "Table_type"]
                } else {
                    vec![&*name]
                };
                let row = |name| match full {
                    true => vec![name, "BASE TABLE".to_owned()],
                    false => vec![name],
                };
                Ok(Given::texts(
                    &columns,
                    tables.map(|table| row(table.name)).collect(),
                ))
            }
            Order::Sleep(time) => {
                let interrupted = match self.sample.sleep(time).await {
                    Err(Fault::Cancelled) => "1",
                    slept => slept.map(|()| "0")?,
                };
                Ok(Given::texts(&["sleep"], vec![vec![interrupted.to_owned()]]))
            }
            Order::Kill { id, query } if self.shared.kill(id, query) => Ok(Given::default()),
            Order::Kill { id, .. } => Err(unknown(&format!("a session {id}"), Dialect::Mysql)),
        }
    }

    async fn statement(&self, text: &str, given: &[ValueInner<'_>]) -> Result<Given, Failed> {
        let prepared = self.prepare(text, given).map_err(|fault| (fault, None))?;
        let kind = Some(prepared.kind);
        let places = prepared.parameters.iter();
        let values = given
            .iter()
            .zip(places)
            .map(|(given, place)| values::parameter(*given, *place));
        let values: Result<Vec<Value>, Fault> = values.collect();
        let values = values.map_err(|fault| (fault, kind))?;
        let outcome = self.sample.run(&prepared, &values).await;
        let outcome = outcome.map_err(|fault| (fault, kind))?;
        let has_rows = !outcome.columns.is_empty();
        Ok(Given {
            columns: outcome.columns.iter().map(values::column).collect(),
            rows: outcome.rows,
            affected: if has_rows { 0 } else { outcome.affected },
            last_id: outcome
                .last_id
                .and_then(|id| u64::try_from(id).ok())
                .unwrap_or_default(),
        })
    }

    /// Looks at a statement for parameters like these. Those whose types do not follow from the statement have the types that
    /// were sent, as MySQL, too, knows them at the execution alone.
    fn prepare(&self, text: &str, sent: &[ValueInner<'_>]) -> Result<Prepared, Fault> {
        let statements = parse(text, Dialect::Mysql)?;
        let one = match statements.as_slice() {
            [one] => one,
            [] => return Err(unknown("an empty statement", Dialect::Mysql)),
            _ => return Err(unknown("several statements at once", Dialect::Mysql)),
        };
        self.sample.prepare(one, &[]).or_else(|fault| {
            let declared: Vec<Declared> = sent.iter().map(values::declared).collect();
            match declared.as_slice() {
                [] => Err(fault),
                declared => self.sample.prepare(one, declared),
            }
        })
    }

    fn status(&self) -> StatusFlags {
        let mut status = StatusFlags::empty();
        let is_on = self
            .around
            .variables
            .get(AUTOCOMMIT)
            .is_none_or(|value| value == "1");
        status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, is_on);
        let is_open = self.sample.transaction() != Transaction::None;
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, is_open);
        status
    }

    async fn answer<W: AsyncWrite + Send + Unpin>(
        &self,
        ran: Result<Given, Failed>,
        results: QueryResultWriter<'_, W>,
    ) -> io::Result<()> {
        let given = match ran {
            Ok(given) => given,
            Err((fault, kind)) => {
                let (kind, text) = fault::told(&fault, kind, &self.around.database);
                return results.error(kind, text.as_bytes()).await;
            }
        };
        if given.columns.is_empty() {
            let ok = OkResponse {
                affected_rows: given.affected,
                last_insert_id: given.last_id,
                status_flags: self.status(),
                ..OkResponse::default()
            };
            return results.completed(ok).await;
        }
        let mut writer = results.start(&given.columns).await?;
        for row in &given.rows {
            writer.write_row(row.iter().map(Cell)).await?;
        }
        writer.finish().await
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
        let prepared = match chatter::order(query, &self.around) {
            Ok(Order::Statement(text)) => {
                let whole = vec![ValueInner::Int(0); chatter::places(&text)];
                self.prepare(&text, &whole).map(Some)
            }
            Ok(_) => Ok(None),
            Err(fault) => Err(fault),
        };
        let (parameters, columns) = match prepared {
            Ok(Some(prepared)) => (
                vec![values::text_column("?"); prepared.parameters.len()],
                prepared.columns.iter().map(values::column).collect(),
            ),
            // What is told at each execution.
            Ok(None) => (Vec::new(), Vec::new()),
            Err(fault) => {
                let (kind, text) = fault::told(&fault, None, &self.around.database);
                return info.error(kind, text.as_bytes()).await;
            }
        };
        self.last_statement += 1;
        let id = self.last_statement;
        self.statements.insert(id, query.to_owned());
        info.reply(id, &parameters, &columns).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        id: u32,
        parameters: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let given: Vec<ValueInner<'_>> = parameters
            .into_iter()
            .map(|given| given.value.into_inner())
            .collect();
        let text = self.statements.get(&id).cloned().unwrap_or_default();
        let ran = self.run(&text, &given).await;
        self.answer(ran, results).await
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
        let ran = self.run(query, &[]).await;
        self.answer(ran, results).await
    }

    /// Every name is a name of the one database.
    async fn on_init<'a>(
        &'a mut self,
        database: &'a str,
        writer: InitWriter<'a, W>,
    ) -> io::Result<()> {
        self.around.database = database.to_owned();
        writer.ok().await
    }
}
