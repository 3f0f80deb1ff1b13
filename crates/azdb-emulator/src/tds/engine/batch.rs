//! A batch cut into statements, each as text and as words that patterns can be held against.
//!
//! T-SQL needs no semicolons: a statement also ends where a word stands that only begins one.

use sqlparser::dialect::MsSqlDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::super::token::Refusal;
use crate::sample::offset;

/// One statement of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// As it was written.
    pub(super) text: &'a str,
    /// Words, numbers and symbols; what is not in quotes in lower case, texts as `'text'` without
    /// doubled quotes.
    pub(super) words: Vec<String>,
}

/// Words that begin a statement, unless the statement before goes on with them.
const BEGINNINGS: [&str; 26] = [
    "alter", "backup", "begin", "commit", "create", "declare", "delete", "deny", "drop", "end",
    "exec", "execute", "grant", "if", "insert", "merge", "print", "return", "revoke", "rollback",
    "save", "select", "set", "truncate", "update", "use",
];

/// The statements of a batch.
pub(super) fn statements(batch: &str) -> Result<Vec<Statement<'_>>, Refusal> {
    let tokens = Tokenizer::new(&MsSqlDialect {}, batch).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        let text = format!("Unclosed quotation mark, or no token: {error}.");
        Refusal::new(105, text).class(15)
    })?;
    let mut statements: Vec<Statement<'_>> = Vec::new();
    let (mut words, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for TokenWithSpan { token, span } in tokens {
        let word = match &token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
            Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => {
                format!("'{text}'")
            }
            token => token.to_string(),
        };
        if depth == 0 && (token == Token::SemiColon || begins(&words, &word)) {
            let end = offset(batch, span.start);
            let text = batch.get(start..end).unwrap_or_default().trim();
            let words = std::mem::take(&mut words);
            statements.push(Statement { text, words });
            start = end + usize::from(token == Token::SemiColon);
        }
        match token {
            Token::Whitespace(_) | Token::EOF | Token::SemiColon => continue,
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            // `IF condition BEGIN statements END`
            _ if words.first().is_some_and(|first| first == "if") => match (word.as_str(), depth) {
                ("begin", 0) => depth = 1,
                ("end", 1) => depth = 0,
                _ => {}
            },
            _ => {}
        }
        words.push(word);
    }
    let text = batch.get(start..).unwrap_or_default().trim();
    statements.push(Statement { text, words });
    statements.retain(|statement| !statement.words.is_empty());
    Ok(statements)
}

/// Whether a statement begins with this word, after these of another one.
fn begins(before: &[String], word: &str) -> bool {
    let text = |word: Option<&String>| word.map_or("", String::as_str).to_owned();
    let (first, last) = (text(before.first()), text(before.last()));
    let has = |words: &[&str]| before.iter().any(|word| words.contains(&word.as_str()));
    if word == "waitfor" {
        return true;
    }
    BEGINNINGS.contains(&word)
        && match (first.as_str(), last.as_str(), word) {
            // `IF condition statement`, `GRANT SELECT, INSERT ON ...`
            ("if", "tran" | "transaction" | "commit" | "rollback" | "end", _) => true,
            ("if" | "grant" | "revoke" | "deny", ..) => false,
            ("insert", _, "select") => has(&["values", "exec", "execute"]),
            ("insert", _, "exec" | "execute") => has(&["values", "select"]),
            ("with" | "create" | "merge", _, "select") => false,
            (_, "union" | "all" | "except" | "intersect" | "as", "select") => false,
            ("update" | "merge" | "alter" | "create", _, "set") => false,
            (_, "table" | "view" | "procedure" | "index", "if") => false,
            (_, "case" | "then" | "else" | "when", _) => false,
            (_, _, "end") => !has(&["case"]),
            _ => true,
        }
}

/// A name out of its brackets or quotes.
pub(super) fn bare(name: &str) -> String {
    match name.as_bytes() {
        [b'[', .., b']'] => name[1..name.len() - 1].replace("]]", "]"),
        [b'"', .., b'"'] => name[1..name.len() - 1].replace("\"\"", "\""),
        _ => name.to_owned(),
    }
}

/// A text out of its quotes.
pub(super) fn string(word: &str) -> Option<&str> {
    word.strip_prefix('\'')?.strip_suffix('\'')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_or_where_another_begins() {
        // `|` is where one ends that has no semicolon.
        for marked in [
            "select 1\n|select 2\n",
            "select N'it''s;select', [;] -- x;\n",
            "insert t values (1) |select 2",
            "insert t values (1) |exec x",
            "insert into @t exec x 1 |select 2",
            "insert into t select 1 |exec x",
            "set implicit_transactions off |IF @@TRANCOUNT > 0 COMMIT TRAN ",
            "if @@trancount=0 begin set implicit_transactions off begin tran end |save tran a",
            "IF @@TRANCOUNT > 0 COMMIT |BEGIN TRANSACTION",
            "IF @@TRANCOUNT > 0 COMMIT TRAN |SET IMPLICIT_TRANSACTIONS OFF",
            "SET FMTONLY ON |select * from #t |SET FMTONLY OFF |exec x..y N'.[#t]'",
            "grant select, insert on products to nobody",
            "update products set stock = 1",
            "insert into a select 1 union all select 2",
            "drop table if exists t",
            "select case when 1 = 1 then 2 else 3 end",
            "select (select 1)",
        ] {
            let expected: Vec<&str> = marked.split('|').map(str::trim).collect();
            for separator in ["", ";", " ;; "] {
                let batch = marked.replace('|', separator);
                let found = statements(&batch).unwrap();
                let found: Vec<&str> = found.iter().map(|statement| statement.text).collect();
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn words_are_in_lower_case_unless_they_are_quoted() {
        let found = statements("Select @@SPID, [A b] from #T where x = N'It''s'").unwrap();
        let words = [
            "select", "@@spid", ",", "[A b]", "from", "#t", "where", "x", "=", "'It's'",
        ];
        assert_eq!(found[0].words, words);
    }

    #[test]
    fn quotes_without_end_are_refused() {
        for text in ["select 'x", "select [x", "select 'it''s"] {
            assert_eq!(statements(text).unwrap_err().number, 105, "{text}");
        }
    }

    #[test]
    fn names_and_strings_come_out_of_their_quotes() {
        assert_eq!(bare("[a]]b]"), "a]b");
        assert_eq!(string("'it's'"), Some("it's"));
        assert_eq!(string("5"), None);
    }
}
