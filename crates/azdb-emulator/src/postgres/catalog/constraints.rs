//! Check constraints, which SQLite tells only as the text of `create table`.

use super::texts::on_one_line;
use crate::postgres::sql::lexer::{Kind, Token, tokens};

/// A check constraint as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Its own name, or what PostgreSQL would call it.
    pub(super) name: String,
    /// What stands in the parentheses.
    pub(super) expression: String,
}

/// The check constraints in `create table ..`.
pub(super) fn checks(table: &str, sql: &str) -> Vec<Check> {
    let tokens: Vec<Token<'_>> = tokens(sql)
        .into_iter()
        .filter(|token| !(token.kind == Kind::Space && token.text.trim_start().starts_with("--")))
        .collect();
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut column: Option<String> = None;
    let mut constraint: Option<String> = None;
    let mut at_start = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Open if depth == 0 => (depth, at_start) = (1, true),
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Comma if depth == 1 => (at_start, column, constraint) = (true, None, None),
            Kind::Space => {}
            Kind::Word if depth == 1 && token.is("constraint") => {
                constraint = tokens
                    .get(at + 1..)
                    .and_then(|t| t.iter().find_map(Token::name));
                at_start = false;
            }
            Kind::Word if depth == 1 && token.is("check") => {
                if let Some((expression, end)) = parenthesized(&tokens, at + 1) {
                    let name = constraint.take().unwrap_or_else(|| {
                        let column = column.as_ref().map(|column| format!("_{column}"));
                        format!("{table}{}_check", column.unwrap_or_default())
                    });
                    found.push(Check { name, expression });
                    at = end;
                    continue;
                }
            }
            _ if depth == 1 && at_start => {
                let is_table_constraint = ["primary", "unique", "foreign"]
                    .iter()
                    .any(|word| token.is(word));
                column = token.name().filter(|_| !is_table_constraint);
                at_start = false;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The text in the parentheses that open at or behind `start`, and the index behind them.
fn parenthesized(tokens: &[Token<'_>], start: usize) -> Option<(String, usize)> {
    let rest = tokens.get(start..)?;
    let open = start + rest.iter().position(|token| token.kind == Kind::Open)?;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let inside = tokens.get(open + 1..at)?;
            let text: String = inside.iter().map(|token| token.text).collect();
            return Some((on_one_line(&text), at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_have_the_names_that_postgresql_gives() {
        let sql = "create table t (
            a int check (a > 0), -- not check (this)
            b text constraint \"Long b\" check (length(b) > (1 + 2)) not null,
            check (a < 10),
            primary key (a)
        )";
        let found = checks("t", sql);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|c| (c.name.as_str(), c.expression.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("t_a_check", "a > 0"),
                ("Long b", "length(b) > (1 + 2)"),
                ("t_check", "a < 10"),
            ]
        );
    }
}
