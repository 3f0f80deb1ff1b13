//! Variables: the parameters of a call, and what a batch declares.

use super::super::token::Refusal;
use super::super::value::{Datum, Parameter, SqlType};
use super::batch::statements;
use super::scalar::list;
use super::{Engine, unknown};

/// A variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    /// With its `@`, in lower case.
    pub(super) name: String,
    pub(super) kind: SqlType,
    pub(super) value: Datum,
}

impl Engine {
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        let mut known = self.variables.iter();
        known.find(|variable| variable.name == name)
    }

    /// `SET @name = expression`.
    pub(super) fn assign(&mut self, name: &str, expression: &[&str]) -> Result<(), Refusal> {
        let Some(scalar) = self.scalar(expression)? else {
            return Err(unknown(&format!("the expression {}", expression.concat())));
        };
        let mut known = self.variables.iter_mut();
        let Some(variable) = known.find(|variable| variable.name == name) else {
            let text = format!("Must declare the scalar variable \"{name}\".");
            return Err(Refusal::new(137, text).class(15));
        };
        variable.value = scalar.cast(variable.kind)?;
        Ok(())
    }

    /// `DECLARE @name type [= expression], ...`.
    pub(super) fn declare(&mut self, items: &[&str]) -> Result<(), Refusal> {
        for item in list(items) {
            let (declared, value) = match item.iter().position(|word| *word == "=") {
                Some(at) => (&item[..at], item.get(at + 1..)),
                None => (item, None),
            };
            let (name, kind) = match declared {
                [name, "as", kind @ ..] | [name, kind @ ..] => (*name, SqlType::read(kind)),
                [] => ("", None),
            };
            let Some(kind) = kind else {
                return Err(unknown(&format!("declare {}", item.concat())));
            };
            self.variables.push(Variable {
                name: name.to_owned(),
                kind,
                value: Datum::Null,
            });
            if let Some(value) = value {
                self.assign(name, value)?;
            }
        }
        Ok(())
    }
}

/// Parameters by name: their own, or that of the declaration in the same place; each as the type that
/// it is declared with. What is not declared is no `text`: no variable is.
pub(super) fn bound(declarations: &str, given: Vec<Parameter>) -> Result<Vec<Variable>, Refusal> {
    let declared = statements(declarations)?;
    let words = declared.iter().flat_map(|statement| &statement.words);
    let words: Vec<&str> = words.map(String::as_str).collect();
    let declared: Vec<Option<(&str, Option<SqlType>)>> =
        list(&words).into_iter().map(declaration).collect();
    let bound = given.into_iter().enumerate().map(|(at, parameter)| {
        let own = parameter.name.to_ascii_lowercase();
        let here = declared.get(at).copied().flatten();
        let mut all = declared.iter().flatten();
        let found = match own.is_empty() {
            true => here,
            false => all.find(|(name, _)| *name == own).copied(),
        };
        let name = found.map_or(own, |(name, _)| name.to_owned());
        let kind = found.and_then(|(_, kind)| kind);
        let cast = kind.and_then(|kind| Some((kind, parameter.value.cast(parameter.kind, kind)?)));
        let (kind, value) = cast.unwrap_or((parameter.kind.of_variable(), parameter.value));
        Variable { name, kind, value }
    });
    Ok(bound.collect())
}

/// Name and type of `@name type [output]`.
fn declaration<'a>(words: &[&'a str]) -> Option<(&'a str, Option<SqlType>)> {
    let words = match words {
        [words @ .., "output" | "out" | "readonly"] => words,
        words => words,
    };
    match words {
        [name, "as", kind @ ..] | [name, kind @ ..] => Some((name, SqlType::read(kind))),
        [] => None,
    }
}
