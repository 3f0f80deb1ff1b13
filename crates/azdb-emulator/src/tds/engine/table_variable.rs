//! Table variables as drivers have them: declared, filled by one catalog procedure, and read.

use super::super::token::{Refusal, done};
use super::super::value::{Datum, SqlColumn, SqlType};
use super::batch::bare;
use super::canned::Canned;
use super::scalar::{Scalar, list};
use super::variable::Variable;
use super::{Engine, Sink, unknown};

/// A table variable. Its columns are those of what fills it.
pub(super) struct TableVariable {
    name: String,
    columns: Vec<SqlColumn>,
    rows: Vec<Vec<Datum>>,
}

impl Engine {
    /// `DECLARE @name TABLE (…)`.
    pub(super) fn declare_table(&mut self, name: &str) {
        self.table_variables.push(TableVariable {
            name: name.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
        });
    }

    /// `INSERT INTO @name EXEC procedure arguments`.
    pub(super) fn fill(
        &mut self,
        name: &str,
        call: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let Some((procedure, arguments)) = call.split_first() else {
            return Err(unknown("EXEC without a name"));
        };
        let Some(filling) = self.asked(&bare(procedure), arguments)? else {
            return Err(unknown(&format!("EXEC {}", call.concat())));
        };
        let mut known = self.table_variables.iter_mut();
        let Some(variable) = known.find(|variable| variable.name == name) else {
            let text = format!("Must declare the table variable \"{name}\".");
            return Err(Refusal::new(1087, text).class(15));
        };
        variable.columns = filling.columns;
        variable.rows = filling.rows.collect();
        let count = u64::try_from(variable.rows.len()).unwrap_or(u64::MAX);
        if !self.options.nocount {
            sink.done(self.status() | done::COUNT, INSERT, count);
        }
        Ok(())
    }

    /// `SELECT items FROM @name [ORDER BY columns]`: names, expressions with one, and constants. The rows stay in the order of the procedure,
    /// which is that of tables and places.
    pub(super) fn of_table_variable(&mut self, words: &[&str]) -> Result<Option<Canned>, Refusal> {
        let ["select", rest @ ..] = words else {
            return Ok(None);
        };
        let Some(from) = rest.iter().position(|word| *word == "from") else {
            return Ok(None);
        };
        let (items, source) = rest.split_at(from);
        let (["from", name] | ["from", name, "order", "by", ..]) = source else {
            return Ok(None);
        };
        let mut known = self.table_variables.iter();
        let Some(at) = known.position(|variable| variable.name == *name) else {
            return Ok(None);
        };
        let variable = self.table_variables.remove(at);
        let told = self.told_of(&variable, items);
        self.table_variables.insert(at, variable);
        told.map(Some)
    }

    fn told_of(&mut self, source: &TableVariable, items: &[&str]) -> Result<Canned, Refusal> {
        let items: Vec<Item> = list(items)
            .iter()
            .map(|item| Item::of(item, source))
            .collect();
        let own = self.variables.len();
        let mut columns: Vec<SqlColumn> = Vec::new();
        let mut rows = Vec::new();
        let nothing = vec![Datum::Null; source.columns.len()];
        // One row more, of nothing: a result without rows has columns, too.
        for row in source.rows.iter().chain([&nothing]) {
            let cells = source.columns.iter().zip(row);
            self.variables.extend(cells.map(|(column, value)| Variable {
                name: variable_of(&column.name),
                kind: column.kind,
                value: value.clone(),
            }));
            let scalars = items.iter().map(|item| self.item(item));
            let scalars: Result<Vec<Scalar>, Refusal> = scalars.collect();
            self.variables.truncate(own);
            let scalars = scalars?;
            columns = items
                .iter()
                .zip(&scalars)
                .map(|(item, scalar)| scalar.column(&item.name))
                .collect();
            rows.push(scalars.into_iter().map(|scalar| scalar.value).collect());
        }
        rows.pop();
        Ok(Canned {
            columns,
            rows: Box::new(rows.into_iter()),
        })
    }

    fn item(&self, item: &Item) -> Result<Scalar, Refusal> {
        let words: Vec<&str> = item.words.iter().map(String::as_str).collect();
        let scalar = match words.as_slice() {
            ["case", of, cases @ .., "end"] => self.case(of, cases)?,
            words => self.scalar(words)?,
        };
        scalar.ok_or_else(|| unknown(&format!("the expression {}", words.concat())))
    }

    /// `CASE of WHEN this THEN that … END`, of texts.
    fn case(&self, of: &str, cases: &[&str]) -> Result<Option<Scalar>, Refusal> {
        let Some(of) = self.scalar(&[of])? else {
            return Ok(None);
        };
        let mut found = Datum::Null;
        for case in cases.chunks(4) {
            let ["when", value, "then", text] = case else {
                return Ok(None);
            };
            let (value, text) = (self.scalar(&[value])?, self.scalar(&[text])?);
            if value.is_some_and(|value| value.value == of.value) && found == Datum::Null {
                found = text.map_or(Datum::Null, |text| text.value);
            }
        }
        let longest = SqlType::VarChar(Some(30));
        Ok(Some(Scalar::of(longest, found)))
    }
}

/// An insertion as DONE names it.
const INSERT: u16 = 0xc3;

/// An item of a `select`.
struct Item {
    name: String,
    words: Vec<String>,
}

impl Item {
    /// With a variable in the place of each column.
    fn of(words: &[&str], source: &TableVariable) -> Self {
        let (expression, alias) = match words {
            // Names are in capitals here, which words have lost.
            [expression @ .., "as", name] => (expression, bare(name).to_ascii_uppercase()),
            words => (words, words.concat().to_ascii_uppercase()),
        };
        let is_column = |word: &str| {
            let mut columns = source.columns.iter();
            columns.any(|column| column.name.eq_ignore_ascii_case(word))
        };
        let words = expression.iter().map(|word| match is_column(word) {
            true => variable_of(word),
            false => (*word).to_owned(),
        });
        Self {
            name: alias,
            words: words.collect(),
        }
    }
}

/// The variable that has a column's value. No text can name it.
fn variable_of(column: &str) -> String {
    format!("@ {}", column.to_ascii_lowercase())
}
