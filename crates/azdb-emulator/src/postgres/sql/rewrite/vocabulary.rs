//! Words of PostgreSQL that are others in SQLite, or none.

/// What PostgreSQL writes as an operator and SQLite as another one. `REGEXP`, `GLOB` and `MATCH`
/// call functions of ours: regular expression, the same without case, and `ILIKE`.
pub(super) const OPERATORS: [(&str, &str); 8] = [
    ("~", " REGEXP "),
    ("!~", " NOT REGEXP "),
    ("~*", " GLOB "),
    ("!~*", " NOT GLOB "),
    ("~~", " LIKE "),
    ("!~~", " NOT LIKE "),
    ("~~*", " MATCH "),
    ("!~~*", " NOT MATCH "),
];

/// Keywords that are function calls without parentheses.
pub(super) const BARE_CALLS: [&str; 8] = [
    "current_user",
    "session_user",
    "current_role",
    "user",
    "current_catalog",
    "current_schema",
    "localtimestamp",
    "localtime",
];

/// Words that SQLite reserves and PostgreSQL does not: columns may have these names.
pub(super) const RESERVED: [&str; 9] = [
    "autoincrement",
    "commit",
    "escape",
    "exists",
    "if",
    "index",
    "nothing",
    "notnull",
    "transaction",
];

/// Functions that SQLite has under another name.
pub(super) const FUNCTIONS: [(&str, &str); 9] = [
    ("json_build_object", "json_object"),
    ("jsonb_build_object", "json_object"),
    ("json_build_array", "json_array"),
    ("jsonb_build_array", "json_array"),
    ("json_agg", "json_group_array"),
    ("jsonb_agg", "json_group_array"),
    ("json_object_agg", "json_group_object"),
    ("jsonb_object_agg", "json_group_object"),
    ("btrim", "trim"),
];

/// Type names that make a literal of the string behind them.
pub(super) const LITERAL_TYPES: [&str; 10] = [
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "bytea",
    "numeric",
];
