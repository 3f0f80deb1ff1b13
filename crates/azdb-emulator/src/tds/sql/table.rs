//! `CREATE TABLE`: identity columns, types and defaults as SQLite has them.

use super::super::token::Refusal;
use super::lexer::{Kind, Token};
use super::rewrite::{Context, closing, name};
use super::statement::split_commas;

/// Rewrites a whole `CREATE TABLE`.
pub(super) fn create(tokens: &[Token], context: &Context<'_>) -> Result<String, Refusal> {
    let (table, open) = name(tokens, 2);
    let end = closing(tokens, open);
    let definitions = split_commas(tokens.get(open + 1..end.max(1) - 1).unwrap_or_default());
    let mut rewritten = Vec::new();
    let mut identity = None;
    for definition in &definitions {
        let first = definition.first();
        let constraints = [
            "constraint",
            "primary",
            "foreign",
            "unique",
            "check",
            "index",
        ];
        if first.is_some_and(|first| first.is_any(&constraints)) {
            continue;
        }
        let (sql, is_identity) = column(definition, context)?;
        if is_identity {
            identity = first.map(|first| first.text.clone());
        }
        rewritten.push(sql);
    }
    for definition in &definitions {
        let first = definition.first();
        if !first.is_some_and(|first| {
            first.is_any(&["constraint", "primary", "foreign", "unique", "check"])
        }) {
            continue;
        }
        let is_key = definition.iter().any(|token| token.is("primary"));
        let names_identity = identity.as_ref().is_some_and(|identity| {
            definition
                .iter()
                .any(|token| token.text.eq_ignore_ascii_case(identity))
        });
        // An identity column is SQLite's rowid and has been made the key already.
        if !(is_key && names_identity) {
            let kept = without_storage(definition);
            rewritten.push(context.level(&kept)?);
        }
    }
    let temporary = if table.starts_with("\"#") {
        "temp "
    } else {
        ""
    };
    Ok(format!(
        "create {temporary}table {table} ({})",
        rewritten.join(", ")
    ))
}

/// Words that say how an index is stored.
fn without_storage(tokens: &[Token]) -> Vec<Token> {
    let storage = ["clustered", "nonclustered", "sparse", "rowguidcol"];
    let tokens = tokens.iter().filter(|token| !token.is_any(&storage));
    tokens.cloned().collect()
}

/// A column's definition, and whether it is an identity.
fn column(definition: &[Token], context: &Context<'_>) -> Result<(String, bool), Refusal> {
    let (column, kind_at) = name(definition, 0);
    let has_length = definition
        .get(kind_at + 1)
        .is_some_and(|token| token.is("("));
    let kind_end = if has_length {
        closing(definition, kind_at + 1)
    } else {
        kind_at + 1
    };
    let kind: String = definition
        .get(kind_at..kind_end)
        .unwrap_or_default()
        .iter()
        .map(|token| {
            if token.is("max") {
                "-1"
            } else {
                token.text.as_str()
            }
        })
        .collect();
    let mut rest = without_storage(definition.get(kind_end..).unwrap_or_default());
    let identity = rest.iter().position(|token| token.is("identity"));
    if let Some(at) = identity {
        let has_seed = rest.get(at + 1).is_some_and(|token| token.is("("));
        let end = if has_seed {
            closing(&rest, at + 1)
        } else {
            at + 1
        };
        rest.drain(at..end);
        let key = rest.iter().position(|token| token.is("primary"));
        if let Some(key) = key {
            rest.drain(key..(key + 2).min(rest.len()));
        }
        let rest = context.level(&rest)?;
        // SQLite numbers rows only in a key; every table has at most one identity.
        return Ok((
            format!("{column} integer primary key autoincrement {rest}"),
            true,
        ));
    }
    let rest = parenthesized_default(rest);
    Ok((format!("{column} {kind} {}", context.level(&rest)?), false))
}

/// SQLite wants a default that calls a function in parentheses.
fn parenthesized_default(mut tokens: Vec<Token>) -> Vec<Token> {
    let Some(at) = tokens.iter().position(|token| token.is("default")) else {
        return tokens;
    };
    let is_call = tokens.get(at + 2).is_some_and(|token| token.is("("));
    let is_word = tokens
        .get(at + 1)
        .is_some_and(|token| token.kind == Kind::Word);
    if is_call && is_word {
        let symbol = |text: &str| Token {
            kind: Kind::Symbol,
            text: text.to_owned(),
        };
        let end = closing(&tokens, at + 2);
        tokens.insert(end, symbol(")"));
        tokens.insert(at + 1, symbol("("));
    }
    tokens
}
