//! Values before anybody has looked at what they should be.
//!
//! Files know types; URLs and environment variables have words only. [`Value`] holds both, so that a route is read by the
//! same code from either.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::owner::OpenToOthers;
use super::problems::Written;

/// Keys and values of one table.
pub(super) type Entries = BTreeMap<String, Written<Value>>;

/// A value before anybody has looked at what it should be.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer {
        value: i64,
        /// Written as `0o…`.
        octal: bool,
    },
    Boolean(bool),
    List(Vec<Written<Value>>),
    Table(Entries),
    /// From a URL or the environment, which know no types; one word for each time the key was given.
    Words(Vec<String>),
    /// From a variable of another program's: what it holds stands in no file.
    Secret(SecretString),
    /// A type that no key has, by its name.
    Other(&'static str),
}

impl Value {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Words(_) => "a string",
            Self::Integer { .. } => "a number",
            Self::Boolean(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Secret(_) => "a secret",
            Self::Other(kind) => kind,
        }
    }
}

/// What values were written in.
#[derive(Debug, Clone)]
pub(super) struct WrittenIn {
    /// As it stands before the colon of a message.
    pub(super) name: Arc<str>,
    /// What relative paths are relative to; empty for the working directory.
    pub(super) base: PathBuf,
    /// That others than the owner may write the file.
    pub(super) open_to_others: Option<OpenToOthers>,
}

impl WrittenIn {
    /// An argument or the environment: nobody else's, and relative to the working directory.
    pub(super) fn of_the_process(name: &str) -> Self {
        Self {
            name: name.into(),
            base: PathBuf::new(),
            open_to_others: None,
        }
    }
}
