//! Functions that PostgreSQL writes with keywords inside, and those that make rows.

use super::{
    Kind, Rewriter, SqlError, Token, cast_call, inside, literal, significant, skip_spaces,
};
use super::{closing, skip_spaces_back, split, type_name, type_of};

impl<'a> Rewriter<'_, 'a> {
    /// A call whose opening parenthesis follows the word at `self.at`.
    pub(super) fn call(&mut self, name: &str) -> Result<(), SqlError> {
        let open = skip_spaces(self.tokens, self.at + 1).unwrap_or(self.at);
        let Some((arguments, end)) = inside(self.tokens, open) else {
            return Err(SqlError::syntax_at(name));
        };
        let text = match name {
            "cast" => self.cast_as(arguments)?,
            "extract" => self.extract(arguments)?,
            "position" => {
                let parts = split(arguments, |token| token.is("in"));
                match parts.as_slice() {
                    [part, whole] => {
                        format!(
                            "instr({},{})",
                            self.rewritten(whole)?,
                            self.rewritten(part)?
                        )
                    }
                    _ => return Err(SqlError::syntax_at(name)),
                }
            }
            "substring" => {
                let parts = split(arguments, |token| token.is("from") || token.is("for"));
                let parts: Result<Vec<String>, SqlError> =
                    parts.into_iter().map(|part| self.rewritten(part)).collect();
                format!("substr({})", parts?.join(","))
            }
            "trim" => self.trim(arguments)?,
            other => {
                let function = if other == "greatest" { "max" } else { "min" };
                format!("{function}({})", self.rewritten(arguments)?)
            }
        };
        self.push(&text, end - self.at);
        Ok(())
    }

    fn cast_as(&self, arguments: &[Token<'a>]) -> Result<String, SqlError> {
        let parts = split(arguments, |token| token.is("as"));
        let [operand, target] = parts.as_slice() else {
            return Err(SqlError::syntax_at("cast"));
        };
        let Some((target, _)) = type_name(target, 0) else {
            return Err(SqlError::syntax_at("cast"));
        };
        let source = type_of(&significant(operand), self.scope);
        cast_call(self.rewritten(operand)?.trim(), &target, source)
    }

    /// `trim(trailing ';' from text)`, and `trim(text)`.
    fn trim(&self, arguments: &[Token<'a>]) -> Result<String, SqlError> {
        let parts = split(arguments, |token| token.is("from"));
        let [sides, text] = parts.as_slice() else {
            return Ok(format!("trim({})", self.rewritten(arguments)?));
        };
        let words = significant(sides);
        let side = words.first().map(|token| token.text.to_ascii_lowercase());
        let function = match side.as_deref() {
            Some("leading") => "ltrim",
            Some("trailing") => "rtrim",
            _ => "trim",
        };
        let named = ["leading", "trailing", "both"];
        let characters = words
            .iter()
            .find(|token| !named.iter().any(|name| token.is(name)));
        let text = self.rewritten(text)?;
        Ok(match characters {
            Some(characters) => {
                let characters = self.rewritten(&[*characters])?;
                format!("{function}({text},{characters})")
            }
            None => format!("{function}({text})"),
        })
    }

    fn extract(&self, arguments: &[Token<'a>]) -> Result<String, SqlError> {
        let parts = split(arguments, |token| token.is("from"));
        let [field, value] = parts.as_slice() else {
            return Err(SqlError::syntax_at("extract"));
        };
        let field = significant(field);
        let field = field
            .first()
            .and_then(|token| token.name().or_else(|| token.string()));
        let field = literal(&field.unwrap_or_default());
        Ok(format!("date_part({field},{})", self.rewritten(value)?))
    }

    /// `generate_series` and `unnest`. In SQLite they are tables with a column `value`; in
    /// PostgreSQL the column has the name of the alias, and the function may also be the only result
    /// of a `select` without `from`.
    pub(super) fn rows_of(&mut self, name: &str) -> Result<(), SqlError> {
        let is_result = !self.is_table();
        let open = skip_spaces(self.tokens, self.at + 1).unwrap_or(self.at);
        let Some((arguments, mut end)) = inside(self.tokens, open) else {
            return Err(SqlError::syntax_at(name));
        };
        let arguments = self.rewritten(arguments)?;
        let table = match name {
            "unnest" => format!("json_each(pg_array_json({arguments}))"),
            _ => format!("{name}({arguments})"),
        };
        let (alias, column) = match self.alias(end) {
            Some((alias, column, after)) => {
                end = after;
                (alias, column)
            }
            None => (name.to_owned(), name.to_owned()),
        };
        let text = if is_result {
            format!("value as \"{column}\" from {table}")
        } else {
            format!("(select value as \"{column}\" from {table}) as \"{alias}\"")
        };
        self.push(&text, end - self.at);
        Ok(())
    }

    /// Whether the function at `self.at` stands where a table does.
    pub(super) fn is_table(&self) -> bool {
        let mut before = skip_spaces_back(self.tokens, self.at);
        // Past the schema, if there is one.
        while let Some(at) = before
            && self.is_dot(at)
        {
            before = at
                .checked_sub(1)
                .and_then(|at| skip_spaces_back(self.tokens, at));
        }
        let token = before.and_then(|at| self.tokens.get(at));
        token.is_some_and(|t| t.kind == Kind::Comma || t.is("from") || t.is("join"))
    }

    /// `pg_partition_ancestors(t) with ordinality as a (relid, depth)`: a table without rows, since
    /// nothing here has partitions.
    pub(super) fn no_ancestors(&mut self) -> Result<(), SqlError> {
        let open = skip_spaces(self.tokens, self.at + 1).unwrap_or(self.at);
        let Some((_, mut end)) = inside(self.tokens, open) else {
            return Err(SqlError::syntax_at("pg_partition_ancestors"));
        };
        let rest = significant(self.tokens.get(end..).unwrap_or_default());
        if let [with, ordinality, ..] = rest.as_slice()
            && with.is("with")
            && ordinality.is("ordinality")
        {
            let at = self
                .tokens
                .iter()
                .skip(end)
                .position(|token| token.is("ordinality"));
            end += at.unwrap_or(0) + 1;
        }
        let alias = self.alias(end).map(|(table, _, after)| (table, after));
        let (table, after) = alias.unwrap_or_else(|| ("a".to_owned(), end));
        let text = format!("(select null as relid, null as depth where 0) as \"{table}\"");
        self.push(&text, after - self.at);
        Ok(())
    }

    /// `[as] table [(column)]` at `start`: both names and the index behind.
    fn alias(&self, start: usize) -> Option<(String, String, usize)> {
        // What may follow a table in a query, and is no alias.
        const CLAUSES: [&str; 16] = [
            "where",
            "join",
            "on",
            "group",
            "order",
            "limit",
            "cross",
            "left",
            "inner",
            "union",
            "having",
            "offset",
            "natural",
            "full",
            "right",
            "returning",
        ];
        let mut at = skip_spaces(self.tokens, start)?;
        if self.tokens.get(at)?.is("as") {
            at = skip_spaces(self.tokens, at + 1)?;
        }
        let token = self.tokens.get(at)?;
        if CLAUSES.iter().any(|clause| token.is(clause)) {
            return None;
        }
        let table = token.name()?;
        let open = skip_spaces(self.tokens, at + 1);
        if let Some(open) = open
            && self.tokens.get(open)?.kind == Kind::Open
        {
            let close = closing(self.tokens, open)?;
            let column = self.tokens.get(open + 1..close)?;
            let column = column.iter().find_map(Token::name)?;
            return Some((table, column, close + 1));
        }
        Some((table.clone(), table, at + 1))
    }
}
