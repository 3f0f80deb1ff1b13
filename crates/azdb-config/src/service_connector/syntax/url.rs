//! `user:password@host:port/database?key=value`, what stands behind the scheme of a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Field;
use crate::address::host_and_port;
use crate::service_connector::words::Part;

/// What may stand in a URL as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let mut fields = Vec::new();
    let host = match authority.rsplit_once('@') {
        Some((login, host)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            for (part, value) in [(Part::User, user), (Part::Password, password)] {
                if !value.is_empty() {
                    fields.push(Field::place(part, decoded(value)?));
                }
            }
            host
        }
        None => authority,
    };
    fields.extend(host_fields(host)?);
    // An unescaped '/' in a password would make its second half the database.
    if database.contains(['@', '/']) {
        return Err(
            "has an '@' or a '/' behind the host: write %40 and %2F in passwords".to_owned(),
        );
    }
    if !database.is_empty() {
        fields.push(Field::place(Part::Database, decoded(database)?));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let field = Field::key(&decoded(key)?, decoded(value)?);
        // Old users end in @SERVER; elsewhere it ends a password with a '?' in it, and an address follows.
        let is_user = field.part() == Some(Part::User) && !value.contains(['/', ':']);
        if pair.contains('@') && !is_user {
            return Err("has an '@' behind the '?': write %3F in passwords, and %40".to_owned());
        }
        fields.push(field);
    }
    Ok(fields)
}

/// The places of host and port.
pub(super) fn host_fields(text: &str) -> Result<Vec<Field>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.contains(',') {
        return Err("has several hosts: write a [[route]] with a list of upstreams".to_owned());
    }
    let (host, port) = host_and_port(text).map_err(|_| "has no host:port in its place")?;
    let mut fields = vec![Field::place(Part::Host, host)];
    fields.extend(port.map(|port| Field::place(Part::Port, port.to_string())));
    Ok(fields)
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from)
        .map_err(|_| "has an escape that is not UTF-8".to_owned())
}

pub(super) fn written(fields: &[Field]) -> String {
    let escaped = |value: &str| utf8_percent_encode(value, ESCAPED).to_string();
    let placed = |part| placed(fields, part);
    let login = match (placed(Part::User), placed(Part::Password)) {
        (None, None) => String::new(),
        (user, None) => format!("{}@", escaped(user.unwrap_or_default())),
        (user, Some(password)) => {
            let user = escaped(user.unwrap_or_default());
            format!("{user}:{}@", escaped(password))
        }
    };
    let database = placed(Part::Database).map_or_else(String::new, escaped);
    let pairs: Vec<String> = fields
        .iter()
        .filter(|field| !field.placed)
        .map(|field| format!("{}={}", escaped(&field.name), escaped(&field.value)))
        .collect();
    let query = match pairs.as_slice() {
        [] => String::new(),
        pairs => format!("?{}", pairs.join("&")),
    };
    format!("{login}{}/{database}{query}", host_and_port_of(fields))
}

/// The value in a place of the syntax.
pub(super) fn placed(fields: &[Field], part: Part) -> Option<&str> {
    let mut places = fields.iter().filter(|field| field.placed);
    let field = places.find(|field| field.part() == Some(part))?;
    Some(&field.value)
}

pub(super) fn host_and_port_of(fields: &[Field]) -> String {
    let host = placed(fields, Part::Host).unwrap_or_default();
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    match placed(fields, Part::Port) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}
