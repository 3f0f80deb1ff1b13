//! A session of the sample: what `opensrv-mysql` asks of it.

use std::collections::HashMap;
use std::io;

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column, InitWriter, OkResponse, ParamParser, QueryResultWriter,
    StatementMetaWriter, StatusFlags, ValueInner,
};
use tokio::io::AsyncWrite;

use super::chatter::{self, Order, Surroundings};
use super::fault;
use super::values::{self, Cell};
use crate::sample::{
    self, Declared, Dialect, Fault, Kind, Outcome, Prepared, Transaction, Value, parse, unknown,
};

const AUTOCOMMIT: &str = "autocommit";

/// A session.
pub(super) struct Session {
    sample: sample::Session,
    around: Surroundings,
    statements: HashMap<u32, String>,
    last_statement: u32,
}

/// A fault, and the kind of the statement that had it.
struct Failed(Fault, Option<Kind>);

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self(fault, None)
    }
}

/// Done, and nothing to say about it but these rows of text, if there are columns.
fn told(columns: &[&str], rows: Vec<Vec<String>>) -> Outcome {
    let row = |row: Vec<String>| row.into_iter().map(Value::Text).collect();
    Outcome {
        kind: Kind::Select,
        columns: columns.iter().copied().map(sample::Column::text).collect(),
        rows: rows.into_iter().map(row).collect(),
        affected: 0,
        last_id: None,
    }
}

impl Session {
    pub(super) fn new(sample: sample::Session, around: Surroundings) -> Self {
        Self {
            sample,
            around,
            statements: HashMap::new(),
            last_statement: 0,
        }
    }

    /// Runs a text with the parameters that were sent for it.
    async fn run(&mut self, text: &str, given: &[ValueInner<'_>]) -> Result<Outcome, Failed> {
        match chatter::order(text, &self.around)? {
            Order::Statement(text) => self.statement(&text, given).await,
            Order::Set(variables) => {
                for (name, value) in variables {
                    if name == AUTOCOMMIT {
                        self.sample.set_autocommit(value == "1")?;
                    }
                    self.around.variables.insert(name, value);
                }
                Ok(told(&[], Vec::new()))
            }
            Order::Rows(columns, rows) => Ok(told(&columns, rows)),
            Order::Tables => {
                let tables = self.sample.tables()?.into_iter();
                let name = format!("Tables_in_{}", self.around.database);
                let rows = tables.map(|table| vec![table.name]).collect();
                Ok(told(&[&name], rows))
            }
        }
    }

    async fn statement(&self, text: &str, given: &[ValueInner<'_>]) -> Result<Outcome, Failed> {
        let prepared = self.prepare(text, given)?;
        let failed = |fault| Failed(fault, Some(prepared.kind));
        let values = given.iter().zip(&prepared.parameters);
        let values = values.map(|(given, place)| values::parameter(*given, *place));
        let values: Result<Vec<Value>, Fault> = values.collect();
        let values = values.map_err(failed)?;
        self.sample.run(&prepared, &values).await.map_err(failed)
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
        let autocommit = self.around.variables.get(AUTOCOMMIT);
        let is_open = self.sample.transaction() != Transaction::None;
        let mut status = StatusFlags::empty();
        status.set(
            StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            autocommit.is_none_or(|value| value == "1"),
        );
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, is_open);
        status
    }

    async fn answer<W: AsyncWrite + Send + Unpin>(
        &self,
        ran: Result<Outcome, Failed>,
        results: QueryResultWriter<'_, W>,
    ) -> io::Result<()> {
        let outcome = match ran {
            Ok(outcome) => outcome,
            Err(Failed(fault, kind)) => {
                let (number, text) = fault::told(&fault, kind, &self.around.database);
                return results.error(number, text.as_bytes()).await;
            }
        };
        if outcome.columns.is_empty() {
            let last_id = outcome.last_id.and_then(|id| id.try_into().ok());
            let ok = OkResponse {
                affected_rows: outcome.affected,
                last_insert_id: last_id.unwrap_or_default(),
                status_flags: self.status(),
                ..OkResponse::default()
            };
            return results.completed(ok).await;
        }
        let columns: Vec<Column> = outcome.columns.iter().map(values::column).collect();
        let mut writer = results.start(&columns).await?;
        for row in &outcome.rows {
            writer.write_row(row.iter().map(Cell)).await?;
        }
        writer.finish().await
    }

    /// How many parameters a text has, and the columns that it gives. Those of chatter are told at each execution.
    fn look_at(&self, text: &str) -> Result<(usize, Vec<Column>), Fault> {
        let Order::Statement(text) = chatter::order(text, &self.around)? else {
            return Ok((0, Vec::new()));
        };
        let whole = vec![ValueInner::Int(0); sample::places(&text, Dialect::Mysql)];
        let prepared = self.prepare(&text, &whole)?;
        let columns = prepared.columns.iter().map(values::column).collect();
        Ok((prepared.parameters.len(), columns))
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
        let (parameters, columns) = match self.look_at(query) {
            Ok(looks) => looks,
            Err(fault) => {
                let (kind, text) = fault::told(&fault, None, &self.around.database);
                return info.error(kind, text.as_bytes()).await;
            }
        };
        self.last_statement += 1;
        let id = self.last_statement;
        self.statements.insert(id, query.to_owned());
        let parameters = vec![values::column(&sample::Column::text("?")); parameters];
        info.reply(id, &parameters, &columns).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        id: u32,
        parameters: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let given = parameters.into_iter();
        let given: Vec<ValueInner<'_>> = given.map(|given| given.value.into_inner()).collect();
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
