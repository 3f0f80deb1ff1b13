//! The `COPY` statement, and the two text formats of its data.

use super::lexer::{Kind, Token};
use super::scan::inside;
use super::{scan, significant};
use crate::postgres::error::SqlError;

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Direction {
    ToClient,
    FromClient,
}

/// A `COPY` statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) struct CopyStatement {
    pub(in crate::postgres) direction: Direction,
    /// A query for what is copied, or for the columns that are filled.
    pub(in crate::postgres) source: String,
    /// Table and columns, for an `insert`.
    pub(in crate::postgres) target: String,
    pub(in crate::postgres) format: CopyFormat,
}

/// The lexical form of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::postgres) struct CopyFormat {
    pub(in crate::postgres) csv: bool,
    pub(in crate::postgres) header: bool,
    delimiter: char,
    null: String,
}

/// Reads a `COPY` statement.
pub(in crate::postgres) fn parse(found: &[Token<'_>]) -> Result<CopyStatement, SqlError> {
    let words = significant(found);
    let rest = words.get(1..).unwrap_or_default();
    let Some(at) = scan::find_word(rest, &["from", "to"]) else {
        return Err(SqlError::syntax_at("copy"));
    };
    let (what, rest) = rest.split_at(at);
    let direction = match rest {
        [to, stdout, ..] if to.is("to") && stdout.is("stdout") => Direction::ToClient,
        [from, stdin, ..] if from.is("from") && stdin.is("stdin") => Direction::FromClient,
        _ => return Err(SqlError::unsupported("COPY with a file or program")),
    };
    let format = format(rest.get(2..).unwrap_or_default())?;
    let spaced = |tokens: &[Token<'_>]| tokens.iter().map(|t| t.text).collect::<Vec<_>>().join(" ");
    let (source, target) = match what.first() {
        Some(open) if open.kind == Kind::Open => {
            let query = inside(what, 0).map(|(query, _)| spaced(query));
            (query.unwrap_or_default(), String::new())
        }
        _ => {
            let open = what.iter().position(|token| token.kind == Kind::Open);
            let (table, columns) = what.split_at(open.unwrap_or(what.len()));
            let table = spaced(table).replace(" . ", ".");
            let columns = spaced(columns);
            let list = columns.trim_start_matches('(').trim_end_matches(')').trim();
            let list = if list.is_empty() { "*" } else { list };
            let target = table.strip_prefix("public.").unwrap_or(&table);
            (
                format!("select {list} from {table}"),
                format!("{target} {columns}"),
            )
        }
    };
    Ok(CopyStatement {
        direction,
        source,
        target,
        format,
    })
}

/// Options, in parentheses or in the old way without.
fn format(options: &[Token<'_>]) -> Result<CopyFormat, SqlError> {
    let has = |word: &str| options.iter().any(|token| token.is(word));
    if has("binary") {
        return Err(SqlError::unsupported("COPY in binary format"));
    }
    let csv = has("csv") || options.iter().any(|t| t.string().as_deref() == Some("csv"));
    let value = |name: &str| {
        let at = options.iter().position(|token| token.is(name))?;
        options
            .get(at + 1..)?
            .iter()
            .take(2)
            .find_map(Token::string)
    };
    let header = options
        .iter()
        .position(|token| token.is("header"))
        .is_some_and(|at| {
            !options
                .get(at + 1)
                .is_some_and(|token| token.is("false") || token.is("off"))
        });
    let delimiter = value("delimiter").and_then(|text| text.chars().next());
    Ok(CopyFormat {
        csv,
        header,
        delimiter: delimiter.unwrap_or(if csv { ',' } else { '\t' }),
        null: value("null").unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() }),
    })
}

impl CopyFormat {
    /// A row, with its line end.
    pub(in crate::postgres) fn line(&self, row: &[Option<String>]) -> String {
        let fields = row.iter().map(|value| match value {
            None => self.null.clone(),
            Some(text) if self.csv => self.quoted(text),
            Some(text) => self.escaped(text),
        });
        let mut line = fields.collect::<Vec<_>>().join(&self.delimiter.to_string());
        line.push('\n');
        line
    }

    fn quoted(&self, text: &str) -> String {
        if *text == self.null || text.contains([self.delimiter, '"', '\n', '\r']) {
            return format!("\"{}\"", text.replace('"', "\"\""));
        }
        text.to_owned()
    }

    fn escaped(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for char in text.chars() {
            match char {
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\t' => escaped.push_str("\\t"),
                char if char == self.delimiter => escaped.extend(['\\', char]),
                char => escaped.push(char),
            }
        }
        escaped
    }

    /// The values of a row without its line end.
    fn values(&self, line: &str) -> Vec<Option<String>> {
        if self.csv {
            return self.csv_values(line);
        }
        let fields = line.split(self.delimiter);
        fields
            .map(|field| (field != self.null).then(|| unescaped(field)))
            .collect()
    }

    fn csv_values(&self, line: &str) -> Vec<Option<String>> {
        let mut values = Vec::new();
        let (mut value, mut quoted, mut in_quotes) = (String::new(), false, false);
        let mut rest = line.chars().peekable();
        while let Some(char) = rest.next() {
            match char {
                '"' if in_quotes && rest.next_if_eq(&'"').is_some() => value.push('"'),
                '"' => (in_quotes, quoted) = (!in_quotes, true),
                char if char == self.delimiter && !in_quotes => {
                    let text = std::mem::take(&mut value);
                    values.push((quoted || text != self.null).then_some(text));
                    quoted = false;
                }
                char => value.push(char),
            }
        }
        values.push((quoted || value != self.null).then_some(value));
        values
    }
}

fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut rest = field.chars();
    while let Some(char) = rest.next() {
        match (char, char == '\\') {
            (_, true) => match rest.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            (char, false) => text.push(char),
        }
    }
    text
}

/// Cuts incoming data into rows.
#[derive(Debug)]
pub(in crate::postgres) struct Splitter {
    format: CopyFormat,
    data: Vec<u8>,
    /// Whether the header is still to come.
    header: bool,
}

impl Splitter {
    pub(in crate::postgres) fn new(format: CopyFormat) -> Self {
        Self {
            header: format.header,
            format,
            data: Vec::new(),
        }
    }

    pub(in crate::postgres) fn push(&mut self, data: &[u8]) {
        self.data.extend_from_slice(data);
    }

    /// Bytes that are not yet taken as rows.
    pub(in crate::postgres) fn len(&self) -> usize {
        self.data.len()
    }

    /// No more data comes: a last row needs no line end.
    pub(in crate::postgres) fn finish(&mut self) {
        if !self.data.is_empty() && !self.data.ends_with(b"\n") {
            self.data.push(b'\n');
        }
    }

    /// Takes all whole rows.
    pub(in crate::postgres) fn rows(&mut self) -> Result<Vec<Vec<Option<String>>>, SqlError> {
        let mut rows = Vec::new();
        let (mut start, mut in_quotes) = (0, false);
        for (at, byte) in self.data.iter().enumerate() {
            match byte {
                b'"' if self.format.csv => in_quotes = !in_quotes,
                b'\n' if !in_quotes => {
                    let line = self.data.get(start..at).unwrap_or_default();
                    let line = std::str::from_utf8(line).map_err(|_| {
                        SqlError::new("22021", "invalid byte sequence for encoding \"UTF8\"")
                    })?;
                    start = at + 1;
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    // The end mark of old protocols.
                    if std::mem::take(&mut self.header) || line == "\\." {
                        continue;
                    }
                    rows.push(self.format.values(line));
                }
                _ => {}
            }
        }
        self.data.drain(..start);
        Ok(rows)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::postgres::sql::lexer::tokens;

    fn statement(sql: &str) -> Result<CopyStatement, SqlError> {
        parse(&tokens(sql))
    }

    #[test]
    fn statements_are_read() {
        let read =
            statement("copy public.a (b, \"C\") from stdin with (format csv, header)").unwrap();
        assert_eq!(read.direction, Direction::FromClient);
        assert_eq!(read.target, "a ( b , \"C\" )");
        assert_eq!(read.source, "select b , \"C\" from public.a");
        assert!(read.format.csv && read.format.header);
        let read = statement("COPY (select 1) TO STDOUT").unwrap();
        assert_eq!(read.source, "select 1");
        assert_eq!(read.format.delimiter, '\t');
        assert_eq!(
            statement("copy a from '/etc/passwd'").unwrap_err().code,
            "0A000"
        );
    }

    #[test]
    fn rows_go_both_ways_however_they_are_cut() {
        let row = vec![
            Some("a\tb,c".to_owned()),
            None,
            Some("line\nbreak \\ \"quoted\"".to_owned()),
            Some(String::new()),
        ];
        for options in ["", "csv"] {
            let format = statement(&format!("copy a from stdin {options}"))
                .unwrap()
                .format;
            let line = format.line(&row);
            let twice = format!("{line}{line}");
            for cut in 0..twice.len() {
                let (first, second) = twice.as_bytes().split_at(cut);
                let mut splitter = Splitter::new(format.clone());
                let mut rows = Vec::new();
                for part in [first, second] {
                    splitter.push(part);
                    rows.extend(splitter.rows().unwrap());
                }
                assert_eq!(rows, [row.clone(), row.clone()], "{options} cut at {cut}");
            }
        }
    }
}
