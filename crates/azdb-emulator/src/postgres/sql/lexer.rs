//! SQL text into tokens, by PostgreSQL's lexical rules.
//!
//! Every byte of the input belongs to exactly one token, so that what is not understood can be
//! passed on as it is.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Kind {
    /// White space and comments.
    Space,
    /// A keyword or unquoted identifier.
    Word,
    /// `"identifier"`.
    Quoted,
    /// A string: `'..'`, `E'..'`, `$tag$..$tag$`.
    Text,
    /// A number without sign.
    Number,
    /// `$1`.
    Parameter,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `.`
    Dot,
    /// `::`
    Cast,
    /// Any other operator.
    Operator,
    /// A byte that belongs nowhere, or a string without end.
    Broken,
}

/// A token of some SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) struct Token<'a> {
    pub(in crate::postgres) kind: Kind,
    /// As written.
    pub(in crate::postgres) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this keyword, in any case. `word` is lowercase.
    pub(in crate::postgres) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this operator.
    pub(in crate::postgres) fn is_operator(&self, operator: &str) -> bool {
        self.kind == Kind::Operator && self.text == operator
    }

    /// The name that an identifier stands for: folded to lowercase, or as quoted.
    pub(in crate::postgres) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_lowercase()),
            Kind::Quoted => {
                let inside = self.text.strip_prefix('"')?.strip_suffix('"')?;
                Some(inside.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// The value of a string token.
    pub(in crate::postgres) fn string(&self) -> Option<String> {
        if self.kind != Kind::Text {
            return None;
        }
        if self.text.starts_with('$') {
            let tag = self.text.get(1..)?.find('$')? + 2;
            let inside = self.text.get(tag..self.text.len().checked_sub(tag)?)?;
            return Some(inside.to_owned());
        }
        let quote = self.text.find('\'')?;
        let inside = self.text.get(quote + 1..)?.strip_suffix('\'')?;
        match quote {
            0 => Some(inside.replace("''", "'")),
            _ => Some(unescape(inside)),
        }
    }

    /// The number of a parameter.
    pub(in crate::postgres) fn parameter(&self) -> Option<usize> {
        match self.kind {
            Kind::Parameter => self.text.get(1..)?.parse().ok(),
            _ => None,
        }
    }
}

/// The inside of an `E'..'` string.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\'' => {
                rest.next_if_eq(&'\'');
                plain.push('\'');
            }
            '\\' => match rest.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some('b') => plain.push('\u{8}'),
                Some('f') => plain.push('\u{c}'),
                Some('x') => plain.extend(code(&mut rest, 2, 16)),
                Some('u') => plain.extend(code(&mut rest, 4, 16)),
                Some('U') => plain.extend(code(&mut rest, 8, 16)),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

fn code(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    digits: usize,
    radix: u32,
) -> Option<char> {
    let mut value = 0;
    for _ in 0..digits {
        let Some(digit) = rest.next_if(|char| char.is_digit(radix)) else {
            break;
        };
        value = value * radix + digit.to_digit(radix)?;
    }
    char::from_u32(value)
}

/// Splits SQL text into tokens.
pub(in crate::postgres) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, after) = rest.split_at(length);
        found.push(Token { kind, text });
        rest = after;
    }
    found
}

/// Kind and length of the token that `rest` begins with.
fn next(rest: &str, first: char) -> (Kind, usize) {
    let second = rest.get(first.len_utf8()..).and_then(|r| r.chars().next());
    match (first, second) {
        (char, _) if char.is_whitespace() => (Kind::Space, length_while(rest, char::is_whitespace)),
        ('-', Some('-')) => (Kind::Space, rest.find('\n').unwrap_or(rest.len())),
        ('/', Some('*')) => (Kind::Space, comment(rest)),
        ('\'', _) => string(rest, 0, Escapes::None),
        ('e' | 'E', Some('\'')) => string(rest, 1, Escapes::Backslash),
        ('"', _) => quoted(rest),
        ('$', Some('0'..='9')) => {
            let digits = length_while(rest.get(1..).unwrap_or_default(), |c| c.is_ascii_digit());
            (Kind::Parameter, 1 + digits)
        }
        ('$', _) => dollar(rest),
        ('0'..='9', _) | ('.', Some('0'..='9')) => (Kind::Number, number(rest)),
        ('(', _) => (Kind::Open, 1),
        (')', _) => (Kind::Close, 1),
        ('[', _) => (Kind::OpenBracket, 1),
        (']', _) => (Kind::CloseBracket, 1),
        (',', _) => (Kind::Comma, 1),
        (';', _) => (Kind::Semicolon, 1),
        ('.', _) => (Kind::Dot, 1),
        (':', Some(':')) => (Kind::Cast, 2),
        (char, _) if char.is_alphabetic() || char == '_' => {
            let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            (Kind::Word, length_while(rest, part))
        }
        (char, _) if is_operator(char) => (Kind::Operator, operator(rest)),
        (char, _) => (Kind::Broken, char.len_utf8()),
    }
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|char| !belongs(char)).unwrap_or(text.len())
}

fn is_operator(char: char) -> bool {
    "+-*/<>=~!@#%^&|?:".contains(char)
}

/// The longest operator, by PostgreSQL's rule that one does not end in `+` or `-` unless it has one
/// of ``~!@#%^&|?`` in it; `--` and `/*` begin comments.
fn operator(rest: &str) -> usize {
    let mut length = length_while(rest, is_operator);
    for comment in ["--", "/*"] {
        if let Some(start) = rest.get(..length).and_then(|text| text.find(comment)) {
            length = start.max(1);
        }
    }
    while length > 1 {
        let text = rest.get(..length).unwrap_or_default();
        let open_ended = text.ends_with(['+', '-']);
        if !open_ended || text.contains(['~', '!', '@', '#', '%', '^', '&', '|', '?']) {
            break;
        }
        length -= 1;
    }
    length
}

fn number(rest: &str) -> usize {
    let digit = |char: char| char.is_ascii_digit();
    let mut length = length_while(rest, digit);
    if let Some(fraction) = rest.get(length..).and_then(|r| r.strip_prefix('.')) {
        length += 1 + length_while(fraction, digit);
    }
    let exponent = rest.get(length..).and_then(|r| r.strip_prefix(['e', 'E']));
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = length_while(digits, digit);
        if count > 0 {
            length += 1 + (exponent.len() - digits.len()) + count;
        }
    }
    length
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Backslash,
}

/// A string whose quote is at `start`.
fn string(rest: &str, start: usize, escapes: Escapes) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return (Kind::Text, at + 1),
            b'\\' if escapes == Escapes::Backslash => at += 2,
            _ => at += 1,
        }
    }
    (Kind::Broken, rest.len())
}

fn quoted(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' if bytes.get(at + 1) == Some(&b'"') => at += 2,
            b'"' => return (Kind::Quoted, at + 1),
            _ => at += 1,
        }
    }
    (Kind::Broken, rest.len())
}

/// `$tag$ .. $tag$`.
fn dollar(rest: &str) -> (Kind, usize) {
    let tag = rest.get(1..).and_then(|after| {
        let end = after.find('$')?;
        let name = after.get(..end)?;
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        plain.then_some(end + 2)
    });
    let Some(tag) = tag else {
        return (Kind::Broken, 1);
    };
    let (delimiter, inside) = rest.split_at(tag);
    match inside.find(delimiter) {
        Some(end) => (Kind::Text, tag + end + tag),
        None => (Kind::Broken, rest.len()),
    }
}

/// `/* .. */`, nested.
fn comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let (Some(first), second) = (bytes.get(at), bytes.get(at + 1)) {
        match (first, second) {
            (b'/', Some(b'*')) => (at, depth) = (at + 2, depth + 1),
            (b'*', Some(b'/')) if depth == 1 => return at + 2,
            (b'*', Some(b'/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Vec<(Kind, &str)> {
        let tokens = tokens(sql).into_iter();
        tokens
            .filter(|token| token.kind != Kind::Space)
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn operators_end_where_postgresql_ends_them() {
        assert_eq!(
            kinds("a=-1--b\n<>/*c*/$1::x"),
            [
                (Kind::Word, "a"),
                (Kind::Operator, "="),
                (Kind::Operator, "-"),
                (Kind::Number, "1"),
                (Kind::Operator, "<>"),
                (Kind::Parameter, "$1"),
                (Kind::Cast, "::"),
                (Kind::Word, "x"),
            ]
        );
        assert_eq!(kinds("a !~* b").get(1), Some(&(Kind::Operator, "!~*")));
    }

    #[test]
    fn strings_have_their_values() {
        for (sql, value) in [
            ("'it''s'", "it's"),
            (r"'a\nb'", r"a\nb"),
            (r"E'a\nb\x41\u00e9\'c'", "a\nbAé'c"),
            ("$$a'b$$", "a'b"),
            ("$x$a$$b$x$", "a$$b"),
        ] {
            let found = tokens(sql);
            assert_eq!(found.len(), 1, "{sql}");
            let string = found.first().and_then(Token::string);
            assert_eq!(string.as_deref(), Some(value), "{sql}");
        }
    }

    #[test]
    fn every_byte_belongs_to_one_token() {
        for sql in [
            "select 'unfinished",
            "/* open /* nested */",
            "\"open",
            "$tag$ open",
            "1.5e+3 .5 1..2 ünïcode €",
            "a$b $ @ \\ {}",
        ] {
            let joined: String = tokens(sql).iter().map(|token| token.text).collect();
            assert_eq!(joined, sql);
        }
    }
}
