//! The catalog procedures, which drivers call for their users' tools: `sp_tables` and its kin, on the
//! tables of the sample and on `dbo.every_type`.
//!
//! What they would say of rights is refused; procedures, of which the sample has none of its own, are
//! none.

mod arguments;
mod keys;
mod odbc;
mod server;
mod tables;
mod views;

use super::super::token::Refusal;
use super::super::value::{Datum, Parameter, SqlColumn, SqlType};
use super::canned::Canned;
use super::rows::refusal;
use super::{Engine, Sink, every_type};
use crate::sample::{Table, TableColumn};
use arguments::Arguments;
pub(super) use arguments::fits;

/// The schema of everything here.
pub(super) const OWNER: &str = "dbo";

/// Which of a procedure's generations is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// Drivers of before SQL Server 2008, which know no dates but `datetime`.
    Old,
    /// `_100`.
    Of2008,
}

/// A table, or the view, and its columns.
struct Object {
    name: String,
    is_view: bool,
    columns: Vec<Member>,
}

/// A column of an [`Object`].
struct Member {
    name: String,
    kind: SqlType,
    required: bool,
    generated: bool,
    keyed: bool,
    preset: Option<String>,
}

impl From<&TableColumn> for Member {
    fn from(column: &TableColumn) -> Self {
        Self {
            name: column.name.clone(),
            kind: column.kind.into(),
            required: column.required,
            generated: column.generated,
            keyed: column.keyed,
            preset: column.preset.clone(),
        }
    }
}

impl From<&Table> for Object {
    fn from(table: &Table) -> Self {
        Self {
            name: table.name.clone(),
            is_view: false,
            columns: table.columns.iter().map(Into::into).collect(),
        }
    }
}

impl Engine {
    /// Answers a catalog procedure that is called by its number or name; `false` when it is none.
    pub(super) async fn called(
        &mut self,
        name: &str,
        parameters: &[Parameter],
        sink: &mut Sink<'_>,
    ) -> Result<bool, Refusal> {
        let arguments = Arguments::of_call(parameters);
        self.catalog(name, &arguments, sink).await
    }

    /// The same for `EXEC name arguments`.
    pub(super) async fn executed(
        &mut self,
        name: &str,
        arguments: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<bool, Refusal> {
        let arguments = Arguments::of_statement(self, arguments)?;
        self.catalog(name, &arguments, sink).await
    }

    /// What `EXEC name arguments` gives; `None` when it is no catalog procedure.
    pub(super) fn asked(&self, name: &str, arguments: &[&str]) -> Result<Option<Canned>, Refusal> {
        self.answered(name, &Arguments::of_statement(self, arguments)?)
    }

    async fn catalog(
        &mut self,
        name: &str,
        arguments: &Arguments,
        sink: &mut Sink<'_>,
    ) -> Result<bool, Refusal> {
        let Some(canned) = self.answered(name, arguments)? else {
            return Ok(false);
        };
        self.send_canned(canned, sink).await?;
        Ok(true)
    }

    fn answered(&self, name: &str, arguments: &Arguments) -> Result<Option<Canned>, Refusal> {
        let (base, generation) = match name.strip_suffix("_100") {
            Some(base) => (base, Generation::Of2008),
            None => (name.strip_suffix("_90").unwrap_or(name), Generation::Old),
        };
        let canned = match base {
            "sp_tables" => self.tables(arguments)?,
            "sp_columns_managed" => self.columns_managed(arguments)?,
            "sp_columns" => self.columns(arguments, generation)?,
            "sp_special_columns" => self.special_columns(arguments, generation)?,
            "sp_pkeys" => self.primary_keys(arguments)?,
            "sp_fkeys" => self.foreign_keys(arguments)?,
            "sp_statistics" => self.statistics(arguments)?,
            "sp_databases" => self.databases(),
            "sp_server_info" => server::info(arguments),
            "sp_datatype_info" => server::types(arguments, generation),
            "sp_stored_procedures" => server::procedures(),
            "sp_sproc_columns" => server::procedure_columns(),
            _ => return Ok(None),
        };
        Ok(Some(canned))
    }

    /// All tables and the view, by their names.
    fn objects(&self) -> Result<Vec<Object>, Refusal> {
        let tables = self.session.tables().map_err(refusal)?;
        let mut objects: Vec<Object> = tables.iter().map(Into::into).collect();
        let columns = every_type::columns().into_iter();
        objects.push(Object {
            name: every_type::NAME.to_owned(),
            is_view: true,
            columns: columns
                .map(|column| Member {
                    name: column.name,
                    kind: column.kind,
                    required: column.required,
                    generated: false,
                    keyed: false,
                    preset: None,
                })
                .collect(),
        });
        Ok(objects)
    }

    /// The object of this very name, if its schema and database are meant.
    fn object(&self, name: Option<&str>, owner: Option<&str>) -> Result<Option<Object>, Refusal> {
        let is_ours = owner.is_none_or(|owner| owner.eq_ignore_ascii_case(OWNER));
        let mut objects = self.objects()?.into_iter();
        Ok(objects.find(|object| {
            is_ours && name.is_some_and(|name| name.eq_ignore_ascii_case(&object.name))
        }))
    }

    /// A table's name in full.
    fn full(&self, table: &str) -> [Datum; 3] {
        [
            Datum::text(&self.database),
            Datum::text(OWNER),
            Datum::text(table),
        ]
    }
}

/// A result of these columns, whose types are written as in a declaration.
fn result(columns: &[(&str, SqlType)], rows: Vec<Vec<Datum>>) -> Canned {
    let columns = columns.iter();
    Canned {
        columns: columns
            .map(|(name, kind)| SqlColumn::computed(name, *kind))
            .collect(),
        rows: Box::new(rows.into_iter()),
    }
}

// The types that the catalog's columns have most.
const NAME: SqlType = SqlType::NVarChar(Some(128));
const REMARK: SqlType = SqlType::VarChar(Some(254));
const SMALL: SqlType = SqlType::SmallInt;
const INT: SqlType = SqlType::Int;

fn int(number: impl Into<i64>) -> Datum {
    Datum::Int(number.into())
}

fn or_null(number: Option<impl Into<i64>>) -> Datum {
    number.map_or(Datum::Null, int)
}
