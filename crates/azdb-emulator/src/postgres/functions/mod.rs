//! PostgreSQL's functions, registered with each connection to SQLite.

mod arrays;
mod cast;
mod catalog;
mod dates;
mod session;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags, SqlFnOutput};
use rusqlite::types::{FromSql, Value};

use super::cancel::Sessions;
use super::catalog::{Place, SharedCatalog};
use super::error::SqlError;
use super::settings::Settings;
use crate::sqlite::Interrupt;

type Registered = Result<(), rusqlite::Error>;

/// What functions know of their session.
pub(super) struct Surroundings {
    pub(super) user: String,
    pub(super) place: Place,
    pub(super) settings: Settings,
    pub(super) catalog: SharedCatalog,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) sessions: Arc<Sessions>,
    /// The session's process id, known only after it has been entered.
    pub(super) process: AtomicI32,
}

impl Surroundings {
    pub(super) fn process(&self) -> i32 {
        self.process.load(Ordering::Relaxed)
    }
}

/// Makes all functions known to a connection.
pub(super) fn register(connection: &Connection, session: &Arc<Surroundings>) -> Registered {
    let functions = Functions { connection };
    arrays::register(&functions)?;
    cast::register(&functions, session)?;
    catalog::register(&functions, session)?;
    dates::register(&functions)?;
    session::register(&functions, session)?;
    text::register(&functions)
}

/// Any number of arguments.
const ANY: i32 = -1;

/// Registers functions on a connection.
struct Functions<'c> {
    connection: &'c Connection,
}

impl Functions<'_> {
    /// A function whose result depends on more than its arguments.
    fn add<F, T>(&self, name: &str, arguments: i32, function: F) -> Registered
    where
        F: Fn(&Context<'_>) -> Result<T, SqlError> + Send + 'static,
        T: SqlFnOutput,
    {
        let function = move |context: &mut Context<'_>| function(context).map_err(SqlError::raised);
        let flags = FunctionFlags::SQLITE_UTF8;
        self.connection
            .create_scalar_function(name, arguments, flags, function)
    }

    /// A function whose result depends on its arguments alone.
    fn pure<F, T>(&self, name: &str, arguments: i32, function: F) -> Registered
    where
        F: Fn(&Context<'_>) -> Result<T, SqlError> + Send + 'static,
        T: SqlFnOutput,
    {
        let function = move |context: &mut Context<'_>| function(context).map_err(SqlError::raised);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.connection
            .create_scalar_function(name, arguments, flags, function)
    }

    /// A function that always says the same, whatever its arguments.
    fn constant<T>(&self, names: &[&str], value: T) -> Registered
    where
        T: SqlFnOutput + Clone + Send + 'static,
    {
        for name in names {
            let value = value.clone();
            self.pure(name, ANY, move |_| Ok(value.clone()))?;
        }
        Ok(())
    }
}

/// An argument; NULL and absent are `None`.
fn argument<T: FromSql>(context: &Context<'_>, at: usize) -> Result<Option<T>, SqlError> {
    if at >= context.len() {
        return Ok(None);
    }
    context
        .get::<Option<T>>(at)
        .map_err(|error| SqlError::new("42883", error.to_string()))
}

/// An argument as text, whatever SQLite keeps it as; NULL and absent are `None`.
fn text_argument(context: &Context<'_>, at: usize) -> Result<Option<String>, SqlError> {
    let text = match argument::<Value>(context, at)? {
        None | Some(Value::Null) => None,
        Some(Value::Integer(number)) => Some(number.to_string()),
        Some(Value::Real(number)) => Some(number.to_string()),
        Some(Value::Text(text)) => Some(text),
        Some(Value::Blob(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    };
    Ok(text)
}

/// An argument as an integer; text is read as one.
fn integer_argument(context: &Context<'_>, at: usize) -> Result<Option<i64>, SqlError> {
    let Some(text) = text_argument(context, at)? else {
        return Ok(None);
    };
    let number = text.trim().parse::<f64>();
    let number = number.map_err(|_| SqlError::invalid_input("integer", &text))?;
    Ok(Some(number as i64))
}

/// A length or count that a client asked for, kept from filling the memory.
fn bounded(length: i64) -> Result<usize, SqlError> {
    /// PostgreSQL's limit for one value.
    const LIMIT: i64 = 0x3fff_ffff;
    if length > LIMIT {
        return Err(SqlError::new("54000", "requested length too large"));
    }
    Ok(usize::try_from(length).unwrap_or(0))
}
