//! The results of a statement: which expressions, and what PostgreSQL calls them.

use super::{LONGEST, Scope, is_predicate, qualified_name, type_of, unwrapped};
use crate::postgres::sql::lexer::{Kind, Token};
use crate::postgres::sql::scan::{find_word, inside, list, split, top_level, type_name};
use crate::postgres::types::{ColumnType, INT4};

/// Keywords that end a list of results.
const ENDS: [&str; 12] = [
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "union",
    "intersect",
    "except",
    "window",
    "for",
];

/// The result expressions of a statement with their names: the list behind `select`, or behind
/// `returning`. `tokens` has no spaces in it.
pub(in crate::postgres) fn result_list<'t, 'a>(
    tokens: &'t [Token<'a>],
) -> Option<Vec<(Option<String>, &'t [Token<'a>])>> {
    let top = find_word(tokens, &["select", "insert", "update", "delete", "values"])?;
    let main = tokens.get(top..)?;
    let from = match main.first()? {
        word if word.is("select") => 1,
        word if word.is("values") => return None,
        _ => find_word(main, &["returning"])? + 1,
    };
    let mut items = main.get(from..)?;
    if items.first()?.is("distinct") || items.first()?.is("all") {
        items = items.get(1..)?;
    }
    let items = items.get(..find_word(items, &ENDS).unwrap_or(items.len()))?;
    let items = list(items).into_iter();
    Some(items.map(|item| (label(item), expression(item))).collect())
}

/// An item without its alias.
fn expression<'t, 'a>(item: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let alias = match item {
        [.., word, alias] if word.is("as") && alias.name().is_some() => 2,
        [.., before, alias] if is_bare_alias(before, alias) => 1,
        _ => 0,
    };
    item.get(..item.len() - alias).unwrap_or(item)
}

/// Whether `alias` is an alias without `as`, to judge from what stands before it.
fn is_bare_alias(before: &Token<'_>, alias: &Token<'_>) -> bool {
    // Second words of types, which may end a cast.
    const PARTS: [&str; 4] = ["end", "precision", "varying", "zone"];
    let name = alias.kind == Kind::Quoted
        || (alias.kind == Kind::Word
            && !is_predicate(alias)
            && !PARTS.iter().any(|part| alias.is(part)));
    let expression_ends = match before.kind {
        Kind::Close | Kind::CloseBracket | Kind::Number | Kind::Text | Kind::Parameter => true,
        Kind::Word => !is_predicate(before),
        kind => kind == Kind::Quoted,
    };
    name && expression_ends
}

/// The name that PostgreSQL gives a result column; `None` for `*`.
fn label(item: &[Token<'_>]) -> Option<String> {
    if let [.., last] = item
        && last.is_operator("*")
    {
        return None;
    }
    match item {
        [.., word, alias] if word.is("as") => return alias.name(),
        [.., before, alias] if is_bare_alias(before, alias) => return alias.name(),
        _ => {}
    }
    Some(implied_label(item).unwrap_or_else(|| "?column?".to_owned()))
}

fn implied_label(item: &[Token<'_>]) -> Option<String> {
    if item.len() > LONGEST {
        return None;
    }
    let item = unwrapped(item);
    let top = top_level(item);
    if let Some(cast) = top
        .iter()
        .rfind(|at| item.get(**at).is_some_and(|t| t.kind == Kind::Cast))
    {
        let inner = implied_label(item.get(..*cast)?);
        let named = type_name(item, cast + 1).and_then(|(name, _)| ColumnType::parse(&name));
        return inner.or_else(|| Some(named?.base()?.name.to_owned()));
    }
    match item {
        [first, ..] if first.is("case") => return Some("case".to_owned()),
        [first, ..] if first.is("select") => return result_list(item)?.into_iter().next()?.0,
        [array, bracket, ..] if array.is("array") && bracket.kind == Kind::OpenBracket => {
            return Some("array".to_owned());
        }
        [word] if word.is("true") || word.is("false") => return Some("bool".to_owned()),
        [word] if word.is("null") => return None,
        [word, text] if text.kind == Kind::Text => {
            return Some(ColumnType::parse(word.text)?.base()?.name.to_owned());
        }
        _ => {}
    }
    let (name, open) = qualified_name(item)?;
    let Some(open) = open else {
        return Some(name);
    };
    // A call, and nothing behind it but its clauses.
    let (arguments, end) = inside(item, open)?;
    let rest = item.get(end..)?.first();
    if !rest.is_none_or(|token| token.is("over") || token.is("filter")) {
        return None;
    }
    if name != "cast" {
        return Some(name);
    }
    let parts = split(arguments, |token| token.is("as"));
    let target = type_name(parts.get(1)?, 0)?.0;
    let inner = implied_label(parts.first()?);
    inner.or_else(|| Some(ColumnType::parse(&target)?.base()?.name.to_owned()))
}

/// Adds the aliases of all subqueries' results, so that the outer query knows their types, and those
/// of `generate_series`.
pub(in crate::postgres) fn aliases(tokens: &[Token<'_>], scope: &mut Scope) {
    let columns = scope.clone();
    let starts = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.is("select"));
    let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    // Inner queries stand behind the outer ones that build on them, and common table expressions
    // before: the second round has the names of both.
    for start in starts.iter().rev().chain(starts.iter().rev()) {
        let query = tokens.get(*start..).unwrap_or_default();
        let query = query.get(..end_of_group(query)).unwrap_or(query);
        for (label, expression) in result_list(query).unwrap_or_default() {
            if let Some(label) = label.map(|label| label.to_lowercase())
                && !columns.contains_key(&label)
                && let Some(found) = type_of(expression, scope)
            {
                scope.insert(label, found);
            }
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        if !token.is("generate_series") {
            continue;
        }
        let Some((_, end)) = inside(tokens, at + 1) else {
            continue;
        };
        let series = tokens
            .get(at..end)
            .and_then(|call| type_of(call, scope))
            .unwrap_or(INT4);
        let after = tokens.get(end..).unwrap_or_default().iter();
        let names = after
            .take_while(|t| t.is("as") || matches!(t.kind, Kind::Word | Kind::Quoted | Kind::Open));
        for name in names
            .filter_map(Token::name)
            .chain(["generate_series".to_owned()])
        {
            scope.entry(name.to_lowercase()).or_insert(series);
        }
    }
}

/// The index of the parenthesis that closes the group in which `tokens` begins.
fn end_of_group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket if depth == 0 => return at,
            Kind::Close | Kind::CloseBracket => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}
