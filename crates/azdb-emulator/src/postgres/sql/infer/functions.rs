//! Result types of functions.

use super::{Scope, type_of};
use crate::postgres::sql::lexer::Token;
use crate::postgres::sql::scan::{list, split, type_name};
use crate::postgres::types::{
    BOOL, BYTEA, ColumnType, DATE, FLOAT4, FLOAT8, INT4, INT8, JSON, JSONB, NAME, NUMERIC,
    REGCLASS, TEXT, TEXT_ARRAY, TIMESTAMPTZ, UUID, VOID,
};

/// Functions whose result has one type, whatever their arguments.
const FIXED: [(ColumnType, &[&str]); 12] = [
    (
        INT8,
        &[
            "count",
            "row_number",
            "rank",
            "dense_rank",
            "txid_current",
            "pg_table_size",
            "pg_total_relation_size",
            "pg_relation_size",
            "pg_database_size",
        ],
    ),
    (
        INT4,
        &[
            "length",
            "char_length",
            "character_length",
            "octet_length",
            "bit_length",
            "strpos",
            "position",
            "ascii",
            "pg_backend_pid",
            "array_length",
            "array_upper",
            "cardinality",
            "sign",
            "ntile",
        ],
    ),
    (
        NAME,
        &[
            "current_database",
            "current_catalog",
            "current_schema",
            "current_user",
            "session_user",
            "pg_get_userbyid",
            "pg_encoding_to_char",
        ],
    ),
    (
        TEXT_ARRAY,
        &[
            "current_schemas",
            "regexp_split_to_array",
            "string_to_array",
        ],
    ),
    (
        TIMESTAMPTZ,
        &[
            "now",
            "clock_timestamp",
            "statement_timestamp",
            "transaction_timestamp",
            "pg_postmaster_start_time",
            "to_timestamp",
        ],
    ),
    (
        FLOAT8,
        &[
            "date_part",
            "random",
            "sqrt",
            "power",
            "pow",
            "exp",
            "ln",
            "pi",
        ],
    ),
    (
        BOOL,
        &[
            "starts_with",
            "bool_and",
            "bool_or",
            "every",
            "pg_is_in_recovery",
            "pg_has_role",
            "has_table_privilege",
            "has_schema_privilege",
            "has_database_privilege",
            "pg_cancel_backend",
            "pg_terminate_backend",
            "pg_try_advisory_lock",
            "pg_advisory_unlock",
            "pg_table_is_visible",
            "pg_type_is_visible",
            "pg_function_is_visible",
            "pg_relation_is_publishable",
        ],
    ),
    (
        VOID,
        &["pg_sleep", "pg_advisory_lock", "pg_advisory_unlock_all"],
    ),
    (NUMERIC, &["extract"]),
    (DATE, &["date"]),
    (UUID, &["gen_random_uuid"]),
    (REGCLASS, &["to_regclass"]),
];

/// Functions whose result has the type of their first argument that has one.
const LIKE_ARGUMENT: [&str; 14] = [
    "min",
    "max",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "any_value",
    "abs",
    "generate_series",
    "ifnull",
];

/// The result type of a function.
pub(super) fn call(name: &str, arguments: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    let given = list(arguments);
    let argument = |at: usize| type_of(given.get(at)?, scope);
    if let Some((fixed, _)) = FIXED.iter().find(|(_, names)| names.contains(&name)) {
        return Some(*fixed);
    }
    if LIKE_ARGUMENT.contains(&name) {
        return (0..given.len()).find_map(argument);
    }
    let known = match name {
        "sum" => match argument(0)? {
            INT8 => NUMERIC,
            integer if integer.is_integer() => INT8,
            other => other,
        },
        "avg" => match argument(0) {
            Some(FLOAT4 | FLOAT8) => FLOAT8,
            _ => NUMERIC,
        },
        "round" | "ceil" | "ceiling" | "floor" | "trunc" => match argument(0) {
            Some(number) if number.unmodified() == NUMERIC => rounded(name, &given),
            _ => FLOAT8,
        },
        "array_agg" | "pg_array" => argument(0)?.unmodified().array()?,
        "date_trunc" => argument(1).unwrap_or(TIMESTAMPTZ),
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
