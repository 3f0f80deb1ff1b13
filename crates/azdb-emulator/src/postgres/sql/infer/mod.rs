//! What type an expression has, where that can be told from its tokens.
//!
//! SQLite knows the declared type of a result that is a column and nothing of any other. Clients
//! that ask for binary values, or that check types before they send anything, need more than that.

mod functions;
mod labels;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::lexer::{Kind, Token};
use super::scan::{inside, list, split, top_level, type_name};
use crate::postgres::types::{
    BOOL, ColumnType, DATE, INT4, INT8, JSON, NAME, NUMERIC, TEXT, TEXT_ARRAY, TIMESTAMP,
    TIMESTAMPTZ,
};

pub(in crate::postgres) use labels::{aliases, result_list};

/// The columns that names in a statement can mean, by lowercase name without qualifier, and its
/// parameters by their number, as `$1`.
pub(in crate::postgres) type Scope = HashMap<String, ColumnType>;

/// Longer expressions have no type that can be told: each level of recursion takes two tokens, and
/// the stack has an end.
const LONGEST: usize = 400;

/// Operators and keywords whose result is a truth value.
const COMPARISONS: [&str; 19] = [
    "=", "<>", "!=", "<", ">", "<=", ">=", "~", "!~", "~*", "!~*", "~~", "!~~", "~~*", "!~~*",
    "@>", "<@", "?", "&&",
];
const PREDICATES: [&str; 11] = [
    "or", "and", "not", "is", "in", "like", "ilike", "between", "exists", "isnull", "notnull",
];

/// The type of an expression. `tokens` has no spaces in it.
pub(in crate::postgres) fn type_of(tokens: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    if tokens.len() > LONGEST {
        return None;
    }
    let tokens = unwrapped(tokens);
    let first = tokens.first()?;
    if first.is("select") || first.is("with") {
        let (_, item) = result_list(tokens)?.into_iter().next()?;
        return type_of(item, scope);
    }
    let top = top_level(tokens);
    let operators = || {
        top.iter()
            .filter_map(|at| tokens.get(*at).map(|t| (*at, t)))
    };
    if operators().any(|(_, token)| is_predicate(token)) {
        return Some(BOOL);
    }
    if operators().any(|(_, token)| token.is_operator("||") || token.is_operator("->>")) {
        return Some(TEXT);
    }
    if operators().any(|(_, token)| token.is_operator("->")) {
        return Some(JSON);
    }
    for signs in [&["+", "-"][..], &["*", "/", "%"]] {
        let found = operators()
            .rfind(|(at, token)| *at > 0 && signs.iter().any(|sign| token.is_operator(sign)));
        if let Some((at, sign)) = found {
            let left = type_of(tokens.get(..at)?, scope);
            let right = type_of(tokens.get(at + 1..)?, scope);
            return arithmetic(sign.text, left, right);
        }
    }
    if first.is_operator("-") || first.is_operator("+") {
        return type_of(tokens.get(1..)?, scope);
    }
    if let Some((cast, _)) = operators().rfind(|(_, token)| token.kind == Kind::Cast) {
        let (name, _) = type_name(tokens, cast + 1)?;
        return ColumnType::parse(&name);
    }
    primary(tokens, scope)
}

fn is_predicate(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Operator => COMPARISONS.contains(&token.text),
        Kind::Word => PREDICATES.iter().any(|word| token.is(word)),
        _ => false,
    }
}

/// Without the parentheses around all of it.
fn unwrapped<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let Some((within, end)) = (tokens.first().is_some_and(|t| t.kind == Kind::Open))
        .then(|| inside(tokens, 0))
        .flatten()
        && end == tokens.len()
    {
        tokens = within;
    }
    tokens
}

/// An expression without operators at its top level.
fn primary(tokens: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    let first = tokens.first()?;
    match (first.kind, tokens) {
        (Kind::Number, [number]) => Some(number_type(number.text)),
        (Kind::Text, [_]) => Some(TEXT),
        (Kind::Parameter, [parameter]) => scope.get(parameter.text).copied(),
        (Kind::Word, [word]) => keyword(word).or_else(|| scope.get(&word.name()?).copied()),
        (Kind::Quoted, [quoted]) => scope.get(&quoted.name()?.to_lowercase()).copied(),
        (Kind::Word, [word, literal]) if literal.kind == Kind::Text => ColumnType::parse(word.text),
        (Kind::Word, _) if first.is("case") => case(tokens, scope),
        (Kind::Word, [_, bracket, ..]) if first.is("array") => {
            let element = match bracket.kind {
                Kind::OpenBracket => list(inside(tokens, 1)?.0).into_iter().next()?,
                _ => inside(tokens, 1)?.0,
            };
            type_of(element, scope)
                .and_then(|t| t.unmodified().array())
                .or(Some(TEXT_ARRAY))
        }
        _ => call_or_column(tokens, scope),
    }
}

/// `schema.table.column`, or a call with whatever follows it (`filter`, `over`).
fn call_or_column(tokens: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    let (name, open) = qualified_name(tokens)?;
    let name = name.to_lowercase();
    match open {
        None => scope.get(&name).copied(),
        Some(open) => functions::call(&name, inside(tokens, open)?.0, scope),
    }
}

/// The last part of a qualified name at the beginning, and where its arguments open; `None` when
/// it is something else, or when something other than arguments follows.
fn qualified_name(tokens: &[Token<'_>]) -> Option<(String, Option<usize>)> {
    let open = tokens.iter().position(|token| token.kind == Kind::Open);
    let named = tokens.get(..open.unwrap_or(tokens.len()))?;
    let qualified = named.iter().enumerate().all(|(at, token)| match at % 2 {
        0 => matches!(token.kind, Kind::Word | Kind::Quoted),
        _ => token.kind == Kind::Dot,
    });
    let name = named.last()?.name()?;
    qualified.then_some((name, open))
}

fn number_type(text: &str) -> ColumnType {
    if text.contains(['e', 'E']) {
        NUMERIC
    } else if let Some((_, fraction)) = text.split_once('.') {
        ColumnType::numeric_shown(fraction.len())
    } else if text.parse::<i32>().is_ok() {
        INT4
    } else if text.parse::<i64>().is_ok() {
        INT8
    } else {
        NUMERIC
    }
}

/// Keywords that are expressions.
fn keyword(word: &Token<'_>) -> Option<ColumnType> {
    let known = match word.text.to_ascii_lowercase().as_str() {
        "true" | "false" => BOOL,
        "current_timestamp" => TIMESTAMPTZ,
        "localtimestamp" => TIMESTAMP,
        "current_date" => DATE,
        "current_user" | "session_user" | "user" | "current_role" | "current_catalog"
        | "current_schema" => NAME,
        _ => return None,
    };
    Some(known)
}

/// The first branch whose type can be told.
fn case(tokens: &[Token<'_>], scope: &Scope) -> Option<ColumnType> {
    let within = tokens.get(1..tokens.len().checked_sub(1)?)?;
    let parts = split(within, |t| {
        ["when", "then", "else"].iter().any(|word| t.is(word))
    });
    // Without an operand: when a then b when c then d else e.
    let results = parts.iter().enumerate().skip(2);
    let result = results.filter(|(at, _)| at % 2 == 0 || *at == parts.len() - 1);
    let mut found = result.filter_map(|(_, part)| match part {
        [null] if null.is("null") => None,
        part => type_of(part, scope),
    });
    found.next()
}

/// What PostgreSQL makes of two numbers, with the digits behind the point that it would show.
fn arithmetic(
    sign: &str,
    left: Option<ColumnType>,
    right: Option<ColumnType>,
) -> Option<ColumnType> {
    let rank = |t: &ColumnType| match t.oid {
        21 => Some(0),
        23 => Some(1),
        20 => Some(2),
        1700 => Some(3),
        700 => Some(4),
        701 => Some(5),
        _ => None,
    };
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (known, None) | (None, known) => return known.filter(|t| rank(t).is_some()),
    };
    let (larger, _) = match (rank(&left), rank(&right)) {
        (Some(a), Some(b)) if a >= b => (left, right),
        (Some(_), Some(_)) => (right, left),
        _ => return None,
    };
    if larger.oid != NUMERIC.oid {
        return Some(larger.unmodified());
    }
    let scale = |t: &ColumnType| if t.is_integer() { Some(0) } else { t.scale() };
    let scale = match (scale(&left), scale(&right), sign) {
        (Some(a), Some(b), "*") => a + b,
        (Some(a), Some(b), "+" | "-" | "%") => a.max(b),
        _ => return Some(NUMERIC),
    };
    Some(ColumnType::numeric_shown(scale))
}
