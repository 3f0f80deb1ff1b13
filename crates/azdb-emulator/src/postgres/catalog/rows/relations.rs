//! Rows about the database's relations.

use rusqlite::{Connection, ToSql, params};

use super::{BTREE, HEAP, Written, collation, insert, listings};
use crate::postgres::catalog::tables::TABLES;
use crate::postgres::catalog::{
    ADMINISTRATOR, Catalog, Column, Constraint, Index, PUBLIC, Place, Relation, RelationKind,
};
use crate::postgres::types::ColumnType;
use crate::postgres::value::array;

/// The system tables that depend on the database's relations.
const DEPENDENT: [&str; 13] = [
    "pg_catalog.pg_class",
    "pg_catalog.pg_attribute",
    "pg_catalog.pg_attrdef",
    "pg_catalog.pg_index",
    "pg_catalog.pg_constraint",
    "pg_catalog.pg_tables",
    "pg_catalog.pg_views",
    "pg_catalog.pg_indexes",
    "information_schema.tables",
    "information_schema.columns",
    "information_schema.views",
    "information_schema.table_constraints",
    "information_schema.key_column_usage",
];

/// Writes what depends on the database's relations anew.
pub(in crate::postgres::catalog) fn write_relations(
    connection: &Connection,
    catalog: &Catalog,
    place: &Place,
) -> Written {
    for table in DEPENDENT {
        connection
            .prepare_cached(&format!("delete from {table}"))?
            .execute([])?;
    }
    for table in TABLES.iter() {
        let columns: Vec<Column> = table
            .columns()
            .map(|(name, ty)| Column {
                name: name.to_owned(),
                ty,
                not_null: false,
                default: None,
            })
            .collect();
        let relation = Relation {
            oid: table.oid,
            name: table.name.to_owned(),
            kind: RelationKind::Table,
            columns,
            indexes: Vec::new(),
            constraints: Vec::new(),
            definition: None,
        };
        write_class(connection, &relation, table.namespace(), ADMINISTRATOR)?;
    }
    for relation in &catalog.relations {
        write_class(connection, relation, PUBLIC, place.owner())?;
        if catalog.has_foreign_key(relation) {
            // PostgreSQL keeps foreign keys by triggers, and psql looks for them only where some are.
            connection
                .prepare_cached("update pg_catalog.pg_class set relhastriggers = 1 where oid = ?1")?
                .execute([relation.oid])?;
        }
        listings::write(connection, catalog, relation, place)?;
        for index in &relation.indexes {
            write_index(connection, relation, index, place)?;
        }
        for constraint in &relation.constraints {
            write_constraint(connection, catalog, relation, constraint)?;
        }
    }
    Ok(())
}

fn write_class(
    connection: &Connection,
    relation: &Relation,
    namespace: i64,
    owner: i64,
) -> Written {
    let checks = relation
        .constraints
        .iter()
        .filter(|c| c.kind == 'c')
        .count();
    let method = if relation.kind == RelationKind::Table {
        HEAP
    } else {
        0
    };
    class_row(
        connection,
        &[
            ("oid", &relation.oid),
            ("relname", &relation.name),
            ("relnamespace", &namespace),
            ("relowner", &owner),
            ("relam", &method),
            ("relhasindex", &!relation.indexes.is_empty()),
            ("relkind", &relation.kind.code()),
            ("relnatts", &relation.columns.len()),
            ("relchecks", &checks),
            ("relhasrules", &(relation.kind == RelationKind::View)),
        ],
    )?;
    for (number, column) in (1_i64..).zip(&relation.columns) {
        write_attribute(connection, relation.oid, number, column)?;
    }
    Ok(())
}

/// A row of `pg_class`, with what all of them have in common.
fn class_row(connection: &Connection, own: &[(&str, &dyn ToSql)]) -> Written {
    let mut row: Vec<(&str, &dyn ToSql)> = vec![
        ("reltype", &0),
        ("reloftype", &0),
        ("relfilenode", &0),
        ("reltablespace", &0),
        ("relpages", &1),
        ("reltuples", &-1),
        ("relallvisible", &0),
        ("reltoastrelid", &0),
        ("relisshared", &false),
        ("relpersistence", &"p"),
        ("relhastriggers", &false),
        ("relhassubclass", &false),
        ("relrowsecurity", &false),
        ("relforcerowsecurity", &false),
        ("relispopulated", &true),
        ("relreplident", &"d"),
        ("relispartition", &false),
        ("relrewrite", &0),
    ];
    row.extend_from_slice(own);
    insert(connection, "pg_catalog.pg_class", &row)
}

fn write_attribute(
    connection: &Connection,
    relation: i64,
    number: i64,
    column: &Column,
) -> Written {
    let storage = match column.ty.unmodified() {
        ty if ty.size() > 0 => "p",
        ColumnType { oid: 1700, .. } => "m",
        _ => "x",
    };
    insert(
        connection,
        "pg_catalog.pg_attribute",
        &[
            ("attrelid", &relation),
            ("attname", &column.name),
            ("atttypid", &column.ty.oid),
            ("attstattarget", &-1),
            ("attlen", &column.ty.size()),
            ("attnum", &number),
            ("attndims", &i32::from(column.ty.element().is_some())),
            ("attcacheoff", &-1),
            ("atttypmod", &column.ty.told().modifier),
            ("attbyval", &(1..=8).contains(&column.ty.size())),
            ("attalign", &"i"),
            ("attstorage", &storage),
            ("attcompression", &""),
            ("attnotnull", &column.not_null),
            ("atthasdef", &column.default.is_some()),
            ("atthasmissing", &false),
            ("attidentity", &""),
            ("attgenerated", &""),
            ("attisdropped", &false),
            ("attislocal", &true),
            ("attinhcount", &0),
            ("attcollation", &collation(column.ty)),
        ],
    )?;
    let Some(default) = &column.default else {
        return Ok(());
    };
    connection
        .prepare_cached("insert into pg_catalog.pg_attrdef values (?1 * 100 + ?2, ?1, ?2, ?3)")?
        .execute(params![relation, number, default])?;
    Ok(())
}

fn write_index(
    connection: &Connection,
    relation: &Relation,
    index: &Index,
    place: &Place,
) -> Written {
    class_row(
        connection,
        &[
            ("oid", &index.oid),
            ("relname", &index.name),
            ("relnamespace", &PUBLIC),
            ("relowner", &place.owner()),
            ("relam", &BTREE),
            ("relhasindex", &false),
            ("relkind", &"i"),
            ("relnatts", &index.columns.len()),
            ("relchecks", &0),
            ("relhasrules", &false),
        ],
    )?;
    for (number, position) in (1_i64..).zip(&index.columns) {
        let at = usize::try_from(position - 1).ok();
        if let Some(column) = at.and_then(|at| relation.columns.get(at)) {
            let bare = Column {
                default: None,
                not_null: false,
                ..column.clone()
            };
            write_attribute(connection, index.oid, number, &bare)?;
        }
    }
    let columns: Vec<String> = index.columns.iter().map(i64::to_string).collect();
    insert(
        connection,
        "pg_catalog.pg_index",
        &[
            ("indexrelid", &index.oid),
            ("indrelid", &relation.oid),
            ("indnatts", &index.columns.len()),
            ("indnkeyatts", &index.columns.len()),
            ("indisunique", &index.unique),
            ("indnullsnotdistinct", &false),
            ("indisprimary", &index.primary),
            ("indisexclusion", &false),
            ("indimmediate", &true),
            ("indisclustered", &false),
            ("indisvalid", &true),
            ("indcheckxmin", &false),
            ("indisready", &true),
            ("indislive", &true),
            ("indisreplident", &false),
            ("indkey", &columns.join(" ")),
            ("indoption", &vec!["0"; columns.len()].join(" ")),
        ],
    )
}

fn write_constraint(
    connection: &Connection,
    catalog: &Catalog,
    relation: &Relation,
    constraint: &Constraint,
) -> Written {
    let target = constraint.target.as_deref();
    let target = target.and_then(|name| catalog.oid(name)).unwrap_or(0);
    let columns: Vec<Option<String>> = constraint
        .columns
        .iter()
        .map(|column| Some(column.to_string()))
        .collect();
    let columns = (!columns.is_empty()).then(|| array::format(&columns));
    insert(
        connection,
        "pg_catalog.pg_constraint",
        &[
            ("oid", &constraint.oid),
            ("conname", &constraint.name),
            ("connamespace", &PUBLIC),
            ("contype", &constraint.kind.to_string()),
            ("condeferrable", &false),
            ("condeferred", &false),
            ("convalidated", &true),
            ("conrelid", &relation.oid),
            ("contypid", &0),
            ("conindid", &constraint.index),
            ("conparentid", &0),
            ("confrelid", &target),
            ("conislocal", &true),
            ("coninhcount", &0),
            ("connoinherit", &false),
            ("conkey", &columns),
        ],
    )
}
