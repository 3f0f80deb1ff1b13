//! T-SQL in tokens; comments and white space are gone.

use super::super::token::Refusal;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a bare name, `#temporary` too.
    Word,
    /// `[a name]` or `"a name"`.
    Quoted,
    /// `'text'` or `N'text'`.
    Text,
    Number,
    /// `0xC0FFEE`.
    Hex,
    /// `@variable`.
    Variable,
    /// `@@GLOBAL`.
    Global,
    Symbol,
}

/// A token. `text` is without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Token {
    /// It is this keyword (lowercase) or symbol.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Symbol) && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// It can name a table or a column.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }
}

/// Cuts a batch into tokens.
pub(super) fn tokens(sql: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if let Some(comment) = rest.strip_prefix("--") {
            (
                None,
                comment.split_once('\n').map_or("", |(_, after)| after),
            )
        } else if rest.starts_with("/*") {
            (None, after_comment(rest)?)
        } else {
            let (token, after) = one(first, rest)?;
            (Some(token), after)
        };
        tokens.extend(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Block comments nest.
fn after_comment(text: &str) -> Result<&str, Refusal> {
    let mut depth = 0;
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix("/*") {
            depth += 1;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("*/") {
            depth -= 1;
            rest = after;
        } else {
            let mut chars = rest.chars();
            if chars.next().is_none() {
                let text = "Missing end comment mark '*/'.";
                return Err(Refusal::new(113, text).class(15));
            }
            rest = chars.as_str();
        }
        if depth == 0 {
            return Ok(rest);
        }
    }
}

fn one(first: char, rest: &str) -> Result<(Token, &str), Refusal> {
    let of = |kind, text: &str, after| {
        let text = text.to_owned();
        Ok((Token { kind, text }, after))
    };
    let quoted = |kind, opening: &str, close| {
        let body = rest.get(opening.len()..).unwrap_or_default();
        let (text, after) = until(body, close)?;
        Ok((Token { kind, text }, after))
    };
    let starts = |prefix: &str| {
        let start = rest.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    match first {
        '\'' => quoted(Kind::Text, "'", '\''),
        _ if starts("N'") => quoted(Kind::Text, "N'", '\''),
        '[' => quoted(Kind::Quoted, "[", ']'),
        '"' => quoted(Kind::Quoted, "\"", '"'),
        _ if starts("0x") => {
            let digits = rest.get(2..).unwrap_or_default();
            let (digits, after) = split(digits, |one| one.is_ascii_hexdigit());
            of(Kind::Hex, digits, after)
        }
        '0'..='9' => number(rest),
        '.' if rest[1..].starts_with(|one: char| one.is_ascii_digit()) => number(rest),
        '@' => {
            let kind = if rest.starts_with("@@") {
                Kind::Global
            } else {
                Kind::Variable
            };
            let (text, after) = split(rest, is_word);
            of(kind, text, after)
        }
        first if is_word(first) => {
            let (text, after) = split(rest, is_word);
            of(Kind::Word, text, after)
        }
        first => {
            let two = ["<>", "<=", ">=", "!=", "+=", "-=", "*=", "/="];
            let length = match rest.get(..2) {
                Some(start) if two.contains(&start) => 2,
                _ => first.len_utf8(),
            };
            let (text, after) = rest.split_at(length);
            of(Kind::Symbol, text, after)
        }
    }
}

fn is_word(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '_' | '#' | '@' | '$')
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|one| !belongs(one)).unwrap_or(text.len());
    text.split_at(end)
}

fn number(text: &str) -> Result<(Token, &str), Refusal> {
    let (mut end, mut exponent) = (0, false);
    for (at, one) in text.char_indices() {
        let sign_of_exponent =
            matches!(one, '+' | '-') && exponent && text[..at].ends_with(['e', 'E']);
        let begins_exponent = matches!(one, 'e' | 'E') && !exponent;
        if !(one.is_ascii_digit() || one == '.' || begins_exponent || sign_of_exponent) {
            break;
        }
        exponent |= begins_exponent;
        end = at + 1;
    }
    let (number, after) = text.split_at(end);
    let token = Token {
        kind: Kind::Number,
        text: number.to_owned(),
    };
    Ok((token, after))
}

/// Text up to its closing mark, which is doubled inside.
fn until(body: &str, close: char) -> Result<(String, &str), Refusal> {
    let mut text = String::new();
    let mut rest = body;
    loop {
        let Some((before, after)) = rest.split_once(close) else {
            let message = format!("Unclosed quotation mark after the character string '{body}'.");
            return Err(Refusal::new(105, message).class(15));
        };
        text.push_str(before);
        match after.strip_prefix(close) {
            Some(more) => {
                text.push(close);
                rest = more;
            }
            None => return Ok((text, after)),
        }
    }
}
