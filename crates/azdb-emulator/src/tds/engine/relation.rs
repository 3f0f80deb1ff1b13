//! Results in memory that a `select` reads as it would a table: table variables, and the views of the catalog.

use std::cmp::Ordering;

use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::batch::bare;
use super::canned::Canned;
use super::catalog::fits;
use super::scalar::{Scalar, list};
use super::variable::Variable;
use super::{Engine, unknown};

/// A result that is kept.
#[derive(Default)]
pub(super) struct Relation {
    pub(super) columns: Vec<SqlColumn>,
    pub(super) rows: Vec<Vec<Datum>>,
}

impl From<Canned> for Relation {
    fn from(canned: Canned) -> Self {
        Self {
            columns: canned.columns,
            rows: canned.rows.collect(),
        }
    }
}

/// `SELECT items FROM source [WHERE condition] [ORDER BY columns]`.
pub(super) struct Select<'a, 'b> {
    text: &'a str,
    pub(super) source: &'a [&'b str],
    items: &'a [&'b str],
    condition: &'a [&'b str],
    order: &'a [&'b str],
}

impl<'a, 'b> Select<'a, 'b> {
    pub(super) fn read(text: &'a str, words: &'a [&'b str]) -> Option<Self> {
        let words = words.strip_prefix(&["select"])?;
        let (words, order) = cut(words, &["order", "by"]);
        let (words, condition) = cut(words, &["where"]);
        let (items, source) = cut(words, &["from"]);
        Some(Self {
            text,
            source,
            items,
            condition,
            order,
        })
    }
}

impl Select<'_, '_> {
    /// The name of `count(*)`, if that is what is selected.
    fn counted(&self) -> Option<String> {
        match self.items {
            ["count", "(", "*", ")"] => Some(String::new()),
            ["count", "(", "*", ")", "as", name] => Some(written(self.text, name)),
            _ => None,
        }
    }
}

/// The name of an item in its own letters, which words have lost.
fn written(text: &str, name: &str) -> String {
    let name = bare(name);
    let place = text.to_ascii_lowercase().find(&format!("as {name}"));
    let own = place.and_then(|place| text.get(place + 3..place + 3 + name.len()));
    own.map_or(name.clone(), str::to_owned)
}

/// What stands before these words, and what behind.
fn cut<'a, 'b>(words: &'a [&'b str], at: &[&str]) -> (&'a [&'b str], &'a [&'b str]) {
    let found = words.windows(at.len()).position(|window| window == at);
    found.map_or((words, &[]), |found| {
        let (before, rest) = words.split_at(found);
        (before, rest.get(at.len()..).unwrap_or_default())
    })
}

/// An expression and its name.
struct Item {
    name: String,
    words: Vec<String>,
}

impl Engine {
    /// What this takes of a relation.
    pub(super) fn select(
        &mut self,
        relation: &Relation,
        select: &Select<'_, '_>,
    ) -> Result<Canned, Refusal> {
        let condition = relation.resolved(select.condition);
        let items = relation.items(select.text, select.items);
        let order = relation.order(select, &items);
        let counted = select.counted();
        let mut rows = Vec::new();
        // The last row is none: without rows, too, a result has columns.
        let nothing = vec![Datum::Null; relation.columns.len()];
        let mut columns = Vec::new();
        for row in relation.rows.iter().chain([&nothing]) {
            let own = self.variables.len();
            self.variables.extend(relation.variables(row));
            let told = self.holds(&condition).and_then(|is_wanted| {
                let shown = if counted.is_some() {
                    Vec::new()
                } else {
                    self.row(&items)?
                };
                Ok((is_wanted, shown, self.row(&order)?))
            });
            self.variables.truncate(own);
            let (is_wanted, shown, key) = told?;
            let named = items.iter().zip(&shown);
            columns = named
                .map(|(item, scalar)| scalar.column(&item.name))
                .collect();
            if is_wanted && !std::ptr::eq(row, &raw const nothing) {
                rows.push((key, shown));
            }
        }
        if let Some(name) = counted {
            let count = Datum::Int(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            return Ok(Canned {
                columns: vec![SqlColumn::computed(&name, SqlType::Int)],
                rows: Box::new(std::iter::once(vec![count])),
            });
        }
        rows.sort_by(|(one, _), (other, _)| in_order(one, other));
        let rows = rows.into_iter().map(|(_, row)| values(row));
        Ok(Canned {
            columns,
            rows: Box::new(rows),
        })
    }

    fn row(&self, items: &[Item]) -> Result<Vec<Scalar>, Refusal> {
        let scalars = items.iter().map(|item| {
            let words: Vec<&str> = item.words.iter().map(String::as_str).collect();
            self.term(&words)
        });
        scalars.collect()
    }

    /// An expression of the columns of a row.
    fn term(&self, words: &[&str]) -> Result<Scalar, Refusal> {
        let scalar = match words {
            ["case", of, cases @ .., "end"] => self.case(of, cases)?,
            words => self.scalar(words)?,
        };
        scalar.ok_or_else(|| unknown(&format!("the expression {}", words.concat())))
    }

    /// `CASE of WHEN this THEN text …`.
    fn case(&self, of: &str, cases: &[&str]) -> Result<Option<Scalar>, Refusal> {
        let of = self.term(&[of])?;
        let mut found = Datum::Null;
        for case in cases.chunks(4) {
            let ["when", value, "then", text] = case else {
                return Ok(None);
            };
            if self.term(&[value])?.value == of.value && found == Datum::Null {
                found = self.term(&[text])?.value;
            }
        }
        Ok(Some(Scalar::of(SqlType::VarChar(Some(30)), found)))
    }

    /// Whether a condition is true of a row: what is unknown is not.
    fn holds(&self, condition: &[String]) -> Result<bool, Refusal> {
        let words: Vec<&str> = condition.iter().map(String::as_str).collect();
        self.is_true(&words)
    }

    fn is_true(&self, words: &[&str]) -> Result<bool, Refusal> {
        let parts = split(words, "or");
        if parts.len() > 1 {
            let parts = parts.into_iter().map(|part| self.is_true(part));
            return parts
                .collect::<Result<Vec<_>, _>>()
                .map(|all| all.contains(&true));
        }
        let parts = split(words, "and");
        if parts.len() > 1 {
            let parts = parts.into_iter().map(|part| self.is_true(part));
            return parts
                .collect::<Result<Vec<_>, _>>()
                .map(|all| !all.contains(&false));
        }
        match words {
            [] => Ok(true),
            ["(", inner @ .., ")"] => self.is_true(inner),
            [of @ .., "is", "null"] => Ok(self.term(of)?.value == Datum::Null),
            [of @ .., "is", "not", "null"] => Ok(self.term(of)?.value != Datum::Null),
            words => self.compares(words),
        }
    }

    fn compares(&self, words: &[&str]) -> Result<bool, Refusal> {
        let is_sign = |word: &&str| matches!(*word, "=" | "<>" | "like");
        let Some(sign) = words.iter().position(is_sign) else {
            return Err(unknown(&format!("the condition {}", words.concat())));
        };
        let (left, right) = words.split_at(sign);
        let (sign, right) = right.split_first().unwrap_or((&"", &[]));
        let (left, right) = (self.term(left)?.value, self.term(right)?.value);
        Ok(match (left, right) {
            (Datum::Null, _) | (_, Datum::Null) => false,
            (Datum::Text(text), Datum::Text(pattern)) if *sign == "like" => {
                fits(Some(&pattern), &text)
            }
            (one @ Datum::Text(_), other @ Datum::Text(_))
            | (one @ Datum::Int(_), other @ Datum::Int(_))
                if *sign != "like" =>
            {
                (compared(&one, &other) == Ordering::Equal) == (*sign == "=")
            }
            _ => return Err(unknown(&format!("how these compare: {}", words.concat()))),
        })
    }
}

impl Relation {
    /// The expressions of a list.
    fn items(&self, text: &str, words: &[&str]) -> Vec<Item> {
        if words == ["*"] {
            let all = self.columns.iter();
            return all
                .map(|column| Item {
                    name: column.name.clone(),
                    words: vec![variable_of(&column.name)],
                })
                .collect();
        }
        let items = list(words).into_iter().filter(|item| !item.is_empty());
        items.map(|item| self.item(text, item)).collect()
    }

    /// By what rows are sorted: the names of items come before those of columns.
    fn order(&self, select: &Select<'_, '_>, items: &[Item]) -> Vec<Item> {
        let mut order = self.items(select.text, select.order);
        for (by, words) in order.iter_mut().zip(list(select.order)) {
            let mut named = items.iter();
            let named =
                named.find(|item| matches!(words, [word] if item.name.eq_ignore_ascii_case(word)));
            if let Some(named) = named {
                by.words.clone_from(&named.words);
            }
        }
        order
    }

    fn item(&self, text: &str, words: &[&str]) -> Item {
        let (expression, alias) = match words {
            [expression @ .., "as", name] => (expression, Some(written(text, name))),
            [expression @ .., "asc"] => (expression, None),
            words => (words, None),
        };
        let own = expression.last().and_then(|name| self.column(name));
        let name = alias.or_else(|| own.map(|column| column.name.clone()));
        Item {
            name: name.unwrap_or_default(),
            words: self.resolved(expression),
        }
    }

    fn column(&self, name: &str) -> Option<&SqlColumn> {
        let name = bare(name);
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(&name))
    }

    /// An expression with variables in the place of columns, whatever they are called in full.
    fn resolved(&self, words: &[&str]) -> Vec<String> {
        let mut resolved: Vec<String> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            if *word == "." || words.get(at + 1) == Some(&".") {
                continue;
            }
            let column = self.column(word);
            resolved.push(
                column.map_or_else(|| (*word).to_owned(), |column| variable_of(&column.name)),
            );
        }
        resolved
    }

    fn variables<'a>(&'a self, row: &'a [Datum]) -> impl Iterator<Item = Variable> + 'a {
        let cells = self.columns.iter().zip(row);
        cells.map(|(column, value)| Variable {
            name: variable_of(&column.name),
            kind: column.kind,
            value: value.clone(),
        })
    }
}

/// The variable that has a column's value. No text can name it.
fn variable_of(column: &str) -> String {
    format!("@ {}", column.to_ascii_lowercase())
}

fn values(row: Vec<Scalar>) -> Vec<Datum> {
    row.into_iter().map(|scalar| scalar.value).collect()
}

/// The parts of a condition between a word that is in no parentheses.
fn split<'a, 'b>(words: &'a [&'b str], at: &str) -> Vec<&'a [&'b str]> {
    let mut depth = 0_usize;
    let is_there = |word: &&str| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *word == at
    };
    words.split(is_there).collect()
}

fn in_order(one: &[Scalar], other: &[Scalar]) -> Ordering {
    let pairs = one.iter().zip(other);
    pairs.fold(Ordering::Equal, |order, (one, other)| {
        order.then_with(|| compared(&one.value, &other.value))
    })
}

/// Texts by their letters, whatever their case, as the server's collation has it; what is NULL first.
fn compared(one: &Datum, other: &Datum) -> Ordering {
    match (one, other) {
        (Datum::Text(one), Datum::Text(other)) => one.to_lowercase().cmp(&other.to_lowercase()),
        (Datum::Int(one), Datum::Int(other)) => one.cmp(other),
        (Datum::Null, Datum::Null) => Ordering::Equal,
        (Datum::Null, _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}
