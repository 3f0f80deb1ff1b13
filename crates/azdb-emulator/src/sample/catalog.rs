//! Tables and the types of their columns, as SQLite's own schema keeps them: each column is declared
//! there with the [`Type`] that it has here.

use rusqlite::{Connection, OptionalExtension as _};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::fault::{Fault, unknown};
use super::parse::Dialect;
use super::types::{NUMBERED, Type};

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
    /// Whether it is the primary key.
    pub(crate) keyed: bool,
    /// Its default, as a literal.
    pub(crate) preset: Option<String>,
}

/// What a table's columns have to do with each other, and with other tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Relations {
    /// Columns whose values are unique, but for the primary key.
    pub(crate) unique: Vec<String>,
    pub(crate) foreign: Vec<ForeignKey>,
}

/// A column that refers to another table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    pub(crate) column: String,
    pub(crate) table: String,
    pub(crate) key: String,
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
        format!("{}.{}", schema(self.temporary), quoted(&self.name))
    }
}

/// The table of a name.
pub(super) fn find(
    connection: &Connection,
    name: &ObjectName,
    dialect: Dialect,
) -> Result<Table, Fault> {
    let wanted = table_name(name, dialect)?;
    for temporary in [true, false] {
        if let Some(name) = known(connection, &wanted, temporary)?
            && (name == wanted || dialect == Dialect::Tds)
        {
            return read(connection, name, temporary);
        }
    }
    Err(Fault::NoTable(wanted))
}

/// The name of a table that is there, but for upper and lower case.
pub(super) fn known(
    connection: &Connection,
    name: &str,
    temporary: bool,
) -> Result<Option<String>, Fault> {
    let query = format!(
        "select name from {}.sqlite_schema
         where type = 'table' and name = ? collate nocase and name not like 'sqlite%'",
        schema(temporary)
    );
    let mut statement = connection.prepare_cached(&query)?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// All tables that every session sees, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<Table>, Fault> {
    let query = "select name from main.sqlite_schema
                 where type = 'table' and name not like 'sqlite%' order by name";
    let mut statement = connection.prepare_cached(query)?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    let tables = names.into_iter();
    tables.map(|name| read(connection, name, false)).collect()
}

fn read(connection: &Connection, name: String, temporary: bool) -> Result<Table, Fault> {
    let query = "select name, type, \"notnull\", pk, dflt_value from pragma_table_info(?, ?)";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([name.as_str(), schema(temporary)])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let (declared, required, keyed): (String, bool, bool) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let kind = Type::read(&declared).ok_or_else(|| Fault::Broken(declared.clone()))?;
        let preset: Option<String> = row.get(4)?;
        columns.push(TableColumn {
            name: row.get(0)?,
            kind,
            required: required || keyed,
            generated: declared == NUMBERED,
            keyed,
            preset: preset.map(|literal| kind.unwritten(literal)),
        });
    }
    Ok(Table {
        name,
        temporary,
        columns,
    })
}

/// The relations of a table that every session sees.
pub(super) fn relations(connection: &Connection, table: &str) -> Result<Relations, Fault> {
    let query =
        "select info.name from pragma_index_list(?) as list, pragma_index_info(list.name) as info
                 where list.origin = 'u' order by list.seq desc";
    let mut statement = connection.prepare_cached(query)?;
    let unique = statement.query_map([table], |row| row.get(0))?;
    let unique = unique.collect::<Result<_, _>>()?;
    let query =
        "select \"from\", \"table\", \"to\" from pragma_foreign_key_list(?) order by id desc";
    let mut statement = connection.prepare_cached(query)?;
    let foreign = statement.query_map([table], |row| {
        Ok(ForeignKey {
            column: row.get(0)?,
            table: row.get(1)?,
            key: row.get(2)?,
        })
    })?;
    Ok(Relations {
        unique,
        foreign: foreign.collect::<Result<_, _>>()?,
    })
}

pub(super) fn schema(temporary: bool) -> &'static str {
    if temporary { "temp" } else { "main" }
}

/// The name of a table, without a schema that it may have in front.
pub(super) fn table_name(name: &ObjectName, dialect: Dialect) -> Result<String, Fault> {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(part) => Some(folded(part, dialect)),
        ObjectNamePart::Function(_) => None,
    });
    let parts: Option<Vec<String>> = parts.collect();
    match (dialect, parts.unwrap_or_default().as_slice()) {
        (_, [name]) => Ok(name.clone()),
        (Dialect::Postgres, [schema, name]) if schema == "public" => Ok(name.clone()),
        (Dialect::Tds, [schema, name]) if schema.eq_ignore_ascii_case("dbo") => Ok(name.clone()),
        // Every database of a MySQL server is the one that there is.
        (Dialect::Mysql, [_, name]) => Ok(name.clone()),
        _ => Err(unknown(&format!("the name `{name}`"), dialect)),
    }
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
