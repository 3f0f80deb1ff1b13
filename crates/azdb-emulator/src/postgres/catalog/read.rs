//! SQLite's schema, read into a [`Catalog`].

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::constraints::checks;
use super::foreign_keys::foreign_keys;
use super::texts::{default, on_one_line, quoted, quoted_list};
use super::{Catalog, Column, Constraint, Index, Relation, RelationKind};
use crate::postgres::sql::infer::{Scope, result_list, type_of};
use crate::postgres::sql::lexer::{Token, tokens};
use crate::postgres::sql::significant;
use crate::postgres::types::{ColumnType, TEXT};

/// Oid of the row 0 of SQLite's schema; each row has [`OIDS_PER_ROW`] of them, for itself and for
/// what PostgreSQL counts as a thing of its own.
const FIRST_OID: i64 = 16_400;
const OIDS_PER_ROW: i64 = 64;

pub(super) type Read<T> = Result<T, rusqlite::Error>;

pub(super) fn query<T>(
    connection: &Connection,
    sql: &str,
    name: &str,
    read: impl FnMut(&Row<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([name], read)?;
    rows.collect()
}

/// Reads everything.
pub(super) fn catalog(connection: &Connection) -> Read<Catalog> {
    let entries = query(
        connection,
        "select rowid, type, name, coalesce(sql, '') from main.sqlite_schema
         where type in ('table', 'view') and name not like ?1 order by name",
        "sqlite_%",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let mut relations = Vec::new();
    for (row, kind, name, sql) in entries {
        let kind: String = kind;
        relations.push(relation(connection, row, &kind, name, sql)?);
    }
    type_views(&mut relations);
    Ok(indexed(relations))
}

/// Tells the types of view columns that are expressions, of which SQLite knows none.
fn type_views(relations: &mut [Relation]) {
    let known = relations.to_vec();
    for view in relations.iter_mut() {
        let Some(definition) = &view.definition else {
            continue;
        };
        let tokens = significant(&tokens(definition));
        let mut scope = Scope::new();
        for name in tokens.iter().filter_map(Token::name) {
            let named = known.iter().filter(|relation| relation.name == name);
            for column in named.flat_map(|relation| &relation.columns) {
                scope.entry(column.name.to_lowercase()).or_insert(column.ty);
            }
        }
        let items = result_list(&tokens).unwrap_or_default();
        if items.len() == view.columns.len() {
            for (column, (label, expression)) in view.columns.iter_mut().zip(items) {
                if label.is_some() {
                    column.ty = type_of(expression, &scope).unwrap_or(column.ty);
                }
            }
        }
    }
}

fn relation(
    connection: &Connection,
    row: i64,
    kind: &str,
    name: String,
    sql: String,
) -> Read<Relation> {
    let oid = FIRST_OID + row * OIDS_PER_ROW;
    let columns: Vec<(Column, i64)> = query(
        connection,
        "select name, type, \"notnull\", dflt_value, pk from pragma_table_xinfo(?1, 'main')
         where hidden <> 1 order by cid",
        &name,
        |row| {
            let declared: String = row.get(1)?;
            let ty = ColumnType::parse(&declared).unwrap_or(TEXT);
            let written: Option<String> = row.get(3)?;
            let key: i64 = row.get(4)?;
            let column = Column {
                name: row.get(0)?,
                ty,
                not_null: row.get::<_, bool>(2)? || key > 0,
                default: written.and_then(|text| default(&text, ty)),
            };
            Ok((column, key))
        },
    )?;
    let mut key: Vec<(i64, i64)> = (1..)
        .zip(&columns)
        .filter(|(_, (_, key))| *key > 0)
        .map(|(position, (_, key))| (*key, position))
        .collect();
    key.sort_unstable();
    let columns: Vec<Column> = columns.into_iter().map(|(column, _)| column).collect();
    let mut relation = Relation {
        oid,
        name,
        kind: RelationKind::View,
        columns,
        indexes: Vec::new(),
        constraints: Vec::new(),
        definition: None,
    };
    if kind == "view" {
        let query = sql
            .to_ascii_lowercase()
            .find(" as ")
            .and_then(|at| sql.get(at + 4..));
        relation.definition = query.map(|text| format!(" {};", on_one_line(text)));
        return Ok(relation);
    }
    relation.kind = RelationKind::Table;
    let key: Vec<i64> = key.into_iter().map(|(_, position)| position).collect();
    read_indexes(connection, &mut relation, key)?;
    read_constraints(connection, &mut relation, &sql)?;
    Ok(relation)
}

fn read_indexes(connection: &Connection, relation: &mut Relation, key: Vec<i64>) -> Read<()> {
    let listed: Vec<(String, bool, String)> = query(
        connection,
        "select name, \"unique\", origin from pragma_index_list(?1) order by name",
        &relation.name,
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    if !key.is_empty() {
        relation.indexes.push(Index {
            oid: relation.oid + 1,
            name: format!("{}_pkey", relation.name),
            unique: true,
            primary: true,
            columns: key,
        });
    }
    for (at, (name, unique, origin)) in (2..).zip(listed) {
        if origin == "pk" {
            continue;
        }
        let columns: Vec<i64> = query(
            connection,
            "select cid + 1 from pragma_index_info(?1) order by seqno",
            &name,
            |row| Ok(row.get::<_, i64>(0)?.max(0)),
        )?;
        let name = match origin.as_str() {
            "u" => format!(
                "{}_{}_key",
                relation.name,
                names(relation, &columns).join("_")
            ),
            _ => name,
        };
        relation.indexes.push(Index {
            oid: relation.oid + at,
            name,
            unique,
            primary: false,
            columns,
        });
    }
    for index in &relation.indexes {
        relation.constraints.extend(key_constraint(relation, index));
    }
    Ok(())
}

/// The constraint that an index stands for; an index that was made by itself stands for none.
fn key_constraint(relation: &Relation, index: &Index) -> Option<Constraint> {
    let is_declared = index.name.ends_with("_pkey") || index.name.ends_with("_key");
    if !index.unique || !is_declared {
        return None;
    }
    let (kind, words) = if index.primary {
        ('p', "PRIMARY KEY")
    } else {
        ('u', "UNIQUE")
    };
    let columns = quoted_list(&names(relation, &index.columns));
    Some(Constraint {
        oid: index.oid + 16,
        name: index.name.clone(),
        kind,
        definition: format!("{words} ({columns})"),
        columns: index.columns.clone(),
        index: index.oid,
        target: None,
    })
}

/// Names of the columns at these positions.
fn names(relation: &Relation, positions: &[i64]) -> Vec<String> {
    let columns = positions.iter().filter_map(|position| {
        let at = usize::try_from(position - 1).ok()?;
        relation.columns.get(at)
    });
    columns.map(|column| column.name.clone()).collect()
}

fn read_constraints(connection: &Connection, relation: &mut Relation, sql: &str) -> Read<()> {
    for (at, check) in (32..).zip(checks(&relation.name, sql)) {
        relation.constraints.push(Constraint {
            oid: relation.oid + at,
            name: check.name,
            kind: 'c',
            definition: format!("CHECK ({})", check.expression),
            columns: Vec::new(),
            index: 0,
            target: None,
        });
    }
    for (at, key) in (48..).zip(foreign_keys(connection, &relation.name)?) {
        let position = |name: &String| {
            let at = relation
                .columns
                .iter()
                .position(|column| column.name == *name)?;
            i64::try_from(at + 1).ok()
        };
        relation.constraints.push(Constraint {
            oid: relation.oid + at,
            name: format!("{}_{}_fkey", relation.name, key.from.join("_")),
            kind: 'f',
            definition: key.definition(),
            columns: key.from.iter().filter_map(position).collect(),
            index: 0,
            target: Some(key.target),
        });
    }
    Ok(())
}

/// The catalog with its ways to find things by oid.
fn indexed(relations: Vec<Relation>) -> Catalog {
    let mut catalog = Catalog {
        names: HashMap::new(),
        ..Catalog::default()
    };
    for relation in &relations {
        catalog.names.insert(relation.oid, quoted(&relation.name));
        if let Some(definition) = &relation.definition {
            catalog
                .view_definitions
                .insert(relation.oid, definition.clone());
        }
        for constraint in &relation.constraints {
            let definition = constraint.definition.clone();
            catalog
                .constraint_definitions
                .insert(constraint.oid, definition);
        }
        for index in &relation.indexes {
            catalog.names.insert(index.oid, quoted(&index.name));
            let columns = if index.columns.contains(&0) {
                "(expression)".to_owned()
            } else {
                quoted_list(&names(relation, &index.columns))
            };
            let definition = format!(
                "CREATE {}INDEX {} ON public.{} USING btree ({columns})",
                if index.unique { "UNIQUE " } else { "" },
                quoted(&index.name),
                quoted(&relation.name),
            );
            catalog.index_definitions.insert(index.oid, definition);
        }
    }
    catalog.relations = relations;
    catalog
}
