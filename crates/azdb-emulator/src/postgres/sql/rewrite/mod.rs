//! Statements in SQLite's words.
//!
//! What is translated: strings (`E'..'`, `$$..$$`), parameters, `::type` and `cast`, typed literals,
//! the schemas `public` and `pg_catalog`, regular-expression and case-insensitive operators,
//! `OPERATOR(..)`, `COLLATE`, `= ANY (..)`, `ARRAY[..]`, functions with keyword syntax,
//! `generate_series` and `unnest`, `FETCH FIRST`, `FOR UPDATE`, and in `CREATE TABLE` serial types, identity
//! columns and defaults.

mod arrays;
mod calls;
mod clauses;
mod table;
#[cfg(test)]
mod tests;
mod vocabulary;

use super::infer::{Scope, type_of};
use super::lexer::{Kind, Token};
use super::scan::{
    closing, depth, inside, operand_start, skip_spaces, skip_spaces_back, split, type_name,
};
use super::significant;
use crate::postgres::error::SqlError;
use crate::postgres::types::{ColumnType, NAME, TEXT};
use vocabulary::{BARE_CALLS, FUNCTIONS, LITERAL_TYPES, OPERATORS, RESERVED};

/// How deep brackets and casts may be nested: translation recurses into some of them.
const DEEPEST: usize = 100;

/// Translates a statement.
pub(in crate::postgres) fn rewrite(
    tokens: &[Token<'_>],
    scope: &Scope,
) -> Result<String, SqlError> {
    if depth(tokens) > DEEPEST {
        return Err(too_deep());
    }
    let words = significant(tokens);
    let defines = |word: &Token<'_>| word.is("create") || word.is("alter");
    let is_table = words.first().is_some_and(defines)
        && words.iter().take(4).any(|word| word.is("table"))
        && !words.iter().any(|word| word.is("select"));
    if is_table {
        return table::rewrite(tokens, scope);
    }
    let mut rewriter = Rewriter::new(tokens, scope);
    rewriter.run()?;
    Ok(rewriter.text())
}

/// A translated stretch of tokens.
struct Piece {
    /// Index of the first token that it stands for.
    at: usize,
    text: String,
    /// How many casts it is made of, if another cast may follow.
    casts: usize,
}

struct Rewriter<'t, 'a> {
    tokens: &'t [Token<'a>],
    scope: &'t Scope,
    pieces: Vec<Piece>,
    at: usize,
}

impl<'t, 'a> Rewriter<'t, 'a> {
    fn new(tokens: &'t [Token<'a>], scope: &'t Scope) -> Self {
        Self {
            tokens,
            scope,
            pieces: Vec::new(),
            at: 0,
        }
    }

    fn text(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect()
    }

    fn run(&mut self) -> Result<(), SqlError> {
        while let Some(token) = self.tokens.get(self.at) {
            self.step(*token)?;
        }
        Ok(())
    }

    /// Translates the token at `self.at` and moves behind what it used.
    fn step(&mut self, token: Token<'a>) -> Result<(), SqlError> {
        match token.kind {
            Kind::Space => self.push(" ", 1),
            Kind::Text => {
                let string = token.string().unwrap_or_default();
                self.push(&literal(&string), 1);
            }
            Kind::Parameter => {
                let number = token.parameter().unwrap_or(0);
                self.push(&format!("?{number}"), 1);
            }
            Kind::Quoted if token.text == "\"public\"" && self.is_dot(self.at + 1) => {
                self.push("main", 1);
            }
            Kind::Word => self.word(token)?,
            Kind::Operator => self.operator(token)?,
            Kind::Cast => self.cast()?,
            Kind::OpenBracket => self.subscript()?,
            Kind::Broken => return Err(SqlError::syntax_at(token.text)),
            _ => self.push(token.text, 1),
        }
        Ok(())
    }

    fn word(&mut self, token: Token<'a>) -> Result<(), SqlError> {
        let word = token.text.to_lowercase();
        let next = skip_spaces(self.tokens, self.at + 1);
        let next_kind = next
            .and_then(|at| self.tokens.get(at))
            .map(|token| token.kind);
        let opens = next_kind == Some(Kind::Open);
        let qualified = self.at > 0 && self.is_dot(self.at - 1);
        match word.as_str() {
            "pg_catalog" | "public" if self.is_dot(self.at + 1) => self.schema(&word),
            // Behind a dot stands a name, whatever SQLite reserves.
            name if qualified && !opens && RESERVED.contains(&name) => {
                self.push(&format!("\"{word}\""), 1);
            }
            _ if qualified && !opens => self.push(&word, 1),
            "operator" if opens => self.named_operator()?,
            "collate" => self.collation(),
            "ilike" => self.push("MATCH", 1),
            "array" if matches!(next_kind, Some(Kind::Open | Kind::OpenBracket)) => self.array()?,
            "limit" if next.is_some_and(|at| self.tokens.get(at).is_some_and(|t| t.is("all"))) => {
                self.at = next.unwrap_or(self.at) + 1;
            }
            "fetch" => self.fetch(),
            "for" if self.locks(next) => self.locking_clause(),
            "generate_series" | "unnest" if opens => self.rows_of(&word)?,
            "pg_partition_ancestors" if opens && self.is_table() => self.no_ancestors()?,
            "cast" | "extract" | "position" | "substring" | "trim" | "greatest" | "least"
                if opens =>
            {
                self.call(&word)?;
            }
            name if BARE_CALLS.contains(&name) && !opens && next_kind != Some(Kind::Dot) => {
                self.push(&format!("{word}()"), 1);
            }
            name if LITERAL_TYPES.contains(&name) && next_kind == Some(Kind::Text) => {
                let at = next.unwrap_or(self.at);
                let string = self
                    .tokens
                    .get(at)
                    .and_then(Token::string)
                    .unwrap_or_default();
                let text = cast_call(&literal(&string), name, Some(TEXT))?;
                self.push(&text, at + 1 - self.at);
            }
            name if RESERVED.contains(&name) && self.scope.contains_key(name) => {
                self.push(&format!("\"{word}\""), 1);
            }
            name if opens => {
                let known = FUNCTIONS.iter().find(|(postgres, _)| *postgres == name);
                self.push(known.map_or(name, |(_, sqlite)| sqlite), 1);
            }
            _ => self.push(&word, 1),
        }
        Ok(())
    }

    /// `public` is SQLite's `main`; functions have no schema at all.
    fn schema(&mut self, schema: &str) {
        let name = self.at + 2;
        let opens = skip_spaces(self.tokens, name + 1).and_then(|at| self.tokens.get(at));
        if opens.is_some_and(|token| token.kind == Kind::Open) {
            self.at = name;
        } else {
            let schema = if schema == "public" { "main" } else { schema };
            self.push(&format!("{schema}."), 2);
        }
    }

    /// `OPERATOR(pg_catalog.~)`.
    fn named_operator(&mut self) -> Result<(), SqlError> {
        let open =
            skip_spaces(self.tokens, self.at).and_then(|at| skip_spaces(self.tokens, at + 1));
        let found = open.and_then(|open| inside(self.tokens, open));
        let Some((within, end)) = found else {
            return Err(SqlError::syntax_at("operator"));
        };
        let operator = within.iter().find(|token| token.kind == Kind::Operator);
        let operator = operator.map_or("=", |token| token.text);
        let text = sqlite_operator(operator).unwrap_or(operator);
        self.push(text, end - self.at);
        Ok(())
    }

    fn operator(&mut self, token: Token<'a>) -> Result<(), SqlError> {
        if let Some(text) = sqlite_operator(token.text) {
            self.push(text, 1);
            return Ok(());
        }
        let next = skip_spaces(self.tokens, self.at + 1);
        let next_token = next.and_then(|at| self.tokens.get(at));
        match (token.text, next, next_token) {
            ("=" | "<>" | "!=", Some(at), Some(word))
                if word.is("any") || word.is("some") || word.is("all") =>
            {
                self.quantified(token.text, at)
            }
            // SQLite answers NULL where PostgreSQL raises an error.
            ("/" | "%", Some(at), Some(number)) if number.kind == Kind::Number => {
                let is_zero = number.text.parse() == Ok(0.0_f64);
                let divisor = if is_zero { "pg_zero()" } else { number.text };
                let text = format!("{} {divisor}", token.text);
                self.push(&text, at + 1 - self.at);
                Ok(())
            }
            _ => {
                self.push(token.text, 1);
                Ok(())
            }
        }
    }

    fn cast(&mut self) -> Result<(), SqlError> {
        let Some((name, end)) = type_name(self.tokens, self.at + 1) else {
            return Err(SqlError::syntax_at("::"));
        };
        let last = self
            .pieces
            .iter()
            .rposition(|piece| !piece.text.trim().is_empty());
        let again = last
            .and_then(|at| self.pieces.get(at))
            .filter(|piece| piece.casts > 0);
        let casts = again.map_or(0, |piece| piece.casts);
        if casts > DEEPEST {
            return Err(too_deep());
        }
        let start = match again {
            Some(piece) => Some(piece.at),
            None => operand_start(self.tokens, self.at),
        };
        let Some(start) = start else {
            return Err(SqlError::syntax_at("::"));
        };
        let source = self
            .tokens
            .get(start..self.at)
            .map(significant)
            .unwrap_or_default();
        let source = type_of(&source, self.scope);
        let operand = self.take_from(start);
        let text = cast_call(operand.trim_end(), &name, source)?;
        self.pieces.push(Piece {
            at: start,
            text,
            casts: casts + 1,
        });
        self.at = end;
        Ok(())
    }

    /// Takes back what was translated from the token at `start` on.
    fn take_from(&mut self, start: usize) -> String {
        let before = self.pieces.iter().rposition(|piece| piece.at < start);
        let first = before.map_or(0, |at| at + 1);
        self.pieces.drain(first..).map(|piece| piece.text).collect()
    }

    fn rewritten(&self, tokens: &[Token<'a>]) -> Result<String, SqlError> {
        let mut inner = Rewriter::new(tokens, self.scope);
        inner.run()?;
        Ok(inner.text())
    }

    fn is_dot(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Dot)
    }

    /// Adds the translation of the next `count` tokens.
    fn push(&mut self, text: &str, count: usize) {
        self.pieces.push(Piece {
            at: self.at,
            text: text.to_owned(),
            casts: 0,
        });
        self.at += count;
    }
}

fn too_deep() -> SqlError {
    SqlError::new("54001", "stack depth limit exceeded")
}

fn sqlite_operator(operator: &str) -> Option<&'static str> {
    let found = OPERATORS.iter().find(|(postgres, _)| *postgres == operator);
    found.map(|(_, sqlite)| *sqlite)
}

/// A string as SQLite writes it.
fn literal(string: &str) -> String {
    format!("'{}'", string.replace('\'', "''"))
}

/// A call of our function for casts: value, type, and the value's own type where it is known.
fn cast_call(operand: &str, target: &str, source: Option<ColumnType>) -> Result<String, SqlError> {
    let Some(target_type) = ColumnType::parse(target) else {
        return Err(SqlError::new(
            "42704",
            format!("type \"{}\" does not exist", target.trim_matches('"')),
        ));
    };
    let is_text = |t: ColumnType| t == TEXT || t == NAME;
    if is_text(target_type) && source.is_some_and(is_text) {
        return Ok(operand.to_owned());
    }
    let target = literal(&target_type.title());
    let source = source.map_or_else(|| "NULL".to_owned(), |source| literal(&source.title()));
    Ok(format!("pg_cast({operand},{target},{source})"))
}
