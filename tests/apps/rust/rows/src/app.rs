//! What the story asks of a driver.

use std::error::Error;
use std::fmt;

/// A parameter, or the first column of a row.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    Null,
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }
}

/// What went wrong, in the driver's words, with the server's own number or SQLSTATE.
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(code: impl ToString, error: &(dyn Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            if !text.contains(&cause.to_string()) {
                text = format!("{text}: {cause}");
            }
            source = cause.source();
        }
        Self {
            code: code.to_string(),
            text,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self {
            code: String::new(),
            text,
        }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        error.to_string().into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code, self.text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Postgres,
    Mysql,
    Tds,
}

/// How a driver is told of TLS in this mode: the words of its users, and whatever it takes; or why it can't.
pub(crate) type Told<T> = Result<(String, T), &'static str>;

/// A driver.
pub(crate) trait App {
    type Client;
    type Pool;

    const PROTOCOL: Protocol;
    /// With its version.
    fn driver(&self) -> String;
    /// The words for this TLS mode, or why there is none.
    fn setting(&self) -> Result<&str, &str>;
    async fn connect(&self) -> Result<Self::Client, Failure>;
    /// The first column of each row.
    async fn rows(
        &self,
        client: &mut Self::Client,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure>;
    /// A statement of one number, prepared once and executed for each of these.
    async fn prepared(
        &self,
        client: &mut Self::Client,
        sql: &str,
        numbers: &[i32],
    ) -> Result<Vec<Value>, Failure>;
    /// A statement in a transaction, which is kept or rolled back.
    async fn transaction(
        &self,
        client: &mut Self::Client,
        sql: &str,
        keeps: bool,
    ) -> Result<(), Failure>;
    /// Rows of an id and a name into this table.
    async fn batch(
        &self,
        client: &mut Self::Client,
        table: &str,
        rows: &[(i32, String)],
    ) -> Result<(), Failure>;
    /// Ends this query long before its time.
    async fn cancel(&self, client: &mut Self::Client, sql: &str) -> Result<(), Failure>;
    /// A pool of ten, or why there is none.
    fn pool(&self) -> Result<Self::Pool, &'static str>;
    async fn pooled(
        &self,
        pool: &Self::Pool,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Value>, Failure>;
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

pub(crate) fn port() -> u16 {
    variable("DB_PORT").parse().unwrap_or_default()
}

/// A package with the version that this program was built with.
pub(crate) fn version(package: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == format!("name = {package:?}"));
    let version = lines.next().and_then(|line| line.split('"').nth(1));
    format!("{package} {}", version.unwrap_or_default())
}
