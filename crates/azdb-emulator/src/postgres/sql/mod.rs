//! PostgreSQL's SQL, read closely enough to run it on SQLite.
//!
//! There is no parser here and no tree: statements are token lists. SQLite parses the result and
//! says what is wrong with it; this module only translates what the two write differently
//! ([`rewrite`]), says which command a statement is ([`command`]) and guesses what types its
//! parameters and results have ([`infer`]).

pub(super) mod command;
pub(super) mod copy;
pub(super) mod defaults;
pub(super) mod infer;
pub(super) mod lexer;
pub(super) mod parameters;
pub(super) mod rewrite;
mod scan;
#[cfg(test)]
mod tests;

use lexer::{Kind, Token};

/// Splits a query string into its statements' tokens, without empty ones.
pub(super) fn statements<'a>(tokens: &[Token<'a>]) -> Vec<Vec<Token<'a>>> {
    tokens
        .split(|token| token.kind == Kind::Semicolon)
        .filter(|tokens| tokens.iter().any(|token| token.kind != Kind::Space))
        .map(<[Token<'a>]>::to_vec)
        .collect()
}

/// The tokens that mean something.
pub(super) fn significant<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let tokens = tokens.iter().copied();
    tokens.filter(|token| token.kind != Kind::Space).collect()
}
