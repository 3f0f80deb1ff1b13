//! T-SQL tokens as SQL that SQLite runs.

use std::collections::{HashMap, HashSet};

use super::super::token::Refusal;
use super::super::value::Type;
use super::describe::{Item, items};
use super::lexer::{Kind, Token};
use super::{call, table};

/// What a rewrite must know of the session.
pub(super) struct Context<'a> {
    /// Types of variables, by lowercase name.
    pub(super) variables: HashMap<String, Type>,
    /// Names of columns that hold text, lowercase.
    pub(super) text_columns: HashSet<String>,
    /// Values of `@@` variables as SQL literals.
    pub(super) global: &'a dyn Fn(&str) -> Option<String>,
}

/// A statement for SQLite.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) sql: String,
    /// Items of the select list.
    pub(super) items: Vec<Item>,
    /// Variables that the select list assigns to, one for each item; empty for a result set.
    pub(super) assigns: Vec<String>,
}

const HINTS: [&str; 12] = [
    "nolock",
    "rowlock",
    "updlock",
    "holdlock",
    "readpast",
    "readuncommitted",
    "tablock",
    "tablockx",
    "paglock",
    "xlock",
    "readcommitted",
    "index",
];

/// Keywords of SQLite that are names in T-SQL.
const ONLY_SQLITE: [&str; 7] = [
    "limit",
    "nothing",
    "notnull",
    "isnull",
    "returning",
    "indexed",
    "autoincrement",
];

/// Rewrites one statement.
pub(super) fn rewrite(tokens: &[Token], context: &Context<'_>) -> Result<Rewritten, Refusal> {
    let first = tokens.first();
    let second = tokens.get(1);
    if first.is_some_and(|token| token.is("create"))
        && second.is_some_and(|token| token.is("table"))
    {
        return Ok(Rewritten {
            sql: table::create(tokens, context)?,
            ..Rewritten::default()
        });
    }
    let mut tokens = tokens.to_vec();
    let returning = take_output(&mut tokens);
    let (items, assigns) = items(&mut tokens, context);
    let into = take_into(&mut tokens);
    let mut sql = context.level(&tokens)?;
    if let Some(target) = into {
        let temporary = if target.starts_with("\"#") {
            "temp "
        } else {
            ""
        };
        sql = format!("create {temporary}table {target} as {sql}");
    }
    if !returning.is_empty() {
        sql = format!("{sql} returning {}", context.level(&returning)?);
    }
    Ok(Rewritten {
        sql,
        items,
        assigns,
    })
}

/// Takes `OUTPUT inserted.a, ...` out of a statement.
fn take_output(tokens: &mut Vec<Token>) -> Vec<Token> {
    let is_change = tokens
        .first()
        .is_some_and(|first| first.is_any(&["insert", "update", "delete"]));
    let start = tokens.iter().position(|token| token.is("output"));
    let Some(start) = start.filter(|_| is_change) else {
        return Vec::new();
    };
    let ends = ["values", "select", "default", "from", "where"];
    let length = tokens[start..].iter().position(|token| token.is_any(&ends));
    let end = length.map_or(tokens.len(), |length| start + length);
    let mut output: Vec<Token> = tokens.drain(start..end).skip(1).collect();
    while let Some(at) = output
        .iter()
        .position(|one| one.is_any(&["inserted", "deleted"]))
    {
        output.drain(at..(at + 2).min(output.len()));
    }
    output
}

/// Takes `INTO table` out of a SELECT and gives the table's quoted name.
fn take_into(tokens: &mut Vec<Token>) -> Option<String> {
    tokens
        .first()
        .filter(|first| first.is_any(&["select", "with"]))?;
    let mut depth = 0;
    let start = tokens.iter().position(|token| {
        depth += i32::from(token.is("(")) - i32::from(token.is(")"));
        depth == 0 && token.is("into")
    })?;
    let (name, end) = name(tokens, start + 1);
    tokens.drain(start..end);
    Some(name)
}

/// The index after the parenthesis that closes the one at `open`.
pub(super) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(token.is("(")) - i32::from(token.is(")"));
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// A dotted name from `at` on as SQLite has it, and the index after it.
pub(super) fn name(tokens: &[Token], at: usize) -> (String, usize) {
    let mut parts = Vec::new();
    let mut next = at;
    while let Some(token) = tokens
        .get(next)
        .filter(|token| token.is_name() || token.is("*"))
    {
        parts.push(token.text.as_str());
        next += 1;
        if !tokens.get(next).is_some_and(|token| token.is(".")) {
            break;
        }
        next += 1;
        while tokens.get(next).is_some_and(|token| token.is(".")) {
            parts.push("");
            next += 1;
        }
    }
    let is = |part: &str, names: &[&str]| names.iter().any(|name| part.eq_ignore_ascii_case(name));
    let last = parts.len().saturating_sub(1);
    if let Some(catalog) = parts
        .iter()
        .position(|part| is(part, &["sys", "information_schema"]))
    {
        let rest = parts.get(catalog + 1..).unwrap_or_default().join(".");
        if catalog < last {
            let name = format!("{}.{rest}", parts[catalog]).to_ascii_lowercase();
            return (quoted(&name), next);
        }
    }
    let schema = parts.iter().position(|part| is(part, &["dbo", ""]));
    let kept = schema
        .filter(|schema| *schema < last)
        .map_or(0, |schema| schema + 1);
    let parts: Vec<String> = parts[kept..].iter().map(|part| quoted(part)).collect();
    (parts.join("."), next)
}

fn quoted(name: &str) -> String {
    match name {
        "*" => name.to_owned(),
        name => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A SQL string literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Context<'_> {
    /// Tokens of one level of parentheses.
    pub(super) fn level(&self, tokens: &[Token]) -> Result<String, Refusal> {
        let concatenates = self.concatenations(tokens);
        let mut sql = String::new();
        let mut limit = None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let (text, next) = match token.kind {
                Kind::Text => (literal(&token.text), at + 1),
                Kind::Number | Kind::Variable => (token.text.clone(), at + 1),
                Kind::Hex => (format!("x'{}'", token.text), at + 1),
                Kind::Global => (self.global(&token.text)?, at + 1),
                Kind::Quoted => name(tokens, at),
                Kind::Word => self.word(tokens, at, &mut limit)?,
                Kind::Symbol if token.is("(") => {
                    let end = closing(tokens, at);
                    (self.group(&tokens[at + 1..end.max(at + 2) - 1])?, end)
                }
                Kind::Symbol if token.is("+") && concatenates[at] => ("||".to_owned(), at + 1),
                Kind::Symbol => (token.text.clone(), at + 1),
            };
            if !text.is_empty() {
                sql.push_str(&text);
                sql.push(' ');
            }
            at = next;
        }
        if let Some(limit) = limit {
            sql.push_str(&format!("limit {limit}"));
        }
        Ok(sql.trim_end().to_owned())
    }

    /// Tokens in parentheses; a table hint vanishes.
    fn group(&self, inner: &[Token]) -> Result<String, Refusal> {
        if inner.first().is_some_and(|first| first.is_any(&HINTS)) && inner.len() <= 3 {
            return Ok(String::new());
        }
        Ok(format!("({})", self.level(inner)?))
    }

    fn global(&self, name: &str) -> Result<String, Refusal> {
        (self.global)(&name.to_ascii_lowercase()).ok_or_else(|| {
            let text = format!("Must declare the scalar variable \"{name}\".");
            Refusal::new(137, text).class(15)
        })
    }

    /// A word and what belongs to it. Gives SQL and the index after it.
    fn word(
        &self,
        tokens: &[Token],
        at: usize,
        limit: &mut Option<String>,
    ) -> Result<(String, usize), Refusal> {
        let token = &tokens[at];
        let word = token.text.to_ascii_lowercase();
        let after = |count: usize| tokens.get(at + count);
        let follows = |count: usize, words: &[&str]| after(count).is_some_and(|t| t.is_any(words));
        match word.as_str() {
            "select" => {
                let mut next = at + 1;
                let mut sql = word;
                if follows(1, &["distinct", "all"]) {
                    sql = format!("{sql} {}", tokens[next].text);
                    next += 1;
                }
                if tokens.get(next).is_some_and(|token| token.is("top")) {
                    let (count, end) = self.operand(tokens, next + 1)?;
                    *limit = Some(count);
                    next = end;
                }
                Ok((sql, next))
            }
            "insert" if !follows(1, &["into"]) => Ok(("insert into".to_owned(), at + 1)),
            "delete" if !follows(1, &["from"]) => Ok(("delete from".to_owned(), at + 1)),
            "truncate" => Ok(("delete from".to_owned(), at + 2)),
            "collate" => Ok((String::new(), at + 2)),
            "option" if follows(1, &["("]) => Ok((String::new(), closing(tokens, at + 1))),
            "with" if follows(1, &["("]) => Ok((String::new(), closing(tokens, at + 1))),
            "for" if follows(1, &["browse", "read"]) => Ok((String::new(), tokens.len())),
            "clustered" | "nonclustered" => Ok((String::new(), at + 1)),
            "offset" if follows(2, &["rows", "row"]) => {
                *limit = None;
                let (offset, next) = self.operand(tokens, at + 1)?;
                if !tokens.get(next + 1).is_some_and(|token| token.is("fetch")) {
                    return Ok((format!("limit -1 offset {offset}"), next + 1));
                }
                let (count, _) = self.operand(tokens, next + 3)?;
                Ok((format!("limit {count} offset {offset}"), tokens.len()))
            }
            "current_timestamp" => Ok(("getdate()".to_owned(), at + 1)),
            "current_user" | "session_user" | "system_user" if !follows(1, &["("]) => {
                Ok(("user_name()".to_owned(), at + 1))
            }
            _ if follows(1, &["("]) && !call::is_keyword(&word) && !word.starts_with('#') => {
                let end = closing(tokens, at + 1);
                let inner = &tokens[at + 2..end.max(at + 3) - 1];
                Ok((call::function(&word, inner, self)?, end))
            }
            _ if follows(1, &["."])
                || word.starts_with('#')
                || ONLY_SQLITE.contains(&word.as_str()) =>
            {
                Ok(name(tokens, at))
            }
            _ => Ok((token.text.clone(), at + 1)),
        }
    }

    /// A number, a variable or something in parentheses.
    fn operand(&self, tokens: &[Token], at: usize) -> Result<(String, usize), Refusal> {
        let end = match tokens.get(at) {
            Some(token) if token.is("(") => closing(tokens, at),
            _ => (at + 1).min(tokens.len()),
        };
        Ok((self.level(tokens.get(at..end).unwrap_or_default())?, end))
    }
}
