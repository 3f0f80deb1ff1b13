//! What exists in the database, as `pg_catalog` tells it.
//!
//! A [`Catalog`] is read from SQLite's schema whenever that has changed, and written into the tables
//! of two attached in-memory databases, `pg_catalog` and `information_schema`, when somebody asks for
//! them. So the queries of psql and of drivers run on plain tables whose columns have declared types.

mod constraints;
mod foreign_keys;
mod place;
mod read;
mod rows;
mod tables;
mod texts;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

use super::types::ColumnType;

pub(super) use place::Place;
pub(super) use rows::{show_sessions, show_settings};
pub(super) use tables::is_system_name;
pub(super) use texts::quoted;

/// `pg_namespace.oid` of `pg_catalog`.
pub(super) const PG_CATALOG: i64 = 11;
/// `pg_namespace.oid` of `public`.
pub(super) const PUBLIC: i64 = 2200;
/// `pg_namespace.oid` of `information_schema`.
pub(super) const INFORMATION_SCHEMA: i64 = 13_000;
/// `pg_authid.oid` of the first role that can log in; others follow.
pub(super) const FIRST_ROLE: i64 = 16_390;
/// `pg_authid.oid` of the administrator that owns what nobody else does.
pub(super) const ADMINISTRATOR: i64 = 10;
/// Name of that administrator, as on Azure.
pub(super) const ADMINISTRATOR_NAME: &str = "azuresu";
/// `pg_database.oid` of the database.
pub(super) const DATABASE: i64 = 16_385;

/// A column of a table, view or index.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) ty: ColumnType,
    pub(super) not_null: bool,
    /// Its default as PostgreSQL shows it.
    pub(super) default: Option<String>,
}

/// What kind of thing a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelationKind {
    Table,
    View,
}

impl RelationKind {
    /// `pg_class.relkind`.
    fn code(self) -> &'static str {
        match self {
            Self::Table => "r",
            Self::View => "v",
        }
    }
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) kind: RelationKind,
    pub(super) columns: Vec<Column>,
    pub(super) indexes: Vec<Index>,
    pub(super) constraints: Vec<Constraint>,
    /// The query of a view.
    pub(super) definition: Option<String>,
}

/// An index, also one that SQLite does not have because the row id serves for it.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) primary: bool,
    /// Positions in the table, from 1; 0 is an expression.
    pub(super) columns: Vec<i64>,
}

/// A constraint.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) oid: i64,
    pub(super) name: String,
    /// `pg_constraint.contype`: `p`, `u`, `c`, `f`.
    pub(super) kind: char,
    /// What `pg_get_constraintdef` says.
    pub(super) definition: String,
    pub(super) columns: Vec<i64>,
    pub(super) index: i64,
    /// The relation that a foreign key leads to.
    pub(super) target: Option<String>,
}

/// Everything, and where to find it by oid.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// SQLite's schema version that this is the content of; 0 is none.
    version: i64,
    pub(super) relations: Vec<Relation>,
    /// Names of relations by oid, quoted where needed.
    names: HashMap<i64, String>,
    constraint_definitions: HashMap<i64, String>,
    index_definitions: HashMap<i64, String>,
    view_definitions: HashMap<i64, String>,
}

impl Catalog {
    /// The relation of this name; `public.` in front is allowed.
    pub(super) fn oid(&self, name: &str) -> Option<i64> {
        let name = name.strip_prefix("public.").unwrap_or(name);
        let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
        let name = match name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
        {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => name.to_lowercase(),
        };
        let relations = self.relations.iter();
        let found = relations
            .clone()
            .find(|relation| relation.name == name)
            .map(|relation| relation.oid);
        let indexes = relations.flat_map(|relation| &relation.indexes);
        found
            .or_else(|| indexes.into_iter().find(|i| i.name == name).map(|i| i.oid))
            .or_else(|| tables::oid(&name))
    }

    /// The name of a relation as `regclass` shows it.
    pub(super) fn name(&self, oid: i64) -> Option<&str> {
        self.names
            .get(&oid)
            .map(String::as_str)
            .or_else(|| tables::name(oid))
    }

    /// Whether a foreign key leads from or to this relation.
    fn has_foreign_key(&self, relation: &Relation) -> bool {
        let from = relation
            .constraints
            .iter()
            .any(|constraint| constraint.target.is_some());
        let mut all = self
            .relations
            .iter()
            .flat_map(|relation| &relation.constraints);
        from || all.any(|constraint| constraint.target.as_ref() == Some(&relation.name))
    }

    /// Relation and name of a check constraint, by its name or its expression.
    pub(super) fn check(&self, expression: &str) -> Option<(&str, &str)> {
        let definition = format!("CHECK ({expression})");
        self.relations.iter().find_map(|relation| {
            let mut checks = relation.constraints.iter().filter(|c| c.kind == 'c');
            let found = checks.find(|c| c.definition == definition || c.name == expression)?;
            Some((relation.name.as_str(), found.name.as_str()))
        })
    }

    pub(super) fn constraint_definition(&self, oid: i64) -> Option<&str> {
        self.constraint_definitions.get(&oid).map(String::as_str)
    }

    pub(super) fn index_definition(&self, oid: i64) -> Option<&str> {
        self.index_definitions.get(&oid).map(String::as_str)
    }

    pub(super) fn view_definition(&self, oid: i64) -> Option<&str> {
        self.view_definitions.get(&oid).map(String::as_str)
    }

    /// Name and type of the columns of a table or view, also of `pg_catalog`.
    pub(super) fn columns(&self, relation: &str) -> Vec<(String, ColumnType)> {
        let relations = self.relations.iter();
        match relations
            .into_iter()
            .find(|known| known.name.eq_ignore_ascii_case(relation))
        {
            Some(relation) => {
                let columns = relation.columns.iter();
                columns
                    .map(|column| (column.name.clone(), column.ty))
                    .collect()
            }
            None => tables::columns(relation),
        }
    }
}

/// A session's catalog, shared with the functions that SQLite calls.
pub(super) type SharedCatalog = Arc<RwLock<Catalog>>;

/// Attaches the schemas `pg_catalog` and `information_schema` to a connection, still empty.
pub(super) fn attach(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection
        .execute_batch("attach ':memory:' as pg_catalog; attach ':memory:' as information_schema;")
}

/// Reads the catalog anew if SQLite's schema has changed.
pub(super) fn refresh(
    connection: &Connection,
    shared: &SharedCatalog,
) -> Result<(), rusqlite::Error> {
    let version = number(connection, "pragma main.schema_version")?;
    let known = shared
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .version;
    if known != version {
        let mut catalog = read::catalog(connection)?;
        catalog.version = version;
        *shared.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }
    Ok(())
}

/// Brings the system tables to the state of the catalog. Most sessions never look at them, so they
/// are made when one does.
///
/// The version that their rows were written for stands in one of them, so that it is rolled back
/// together with them.
pub(super) fn write(
    connection: &Connection,
    shared: &SharedCatalog,
    place: &Place,
) -> Result<(), rusqlite::Error> {
    let catalog = shared.read().unwrap_or_else(PoisonError::into_inner);
    let exists = "select count(*) from pg_catalog.sqlite_schema where name = 'emulator_written'";
    let exists = number(connection, exists)? > 0;
    if exists && number(connection, "select version from emulator_written")? == catalog.version {
        return Ok(());
    }
    connection.execute_batch("savepoint emulator_catalog")?;
    match write_all(connection, &catalog, place, exists) {
        Ok(()) => connection.execute_batch("release emulator_catalog"),
        Err(error) => {
            // A cancelled statement has ended the transaction, and the savepoint with it: the word of that is `error`.
            let undo = "rollback to emulator_catalog; release emulator_catalog";
            let _ = connection.execute_batch(undo);
            Err(error)
        }
    }
}

fn write_all(
    connection: &Connection,
    catalog: &Catalog,
    place: &Place,
    exists: bool,
) -> Result<(), rusqlite::Error> {
    if !exists {
        tables::create(connection)?;
        rows::write_fixed(connection, place)?;
    }
    rows::write_relations(connection, catalog, place)?;
    connection.execute(
        "update emulator_written set version = ?1",
        [catalog.version],
    )?;
    Ok(())
}

fn number(connection: &Connection, sql: &str) -> Result<i64, rusqlite::Error> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([], |row| row.get(0))
}
