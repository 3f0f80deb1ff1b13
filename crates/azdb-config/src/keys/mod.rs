//! Every key of the configuration, declared once.
//!
//! A [`Key`] says what it holds, what its absence means, what it needs to have an effect, and what it does; a [`Table`]
//! lists its keys. From them come what readers accept, "did you mean", the variables of the environment, keys that mean
//! nothing where they stand, the tables of `docs/configuration.md` and the JSON Schema.
//!
//! ```text
//!   process, identity, route, ... -- keys --> Table --> Section::{read, value, know, finish}
//!                                              |------> env, url
//!                                              '------> schema, docs/configuration.md, proxy.example.toml (tests)
//! ```
//!
//! # Invariants
//!
//! * A reader cannot ask for a key that no table has: keys are constants, not strings.
//! * Each default is what its key can hold.

mod form;
mod group;
mod kinds;
mod lists;
mod needs;
pub(crate) mod of_cloud;
pub(crate) mod of_document;
pub(crate) mod of_identity;
pub(crate) mod of_process;
pub(crate) mod of_route;

use std::fmt::{self, Write as _};

pub(crate) use self::form::Form;
pub(crate) use self::kinds::{Inner, Secret, Time, ValueKind, Word};
pub(crate) use self::needs::{Fact, Needs};
use crate::route::ProtocolName;
use crate::value::Value;

/// A key whose values are of kind `K`.
pub(crate) struct Key<K> {
    pub(crate) about: About,
    pub(crate) kind: K,
}

/// What there is to say of a key of any kind.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    /// What it does, in Markdown.
    pub(crate) says: &'static str,
    pub(crate) absent: Absent,
    /// Without all of these it has no effect.
    pub(crate) needs: &'static [Needs],
    pub(crate) in_urls: bool,
    /// Its addresses may leave the port out, and then have the usual one of the route's protocol.
    has_usual_port: bool,
}

/// What the absence of a key means.
#[derive(Clone, Copy)]
pub(crate) enum Absent {
    /// The same as this value.
    Is(Literal),
    /// The same as one value where apps' logins go on with a token, as another with a password.
    ByLogin { token: Literal, password: Literal },
    /// What the text says, in Markdown.
    Means(&'static str),
    /// A problem; the text goes on after "is missing".
    Missing(&'static str),
}

/// A value as a file would have it.
#[derive(Clone, Copy)]
pub(crate) enum Literal {
    Text(&'static str),
    Number(u32),
    Bool(bool),
}

impl Literal {
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Number(number) => Value::Integer {
                value: number.into(),
                octal: false,
            },
            Self::Bool(value) => Value::Boolean(value),
        }
    }

    /// Whether `value` says the same, from a file or from a URL.
    pub(crate) fn is(self, value: &Value) -> bool {
        let words = match value {
            Value::Text(text) => std::slice::from_ref(text),
            Value::Words(words) => words,
            Value::Boolean(value) => return matches!(self, Self::Bool(own) if own == *value),
            Value::Integer { value, .. } => {
                return matches!(self, Self::Number(own) if i64::from(own) == *value);
            }
            _ => return false,
        };
        let own = match self {
            Self::Text(text) => text.to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
        };
        matches!(words, [word] if *word == own)
    }
}

/// As a file would have it.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

/// Begins the description of a key.
const fn key(name: &'static str, says: &'static str) -> About {
    About {
        name,
        says,
        absent: Absent::Means("none"),
        needs: &[],
        in_urls: true,
        has_usual_port: false,
    }
}

impl About {
    const fn or(mut self, literal: Literal) -> Self {
        self.absent = Absent::Is(literal);
        self
    }

    const fn or_by_login(mut self, token: Literal, password: Literal) -> Self {
        self.absent = Absent::ByLogin { token, password };
        self
    }

    const fn or_else(mut self, means: &'static str) -> Self {
        self.absent = Absent::Means(means);
        self
    }

    const fn required(mut self, more: &'static str) -> Self {
        self.absent = Absent::Missing(more);
        self
    }

    const fn needs(mut self, needs: &'static [Needs]) -> Self {
        self.needs = needs;
        self
    }

    const fn usual_port(mut self) -> Self {
        self.has_usual_port = true;
        self
    }

    const fn in_files_only(mut self) -> Self {
        self.in_urls = false;
        self
    }

    /// What it does, and where, in Markdown.
    pub(crate) fn meaning(&self) -> String {
        let mut meaning = self.says.to_owned();
        if self.has_usual_port {
            let usual = |of: ProtocolName| format!("{} for `{of}`", of.default_port());
            let ports = ProtocolName::ALL.map(usual).join(", ");
            let _ = write!(meaning, ". Without a port: {ports}");
        }
        for needs in self.needs {
            if let Some(condition) = needs.in_words() {
                let _ = write!(meaning, ". {condition}");
            }
        }
        if !self.in_urls {
            meaning.push_str(". Not in a URL");
        }
        meaning
    }

    /// What its absence means, in Markdown.
    pub(crate) fn default(&self) -> String {
        match self.absent {
            Absent::Is(literal) => format!("`{literal}`"),
            Absent::ByLogin { token, password } => {
                format!("`{token}`, with a password `{password}`")
            }
            Absent::Means(means) => means.to_owned(),
            Absent::Missing(_) => "required".to_owned(),
        }
    }
}

/// A key of whatever kind.
pub(crate) trait Row: Sync {
    fn about(&self) -> &About;
    fn form(&self) -> Form;
}

impl<K: ValueKind> Row for Key<K> {
    fn about(&self) -> &About {
        &self.about
    }

    fn form(&self) -> Form {
        self.kind.form()
    }
}

/// Keys that are explained together.
pub(crate) type Part = &'static [&'static dyn Row];

/// A table of a file.
pub(crate) struct Table {
    /// One word.
    pub(crate) name: &'static str,
    /// As it is written in a file.
    pub(crate) title: &'static str,
    pub(crate) parts: &'static [Part],
}

impl Table {
    /// Its keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static dyn Row> + use<> {
        self.parts.iter().flat_map(|part| part.iter().copied())
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.rows().map(|row| row.about().name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

/// The tables that a file can have.
pub(crate) static TABLES: [&Table; 5] = [
    &of_process::TABLE,
    &of_document::HEALTH,
    &of_document::ADMIN,
    &of_identity::TABLE,
    &of_route::TABLE,
];

/// Declares keys as constants, and the part that lists them.
macro_rules! keys {
    ($PART:ident { $($KEY:ident: $Kind:ty = $kind:expr, $about:expr;)* }) => {
        $(pub(crate) static $KEY: $crate::keys::Key<$Kind> = $crate::keys::Key {
            about: $about,
            kind: $kind,
        };)*
        pub(crate) static $PART: $crate::keys::Part = &[$(&$KEY),*];
    };
}
use keys;
