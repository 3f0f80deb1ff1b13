//! The sample's own list of tables and the types of their columns; SQLite has no types to speak of.

use rusqlite::{Connection, OptionalExtension as _, params};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::fault::{Fault, unknown};
use super::parse::Dialect;
use super::types::Type;

/// Where the list is kept, in the database and, for its temporary tables, in each session.
pub(super) const LIST: &str = "
create table if not exists SCHEMA.azdb_columns (
    relation  text    not null,
    position  integer not null,
    name      text    not null,
    kind      text    not null,
    required  integer not null,
    generated integer not null,
    keyed     integer not null,
    preset    text,
    primary key (relation, position)
) without rowid";

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Whether only its session sees it.
    pub(crate) temporary: bool,
    pub(crate) columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// Whether it takes no NULL.
    pub(crate) required: bool,
    /// Whether it numbers its rows itself.
    pub(crate) generated: bool,
    /// Whether it is of the primary key.
    pub(crate) keyed: bool,
    /// Its default, as it was written.
    pub(crate) preset: Option<String>,
}

impl Table {
    pub(super) fn column(&self, name: &Ident, dialect: Dialect) -> Result<&TableColumn, Fault> {
        let wanted = folded(name, dialect);
        let found = self.columns.iter().find(|one| match dialect {
            Dialect::Postgres => one.name == wanted,
            Dialect::Mysql | Dialect::Tds => one.name.eq_ignore_ascii_case(&wanted),
        });
        found.ok_or(Fault::NoColumn(wanted))
    }

    /// How SQLite knows it.
    pub(super) fn quoted(&self) -> String {
        let schema = if self.temporary { "temp" } else { "main" };
        format!("{schema}.{}", quoted(&self.name))
    }

    /// Writes it into the list.
    pub(super) fn enlist(&self, connection: &Connection) -> Result<(), Fault> {
        let schema = if self.temporary { "temp" } else { "main" };
        let insert = format!("insert into {schema}.azdb_columns values (?, ?, ?, ?, ?, ?, ?, ?)");
        let mut statement = connection.prepare_cached(&insert)?;
        for (position, one) in (0_i64..).zip(&self.columns) {
            let kind = one.kind.written();
            statement.execute(params![
                self.name,
                position,
                one.name,
                kind,
                one.required,
                one.generated,
                one.keyed,
                one.preset
            ])?;
        }
        Ok(())
    }

    /// Strikes it from the list.
    pub(super) fn delist(&self, connection: &Connection) -> Result<(), Fault> {
        let schema = if self.temporary { "temp" } else { "main" };
        let delete = format!("delete from {schema}.azdb_columns where relation = ?");
        connection.execute(&delete, [&self.name])?;
        Ok(())
    }
}

/// The name of a table, without a schema that it may have in front.
pub(super) fn table_name(name: &ObjectName, dialect: Dialect) -> Result<String, Fault> {
    let no_such = || unknown(&format!("the name `{name}`"), dialect);
    let mut parts = Vec::new();
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(part) => parts.push(folded(part, dialect)),
            ObjectNamePart::Function(_) => return Err(no_such()),
        }
    }
    match (dialect, parts.as_mut_slice()) {
        (_, [name]) => Ok(std::mem::take(name)),
        (Dialect::Postgres, [schema, name]) if schema == "public" => Ok(std::mem::take(name)),
        (Dialect::Tds, [schema, name]) if schema.eq_ignore_ascii_case("dbo") => {
            Ok(std::mem::take(name))
        }
        // Every database of a MySQL server is the one that there is.
        (Dialect::Mysql, [_, name]) => Ok(std::mem::take(name)),
        _ => Err(no_such()),
    }
}

/// A table by its name.
pub(super) fn find(
    connection: &Connection,
    name: &ObjectName,
    dialect: Dialect,
) -> Result<Table, Fault> {
    let wanted = table_name(name, dialect)?;
    let collation = match dialect {
        Dialect::Postgres | Dialect::Mysql => "binary",
        Dialect::Tds => "nocase",
    };
    for temporary in [true, false] {
        let schema = if temporary { "temp" } else { "main" };
        let query = format!(
            "select relation from {schema}.azdb_columns where relation = ? collate {collation}"
        );
        let mut statement = connection.prepare_cached(&query)?;
        let found = statement
            .query_row([&wanted], |row| row.get(0))
            .optional()?;
        if let Some(name) = found {
            return read(connection, name, temporary);
        }
    }
    Err(Fault::NoTable(wanted))
}

/// All tables that every session sees, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<Table>, Fault> {
    let query = "select distinct relation from main.azdb_columns order by relation";
    let mut statement = connection.prepare_cached(query)?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    names
        .into_iter()
        .map(|name| read(connection, name, false))
        .collect()
}

fn read(connection: &Connection, name: String, temporary: bool) -> Result<Table, Fault> {
    let schema = if temporary { "temp" } else { "main" };
    let query = format!(
        "select name, kind, required, generated, keyed, preset from {schema}.azdb_columns
         where relation = ? order by position"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([&name])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        columns.push(TableColumn {
            name: row.get(0)?,
            kind: Type::read(&kind).ok_or(Fault::Broken(kind))?,
            required: row.get(2)?,
            generated: row.get(3)?,
            keyed: row.get(4)?,
            preset: row.get(5)?,
        });
    }
    Ok(Table {
        name,
        temporary,
        columns,
    })
}

/// A name as its dialect reads it.
pub(super) fn folded(name: &Ident, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres if name.quote_style.is_none() => name.value.to_lowercase(),
        _ => name.value.clone(),
    }
}

/// A name as SQLite reads it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
