//! Rows that are always the same.

use rusqlite::Connection;

use super::{BTREE, HEAP, Written, collation, insert};
use crate::postgres::catalog::{
    ADMINISTRATOR, ADMINISTRATOR_NAME, DATABASE, INFORMATION_SCHEMA, PG_CATALOG, PUBLIC, Place,
};
use crate::postgres::types::{ColumnType, TYPES};

/// Writes types, schemas, roles, the database.
pub(in crate::postgres::catalog) fn write_fixed(connection: &Connection, place: &Place) -> Written {
    for (oid, name, owner) in [
        (PG_CATALOG, "pg_catalog", ADMINISTRATOR),
        (PUBLIC, "public", ADMINISTRATOR),
        (INFORMATION_SCHEMA, "information_schema", ADMINISTRATOR),
    ] {
        insert(
            connection,
            "pg_catalog.pg_namespace",
            &[("oid", &oid), ("nspname", &name), ("nspowner", &owner)],
        )?;
    }
    for (oid, name, kind) in [(HEAP, "heap", "t"), (BTREE, "btree", "i")] {
        insert(
            connection,
            "pg_catalog.pg_am",
            &[("oid", &oid), ("amname", &name), ("amtype", &kind)],
        )?;
    }
    write_types(connection)?;
    for schema in ["public", "pg_catalog", "information_schema"] {
        insert(
            connection,
            "information_schema.schemata",
            &[
                ("catalog_name", &place.database),
                ("schema_name", &schema),
                ("schema_owner", &ADMINISTRATOR_NAME),
            ],
        )?;
    }
    write_roles(connection, place)?;
    for (oid, name) in [(100, "default"), (950, "C")] {
        insert(
            connection,
            "pg_catalog.pg_collation",
            &[
                ("oid", &oid),
                ("collname", &name),
                ("collnamespace", &PG_CATALOG),
            ],
        )?;
    }
    write_database(connection, place)
}

fn write_database(connection: &Connection, place: &Place) -> Written {
    insert(
        connection,
        "pg_catalog.pg_database",
        &[
            ("oid", &DATABASE),
            ("datname", &place.database),
            ("datdba", &place.owner()),
            ("encoding", &6),
            ("datlocprovider", &"c"),
            ("datistemplate", &false),
            ("datallowconn", &true),
            ("datconnlimit", &-1),
            ("dattablespace", &1663),
            ("datcollate", &"C.UTF-8"),
            ("datctype", &"C.UTF-8"),
        ],
    )?;
    insert(
        connection,
        "pg_catalog.pg_tablespace",
        &[
            ("oid", &1663),
            ("spcname", &"pg_default"),
            ("spcowner", &ADMINISTRATOR),
        ],
    )
}

fn write_types(connection: &Connection) -> Written {
    for base in &TYPES {
        let column = ColumnType::of(base.oid);
        let kind = if base.category == 'P' || base.category == 'X' {
            "p"
        } else {
            "b"
        };
        let category = base.category.to_string();
        let collation = collation(column);
        insert(
            connection,
            "pg_catalog.pg_type",
            &[
                ("oid", &base.oid),
                ("typname", &base.name),
                ("typnamespace", &PG_CATALOG),
                ("typowner", &ADMINISTRATOR),
                ("typlen", &base.size),
                ("typbyval", &(1..=8).contains(&base.size)),
                ("typtype", &kind),
                ("typcategory", &category),
                ("typispreferred", &false),
                ("typisdefined", &true),
                ("typdelim", &","),
                ("typrelid", &0),
                ("typelem", &base.element),
                ("typarray", &base.array),
                ("typinput", &format!("{}in", base.name)),
                ("typnotnull", &false),
                ("typbasetype", &0),
                ("typtypmod", &-1),
                ("typndims", &0),
                ("typcollation", &collation),
            ],
        )?;
    }
    Ok(())
}

fn write_roles(connection: &Connection, place: &Place) -> Written {
    let roles = place.roles.iter().map(String::as_str);
    for name in roles.chain([ADMINISTRATOR_NAME]) {
        let oid = place.role_oid(name);
        let is_administrator = name == ADMINISTRATOR_NAME;
        insert(
            connection,
            "pg_catalog.pg_roles",
            &[
                ("rolname", &name),
                ("rolsuper", &is_administrator),
                ("rolinherit", &true),
                ("rolcreaterole", &is_administrator),
                ("rolcreatedb", &is_administrator),
                ("rolcanlogin", &true),
                ("rolreplication", &is_administrator),
                ("rolconnlimit", &-1),
                ("rolpassword", &"********"),
                ("rolbypassrls", &is_administrator),
                ("oid", &oid),
            ],
        )?;
        insert(
            connection,
            "pg_catalog.pg_user",
            &[
                ("usename", &name),
                ("usesysid", &oid),
                ("usecreatedb", &is_administrator),
                ("usesuper", &is_administrator),
                ("userepl", &is_administrator),
                ("usebypassrls", &is_administrator),
            ],
        )?;
    }
    Ok(())
}
