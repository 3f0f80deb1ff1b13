//! Statements of the sample: their rows, and its faults in the words of SQL Server.

use super::super::token::{COLLATION, Refusal, done};
use super::super::value::{self, Datum, SqlColumn, SqlType};
use super::canned::Canned;
use super::{Engine, Sink, unknown};
use crate::sample::{self, Column, Declared, Dialect, Fault, Kind, Outcome, Prepared, Type, Value};

/// Commands as DONE names them.
fn command(first: &str) -> u16 {
    match first {
        "select" => 0xc1,
        "insert" => 0xc3,
        "delete" => 0xc4,
        "update" => 0xc5,
        "create" => 0xc6,
        "drop" => 0xc7,
        _ => 0,
    }
}

impl Engine {
    /// Runs a statement that the sample must know.
    pub(super) async fn sql(
        &mut self,
        text: &str,
        words: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let first = words.first().copied().unwrap_or_default();
        let (declared, values) = self.declared(words)?;
        let prepared = self.prepare(text, &declared).map_err(refusal)?;
        if self.options.metadata_only {
            let none = std::iter::empty();
            let columns: Vec<SqlColumn> = prepared.columns.iter().map(Into::into).collect();
            return self.send(first, &columns, none, sink).await;
        }
        let begins = self.options.implicit_transactions && self.session.depth() == 0;
        if begins && (first != "select" || words.contains(&"from")) {
            self.begin(sink)?;
        }
        let outcome = self.ran(&prepared, &values, sink).await.map_err(refusal)?;
        if outcome.kind == Kind::Select {
            let columns: Vec<SqlColumn> = outcome.columns.iter().map(Into::into).collect();
            let rows = outcome.rows.iter();
            let rows = rows.map(|row| of_sample(&outcome.columns, row));
            return self.send(first, &columns, rows, sink).await;
        }
        self.rows_affected = outcome.affected;
        if outcome.kind == Kind::Insert {
            self.last_identity = outcome.last_id;
        }
        let counts = matches!(outcome.kind, Kind::Insert | Kind::Update | Kind::Delete);
        if counts && !self.options.nocount {
            let status = self.status() | done::COUNT;
            sink.done(status, command(first), outcome.affected);
        }
        Ok(())
    }

    /// The variables that a statement names, as the sample has them.
    fn declared(&self, words: &[&str]) -> Result<(Vec<Declared>, Vec<Value>), Refusal> {
        let named = self.variables.iter();
        let named = named.filter(|variable| words.contains(&variable.name.as_str()));
        let declared = named.map(|variable| {
            let (kind, value) = variable.value.to_sample(variable.kind).ok_or_else(|| {
                let what = format!(
                    "a value of type {} in such a statement",
                    variable.kind.name()
                );
                unknown(&what)
            })?;
            let name = variable.name.clone();
            let kind = Some(kind);
            Ok((Declared { name, kind }, value))
        });
        let declared: Vec<(Declared, Value)> = declared.collect::<Result<_, Refusal>>()?;
        Ok(declared.into_iter().unzip())
    }

    /// The one statement of a text.
    pub(super) fn prepare(&self, text: &str, declared: &[Declared]) -> Result<Prepared, Fault> {
        match sample::parse(text, Dialect::Tds)?.as_slice() {
            [statement] => self.session.prepare(statement, declared),
            _ => Err(sample::unknown("several statements here", Dialect::Tds)),
        }
    }

    /// Runs a statement to its end, which a client that wants no more hastens.
    pub(super) async fn ran(
        &self,
        prepared: &Prepared,
        values: &[Value],
        sink: &Sink<'_>,
    ) -> Result<Outcome, Fault> {
        let running = self.session.run(prepared, values);
        tokio::pin!(running);
        tokio::select! {
            // The statement must have begun to be interrupted.
            biased;
            outcome = &mut running => outcome,
            () = sink.cancel.cancelled() => {
                self.session.interrupt().fire();
                running.await
            }
        }
    }

    pub(super) async fn send_canned(
        &mut self,
        canned: Canned,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let shown = if self.options.metadata_only {
            0
        } else {
            usize::MAX
        };
        let rows = canned.rows.take(shown).map(Ok);
        self.send("select", &canned.columns, rows, sink).await
    }

    async fn send(
        &mut self,
        first: &str,
        columns: &[SqlColumn],
        rows: impl Iterator<Item = Result<Vec<Datum>, Fault>>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let version = sink.version();
        value::column_metadata(&mut sink.tokens().bytes, columns, version);
        let mut count = 0;
        for row in rows {
            if sink.cancel.is_cancelled() {
                return Ok(());
            }
            let mut row = row.map_err(refusal)?;
            if let Some(longest) = self.options.longest {
                let cells = columns.iter().zip(&mut row);
                cells.for_each(|(column, value)| value.cut(column.kind, longest));
            }
            value::row(&mut sink.tokens().bytes, columns, &row, version).map_err(refusal)?;
            sink.relieve().await;
            count += 1;
        }
        self.rows_affected = count;
        let counted = if self.options.nocount { 0 } else { done::COUNT };
        sink.done(self.status() | counted, command(first), count);
        Ok(())
    }

    /// The collations of a table's columns, as `sp_tablecollations_100` gives them.
    pub(super) async fn collations(
        &mut self,
        table: &str,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let select = format!("select * from [{}]", table.replace(']', "]]"));
        let prepared = self.prepare(&select, &[]).map_err(refusal)?;
        let rows = prepared.columns.iter().zip(1_i64..).map(|(column, id)| {
            let name = Datum::text(&column.name);
            let (bytes, collation) = match SqlType::from(column.kind).is_text() {
                true => (
                    Datum::Bytes(COLLATION.to_vec()),
                    Datum::text("SQL_Latin1_General_CP1_CI_AS"),
                ),
                false => (Datum::Null, Datum::Null),
            };
            Ok(vec![Datum::Int(id), name, bytes, collation])
        });
        let columns = [
            SqlColumn::computed("colid", SqlType::Int),
            SqlColumn::computed("name", SqlType::NVarChar(Some(128))),
            SqlColumn::computed("tds_collation", SqlType::VarBinary(Some(5))),
            SqlColumn::computed("collation", SqlType::NVarChar(Some(128))),
        ];
        self.send("select", &columns, rows, sink).await
    }
}

/// A type as errors name it.
fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Numeric(..) => "numeric",
        kind => SqlType::from(kind).name(),
    }
}

/// A row of the sample.
fn of_sample(columns: &[Column], row: &[Value]) -> Result<Vec<Datum>, Fault> {
    let cells = columns.iter().zip(row);
    cells
        .map(|(column, value)| Datum::of_sample(column.kind, value))
        .collect()
}

/// A fault of the sample in the words of SQL Server.
pub(super) fn refusal(fault: Fault) -> Refusal {
    let (number, text) = match fault {
        Fault::Unknown(text) => (40510, text),
        Fault::NoTable(name) => (208, format!("Invalid object name '{name}'.")),
        Fault::NoColumn(name) => (207, format!("Invalid column name '{name}'.")),
        Fault::TableExists(name) => {
            let text = format!("There is already an object named '{name}' in the database.");
            (2714, text)
        }
        Fault::Invalid(kind, text) => {
            let text = format!("Conversion failed when converting the value '{text}' to data type");
            (245, format!("{text} {}.", type_name(kind)))
        }
        Fault::OutOfRange(kind) => {
            let text = "Arithmetic overflow error converting expression to data type";
            (8115, format!("{text} {}.", type_name(kind)))
        }
        Fault::TooLong(_) => (2628, "String or binary data would be truncated.".to_owned()),
        Fault::Values { .. } | Fault::RowWidth => {
            let text = "Column name or number of supplied values does not match table definition.";
            (213, text.to_owned())
        }
        Fault::Unique { table, columns, .. } => {
            let text = format!(
                "Violation of UNIQUE KEY constraint '{}'.",
                columns.join(", ")
            );
            (
                2627,
                format!("{text} Cannot insert duplicate key in object 'dbo.{table}'."),
            )
        }
        Fault::NotNull { table, column } => {
            let text = format!(
                "Cannot insert the value NULL into column '{column}', table 'dbo.{table}';"
            );
            (515, format!("{text} column does not allow nulls."))
        }
        Fault::ForeignKey => {
            let text = "The statement conflicted with a FOREIGN KEY constraint.";
            (547, text.to_owned())
        }
        Fault::Locked => (1222, "Lock request time out period exceeded.".to_owned()),
        Fault::Cancelled => (3617, "The statement was cancelled.".to_owned()),
        Fault::Failed | Fault::Stale => {
            let text = "The current transaction cannot be committed.";
            (3930, text.to_owned())
        }
        Fault::Broken(text) => (50000, text),
    };
    Refusal::new(number, text).class(16)
}
