//! What an app must be told in place of what it was told: the same, at this machine.
//!
//! # Invariants
//!
//! * No secret of a variable is in what is written here: of a connection string only keys that are known to hold none are repeated, and
//!   what drivers read as the name of the database.

use super::harmless;
use super::sets::{Set, Variable};
use super::syntax::{ConnectionString, Syntax};
use super::words::{self, Part};
use crate::route::ProtocolName;

/// Who is let in with any user and any password is told these.
const ANY: &str = "any";
const HERE: &str = "127.0.0.1";

/// An app by its language, and what to tell it.
pub(super) struct App {
    pub(super) client: &'static str,
    pub(super) lines: Vec<String>,
}

/// The apps that read the variables of a set.
pub(super) fn of(set: &Set<'_>, protocol: ProtocolName, port: u16) -> Vec<App> {
    let whole = set.iter().filter(|(part, _)| *part == Part::Whole);
    let mut apps: Vec<App> = whole
        .filter_map(|(_, variable)| {
            let text = ConnectionString::parse(variable.value).ok()?;
            let (told, left_out) = here(&text, protocol, port, set.is_spring);
            let mut lines = vec![format!("{}={told}", variable.name)];
            if left_out > 0 {
                lines.push(format!(
                    "(without {left_out} more, which may be secret: look at the variable)"
                ));
            }
            let client = match set.is_spring {
                true => {
                    lines.extend(of_spring(variable.name));
                    "Java, Spring Boot"
                }
                false => text.client(protocol),
            };
            Some(App { client, lines })
        })
        .collect();
    if set.has(Part::Host) {
        apps.push(in_parts(set, protocol, port));
    }
    apps
}

fn of_spring(url: &str) -> [String; 3] {
    let properties = [
        "username=any",
        "password=any",
        "azure.passwordless-enabled=false",
    ];
    properties.map(|property| match url.contains('.') {
        true => format!("spring.datasource.{property}"),
        false => {
            let (name, value) = property.split_once('=').unwrap_or((property, ""));
            let name = name.replace('.', "_").replace('-', "").to_ascii_uppercase();
            format!("SPRING_DATASOURCE_{name}={value}")
        }
    })
}

/// An app that puts its connection together from several variables.
fn in_parts(set: &Set<'_>, protocol: ProtocolName, port: u16) -> App {
    let variables = || set.iter().filter(|(part, _)| *part != Part::Whole);
    let ends: Vec<&str> = variables()
        .map(|(_, variable)| variable.end.as_str())
        .collect();
    let mut lines: Vec<String> = variables()
        .map(|(part, variable)| match told(part, variable, port) {
            Some(value) => format!("{}={value}", variable.name),
            None => format!("(without {})", variable.name),
        })
        .collect();
    if protocol == ProtocolName::Tds && !set.has(Part::User) {
        let end = words::split_user(&ends);
        lines.push(format!("{}_{end}={ANY}", set.prefix));
    }
    if !set.has(Part::Password) {
        lines.push(format!("{}_PASSWORD={ANY}", set.prefix));
    }
    let says_port = set.has(Part::Port) || ends.contains(&"SERVERNAME");
    if !says_port && port != protocol.default_port() {
        lines.push(format!("{}_PORT={port}", set.prefix));
    }
    App {
        client: words::split_client(protocol, &ends),
        lines,
    }
}

/// The new value of a variable; `None` where there must be none.
fn told(part: Part, variable: &Variable<'_>, port: u16) -> Option<String> {
    match part {
        // PHP's, which has no other place for the port.
        Part::Host if variable.end == "SERVERNAME" => Some(format!("{HERE},{port}")),
        Part::Host => Some(HERE.to_owned()),
        Part::Port => Some(port.to_string()),
        Part::Database => Some(variable.value.to_owned()),
        Part::User | Part::Password => Some(ANY.to_owned()),
        Part::Tls if variable.end == "SSLMODE" => Some("disabled".to_owned()),
        // "false" is a text, which JavaScript takes for true.
        Part::Tls
        | Part::Whole
        | Part::Authentication
        | Part::ClientId
        | Part::ClientSecret
        | Part::TenantId => None,
    }
}

/// A connection string that leads here, and how many keys of the old one are not in it because nothing is known of them.
fn here(
    text: &ConnectionString,
    protocol: ProtocolName,
    port: u16,
    is_spring: bool,
) -> (String, usize) {
    let mut new = text.clone();
    // Not even the names of the others are repeated: they may be of a password's end.
    let before = new.fields.len();
    let mut reader = harmless::Reader::default();
    new.fields.retain(|field| reader.takes(field));
    let left_out = before - new.fields.len();
    for part in [
        Part::Authentication,
        Part::ClientId,
        Part::ClientSecret,
        Part::TenantId,
        Part::Tls,
    ] {
        new.remove(part);
    }
    let port = port.to_string();
    let is_odbc = text.has_key("driver");
    // SqlClient and ODBC have the port in the server's place.
    if text.syntax == Syntax::Ado && protocol == ProtocolName::Tds && !text.is_of_go() {
        new.remove(Part::Port);
        new.set(Part::Host, "Server", &format!("tcp:{HERE},{port}"));
    } else {
        new.set(Part::Host, "host", HERE);
        new.set(Part::Port, "port", &port);
    }
    let (user, password) = match text.syntax {
        Syntax::Ado if is_odbc => ("UID", "PWD"),
        Syntax::Ado => ("User Id", "Password"),
        _ => ("user", "password"),
    };
    if let Some((name, value)) = without_tls(text, protocol) {
        new.add(name, value);
    }
    if is_spring {
        // It has other properties for these.
        new.remove(Part::User);
        new.remove(Part::Password);
    } else {
        new.set(Part::User, user, ANY);
        new.set(Part::Password, password, ANY);
    }
    (new.written(), left_out)
}

/// How an app is told that it needs no TLS, which it does not on loopback.
fn without_tls(
    text: &ConnectionString,
    protocol: ProtocolName,
) -> Option<(&'static str, &'static str)> {
    use ProtocolName::{Mysql, Postgres, Tds};

    match (text.syntax, protocol) {
        (Syntax::Libpq, _) | (Syntax::Url, Postgres) => Some(("sslmode", "disable")),
        (Syntax::Url, Mysql) if text.is_of_java() => Some(("sslMode", "DISABLED")),
        // Each driver that takes such a URL has words of its own.
        (Syntax::Url, Mysql) => None,
        (Syntax::Url, Tds) => Some(("encrypt", "disable")),
        (Syntax::Jdbc, _) => Some(("encrypt", "false")),
        (Syntax::Dsn, _) => Some(("tls", "false")),
        (Syntax::Ado, Postgres) => Some(("Ssl Mode", "Disable")),
        (Syntax::Ado, Mysql) => Some(("SSL Mode", "None")),
        (Syntax::Ado, Tds) if text.has_key("driver") => Some(("Encrypt", "no")),
        (Syntax::Ado, Tds) if text.is_of_go() => Some(("encrypt", "disable")),
        (Syntax::Ado, Tds) => Some(("Encrypt", "False")),
    }
}
