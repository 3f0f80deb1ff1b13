//! From text to statements, by `sqlparser`.

use sqlparser::dialect::{self, Dialect as Grammar};
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError};

use super::fault::{Fault, unknown};

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Mysql,
    Tds,
}

/// A statement that was read, and not yet looked at.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(super) tree: sqlparser::ast::Statement,
}

impl Dialect {
    fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::Postgres => &dialect::PostgreSqlDialect {},
            Self::Mysql => &dialect::MySqlDialect {},
            Self::Tds => &dialect::MsSqlDialect {},
        }
    }
}

/// The statements in a text.
pub(crate) fn split(text: &str, dialect: Dialect) -> Vec<&str> {
    cut(text, &Token::SemiColon, dialect)
}

/// The items of a list.
pub(crate) fn items(text: &str, dialect: Dialect) -> Vec<&str> {
    cut(text, &Token::Comma, dialect)
}

/// The parts of a text between marks outside of quotes and brackets; empty ones are left out.
///
/// What can't be read as tokens stays in one piece, for [`parse`] to refuse.
fn cut<'a>(text: &'a str, mark: &Token, dialect: Dialect) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for TokenWithSpan { token, span } in tokens(text, dialect).unwrap_or_default() {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            token if token == *mark && depth == 0 => {
                let end = offset(text, span.start);
                parts.push(text.get(start..end).unwrap_or_default());
                start = end + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts.retain(|part| !part.trim().is_empty());
    parts.into_iter().map(str::trim).collect()
}

/// How many places for parameters a text has that marks each with `?`.
pub(crate) fn places(text: &str, dialect: Dialect) -> usize {
    let tokens = tokens(text, dialect).unwrap_or_default();
    let marks = tokens.iter().filter(|one| is_mark(&one.token));
    marks.count()
}

fn is_mark(token: &Token) -> bool {
    matches!(token, Token::Placeholder(mark) if mark == "?")
}

fn tokens(text: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(dialect.grammar(), text).tokenize_with_location()
}

/// Where a place of the tokenizer, which counts lines and characters from 1, is in bytes.
pub(crate) fn offset(text: &str, place: Location) -> usize {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .clone()
        .take(place.line.saturating_sub(1) as usize)
        .map(str::len)
        .sum();
    let line = lines.nth(place.line.saturating_sub(1) as usize);
    let mut characters = line.unwrap_or_default().char_indices();
    let within = characters.nth(place.column.saturating_sub(1) as usize);
    within.map_or(text.len(), |(within, _)| before + within)
}

/// Reads a text; T-SQL's statements need no semicolon between them.
pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Vec<Statement>, Fault> {
    let parsed = tokens(text, dialect)
        .map_err(Into::into)
        .and_then(|mut tokens| {
            number_marks(&mut tokens);
            let mut parser = Parser::new(dialect.grammar()).with_tokens_with_locations(tokens);
            if dialect == Dialect::Tds {
                parser = parser.with_options(ParserOptions {
                    require_semicolon_stmt_delimiter: false,
                    ..ParserOptions::default()
                });
            }
            parser.parse_statements()
        });
    match parsed {
        Ok(trees) => Ok(trees.into_iter().map(|tree| Statement { tree }).collect()),
        Err(error) => Err(unknown(&format!("this statement ({error})"), dialect)),
    }
}

/// Makes `$1`, `$2` and so on of MySQL's question marks.
fn number_marks(tokens: &mut [TokenWithSpan]) {
    let marks = tokens.iter_mut().filter(|one| is_mark(&one.token));
    for (number, mark) in (1..).zip(marks) {
        mark.token = Token::Placeholder(format!("${number}"));
    }
}

/// The tree of a text that is ours: what a statement must equal once its known parts are taken out,
/// so that no clause can be overlooked.
pub(super) fn plain(text: &str) -> Option<sqlparser::ast::Statement> {
    let parsed = Parser::parse_sql(&dialect::GenericDialect {}, text);
    parsed.ok()?.pop()
}
