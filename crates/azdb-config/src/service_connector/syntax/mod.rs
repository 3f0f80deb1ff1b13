//! Connection strings: parsed into fields, and written again with other values in them.
//!
//! ```text
//!   Server=H;Database=D;User Id=U;                    ado    .NET, ODBC, Go
//!   host=H port=5432 dbname=D user=U                  libpq  C, Python, PHP, Ruby, Go
//!   jdbc:postgresql://H:5432/D?user=U                 url    Java, whoever takes URLs
//!   jdbc:sqlserver://H:1433;databaseName=D;           jdbc   Java
//!   U@tcp(H:3306)/D?tls=true                          dsn    Go
//! ```
//!
//! # Invariants
//!
//! * No fault repeats any part of the text: it may be a password.
//! * What is written is parsed to the same fields.
//! * No text makes parsing panic.

mod ado;
mod dsn;
mod jdbc;
mod libpq;
mod url;

use zeroize::Zeroizing;

use super::words::{self, Part};
use crate::route::ProtocolName;

/// How a connection string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `key=value;`, with quotes as ADO.NET and ODBC have them.
    Ado,
    /// `key=value key=value`.
    Libpq,
    /// `scheme://user@host/database?key=value`, with `jdbc:` in front or without.
    Url,
    /// `jdbc:sqlserver://host:port;key=value`.
    Jdbc,
    /// `user:password@tcp(host:port)/database?key=value`.
    Dsn,
}

/// One key and its value. It has no `Debug`: the value may be a password.
#[derive(Clone)]
pub(super) struct Field {
    /// As it is written; where the syntax has a place and no key, the part's own.
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// A place of the syntax and not a key.
    pub(super) placed: bool,
}

impl Field {
    fn key(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Zeroizing::new(value.into()),
            placed: false,
        }
    }

    fn place(part: Part, value: impl Into<String>) -> Self {
        let name = match part {
            Part::Host => "host",
            Part::Port => "port",
            Part::Database => "database",
            Part::User => "user",
            _ => "password",
        };
        Self {
            name: name.to_owned(),
            value: Zeroizing::new(value.into()),
            placed: true,
        }
    }

    pub(super) fn part(&self) -> Option<Part> {
        words::key(&self.name)
    }
}

/// A connection string, taken apart.
#[derive(Clone)]
pub(super) struct ConnectionString {
    pub(super) syntax: Syntax,
    /// The scheme of a URL, `jdbc:` included.
    scheme: String,
    pub(super) fields: Vec<Field>,
}

impl ConnectionString {
    /// Takes a text apart.
    ///
    /// # Errors
    ///
    /// A message that goes on after the name of whatever holds the text, and has no part of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (syntax, scheme, rest) = recognised(text);
        let fields = match syntax {
            Syntax::Ado => ado::parse(rest),
            Syntax::Libpq => libpq::parse(rest),
            Syntax::Url => url::parse(rest),
            Syntax::Jdbc => jdbc::parse(rest),
            Syntax::Dsn => dsn::parse(rest),
        };
        Ok(Self {
            syntax,
            scheme: scheme.to_owned(),
            fields: fields?,
        })
    }

    /// Whether there is such a key, whatever its value.
    pub(super) fn has_key(&self, name: &str) -> bool {
        let mut names = self.fields.iter();
        names.any(|field| !field.placed && field.name.eq_ignore_ascii_case(name))
    }

    /// Gives every field that says this another value, or adds one of this name.
    pub(super) fn set(&mut self, part: Part, name: &str, value: &str) {
        let mut is_there = false;
        for field in &mut self.fields {
            if field.part() == Some(part) {
                field.value = Zeroizing::new(value.to_owned());
                is_there = true;
            }
        }
        if !is_there {
            let placed = match self.syntax {
                Syntax::Dsn | Syntax::Url | Syntax::Jdbc => {
                    matches!(part, Part::Host | Part::Port | Part::Database)
                        || (!self.is_of_java() && matches!(part, Part::User | Part::Password))
                }
                Syntax::Ado | Syntax::Libpq => false,
            };
            self.fields.push(if placed {
                Field::place(part, value)
            } else {
                Field::key(name, value)
            });
        }
    }

    /// One more key.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.fields.push(Field::key(name, value));
    }

    /// Takes out every field that says this.
    pub(super) fn remove(&mut self, part: Part) {
        self.fields.retain(|field| field.part() != Some(part));
    }

    /// The protocol that the syntax, or a scheme, can only mean.
    pub(super) fn protocol(&self) -> Option<ProtocolName> {
        match self.syntax {
            Syntax::Dsn => Some(ProtocolName::Mysql),
            Syntax::Jdbc => Some(ProtocolName::Tds),
            Syntax::Libpq => Some(ProtocolName::Postgres),
            Syntax::Url => protocol_of(without_jdbc(&self.scheme)),
            Syntax::Ado => None,
        }
    }

    /// Who reads such a text.
    pub(super) fn client(&self, protocol: ProtocolName) -> &'static str {
        match self.syntax {
            Syntax::Ado if self.has_key("driver") => "ODBC",
            Syntax::Ado if protocol == ProtocolName::Tds && self.is_of_go() => "Go",
            Syntax::Ado => ".NET",
            Syntax::Libpq => "Python, PHP, Go or Ruby",
            Syntax::Url if !self.is_of_java() => "an app that takes URLs",
            Syntax::Url | Syntax::Jdbc => "Java",
            Syntax::Dsn => "Go",
        }
    }

    /// Java's drivers have user and password among the keys only.
    pub(super) fn is_of_java(&self) -> bool {
        self.scheme.starts_with("jdbc:")
    }

    /// SqlClient has no key for the port, and go-mssqldb no other place.
    pub(super) fn is_of_go(&self) -> bool {
        self.has_key("port") || self.has_key("fedauth")
    }

    /// The text with these fields in it. Only for fields without a secret.
    pub(super) fn written(&self) -> String {
        let fields = &self.fields;
        let rest = match self.syntax {
            Syntax::Ado => ado::written(fields),
            Syntax::Libpq => libpq::written(fields),
            Syntax::Url => url::written(fields),
            Syntax::Jdbc => jdbc::written(fields),
            Syntax::Dsn => dsn::written(fields),
        };
        format!("{}{rest}", self.scheme)
    }
}

fn protocol_of(scheme: &str) -> Option<ProtocolName> {
    words::protocol_of_scheme(scheme.trim_end_matches("://"))
}

/// Which syntax a text has, its scheme, and the rest.
fn recognised(text: &str) -> (Syntax, &str, &str) {
    let scheme = text
        .split_once("://")
        .filter(|(scheme, _)| protocol_of(without_jdbc(scheme)).is_some())
        .and_then(|(scheme, _)| text.split_at_checked(scheme.len() + "://".len()));
    if let Some((scheme, rest)) = scheme {
        let is_jdbc = without_jdbc(scheme).len() < scheme.len();
        let is_tds = protocol_of(without_jdbc(scheme)) == Some(ProtocolName::Tds);
        let syntax = if is_jdbc && is_tds {
            Syntax::Jdbc
        } else {
            Syntax::Url
        };
        return (syntax, scheme, rest);
    }
    let is_dsn = text.contains("@tcp(") || text.starts_with("tcp(");
    // What is behind a key is a password with such letters in it.
    let has_keys = |text: &str| {
        let key = text.split_once('=').and_then(|(name, _)| words::key(name));
        key.is_some()
    };
    let syntax = if is_dsn && !has_keys(text) {
        Syntax::Dsn
    } else if is_ado(text) {
        Syntax::Ado
    } else {
        Syntax::Libpq
    };
    (syntax, "", text)
}

fn without_jdbc(scheme: &str) -> &str {
    match scheme.split_at_checked("jdbc:".len()) {
        Some((jdbc, rest)) if jdbc.eq_ignore_ascii_case("jdbc:") => rest,
        _ => scheme,
    }
}

/// The first value ends at a semicolon, or the first key or value is of a kind that libpq has not.
fn is_ado(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else {
        return false;
    };
    let value = value.trim_start();
    if value.starts_with(['{', '"']) || name.trim().contains(' ') {
        return true;
    }
    let end = value.find(|letter: char| letter == ';' || letter.is_whitespace());
    match end.and_then(|end| value.get(end..)) {
        Some(rest) => rest.starts_with(';'),
        None => words::key(name) == Some(Part::Host) && name.trim() != "host",
    }
}
