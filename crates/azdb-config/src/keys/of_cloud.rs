//! `cloud = { … }` of an identity: a cloud whose names this program does not know.

use azdb_identity::Audience;

use super::kinds::Parsed;
use super::lists::List;
use super::{Table, key, keys};

/// A cloud.
pub(crate) static TABLE: Table = Table {
    name: "cloud",
    title: "cloud = { … }",
    parts: &[KEYS],
};

keys! { KEYS {
    AUTHORITY: Parsed<String> = Parsed("https URL", authority),
        key("authority", "where tokens are asked for, by the sources that ask Microsoft Entra's authority").required("");
    SQL_AUDIENCE: Parsed<Audience> = Parsed("https URL", audience),
        key("sql_audience", "what a token for Azure SQL is for").required("");
    OSS_AUDIENCE: Parsed<Audience> = Parsed("https URL", audience),
        key("oss_audience", "what a token for Azure Database for PostgreSQL and for MySQL is for").required("");
    SUFFIXES: List<String> = List(Parsed("names", suffix)),
        key("suffixes", "what the names of its servers end in: a token may go there").required("");
}}

/// The host of an https URL that has nothing else.
fn https(url: &str) -> Result<&str, String> {
    let host = url.strip_prefix("https://").unwrap_or_default();
    let host = host.strip_suffix('/').unwrap_or(host);
    match is_name(host) {
        true => Ok(host),
        false => Err(format!(
            "{url:?} is not an https URL of a name alone, as https://login.example.org"
        )),
    }
}

fn authority(url: &str) -> Result<String, String> {
    https(url).map(|host| format!("https://{host}"))
}

fn audience(url: &str) -> Result<Audience, String> {
    let resource = url.strip_suffix("/.default").unwrap_or(url);
    https(resource).map(|_| Audience::new(url))
}

fn suffix(name: &str) -> Result<String, String> {
    match is_name(name) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(format!(
            "{name:?} is not the end of a name, as database.example.org: no dot in front, two labels at least"
        )),
    }
}

/// Labels of letters, digits and hyphens, two at least, and no address.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.split('.').all(is_label)
        && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}
