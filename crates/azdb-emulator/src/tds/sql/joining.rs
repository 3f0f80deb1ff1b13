//! `+`: it adds numbers and joins text, and only types tell which. Here the text of the expression
//! and the declarations of columns and variables must do.

use super::super::value::Type;
use super::call;
use super::lexer::{Kind, Token};
use super::rewrite::{Context, closing};

/// Functions whose result is text.
pub(super) const TEXT_FUNCTIONS: [&str; 20] = [
    "upper",
    "lower",
    "left",
    "right",
    "substring",
    "ltrim",
    "rtrim",
    "trim",
    "replace",
    "str",
    "char",
    "nchar",
    "concat",
    "db_name",
    "user_name",
    "suser_sname",
    "replicate",
    "space",
    "datename",
    "quotename",
];

/// Words that end an arithmetic expression.
const BOUNDARIES: [&str; 27] = [
    ",", "select", "from", "where", "and", "or", "not", "=", "<", ">", "<>", "<=", ">=", "!=",
    "on", "as", "by", "case", "when", "then", "else", "end", "like", "in", "set", "values",
    "between",
];

impl Context<'_> {
    /// Which of these tokens are a `+` that joins text.
    pub(super) fn concatenations(&self, tokens: &[Token]) -> Vec<bool> {
        let mut marks = vec![false; tokens.len()];
        let mut depth = 0;
        let mut start = 0;
        for at in 0..=tokens.len() {
            let token = tokens.get(at);
            let is_boundary = depth == 0 && token.is_none_or(|token| token.is_any(&BOUNDARIES));
            if is_boundary {
                let joins = self.is_text(&tokens[start..at]);
                let mut depth = 0;
                for (inside, token) in tokens.iter().enumerate().take(at).skip(start) {
                    depth += i32::from(token.is("(")) - i32::from(token.is(")"));
                    marks[inside] = joins && depth == 0 && token.is("+");
                }
                start = at + 1;
            }
            if let Some(token) = token {
                depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            }
        }
        marks
    }

    /// An operand of this expression is text.
    pub(super) fn is_text(&self, tokens: &[Token]) -> bool {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let lower = token.text.to_ascii_lowercase();
            let is_call = tokens.get(at + 1).is_some_and(|next| next.is("("));
            let inner = || {
                let open = if token.is("(") { at } else { at + 1 };
                let end = closing(tokens, open);
                tokens
                    .get(open + 1..end.max(open + 2) - 1)
                    .unwrap_or_default()
            };
            let text = match token.kind {
                Kind::Text => true,
                Kind::Variable => matches!(self.variables.get(&lower), Some(Type::Text(_))),
                Kind::Word
                    if is_call && matches!(lower.as_str(), "cast" | "convert" | "try_cast") =>
                {
                    matches!(call::target(&lower, inner()), Some(Type::Text(_)))
                }
                Kind::Word
                    if is_call
                        && matches!(lower.as_str(), "isnull" | "coalesce" | "max" | "min") =>
                {
                    self.is_text(inner())
                }
                Kind::Word if is_call => TEXT_FUNCTIONS.contains(&lower.as_str()),
                Kind::Word | Kind::Quoted => self.text_columns.contains(&lower),
                Kind::Symbol if token.is("(") => self.is_text(inner()),
                _ => false,
            };
            if text {
                return true;
            }
            at = match token {
                token if token.is("(") => closing(tokens, at),
                _ if is_call => closing(tokens, at + 1),
                _ => at + 1,
            };
        }
        false
    }
}
