//! The keys of SQL Server's routes: `routing_suffixes`, `sql_browser` and `max_session_age`.

use std::time::Duration;

use super::address::server_name;
use super::login::Mode;
use super::problems::{Checked, Written};
use super::section::Section;
use crate::route::{ProtocolName, SessionAge, TdsOptions};

/// Younger sessions would be in the way of every pool.
const YOUNGEST: Duration = Duration::from_secs(60);
/// Older ones may as well be as old as they like.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads them; other protocols know none of them.
pub(super) fn read(
    section: &mut Section<'_>,
    protocol: Option<ProtocolName>,
    mode: &Checked<Mode>,
) -> Checked<TdsOptions> {
    if let Some(other) = protocol.filter(|protocol| *protocol != ProtocolName::Tds) {
        let mut result = Ok(TdsOptions::default());
        for key in ["routing_suffixes", "sql_browser", "max_session_age"] {
            if let Some(stray) = section.take(key) {
                let problem = format!("is for tds, and protocol is \"{other}\"");
                result = Err(section.refuse(&stray.spot, key, problem));
            }
        }
        return result;
    }
    let routing_suffixes = routing_suffixes(section);
    let sql_browser = section.boolean("sql_browser");
    let session_age = session_age(section, mode);
    Ok(TdsOptions {
        routing_suffixes: routing_suffixes?,
        sql_browser: sql_browser?.is_some_and(|browser| browser.value),
        session_age: session_age?,
    })
}

/// Domains, with or without a dot in front.
fn routing_suffixes(section: &mut Section<'_>) -> Checked<Vec<String>> {
    const KEY: &str = "routing_suffixes";
    let mut suffixes = Vec::new();
    let mut result = Ok(());
    for Written { value, spot } in section.texts(KEY)?.unwrap_or_default() {
        let suffix = value.strip_prefix('.').unwrap_or(&value);
        if suffix.parse::<std::net::IpAddr>().is_ok() {
            let problem = format!("{value:?} is an address: an upstream is followed to names only");
            result = Err(section.refuse(&spot, KEY, problem));
        } else if let Err(problem) = server_name(suffix) {
            result = Err(section.refuse(&spot, KEY, problem));
        } else {
            suffixes.push(suffix.to_ascii_lowercase());
        }
    }
    result.map(|()| suffixes)
}

/// `"token"`, `"off"` or a duration.
fn session_age(section: &mut Section<'_>, mode: &Checked<Mode>) -> Checked<SessionAge> {
    const KEY: &str = "max_session_age";
    let with_tokens = *mode != Ok(Mode::Password);
    match section.peek_text(KEY) {
        None if section.has(KEY) => section.text(KEY).map(|_| SessionAge::Unlimited),
        None if with_tokens => Ok(SessionAge::Token),
        None => Ok(SessionAge::Unlimited),
        Some("off") => {
            section.text(KEY)?;
            Ok(SessionAge::Unlimited)
        }
        Some("token") => match section.text(KEY)? {
            Some(word) if !with_tokens => {
                let problem = "there is no token, because upstream_auth is \"password\"";
                Err(section.refuse(&word.spot, KEY, problem))
            }
            _ => Ok(SessionAge::Token),
        },
        Some(_) => {
            let age = section.duration(KEY, YOUNGEST..=OLDEST)?;
            Ok(age.map_or(SessionAge::Unlimited, SessionAge::After))
        }
    }
}
