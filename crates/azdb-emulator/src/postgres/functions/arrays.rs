//! Arrays, which SQLite keeps as text: `{a,b}`.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::Value;

use super::{ANY, Functions, Registered, argument, integer_argument, text_argument};
use crate::postgres::error::SqlError;
use crate::postgres::value::array::{format, parse};

pub(super) fn register(functions: &Functions<'_>) -> Registered {
    functions.pure("pg_array", ANY, |context| {
        let elements: Result<Vec<Option<String>>, SqlError> = (0..context.len())
            .map(|at| text_argument(context, at))
            .collect();
        Ok(format(&elements?))
    })?;
    functions.pure("pg_array_json", 1, |context| {
        let Some(text) = text_argument(context, 0)? else {
            return Ok(None);
        };
        let elements = elements(&text)?.into_iter().map(|element| match element {
            None => serde_json::Value::Null,
            Some(text) => match text.parse::<serde_json::Number>() {
                Ok(number) => number.into(),
                Err(_) => text.into(),
            },
        });
        Ok(Some(
            serde_json::Value::Array(elements.collect()).to_string(),
        ))
    })?;
    functions.pure("pg_subscript", 2, |context| {
        let (text, at) = (text_argument(context, 0)?, integer_argument(context, 1)?);
        let (Some(text), Some(at)) = (text, at) else {
            return Ok(None);
        };
        let at = usize::try_from(at - 1).ok();
        Ok(at.and_then(|at| elements(&text).ok()?.into_iter().nth(at)?))
    })?;
    register_whole(functions)?;
    register_aggregates(functions)
}

/// Functions of whole arrays.
fn register_whole(functions: &Functions<'_>) -> Registered {
    for name in ["array_length", "array_upper", "cardinality"] {
        functions.pure(name, ANY, move |context| {
            let Some(text) = text_argument(context, 0)? else {
                return Ok(None);
            };
            let count = elements(&text)?.len();
            // Only `cardinality` has a number for the empty array.
            Ok((count > 0 || name == "cardinality").then_some(count))
        })?;
    }
    functions.pure("array_to_string", ANY, |context| {
        let (text, separator) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let null = text_argument(context, 2)?;
        let (Some(text), Some(separator)) = (text, separator) else {
            return Ok(None);
        };
        let elements = elements(&text)?.into_iter();
        let shown: Vec<String> = elements
            .filter_map(|element| element.or(null.clone()))
            .collect();
        Ok(Some(shown.join(&separator)))
    })?;
    functions.pure("string_to_array", 2, |context| {
        let (text, separator) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let (Some(text), Some(separator)) = (text, separator) else {
            return Ok(None);
        };
        let parts = text
            .split(separator.as_str())
            .map(|part| Some(part.to_owned()));
        Ok(Some(format(&parts.collect::<Vec<_>>())))
    })
}

fn register_aggregates(functions: &Functions<'_>) -> Registered {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let connection = functions.connection;
    connection.create_aggregate_function("array_agg", 1, flags, ArrayAgg { empty: Empty::Null })?;
    connection.create_aggregate_function(
        "pg_array_agg",
        1,
        flags,
        ArrayAgg {
            empty: Empty::Array,
        },
    )?;
    connection.create_aggregate_function("bool_and", 1, flags, Bools { all: true })?;
    connection.create_aggregate_function("every", 1, flags, Bools { all: true })?;
    connection.create_aggregate_function("bool_or", 1, flags, Bools { all: false })
}

fn elements(text: &str) -> Result<Vec<Option<String>>, SqlError> {
    parse(text)
        .ok_or_else(|| SqlError::new("22P02", format!("malformed array literal: \"{text}\"")))
}

/// What an aggregate of no rows is.
#[derive(Clone, Copy)]
enum Empty {
    /// `array_agg` of PostgreSQL.
    Null,
    /// `array(select ..)` of PostgreSQL.
    Array,
}

struct ArrayAgg {
    empty: Empty,
}

impl Aggregate<Vec<Option<String>>, Option<String>> for ArrayAgg {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Vec<Option<String>>> {
        Ok(Vec::new())
    }

    fn step(
        &self,
        context: &mut Context<'_>,
        elements: &mut Vec<Option<String>>,
    ) -> rusqlite::Result<()> {
        elements.push(text_argument(context, 0).map_err(SqlError::raised)?);
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        elements: Option<Vec<Option<String>>>,
    ) -> rusqlite::Result<Option<String>> {
        let elements = elements.unwrap_or_default();
        match self.empty {
            Empty::Null if elements.is_empty() => Ok(None),
            _ => Ok(Some(format(&elements))),
        }
    }
}

struct Bools {
    all: bool,
}

impl Aggregate<Option<bool>, Option<bool>> for Bools {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<bool>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, so_far: &mut Option<bool>) -> rusqlite::Result<()> {
        let value = argument::<Value>(context, 0).map_err(SqlError::raised)?;
        let Some(Value::Integer(value)) = value else {
            return Ok(());
        };
        let value = value != 0;
        *so_far = Some(match so_far {
            None => value,
            Some(before) if self.all => *before && value,
            Some(before) => *before || value,
        });
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        found: Option<Option<bool>>,
    ) -> rusqlite::Result<Option<bool>> {
        Ok(found.flatten())
    }
}
