//! `user:password@tcp(host:port)/database?key=value`: go-sql-driver's, in which nothing is escaped but the query.

use super::Field;
use super::url::{self, host_fields};
use crate::service_connector::words::Part;

/// The user may have an `@`, and a password anything: the last `@` before the address ends them.
pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let wrong = || "is not user@tcp(host:port)/database".to_owned();
    let (login, rest) = match text.rsplit_once("@tcp(") {
        Some((login, rest)) => (login, rest),
        None => ("", text.strip_prefix("tcp(").ok_or_else(wrong)?),
    };
    let (address, rest) = rest.split_once(')').ok_or_else(wrong)?;
    let rest = rest.strip_prefix('/').ok_or_else(wrong)?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let mut fields = Vec::new();
    for (part, value) in [(Part::User, user), (Part::Password, password)] {
        if !value.is_empty() {
            fields.push(Field::place(part, value));
        }
    }
    fields.extend(host_fields(address)?);
    // Database and query are those of a URL.
    fields.extend(url::parse(&format!("/{rest}"))?);
    Ok(fields)
}

pub(super) fn written(fields: &[Field]) -> String {
    let placed = |part| url::placed(fields, part);
    let user = placed(Part::User).unwrap_or_default();
    let password = placed(Part::Password).map_or_else(String::new, |word| format!(":{word}"));
    let rest: Vec<Field> = fields
        .iter()
        .filter(|field| !field.placed || field.part() == Some(Part::Database))
        .cloned()
        .collect();
    let address = url::host_and_port_of(fields);
    format!("{user}{password}@tcp({address}){}", url::written(&rest))
}
