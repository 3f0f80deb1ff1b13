//! What types a statement's parameters have, where the client does not say.

use std::collections::HashMap;

use super::infer::{Scope, type_of};
use super::lexer::{Kind, Token};
use super::scan::{closing, inside, list, operand_start, type_name};
use crate::postgres::types::{ColumnType, FLOAT8, INT4, INT8, TEXT};

/// Operators whose sides have one type.
const ALIKE: [&str; 12] = [
    "=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%",
];

/// The types of all parameters. `given` are those that the client gave (0: none). `tokens` has no
/// spaces in it.
pub(in crate::postgres) fn parameter_types(
    tokens: &[Token<'_>],
    scope: &Scope,
    given: &[u32],
) -> Vec<ColumnType> {
    let numbers = tokens.iter().filter_map(Token::parameter);
    let count = numbers.max().unwrap_or(0).max(given.len());
    let mut types: Vec<Option<ColumnType>> = (0..count)
        .map(|at| given.get(at).filter(|oid| ![0, 705].contains(oid)))
        .map(|oid| oid.map(|oid| ColumnType::of(*oid)))
        .collect();
    let inserted = inserted(tokens, scope).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        let number = token.parameter().and_then(|number| number.checked_sub(1));
        if let Some(slot) = number.and_then(|number| types.get_mut(number))
            && slot.is_none()
        {
            let known = inserted.get(&at).copied();
            let known = known.or_else(|| around(tokens, at, scope));
            *slot = known.map(ColumnType::unmodified);
        }
    }
    types
        .into_iter()
        .map(|known| known.unwrap_or(TEXT))
        .collect()
}

/// What the neighbourhood of the parameter at `at` says.
fn around(tokens: &[Token<'_>], at: usize, scope: &Scope) -> Option<ColumnType> {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let after = tokens.get(at + 1);
    if let Some(next) = after
        && (next.kind == Kind::Cast || next.is("as"))
        && let Some((name, _)) = type_name(tokens, at + 2)
        && let Some(cast) = ColumnType::parse(&name)
    {
        return Some(cast);
    }
    let before_word = |word: &str| before.is_some_and(|token| token.is(word));
    if before_word("limit") || before_word("offset") {
        return Some(INT8);
    }
    if before_word("like") || before_word("ilike") {
        return Some(TEXT);
    }
    if before_word("between") {
        return left_operand(tokens, at - 1, scope);
    }
    if before_word("and")
        && let Some(between) = at.checked_sub(3)
        && tokens.get(between)?.is("between")
    {
        return left_operand(tokens, between, scope);
    }
    if before.is_some_and(|token| ALIKE.contains(&token.text)) {
        return left_operand(tokens, at - 1, scope);
    }
    if after.is_some_and(|token| ALIKE.contains(&token.text)) {
        return right_operand(tokens, at + 2, scope);
    }
    enclosed(tokens, at, scope)
}

fn left_operand(tokens: &[Token<'_>], end: usize, scope: &Scope) -> Option<ColumnType> {
    let start = operand_start(tokens, end)?;
    type_of(tokens.get(start..end)?, scope)
}

/// A column, a literal or a call that begins at `start`.
fn right_operand(tokens: &[Token<'_>], start: usize, scope: &Scope) -> Option<ColumnType> {
    let mut end = start + 1;
    while let Some(token) = tokens.get(end) {
        match token.kind {
            Kind::Dot => end += 2,
            Kind::Open => end = closing(tokens, end)? + 1,
            _ => break,
        }
    }
    type_of(tokens.get(start..end)?, scope)
}

/// The types of the values that are parameters in `insert into t (a, b) values ($1, $2)`, by the
/// parameters' indexes.
fn inserted(tokens: &[Token<'_>], scope: &Scope) -> Option<HashMap<usize, ColumnType>> {
    let into = tokens.iter().position(|token| token.is("into"))?;
    let values = tokens.iter().position(|token| token.is("values"))?;
    let columns = tokens.get(into..values)?;
    let open = columns.iter().position(|token| token.kind == Kind::Open)?;
    let (columns, _) = inside(columns, open)?;
    let types: Vec<Option<ColumnType>> = list(columns)
        .into_iter()
        .map(|column| scope.get(&column.first()?.name()?.to_lowercase()).copied())
        .collect();
    let mut found = HashMap::new();
    let mut row = values + 1;
    while tokens
        .get(row)
        .is_some_and(|token| token.kind == Kind::Open)
    {
        let close = closing(tokens, row)?;
        let mut start = row + 1;
        for (value, ty) in list(tokens.get(start..close)?).into_iter().zip(&types) {
            if let ([token], Some(ty)) = (value, ty)
                && token.kind == Kind::Parameter
            {
                found.insert(start, *ty);
            }
            start += value.len() + 1;
        }
        row = close + 2;
    }
    Some(found)
}

/// A parameter in a list or among a function's arguments.
fn enclosed(tokens: &[Token<'_>], at: usize, scope: &Scope) -> Option<ColumnType> {
    let mut depth = 0_usize;
    let open = tokens.get(..at)?.iter().rposition(|token| {
        match token.kind {
            Kind::Close | Kind::CloseBracket => depth += 1,
            Kind::Open | Kind::OpenBracket if depth == 0 => return true,
            Kind::Open | Kind::OpenBracket => depth -= 1,
            _ => {}
        }
        false
    })?;
    let name = open.checked_sub(1)?;
    let word = tokens.get(name)?;
    if word.is("in") {
        let not = name.checked_sub(1)?;
        let end = if tokens.get(not)?.is("not") {
            not
        } else {
            name
        };
        return left_operand(tokens, end, scope);
    }
    if word.is("any") || word.is("some") || word.is("all") {
        return left_operand(tokens, name.checked_sub(1)?, scope)?
            .unmodified()
            .array();
    }
    match word.name()?.as_str() {
        "generate_series" | "repeat" => Some(INT4),
        "pg_sleep" => Some(FLOAT8),
        "pg_cancel_backend" | "pg_terminate_backend" => Some(INT4),
        "coalesce" | "nullif" | "greatest" | "least" => {
            type_of(tokens.get(name..=closing(tokens, open)?)?, scope)
        }
        "sum" | "abs" | "round" => Some(FLOAT8),
        _ => None,
    }
}
