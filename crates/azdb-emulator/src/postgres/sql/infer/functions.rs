//! Result types of functions.

use super::{Scope, type_of};
use crate::postgres::sql::lexer::Token;
use crate::postgres::sql::scan::{list, split, type_name};
use crate::postgres::types::{
    BOOL, BYTEA, ColumnType, DATE, FLOAT8, INT4, INT8, JSON, JSONB, NAME, NUMERIC, REGCLASS, TEXT,
    TEXT_ARRAY, TIMESTAMPTZ, UUID, VOID,
};

/// The result type of a function.
pub(super) fn call(name: &str, arguments: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    let arguments_list = list(arguments);
    let argument = |at: usize| {
        arguments_list
            .get(at)
            .and_then(|tokens| type_of(tokens, scope))
    };
    let known = match name {
        "count"
        | "row_number"
        | "rank"
        | "dense_rank"
        | "txid_current"
        | "pg_table_size"
        | "pg_total_relation_size"
        | "pg_database_size"
        | "pg_relation_size" => INT8,
        "sum" => match argument(0) {
            Some(t) if t.oid == INT8.oid => NUMERIC,
            Some(t) if t.is_integer() => INT8,
            other => other?,
        },
        "avg" => match argument(0) {
            Some(t) if matches!(t.oid, 700 | 701) => FLOAT8,
            _ => NUMERIC,
        },
        "min" | "max" | "coalesce" | "nullif" | "greatest" | "least" | "lag" | "lead"
        | "first_value" | "last_value" | "any_value" | "abs" | "generate_series" | "ifnull" => {
            (0..arguments_list.len()).find_map(argument)?
        }
        "round" | "ceil" | "ceiling" | "floor" | "trunc" => match (argument(0), argument(1)) {
            (Some(t), _) if t.oid == NUMERIC.oid => rounded(name, &arguments_list),
            _ => FLOAT8,
        },
        "length" | "char_length" | "character_length" | "octet_length" | "strpos" | "position"
        | "ascii" | "pg_backend_pid" | "array_length" | "array_upper" | "cardinality"
        | "bit_length" | "sign" | "ntile" => INT4,
        "current_database"
        | "current_schema"
        | "pg_get_userbyid"
        | "current_user"
        | "session_user"
        | "pg_encoding_to_char" => NAME,
        "current_schemas" | "regexp_split_to_array" | "string_to_array" => TEXT_ARRAY,
        "array_agg" | "pg_array" => argument(0).and_then(|t| t.unmodified().array())?,
        "now"
        | "clock_timestamp"
        | "statement_timestamp"
        | "transaction_timestamp"
        | "pg_postmaster_start_time"
        | "to_timestamp" => TIMESTAMPTZ,
        "date_trunc" => argument(1).unwrap_or(TIMESTAMPTZ),
        "date" => DATE,
        "extract" => NUMERIC,
        "date_part" | "random" | "sqrt" | "power" | "pow" | "exp" | "ln" | "pi" => FLOAT8,
        "pg_table_is_visible"
        | "pg_is_in_recovery"
        | "has_table_privilege"
        | "has_schema_privilege"
        | "has_database_privilege"
        | "pg_cancel_backend"
        | "pg_terminate_backend"
        | "pg_type_is_visible"
        | "pg_function_is_visible"
        | "pg_try_advisory_lock"
        | "pg_advisory_unlock"
        | "starts_with"
        | "bool_and"
        | "bool_or"
        | "every"
        | "pg_relation_is_publishable"
        | "pg_has_role" => BOOL,
        "pg_sleep" | "pg_advisory_lock" | "pg_advisory_unlock_all" => VOID,
        "gen_random_uuid" => UUID,
        "to_regclass" => REGCLASS,
        "decode" => BYTEA,
        "cast" => {
            let parts = split(arguments, |token| token.is("as"));
            let (name, _) = type_name(parts.get(1)?, 0)?;
            return ColumnType::parse(&name);
        }
        name if name.starts_with("jsonb_") || name == "to_jsonb" => JSONB,
        name if name.starts_with("json_") || name == "to_json" => JSON,
        _ => TEXT,
    };
    Some(known)
}

/// `round(x, n)` shows n digits, `round(x)` none.
fn rounded(name: &str, arguments: &[&[Token<'_>]]) -> ColumnType {
    let digits = match (name, arguments) {
        ("round" | "trunc", [_, [digits]]) => digits.text,
        (_, [_]) => "0",
        _ => return NUMERIC,
    };
    digits.parse().map_or(NUMERIC, ColumnType::numeric_shown)
}
