//! `pg_cast(value, type, own type)`, which every cast becomes.

use std::sync::{Arc, PoisonError};

use rusqlite::types::Value;

use super::{Functions, Registered, Surroundings, argument, text_argument};
use crate::postgres::catalog::{INFORMATION_SCHEMA, PG_CATALOG, PUBLIC};
use crate::postgres::error::SqlError;
use crate::postgres::types::{
    BPCHAR, BYTEA, ColumnType, INTERVAL, NUMERIC, OID, REGCLASS, REGNAMESPACE, REGROLE, REGTYPE,
    VARCHAR,
};
use crate::postgres::value::{from_text, text};

pub(super) fn register(functions: &Functions<'_>, session: &Arc<Surroundings>) -> Registered {
    let session = Arc::clone(session);
    functions.add("pg_cast", 3, move |context| {
        let value = argument::<Value>(context, 0)?.unwrap_or(Value::Null);
        let target = text_argument(context, 1)?;
        let target = target.and_then(|name| ColumnType::parse(&name));
        let source = text_argument(context, 2)?;
        let source = source.and_then(|name| ColumnType::parse(&name));
        match target {
            Some(target) => session.cast(value, target, source),
            None => Ok(value),
        }
    })
}

impl Surroundings {
    fn cast(
        &self,
        value: Value,
        target: ColumnType,
        source: Option<ColumnType>,
    ) -> Result<Value, SqlError> {
        match (target.unmodified(), &value) {
            (_, Value::Null) => Ok(Value::Null),
            (REGCLASS | REGTYPE | REGNAMESPACE | REGROLE, _) => self.to_oid(&value, target),
            (INTERVAL, _) => Err(SqlError::unsupported("type interval")),
            (target, Value::Integer(number)) if target.is_integer() || target == OID => {
                from_text(number.to_string(), target)
            }
            (target, Value::Real(number)) if target.is_integer() => {
                // PostgreSQL rounds where SQLite cuts off.
                from_text(format!("{:.0}", number.round_ties_even()), target)
            }
            (NUMERIC, Value::Integer(number)) if target.scale().is_none() => {
                Ok(Value::Integer(*number))
            }
            (NUMERIC, Value::Real(number)) => Ok(Value::Real(match target.scale() {
                Some(scale) => rounded(*number, scale),
                None => *number,
            })),
            (BYTEA, Value::Blob(_)) => Ok(value),
            _ => {
                let plain = self.shown(&value, source);
                let plain = if matches!(target.unmodified(), VARCHAR | BPCHAR) {
                    let length = usize::try_from(target.modifier - 4).unwrap_or(usize::MAX);
                    plain.chars().take(length).collect()
                } else {
                    plain
                };
                from_text(plain, target)
            }
        }
    }

    /// A value's text, as its own type shows it when that is known.
    fn shown(&self, value: &Value, source: Option<ColumnType>) -> String {
        let shown = source.and_then(|source| self.reg_name(value, source));
        let shown = shown.or_else(|| {
            let source = source.unwrap_or(ColumnType::of(0));
            let text = text(value.into(), source)?;
            // `boolean` is written out in a cast, and abbreviated nowhere else.
            Some(match (source.oid, text.as_str()) {
                (16, "t") => "true".to_owned(),
                (16, "f") => "false".to_owned(),
                _ => text,
            })
        });
        shown.unwrap_or_default()
    }

    /// The name that an oid of one of the `reg..` types stands for.
    pub(in crate::postgres) fn reg_name(&self, value: &Value, ty: ColumnType) -> Option<String> {
        let Value::Integer(oid) = value else {
            return None;
        };
        let name = match ty {
            REGCLASS => {
                let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
                catalog.name(*oid).map(str::to_owned)
            }
            REGTYPE => u32::try_from(*oid)
                .ok()
                .map(|oid| ColumnType::of(oid).title()),
            REGNAMESPACE => match *oid {
                PUBLIC => Some("public".to_owned()),
                PG_CATALOG => Some("pg_catalog".to_owned()),
                INFORMATION_SCHEMA => Some("information_schema".to_owned()),
                _ => None,
            },
            REGROLE => self.place.role_name(*oid).map(str::to_owned),
            _ => return None,
        };
        Some(name.unwrap_or_else(|| oid.to_string()))
    }

    /// The oid that a name stands for.
    fn to_oid(&self, value: &Value, target: ColumnType) -> Result<Value, SqlError> {
        let Value::Text(name) = value else {
            return Ok(value.clone());
        };
        if let Ok(oid) = name.parse::<i64>() {
            return Ok(Value::Integer(oid));
        }
        let (found, code, what) = match target.unmodified() {
            REGCLASS => {
                let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
                (catalog.oid(name), "42P01", "relation")
            }
            REGTYPE => {
                let found = ColumnType::parse(name).map(|ty| i64::from(ty.oid));
                (found, "42704", "type")
            }
            REGNAMESPACE => {
                let found = match name.as_str() {
                    "public" => Some(PUBLIC),
                    "pg_catalog" => Some(PG_CATALOG),
                    "information_schema" => Some(INFORMATION_SCHEMA),
                    _ => None,
                };
                (found, "3F000", "schema")
            }
            _ => (self.place.role_oid(name), "42704", "role"),
        };
        match found {
            Some(oid) => Ok(Value::Integer(oid)),
            None => Err(SqlError::new(
                code,
                format!("{what} \"{name}\" does not exist"),
            )),
        }
    }
}

fn rounded(number: f64, scale: usize) -> f64 {
    let text = format!("{number:.scale$}");
    text.parse().unwrap_or(number)
}
