//! What drivers and psql say beside statements of their users, and its answers.

use std::sync::LazyLock;
use std::time::Duration;

use pgwire::error::{PgWireError, PgWireResult};
use regex_lite::Regex;

use super::answer::Answer;
use super::settings::VERSION;
use super::{Session, fault, psql};
use crate::door::locked;
use crate::sample::{self, Dialect, unknown};

/// Statements that change nothing, and their tags.
const NOTHING: [(&str, &str); 5] = [
    ("reset all", "RESET"),
    ("unlisten *", "UNLISTEN"),
    ("close all", "CLOSE CURSOR ALL"),
    (
        "set session characteristics as transaction isolation level read committed",
        "SET",
    ),
    ("set transaction isolation level read committed", "SET"),
];

/// `set name = value`.
static SET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^set (?:session )?(\w+)(?: to |\s?=\s?)(?:'([^']*)'|([^' ]+))$").ok()
});

/// The answer to a statement that is on the list.
pub(super) fn answer(text: &str, session: &Session) -> Option<PgWireResult<Answer>> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_lowercase();
    if let Some((_, tag)) = NOTHING.iter().find(|(statement, _)| *statement == lower) {
        return Some(Ok(Answer::done(tag)));
    }
    if sleep(&lower).is_some() {
        let row = vec![Some(String::new())];
        return Some(Ok(Answer::texts(&["pg_sleep"], vec![row])));
    }
    if let Some(name) = lower.strip_prefix("show ") {
        return Some(show(name, session));
    }
    if lower.starts_with("set ") {
        return Some(set(&text, session));
    }
    if let Some(items) = lower.strip_prefix("select ")
        && let Some(answer) = facts(items, session)
    {
        return Some(Ok(answer));
    }
    psql::answer(&text, session)
}

fn show(name: &str, session: &Session) -> PgWireResult<Answer> {
    let name = match name {
        "transaction isolation level" => "transaction_isolation",
        other => other,
    };
    let settings = locked(&session.settings);
    match settings.show(name) {
        Some(value) => Ok(Answer::texts(&[name], vec![vec![Some(value.to_owned())]])),
        None => Err(refused(&format!("the setting `{name}`"))),
    }
}

fn set(text: &str, session: &Session) -> PgWireResult<Answer> {
    let change = SET.as_ref().and_then(|pattern| pattern.captures(text));
    let change = change.and_then(|found| {
        let (name, value) = (found.get(1)?, found.get(2).or(found.get(3))?);
        let value = locked(&session.settings).change(name.as_str(), value.as_str())?;
        Some((name.as_str().to_owned(), value))
    });
    match change {
        None => Err(refused(&format!("`{text}`"))),
        change => Ok(Answer {
            change,
            ..Answer::done("SET")
        }),
    }
}

/// `select version(), current_user` and the like, with or without names.
fn facts(items: &str, session: &Session) -> Option<Answer> {
    let (mut names, mut row) = (Vec::new(), Vec::new());
    for item in sample::items(items, Dialect::Postgres) {
        let (fact, name) = match item.split_once(" as ") {
            Some((fact, name)) => (fact, Some(name.trim_matches('"'))),
            None => (item, None),
        };
        let fact = fact.strip_prefix("pg_catalog.").unwrap_or(fact);
        let value = match fact {
            "current_user" | "session_user" => session.user.clone(),
            "current_database()" => session.database.clone(),
            "current_schema()" => "public".to_owned(),
            "pg_backend_pid()" => session.process.to_string(),
            "pg_advisory_unlock_all()" => String::new(),
            "version()" => format!("PostgreSQL {VERSION} (azdb-emulator: a sample)"),
            _ => return None,
        };
        names.push(name.unwrap_or(fact.trim_end_matches("()")));
        row.push(Some(value));
    }
    Some(Answer::texts(&names, vec![row]))
}

/// How long `select pg_sleep(…)` sleeps.
pub(super) fn sleep(text: &str) -> Option<Duration> {
    let lower = text.trim().to_lowercase();
    let seconds = lower.strip_prefix("select pg_sleep(")?.strip_suffix(')')?;
    Duration::try_from_secs_f64(seconds.trim().parse().ok()?).ok()
}

pub(super) fn refused(what: &str) -> PgWireError {
    fault::error(unknown(what, Dialect::Postgres))
}
