//! Rows of `information_schema` and of the views that people type.

use rusqlite::Connection;

use super::{Written, insert};
use crate::postgres::catalog::{Catalog, Column, Place, Relation, RelationKind};
use crate::postgres::types::{BPCHAR, ColumnType, VARCHAR};

/// Writes all of them for one relation.
pub(super) fn write(
    connection: &Connection,
    catalog: &Catalog,
    relation: &Relation,
    place: &Place,
) -> Written {
    let name = &relation.name;
    write_relation(connection, relation, place)?;
    for index in &relation.indexes {
        insert(
            connection,
            "pg_catalog.pg_indexes",
            &[
                ("schemaname", &"public"),
                ("tablename", name),
                ("indexname", &index.name),
                ("indexdef", &catalog.index_definition(index.oid)),
            ],
        )?;
    }
    for (number, column) in (1_i64..).zip(&relation.columns) {
        write_column(connection, &place.database, name, number, column)?;
    }
    write_constraints(connection, &place.database, relation)
}

fn write_relation(connection: &Connection, relation: &Relation, place: &Place) -> Written {
    let database = &place.database;
    let owner = place.role_name(place.owner()).unwrap_or_default();
    let name = &relation.name;
    let is_table = relation.kind == RelationKind::Table;
    insert(
        connection,
        "information_schema.tables",
        &[
            ("table_catalog", database),
            ("table_schema", &"public"),
            ("table_name", name),
            ("table_type", &if is_table { "BASE TABLE" } else { "VIEW" }),
            ("is_insertable_into", &if is_table { "YES" } else { "NO" }),
        ],
    )?;
    if is_table {
        insert(
            connection,
            "pg_catalog.pg_tables",
            &[
                ("schemaname", &"public"),
                ("tablename", name),
                ("tableowner", &owner),
                ("hasindexes", &!relation.indexes.is_empty()),
                ("hasrules", &false),
                ("hastriggers", &false),
                ("rowsecurity", &false),
            ],
        )?;
    } else {
        insert(
            connection,
            "pg_catalog.pg_views",
            &[
                ("schemaname", &"public"),
                ("viewname", name),
                ("viewowner", &owner),
                ("definition", &relation.definition),
            ],
        )?;
        insert(
            connection,
            "information_schema.views",
            &[
                ("table_catalog", database),
                ("table_schema", &"public"),
                ("table_name", name),
                ("view_definition", &relation.definition),
            ],
        )?;
    }
    Ok(())
}

fn write_column(
    connection: &Connection,
    database: &str,
    table: &str,
    number: i64,
    column: &Column,
) -> Written {
    let ty = column.ty;
    let length = match ty.unmodified() {
        VARCHAR | BPCHAR if ty.modifier > 4 => Some(ty.modifier - 4),
        _ => None,
    };
    let (precision, scale) = match ty.unmodified().oid {
        21 => (Some(16), Some(0)),
        23 => (Some(32), Some(0)),
        20 => (Some(64), Some(0)),
        701 => (Some(53), None),
        1700 if ty.modifier > 4 => (Some((ty.modifier - 4) >> 16), ty.scale()),
        _ => (None, None),
    };
    insert(
        connection,
        "information_schema.columns",
        &[
            ("table_catalog", &database),
            ("table_schema", &"public"),
            ("table_name", &table),
            ("column_name", &column.name),
            ("ordinal_position", &number),
            ("column_default", &column.default),
            ("is_nullable", &if column.not_null { "NO" } else { "YES" }),
            ("data_type", &type_name(ty)),
            ("character_maximum_length", &length),
            ("numeric_precision", &precision),
            ("numeric_scale", &scale),
            ("udt_catalog", &database),
            ("udt_schema", &"pg_catalog"),
            ("udt_name", &ty.base().map(|base| base.name)),
            ("is_identity", &"NO"),
            ("is_generated", &"NEVER"),
            ("is_updatable", &"YES"),
        ],
    )
}

fn type_name(ty: ColumnType) -> String {
    match ty.element() {
        Some(_) => "ARRAY".to_owned(),
        None => ty.unmodified().title(),
    }
}

fn write_constraints(connection: &Connection, database: &str, relation: &Relation) -> Written {
    for constraint in &relation.constraints {
        let kind = match constraint.kind {
            'p' => "PRIMARY KEY",
            'u' => "UNIQUE",
            'f' => "FOREIGN KEY",
            _ => "CHECK",
        };
        insert(
            connection,
            "information_schema.table_constraints",
            &[
                ("constraint_catalog", &database),
                ("constraint_schema", &"public"),
                ("constraint_name", &constraint.name),
                ("table_catalog", &database),
                ("table_schema", &"public"),
                ("table_name", &relation.name),
                ("constraint_type", &kind),
                ("is_deferrable", &"NO"),
                ("initially_deferred", &"NO"),
            ],
        )?;
        for (number, position) in (1_i64..).zip(&constraint.columns) {
            let at = usize::try_from(position - 1).ok();
            let column = at.and_then(|at| relation.columns.get(at));
            insert(
                connection,
                "information_schema.key_column_usage",
                &[
                    ("constraint_catalog", &database),
                    ("constraint_schema", &"public"),
                    ("constraint_name", &constraint.name),
                    ("table_catalog", &database),
                    ("table_schema", &"public"),
                    ("table_name", &relation.name),
                    ("column_name", &column.map(|column| &column.name)),
                    ("ordinal_position", &number),
                ],
            )?;
        }
    }
    Ok(())
}
