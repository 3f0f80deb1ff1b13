//! What drivers and psql say beside statements of their users, and its answers.

use std::time::Duration;

use super::answer::Answer;
use super::fault::Error;
use super::settings::VERSION;
use super::{Session, psql};
use crate::sample::{Dialect, unknown};

/// Statements that change nothing, and their tags.
const NOTHING: [(&str, &str); 7] = [
    ("reset all", "RESET"),
    ("unlisten *", "UNLISTEN"),
    ("close all", "CLOSE CURSOR ALL"),
    (
        "set session characteristics as transaction isolation level read committed",
        "SET",
    ),
    (
        "set session characteristics as transaction read write",
        "SET",
    ),
    ("set transaction isolation level read committed", "SET"),
    ("set transaction read write", "SET"),
];

/// The answer to a statement that is on the list.
pub(super) fn answer(text: &str, session: &Session) -> Option<Result<Answer, Error>> {
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
    if let Some(change) = lower.strip_prefix("set ") {
        let change = text.get(text.len() - change.len()..).unwrap_or_default();
        return Some(set(change, session));
    }
    if let Some(items) = lower.strip_prefix("select ")
        && let Some(answer) = facts(items, session)
    {
        return Some(Ok(answer));
    }
    psql::answer(&text, session)
}

fn show(name: &str, session: &Session) -> Result<Answer, Error> {
    let name = match name {
        "transaction isolation level" => "transaction_isolation",
        "time zone" => "timezone",
        other => other,
    };
    let Some(value) = session.settings.show(name) else {
        return Err(refused(&format!("the setting `{name}`")));
    };
    let answer = Answer::texts(&[name], vec![vec![Some(value.to_owned())]]);
    Ok(Answer {
        tag: "SHOW".to_owned(),
        ..answer
    })
}

/// `set [session | local] name = value`.
fn set(change: &str, session: &Session) -> Result<Answer, Error> {
    let rest = ["session ", "local "].iter().find_map(|word| {
        let (start, rest) = change.split_at_checked(word.len())?;
        start.eq_ignore_ascii_case(word).then_some(rest)
    });
    let change = rest.unwrap_or(change);
    let (name, value) = match change.split_once('=') {
        Some((name, value)) => (name.trim(), value.trim()),
        None => {
            let (name, rest) = change.split_once(' ').unwrap_or((change, ""));
            match rest.split_once(' ') {
                Some((to, value)) if to.eq_ignore_ascii_case("to") => (name, value.trim()),
                _ => (name, ""),
            }
        }
    };
    let Some(value) = session.settings.change(name, value) else {
        return Err(refused(&format!("`set {change}`")));
    };
    Ok(Answer {
        change: Some((name.to_owned(), value)),
        ..Answer::done("SET")
    })
}

/// `select version(), current_user` and the like, with or without names.
fn facts(items: &str, session: &Session) -> Option<Answer> {
    let (mut names, mut row) = (Vec::new(), Vec::new());
    for item in items.split(',') {
        let (fact, name) = match item.split_once(" as ") {
            Some((fact, name)) => (fact.trim(), Some(name.trim().trim_matches('"'))),
            None => (item.trim(), None),
        };
        let fact = fact.strip_prefix("pg_catalog.").unwrap_or(fact);
        let value = match fact {
            "current_user" | "session_user" | "user" | "current_role" => session.user.clone(),
            "current_database()" | "current_catalog" => session.database.clone(),
            "current_schema()" | "current_schema" => "public".to_owned(),
            "pg_backend_pid()" => session.process.to_string(),
            "pg_is_in_recovery()" => "f".to_owned(),
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

pub(super) fn refused(what: &str) -> Error {
    unknown(what, Dialect::Postgres).into()
}
