//! What clients ask about tables, types and roles.

use std::sync::{Arc, PoisonError};

use super::{ANY, Functions, Registered, Surroundings, integer_argument, text_argument};
use crate::postgres::catalog::INFORMATION_SCHEMA;
use crate::postgres::types::ColumnType;

pub(super) fn register(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    functions.constant(
        &[
            "pg_statistics_obj_is_visible",
            "pg_conversion_is_visible",
            "pg_type_is_visible",
            "pg_function_is_visible",
            "pg_operator_is_visible",
            "pg_opclass_is_visible",
            "pg_collation_is_visible",
            "pg_relation_is_publishable",
        ],
        true,
    )?;
    functions.constant(
        &[
            "obj_description",
            "col_description",
            "shobj_description",
            "pg_get_ruledef",
            "pg_get_triggerdef",
            "pg_get_functiondef",
            "pg_get_function_result",
            "pg_get_function_arguments",
            "pg_get_function_identity_arguments",
            "pg_get_statisticsobjdef_columns",
            "pg_get_serial_sequence",
            "pg_get_partkeydef",
            "pg_partition_ancestors",
            "pg_tablespace_location",
        ],
        None::<String>,
    )?;
    functions.constant(
        &[
            "pg_table_size",
            "pg_total_relation_size",
            "pg_relation_size",
            "pg_indexes_size",
        ],
        8192,
    )?;
    functions.constant(&["pg_database_size", "pg_tablespace_size"], 8 * 1024 * 1024)?;
    register_shown(functions)?;
    register_definitions(functions, session)
}

fn register_shown(functions: &Functions<'_>) -> Registered {
    functions.pure("pg_table_is_visible", 1, |context| {
        // The search path leads to all schemas but this one.
        let hidden = INFORMATION_SCHEMA..INFORMATION_SCHEMA + 1000;
        Ok(integer_argument(context, 0)?.map(|oid| !hidden.contains(&oid)))
    })?;
    functions.pure("pg_size_pretty", 1, |context| {
        Ok(integer_argument(context, 0)?.map(size_pretty))
    })?;
    functions.pure("format_type", 2, |context| {
        let oid = integer_argument(context, 0)?.and_then(|oid| u32::try_from(oid).ok());
        let modifier = integer_argument(context, 1)?.and_then(|m| i32::try_from(m).ok());
        Ok(oid.map(|oid| {
            let modifier = modifier.unwrap_or(-1);
            ColumnType { oid, modifier }.title()
        }))
    })?;
    functions.pure("pg_get_expr", ANY, |context| text_argument(context, 0))?;
    functions.pure("quote_ident", 1, |context| {
        let name = text_argument(context, 0)?;
        Ok(name.map(|name| crate::postgres::catalog::quoted(&name)))
    })?;
    functions.pure("quote_literal", 1, |context| {
        let text = text_argument(context, 0)?;
        Ok(text.map(|text| format!("'{}'", text.replace('\'', "''"))))
    })
}

fn register_definitions(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    let known = Arc::clone(session);
    functions.add("pg_get_userbyid", 1, move |context| {
        let oid = integer_argument(context, 0)?;
        Ok(oid.map(|oid| match known.place.role_name(oid) {
            Some(name) => name.to_owned(),
            None => format!("unknown (OID={oid})"),
        }))
    })?;
    let known = Arc::clone(session);
    functions.add("pg_get_constraintdef", ANY, move |context| {
        let oid = integer_argument(context, 0)?;
        let catalog = known.catalog.read().unwrap_or_else(PoisonError::into_inner);
        Ok(oid.and_then(|oid| catalog.constraint_definition(oid).map(str::to_owned)))
    })?;
    let known = Arc::clone(session);
    functions.add("pg_get_indexdef", ANY, move |context| {
        let oid = integer_argument(context, 0)?;
        let column = integer_argument(context, 1)?.unwrap_or(0);
        let catalog = known.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let definition = oid.and_then(|oid| catalog.index_definition(oid));
        Ok(
            definition.map(|definition| match usize::try_from(column - 1) {
                Ok(at) => indexed_column(definition, at).unwrap_or_default(),
                Err(_) => definition.to_owned(),
            }),
        )
    })?;
    let known = Arc::clone(session);
    functions.add("pg_get_viewdef", ANY, move |context| {
        let oid = integer_argument(context, 0)?;
        let catalog = known.catalog.read().unwrap_or_else(PoisonError::into_inner);
        Ok(oid.and_then(|oid| catalog.view_definition(oid).map(str::to_owned)))
    })?;
    let known = Arc::clone(session);
    functions.add("to_regclass", 1, move |context| {
        let name = text_argument(context, 0)?;
        let catalog = known.catalog.read().unwrap_or_else(PoisonError::into_inner);
        Ok(name.and_then(|name| catalog.oid(&name)))
    })
}

/// One column of `.. USING btree (a, b)`.
fn indexed_column(definition: &str, at: usize) -> Option<String> {
    let (_, columns) = definition.split_once(" USING btree (")?;
    let column = columns.strip_suffix(')')?.split(", ").nth(at)?;
    Some(column.to_owned())
}

fn size_pretty(bytes: i64) -> String {
    let mut size = bytes;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size.abs() < 10_240 {
            return format!("{size} {unit}");
        }
        size /= 1024;
    }
    format!("{size} TB")
}
