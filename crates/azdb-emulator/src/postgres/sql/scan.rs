//! Finding one's way through tokens: parentheses, lists, operands.

use super::lexer::{Kind, Token};

/// The index of the bracket that closes the one at `open`.
pub(super) fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The tokens between the parentheses that open at `open`, and the index behind them.
pub(super) fn inside<'t, 'a>(
    tokens: &'t [Token<'a>],
    open: usize,
) -> Option<(&'t [Token<'a>], usize)> {
    let close = closing(tokens, open)?;
    Some((tokens.get(open + 1..close)?, close + 1))
}

/// Splits at the tokens that `separates` says, outside of all brackets and of `case .. end`.
pub(super) fn split<'t, 'a>(
    tokens: &'t [Token<'a>],
    separates: impl Fn(&Token<'a>) -> bool,
) -> Vec<&'t [Token<'a>]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in top_level(tokens) {
        if tokens.get(at).is_some_and(&separates) {
            parts.extend(tokens.get(start..at));
            start = at + 1;
        }
    }
    parts.extend(tokens.get(start..));
    parts
}

/// Splits a list at its commas.
pub(super) fn list<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    split(tokens, |token| token.kind == Kind::Comma)
}

/// The indexes of the tokens that are outside of all brackets and of `case .. end`. Brackets
/// themselves are not among them, `case` and `end` neither.
pub(super) fn top_level(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut found = Vec::new();
    let (mut depth, mut cases) = (0_usize, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket => depth = depth.saturating_sub(1),
            Kind::Word if token.is("case") => cases += 1,
            Kind::Word if token.is("end") && cases > 0 => cases -= 1,
            _ if depth == 0 && cases == 0 => found.push(at),
            _ => {}
        }
    }
    found
}

/// The index of the first top-level token that is one of these keywords.
pub(super) fn find_word(tokens: &[Token<'_>], words: &[&str]) -> Option<usize> {
    let mut indexes = top_level(tokens).into_iter();
    indexes.find(|at| {
        let token = tokens.get(*at);
        token.is_some_and(|token| words.iter().any(|word| token.is(word)))
    })
}

/// The index at which the operand that ends before `end` begins: an identifier with its qualifiers,
/// a literal, a parameter, a parenthesized expression, a function call, a `case`, with its casts.
pub(super) fn operand_start(tokens: &[Token<'_>], end: usize) -> Option<usize> {
    let mut at = primary_start(tokens, end)?;
    // Past the casts behind which the operand stands.
    while let Some(cast) = skip_spaces_back(tokens, at)
        && tokens.get(cast)?.kind == Kind::Cast
    {
        at = primary_start(tokens, cast)?;
    }
    Some(at)
}

/// The same without casts.
fn primary_start(tokens: &[Token<'_>], end: usize) -> Option<usize> {
    let mut at = skip_spaces_back(tokens, end)?;
    let last = tokens.get(at)?;
    match last.kind {
        Kind::Close | Kind::CloseBracket => {
            at = opening(tokens, at)?;
            if let Some(before) = skip_spaces_back(tokens, at) {
                let name = tokens.get(before)?;
                let callable = name.kind == Kind::Quoted
                    || (name.kind == Kind::Word && !is_reserved(name.text));
                if callable {
                    at = before;
                }
            }
        }
        Kind::Word if last.is("end") => at = matching_case(tokens, at)?,
        Kind::Word | Kind::Quoted | Kind::Text | Kind::Number | Kind::Parameter => {}
        _ => return None,
    }
    while let Some(dot) = at.checked_sub(1)
        && tokens.get(dot)?.kind == Kind::Dot
    {
        at = dot.checked_sub(1)?;
    }
    Some(at)
}

/// Keywords that may stand before a parenthesis without being a function.
fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 27] = [
        "select",
        "where",
        "and",
        "or",
        "not",
        "in",
        "on",
        "from",
        "when",
        "then",
        "else",
        "case",
        "having",
        "by",
        "values",
        "as",
        "using",
        "like",
        "ilike",
        "between",
        "is",
        "limit",
        "offset",
        "returning",
        "set",
        "distinct",
        "all",
    ];
    RESERVED
        .iter()
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// The index of the last token before `end` that is no space.
pub(super) fn skip_spaces_back(tokens: &[Token<'_>], end: usize) -> Option<usize> {
    let before = tokens.get(..end)?;
    before.iter().rposition(|token| token.kind != Kind::Space)
}

/// The index of the first token from `start` on that is no space.
pub(super) fn skip_spaces(tokens: &[Token<'_>], start: usize) -> Option<usize> {
    let after = tokens.get(start..)?;
    let offset = after.iter().position(|token| token.kind != Kind::Space)?;
    Some(start + offset)
}

fn opening(tokens: &[Token<'_>], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.get(..=close)?.iter().enumerate().rev() {
        match token.kind {
            Kind::Close | Kind::CloseBracket => depth += 1,
            Kind::Open | Kind::OpenBracket => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn matching_case(tokens: &[Token<'_>], end: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.get(..=end)?.iter().enumerate().rev() {
        if token.is("end") {
            depth += 1;
        } else if token.is("case") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Reads a type's name that begins at `start`: its text and the index behind it.
pub(super) fn type_name(tokens: &[Token<'_>], start: usize) -> Option<(String, usize)> {
    let mut at = skip_spaces(tokens, start)?;
    if tokens.get(at)?.is("pg_catalog") && tokens.get(at + 1)?.kind == Kind::Dot {
        at += 2;
    }
    let first = tokens.get(at)?;
    if !matches!(first.kind, Kind::Word | Kind::Quoted) {
        return None;
    }
    let mut name = first.text.to_ascii_lowercase();
    at += 1;
    // More words, a modifier and brackets, each behind any space.
    while let Some(next) = skip_spaces(tokens, at) {
        let token = tokens.get(next)?;
        match token.kind {
            Kind::Word if continues_type(&name, token) => {
                name.push(' ');
                name.push_str(&token.text.to_ascii_lowercase());
                at = next + 1;
            }
            Kind::Open | Kind::OpenBracket => {
                let close = closing(tokens, next)?;
                name.extend(tokens.get(next..=close)?.iter().map(|token| token.text));
                at = close + 1;
            }
            _ => break,
        }
    }
    Some((name, at))
}

fn continues_type(name: &str, word: &Token<'_>) -> bool {
    let base = name.split(['(', ' ']).next().unwrap_or_default();
    match base {
        "double" => word.is("precision"),
        "character" | "char" | "bit" => word.is("varying"),
        "time" | "timestamp" => ["with", "without", "time", "zone"]
            .iter()
            .any(|part| word.is(part) && !name.ends_with(part)),
        _ => false,
    }
}

/// How deep brackets are nested.
pub(super) fn depth(tokens: &[Token<'_>]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token.kind {
            Kind::Open | Kind::OpenBracket => depth += 1,
            Kind::Close | Kind::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
