//! MySQL's SQL as far as the sample and drivers' chatter need it, in terms of SQLite's.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use opensrv_mysql::ErrorKind;
use regex_lite::Regex;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, ffi, params_from_iter};

use super::greeting::VERSION;
use crate::sqlite::{Interrupt, Slept};

/// What a statement asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing that SQLite must know.
    Nothing,
    /// The end of what another session runs.
    Kill(u32),
    /// This, in SQLite's SQL.
    Run(String),
}

/// What a statement gave.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// Names of the columns; without any there are no rows either.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) affected: u64,
    pub(super) last_id: u64,
}

/// Why a statement gave nothing.
#[derive(Debug)]
pub(super) struct SqlError {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
}

impl SqlError {
    pub(super) fn no_such_thread(id: u32) -> Self {
        Self {
            kind: ErrorKind::ER_NO_SUCH_THREAD,
            message: format!("Unknown thread id: {id}"),
        }
    }

    pub(super) fn unknown(error: &dyn std::error::Error) -> Self {
        Self {
            kind: ErrorKind::ER_UNKNOWN_ERROR,
            message: error.to_string(),
        }
    }
}

/// What functions know of their session.
pub(super) struct Surroundings {
    pub(super) id: u32,
    pub(super) user: String,
    pub(super) database: Mutex<String>,
    pub(super) interrupt: Arc<Interrupt>,
}

impl Surroundings {
    /// Changes the default database.
    pub(super) fn use_database(&self, name: &str) {
        let mut current = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        name.clone_into(&mut current);
    }
}

/// Patterns of a statement's beginning, without regard to case, and what they become. `$1` is a word.
const STATEMENTS: [(&str, &str); 13] = [
    (
        r"^(set|lock tables|unlock tables|flush|analyze|optimize)\b.*$",
        "",
    ),
    (r"^kill (?:query )?(\d+)$", "kill $1"),
    (r"^start transaction.*$", "begin"),
    (r"^truncate (?:table )?(.*)$", "delete from $1"),
    (
        r"^show (?:full )?tables.*$",
        "select name as Tables from sqlite_schema where type = 'table' order by name",
    ),
    (r"^show databases.*$", "select database() as \"Database\""),
    (
        r"^show (?:session |global )?status like '(.*)'$",
        "select '$1' as Variable_name, status('$1') as Value",
    ),
    (
        r"^show (?:session |global )?variables like '(.*)'$",
        "select '$1' as Variable_name, variable('$1') as Value where variable('$1') is not null",
    ),
    (
        r"^(?:describe|desc|show columns from) [`]?(\w+)[`]?$",
        "select name as Field, lower(type) as Type, iif(\"notnull\", 'NO', 'YES') as \"Null\", iif(pk, 'PRI', '') as \"Key\", dflt_value as \"Default\", '' as Extra from pragma_table_info('$1')",
    ),
    (
        r"^show (warnings|errors).*$",
        "select '' as Level, 0 as Code, '' as Message where 0",
    ),
    (r"^show .*$", "select '' as Name, '' as Value where 0"),
    (r"^insert ignore\b(.*)$", "insert or ignore$1"),
    (r"^(commit|rollback)( work)?$", "$1"),
];

/// Pieces of a statement outside of quotes, and what they become.
const PIECES: [(&str, &str); 7] = [
    (r"@@(?:session\.|global\.)?(\w+)", "variable('$1')"),
    // Nobody keeps variables of users here.
    (r"@\w+", "null"),
    (
        r"\b(current_user|session_user|user)\b(?:\s*\(\s*\))?",
        "$1()",
    ),
    (
        r"\bint(?:eger)?(?: unsigned)?(?: not null)? auto_increment primary key",
        "integer primary key autoincrement",
    ),
    (r"\)\s*engine\s*=\s*\w+.*$", ")"),
    (r"\bfor update\b", ""),
    (r"\bcreate or replace table\b", "create table"),
];

fn compiled(patterns: &'static [(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    let compile = |(pattern, becomes): &(&str, &'static str)| {
        Regex::new(&format!("(?is){pattern}"))
            .ok()
            .map(|regex| (regex, *becomes))
    };
    patterns.iter().filter_map(compile).collect()
}

/// What `text` asks for.
pub(super) fn order(text: &str) -> Order {
    static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| compiled(&STATEMENTS));
    let text = without_comment(text)
        .trim()
        .trim_end_matches(';')
        .trim_end();
    let found = PATTERNS.iter().find(|(pattern, _)| pattern.is_match(text));
    let statement = match found {
        Some((pattern, becomes)) => pattern.replace(text, *becomes),
        None => Cow::Borrowed(text),
    };
    if statement.is_empty() {
        return Order::Nothing;
    }
    match statement
        .strip_prefix("kill ")
        .and_then(|id| id.parse().ok())
    {
        Some(id) => Order::Kill(id),
        None => Order::Run(outside_of_quotes(&statement)),
    }
}

/// Drivers put their names in front.
fn without_comment(text: &str) -> &str {
    let text = text.trim_start();
    match text
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"))
    {
        Some((_, rest)) => rest,
        None => text,
    }
}

/// Applies [`PIECES`] to what is not in quotes.
fn outside_of_quotes(statement: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| compiled(&PIECES));
    let mut result = String::new();
    for (code, quoted) in pieces(statement) {
        let mut code = Cow::Borrowed(code);
        for (pattern, becomes) in &*PATTERNS {
            if pattern.is_match(&code) {
                code = Cow::Owned(pattern.replace_all(&code, *becomes).into_owned());
            }
        }
        result += &code;
        result += quoted;
    }
    result
}

/// A statement in pieces: code, and what is in quotes behind it.
fn pieces(statement: &str) -> Vec<(&str, &str)> {
    let mut pieces = Vec::new();
    let mut rest = statement;
    while let Some(start) = rest.find(['\'', '"', '`']) {
        let (code, quoted) = rest.split_at(start);
        let mark = quoted.get(..1).unwrap_or_default();
        let inside = quoted.get(1..).unwrap_or_default();
        let end = inside.find(mark).map_or(quoted.len(), |end| end + 2);
        let (quoted, behind) = quoted.split_at(end);
        pieces.push((code, quoted));
        rest = behind;
    }
    pieces.push((rest, ""));
    pieces
}

/// How many parameters a statement has.
pub(super) fn parameters(statement: &str) -> usize {
    let code = pieces(statement).into_iter().map(|(code, _)| code);
    code.map(|code| code.matches('?').count()).sum()
}

/// Runs a statement.
pub(super) fn run(
    connection: &Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> Result<Answer, SqlError> {
    if connection.is_autocommit() && ["commit", "rollback"].contains(&statement) {
        return Ok(Answer::default());
    }
    let rows = |statement: &str| -> rusqlite::Result<Answer> {
        let mut prepared = connection.prepare(statement)?;
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let width = columns.len();
        if width == 0 {
            let affected = prepared.execute(params_from_iter(parameters))?;
            return Ok(Answer {
                affected: affected as u64,
                last_id: u64::try_from(connection.last_insert_rowid()).unwrap_or_default(),
                ..Answer::default()
            });
        }
        let rows = prepared.query_map(params_from_iter(parameters), |row| {
            (0..width).map(|index| row.get(index)).collect()
        })?;
        Ok(Answer {
            columns,
            rows: rows.collect::<rusqlite::Result<_>>()?,
            ..Answer::default()
        })
    };
    rows(statement).map_err(|error| told(&error))
}

/// SQLite's errors as MySQL numbers them.
fn told(error: &rusqlite::Error) -> SqlError {
    let message = error.to_string();
    let code = error
        .sqlite_error()
        .map(|error| (error.code, error.extended_code));
    let kind = match code {
        Some((ErrorCode::OperationInterrupted, _)) => ErrorKind::ER_QUERY_INTERRUPTED,
        Some((ErrorCode::DatabaseBusy, _)) => ErrorKind::ER_LOCK_WAIT_TIMEOUT,
        Some((_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY)) => ErrorKind::ER_NO_REFERENCED_ROW_2,
        Some((ErrorCode::ConstraintViolation, _)) => ErrorKind::ER_DUP_ENTRY,
        _ if message.starts_with("no such table") => ErrorKind::ER_NO_SUCH_TABLE,
        _ if message.starts_with("no such column") => ErrorKind::ER_BAD_FIELD_ERROR,
        _ if message.contains("interrupted") => ErrorKind::ER_QUERY_INTERRUPTED,
        _ => ErrorKind::ER_PARSE_ERROR,
    };
    SqlError { kind, message }
}

/// A server variable, as far as drivers ask for it.
fn variable(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "version" => VERSION,
        "version_comment" => "azdb-emulator",
        "max_allowed_packet" | "net_buffer_length" => "67108864",
        "auto_increment_increment" | "autocommit" => "1",
        "character_set_client"
        | "character_set_connection"
        | "character_set_results"
        | "character_set_server" => "utf8mb4",
        "collation_server" | "collation_connection" => "utf8mb4_general_ci",
        "interactive_timeout" | "wait_timeout" => "28800",
        "lower_case_table_names" | "performance_schema" | "query_cache_size" => "0",
        "net_write_timeout" => "60",
        "sql_mode" => "STRICT_TRANS_TABLES",
        "system_time_zone" | "time_zone" => "UTC",
        "tx_isolation" | "transaction_isolation" => "REPEATABLE-READ",
        _ => return None,
    })
}

/// Gives SQLite the functions of MySQL that it lacks.
pub(super) fn register(
    connection: &Connection,
    surroundings: &Arc<Surroundings>,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    for name in ["current_user", "session_user", "user"] {
        let user = format!("{}@127.0.0.1", surroundings.user);
        connection.create_scalar_function(name, 0, flags, move |_| Ok(user.clone()))?;
    }
    for name in ["database", "schema"] {
        let own = Arc::clone(surroundings);
        connection.create_scalar_function(name, 0, flags, move |_| {
            let database = own.database.lock().unwrap_or_else(PoisonError::into_inner);
            Ok((!database.is_empty()).then(|| database.clone()))
        })?;
    }
    let id = surroundings.id;
    connection.create_scalar_function("connection_id", 0, flags, move |_| Ok(id))?;
    connection.create_scalar_function("version", 0, flags, |_| Ok(VERSION))?;
    connection.create_scalar_function("variable", 1, flags, |context: &mut Context<'_>| {
        Ok(variable(&context.get::<String>(0)?))
    })?;
    connection.create_scalar_function("status", 1, flags, |context: &mut Context<'_>| {
        let name: String = context.get(0)?;
        Ok(if name.eq_ignore_ascii_case("ssl_cipher") {
            "TLS"
        } else {
            ""
        })
    })?;
    let interrupt = Arc::clone(&surroundings.interrupt);
    connection.create_scalar_function("sleep", 1, flags, move |context: &mut Context<'_>| {
        let seconds: f64 = context.get(0)?;
        let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        match interrupt.sleep(time) {
            Slept::Through => Ok(0),
            Slept::Interrupted => Err(rusqlite::Error::UserFunctionError("interrupted".into())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_sqlites() {
        for (text, becomes) in [
            ("SELECT 1;", "SELECT 1"),
            (
                "/* a driver */ select @@version, '@@version'",
                "select variable('version'), '@@version'",
            ),
            (
                "select CURRENT_USER, user()",
                "select CURRENT_USER(), user()",
            ),
            ("START TRANSACTION WITH CONSISTENT SNAPSHOT", "begin"),
            ("truncate table orders", "delete from orders"),
            (
                "insert ignore into t values (1)",
                "insert or ignore into t values (1)",
            ),
            (
                "create table t (id int not null auto_increment primary key) engine=InnoDB charset=utf8",
                "create table t (id integer primary key autoincrement)",
            ),
        ] {
            assert_eq!(order(text), Order::Run(becomes.to_owned()), "{text}");
        }
        assert_eq!(order("SET NAMES utf8mb4"), Order::Nothing);
        assert_eq!(order("KILL QUERY 7"), Order::Kill(7));
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(compiled(&STATEMENTS).len(), STATEMENTS.len());
        assert_eq!(compiled(&PIECES).len(), PIECES.len());
    }

    #[test]
    fn question_marks_in_quotes_are_no_parameters() {
        assert_eq!(parameters("select ?, '?', \"?\", `?`, ? from t"), 2);
    }
}
