//! `host:port;key=value`, what stands behind `jdbc:sqlserver://`.

use super::{Field, ado, url};

pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let (place, properties) = text.split_once(';').unwrap_or((text, ""));
    if place.contains('\\') {
        return Err("names an instance, which is a port: write host:port".to_owned());
    }
    let mut fields = url::host_fields(place.trim_end_matches('/'))?;
    fields.extend(ado::parse(properties)?);
    Ok(fields)
}

pub(super) fn written(fields: &[Field]) -> String {
    let (places, keys): (Vec<Field>, Vec<Field>) =
        fields.iter().cloned().partition(|field| field.placed);
    format!("{};{}", url::host_and_port_of(&places), braced(&keys))
}

/// The driver knows braces, and no other quotes.
fn braced(fields: &[Field]) -> String {
    let pairs = fields.iter().map(|field| {
        let value = field.value.as_str();
        let is_plain = value.trim() == value
            && !value.contains([';', '}'])
            && !value.starts_with(['{', '"', '\'']);
        match is_plain {
            true => format!("{}={value};", field.name),
            false => format!("{}={{{}}};", field.name, value.replace('}', "}}")),
        }
    });
    pairs.collect()
}
