//! Which command a statement is.

use super::lexer::{Kind, Token};
use super::scan::{find_word, top_level};

/// A statement, as far as it is not plain SQL for SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) enum Command {
    /// `select`, `values`, `table`, `with .. select`: rows, tag `SELECT n`.
    Query,
    /// `insert`, `update`, `delete`: its tag without numbers.
    Change(&'static str),
    /// What SQLite runs as it is, or nearly: its tag.
    Define(String),
    /// Accepted, without effect: its tag.
    Ignore(String),
    /// `truncate`.
    Truncate,
    /// `explain ..`.
    Explain,
    Begin,
    Commit,
    Rollback,
    /// `savepoint`, `release`: its tag.
    Savepoint(&'static str),
    RollbackTo,
    /// `set name = value`; `None` is the default.
    Set(String, Option<String>),
    /// `reset all`, `discard all`: its tag.
    ResetAll(&'static str),
    Show(String),
    ShowAll,
    Copy,
    /// `declare .. cursor`.
    Declare,
    /// `fetch` and `move`.
    Fetch,
    /// `close name`.
    CloseCursor,
    CloseAll,
    /// What the emulator can't do: its name.
    Unsupported(String),
    /// No statement of PostgreSQL: its first word.
    Unknown(String),
}

/// Recognizes a statement. `tokens` has no spaces in it and is not empty.
pub(in crate::postgres) fn command(tokens: &[Token<'_>]) -> Command {
    let words: Vec<String> = tokens
        .iter()
        .take(6)
        .map(|token| token.text.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["select" | "values" | "table" | "(", ..] => Command::Query,
        ["with", ..] => with(tokens),
        ["insert", ..] => Command::Change("INSERT 0"),
        ["update", ..] => Command::Change("UPDATE"),
        ["delete", ..] => Command::Change("DELETE"),
        ["truncate", ..] => Command::Truncate,
        ["explain", ..] => Command::Explain,
        ["begin", ..] | ["start", "transaction", ..] => Command::Begin,
        ["commit" | "end", ..] => Command::Commit,
        ["rollback" | "abort", ..] if words.contains(&"to") => Command::RollbackTo,
        ["rollback" | "abort", ..] => Command::Rollback,
        ["savepoint", ..] => Command::Savepoint("SAVEPOINT"),
        ["release", ..] => Command::Savepoint("RELEASE"),
        ["set", ..] => set(tokens),
        ["reset", "all"] => Command::ResetAll("RESET"),
        ["discard", "all"] => Command::ResetAll("DISCARD ALL"),
        ["reset", ..] => Command::Set(setting_name(tokens.get(1..).unwrap_or_default()), None),
        ["show", "all"] => Command::ShowAll,
        ["show", ..] => Command::Show(setting_name(tokens.get(1..).unwrap_or_default())),
        ["copy", ..] => Command::Copy,
        ["declare", ..] => Command::Declare,
        ["fetch" | "move", ..] => Command::Fetch,
        ["close", "all"] => Command::CloseAll,
        ["close", ..] => Command::CloseCursor,
        _ => other(&words),
    }
}

fn other(words: &[&str]) -> Command {
    let tag = |count: usize| {
        let words = words.iter().take(count);
        words
            .map(|word| word.to_ascii_uppercase())
            .collect::<Vec<_>>()
            .join(" ")
    };
    match words {
        ["create", "or", "replace", "view", ..] => Command::Define("CREATE VIEW".to_owned()),
        ["create", "temp" | "temporary" | "unlogged", object, ..] => {
            Command::Define(format!("CREATE {}", object.to_ascii_uppercase()))
        }
        ["create", "unique", "index", ..] => Command::Define("CREATE INDEX".to_owned()),
        ["create" | "drop", "table" | "index" | "view", ..] | ["alter", "table", ..] => {
            Command::Define(tag(2))
        }
        ["create" | "drop", "extension", ..] | ["alter", "system" | "role" | "database", ..] => {
            Command::Ignore(tag(2))
        }
        ["lock", "table", ..] | ["set", "constraints", ..] => Command::Ignore(tag(2)),
        ["discard" | "deallocate", "all", ..] => Command::Ignore(tag(2)),
        ["deallocate", ..] | ["unlisten", ..] | ["lock", ..] => Command::Ignore(tag(1)),
        [
            "vacuum" | "analyze" | "checkpoint" | "reindex" | "cluster",
            ..,
        ] => Command::Ignore(tag(1)),
        ["grant" | "revoke" | "comment", ..] => Command::Ignore(tag(1)),
        ["create" | "drop" | "alter", ..] => Command::Unsupported(tag(2)),
        [
            "prepare" | "execute" | "listen" | "notify" | "do" | "call" | "merge" | "import"
            | "security" | "refresh" | "reassign",
            ..,
        ] => Command::Unsupported(tag(1)),
        // Also what SQLite would understand: `attach` opens files, and `pragma` changes anything.
        words => Command::Unknown(words.first().copied().unwrap_or_default().to_owned()),
    }
}

/// The command behind the common table expressions.
fn with(tokens: &[Token<'_>]) -> Command {
    let main = find_word(tokens, &["select", "insert", "update", "delete", "values"]);
    match main.and_then(|at| tokens.get(at)) {
        Some(verb) if verb.is("insert") => Command::Change("INSERT 0"),
        Some(verb) if verb.is("update") => Command::Change("UPDATE"),
        Some(verb) if verb.is("delete") => Command::Change("DELETE"),
        _ => Command::Query,
    }
}

/// Whether a statement that changes rows also returns some.
pub(in crate::postgres) fn returns_rows(tokens: &[Token<'_>]) -> bool {
    let mut words = top_level(tokens)
        .into_iter()
        .filter_map(|at| tokens.get(at));
    words.any(|word| word.is("returning"))
}

fn set(tokens: &[Token<'_>]) -> Command {
    let mut rest = tokens.get(1..).unwrap_or_default();
    let is = |rest: &[Token<'_>], word: &str| rest.first().is_some_and(|token| token.is(word));
    if is(rest, "transaction") || is(rest, "constraints") || is(rest, "role") {
        return Command::Ignore("SET".to_owned());
    }
    if is(rest, "session") || is(rest, "local") {
        rest = rest.get(1..).unwrap_or_default();
    }
    if is(rest, "characteristics") || is(rest, "authorization") || is(rest, "transaction") {
        return Command::Ignore("SET".to_owned());
    }
    let (name, value) = if is(rest, "time") {
        ("timezone".to_owned(), rest.get(2..).unwrap_or_default())
    } else if is(rest, "names") {
        (
            "client_encoding".to_owned(),
            rest.get(1..).unwrap_or_default(),
        )
    } else {
        let end = rest
            .iter()
            .position(|token| token.is("to") || token.is_operator("="));
        let Some(end) = end else {
            return Command::Unknown("set".to_owned());
        };
        let name = setting_name(rest.get(..end).unwrap_or_default());
        (name, rest.get(end + 1..).unwrap_or_default())
    };
    if let [word] = value
        && word.is("default")
    {
        return Command::Set(name, None);
    }
    Command::Set(name, Some(setting_value(value)))
}

/// `search_path`, `myapp.user`, `TIME ZONE`.
fn setting_name(tokens: &[Token<'_>]) -> String {
    let words: Vec<String> = tokens.iter().filter_map(Token::name).collect();
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["time", "zone"] => "timezone".to_owned(),
        ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
        ["session", "authorization"] => "session_authorization".to_owned(),
        parts => parts.join("."),
    }
}

/// A value as PostgreSQL keeps it: strings without quotes, lists with commas.
fn setting_value(tokens: &[Token<'_>]) -> String {
    let mut value = String::new();
    for token in tokens {
        match token.kind {
            Kind::Comma => value.push_str(", "),
            Kind::Text => value.push_str(&token.string().unwrap_or_default()),
            _ => value.push_str(token.text),
        }
    }
    value
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::postgres::sql::{lexer, significant, statements};

    fn of(sql: &str) -> Command {
        let tokens = lexer::tokens(sql);
        command(&significant(statements(&tokens).first().unwrap()))
    }

    #[test]
    fn commands_are_recognized() {
        let set = |name: &str, value: &str| Command::Set(name.to_owned(), Some(value.to_owned()));
        for (sql, expected) in [
            ("select 1", Command::Query),
            ("-- note\n(select 1)", Command::Query),
            (
                "with a as (delete from b returning *) select * from a",
                Command::Query,
            ),
            (
                "with a as (select 1) insert into b select * from a",
                Command::Change("INSERT 0"),
            ),
            ("START TRANSACTION read only", Command::Begin),
            ("rollback to savepoint a", Command::RollbackTo),
            ("rollback", Command::Rollback),
            (
                "set application_name = 'a b'",
                set("application_name", "a b"),
            ),
            (
                "set session search_path to a, b",
                set("search_path", "a, b"),
            ),
            ("set time zone 'UTC'", set("timezone", "UTC")),
            ("SET NAMES 'utf8'", set("client_encoding", "utf8")),
            (
                "set statement_timeout to default",
                Command::Set("statement_timeout".to_owned(), None),
            ),
            (
                "show transaction isolation level",
                Command::Show("transaction_isolation".to_owned()),
            ),
            (
                "create unique index a on b (c)",
                Command::Define("CREATE INDEX".to_owned()),
            ),
            (
                "create temp table a (b int)",
                Command::Define("CREATE TABLE".to_owned()),
            ),
            ("listen a", Command::Unsupported("LISTEN".to_owned())),
            (
                "create role a",
                Command::Unsupported("CREATE ROLE".to_owned()),
            ),
            ("attach 'a' as b", Command::Unknown("attach".to_owned())),
            ("pragma a", Command::Unknown("pragma".to_owned())),
        ] {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}
