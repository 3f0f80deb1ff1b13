//! A session's settings: `SET`, `SHOW`, and what is reported to the client.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::SqlError;
use super::opening::Startup;

/// What `server_version` says.
pub(super) const VERSION: &str = "16.4";
/// The same as a number.
const VERSION_NUMBER: &str = "160004";

/// Settings that are told to the client at login and at each change, spelled as PostgreSQL does.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "scram_iterations",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// All settings and their defaults. Only `statement_timeout` and `lock_timeout` change what the
/// emulator does.
const DEFAULTS: [(&str, &str); 58] = [
    ("application_name", ""),
    ("backslash_quote", "safe_encoding"),
    ("bytea_output", "hex"),
    ("check_function_bodies", "on"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("cursor_tuple_fraction", "0.1"),
    ("datestyle", "ISO, MDY"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_text_search_config", "pg_catalog.english"),
    ("default_transaction_deferrable", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("escape_string_warning", "on"),
    ("extra_float_digits", "1"),
    ("force_parallel_mode", "off"),
    ("gin_fuzzy_search_limit", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("intervalstyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "on"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C.UTF-8"),
    ("lc_numeric", "C.UTF-8"),
    ("lc_time", "C.UTF-8"),
    ("listen_addresses", "*"),
    ("lock_timeout", "0"),
    ("log_statement", "none"),
    ("max_connections", "100"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("max_parallel_workers_per_gather", "2"),
    ("password_encryption", "scram-sha-256"),
    ("quote_all_identifiers", "off"),
    ("row_security", "on"),
    ("scram_iterations", "4096"),
    ("search_path", "\"$user\", public"),
    ("server_encoding", "UTF8"),
    ("server_version", VERSION),
    ("server_version_num", VERSION_NUMBER),
    ("session_authorization", ""),
    ("shared_buffers", "128MB"),
    ("ssl", "on"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("synchronous_commit", "on"),
    ("synchronize_seqscans", "on"),
    ("tcp_keepalives_idle", "120"),
    ("timezone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "off"),
    ("work_mem", "4MB"),
];

/// Settings that nobody can change.
const FIXED: [&str; 9] = [
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "server_encoding",
    "server_version",
    "server_version_num",
];

/// The settings of one session.
pub(super) struct Settings {
    /// What the session began with, by lowercase name.
    initial: BTreeMap<String, String>,
    now: Mutex<BTreeMap<String, String>>,
}

impl Settings {
    /// The defaults, changed by what a StartupMessage says.
    pub(super) fn new(startup: &Startup, user: &str) -> Self {
        let defaults = DEFAULTS.iter();
        let mut initial: BTreeMap<String, String> = defaults
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        initial.insert("session_authorization".to_owned(), user.to_owned());
        for (name, value) in &startup.parameters {
            let name = name.to_lowercase();
            if name == "options" {
                for (name, value) in command_line(value) {
                    initial.insert(name, value);
                }
            } else if is_setting(&name) && !FIXED.contains(&name.as_str()) {
                initial.insert(name.clone(), normalized(&name, value));
            }
        }
        Self {
            now: Mutex::new(initial.clone()),
            initial,
        }
    }

    /// The value of a setting.
    pub(super) fn show(&self, name: &str) -> Result<String, SqlError> {
        let now = self.now();
        let value = now.get(&name.to_lowercase());
        value.cloned().ok_or_else(|| unrecognized(name))
    }

    /// Changes a setting; `None` is what the session began with. Says what to report to the client.
    pub(super) fn set(
        &self,
        name: &str,
        value: Option<&str>,
    ) -> Result<Option<(String, String)>, SqlError> {
        let name = name.to_lowercase();
        // Names with a dot belong to the application.
        let known = self.initial.contains_key(&name) || name.contains('.');
        if !known {
            return Err(unrecognized(&name));
        }
        if FIXED.contains(&name.as_str()) {
            let message = format!("parameter \"{name}\" cannot be changed");
            return Err(SqlError::new("55P02", message));
        }
        let value = match value {
            Some(value) => normalized(&name, value),
            None => self.initial.get(&name).cloned().unwrap_or_default(),
        };
        self.now().insert(name.clone(), value.clone());
        let reported = REPORTED.iter().find(|r| r.eq_ignore_ascii_case(&name));
        Ok(reported.map(|spelled| ((*spelled).to_owned(), value)))
    }

    /// Puts everything back to what the session began with.
    pub(super) fn reset_all(&self) {
        self.now().clone_from(&self.initial);
    }

    /// The time that a setting of milliseconds allows; `None` when it sets no limit.
    pub(super) fn limit(&self, name: &str) -> Option<Duration> {
        let value = self.show(name).ok()?;
        let digits = value
            .find(|char: char| !char.is_ascii_digit())
            .unwrap_or(value.len());
        let (number, unit) = value.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let milliseconds = match unit.trim() {
            "" | "ms" => number,
            "s" => number.checked_mul(1000)?,
            "min" => number.checked_mul(60_000)?,
            _ => return None,
        };
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }

    /// All names and values.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let now = self.now();
        now.iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// What a client is told at login.
    pub(super) fn reported(&self) -> Vec<(String, String)> {
        let now = self.now();
        let value = |name: &str| now.get(&name.to_lowercase()).cloned().unwrap_or_default();
        REPORTED
            .iter()
            .map(|name| ((*name).to_owned(), value(name)))
            .collect()
    }

    fn now(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_setting(name: &str) -> bool {
    DEFAULTS.iter().any(|(known, _)| *known == name) || name.contains('.')
}

fn unrecognized(name: &str) -> SqlError {
    let message = format!("unrecognized configuration parameter \"{name}\"");
    SqlError::new("42704", message)
}

/// `-c name=value` and `--name=value` of the startup parameter `options`.
fn command_line(options: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = options.split_whitespace().collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some(assignment) => assignment,
            None if before == Some(&"-c") => word,
            None => continue,
        };
        if let Some((name, value)) = assignment.split_once('=') {
            let name = name.replace('-', "_").to_lowercase();
            if is_setting(&name) {
                found.push((name, value.replace("\\ ", " ")));
            }
        }
    }
    found
}

/// The spelling that PostgreSQL reports.
fn normalized(name: &str, value: &str) -> String {
    let value = value.trim_matches('\'');
    match name {
        "client_encoding" if value.eq_ignore_ascii_case("utf-8") => "UTF8".to_owned(),
        "client_encoding" if value.eq_ignore_ascii_case("unicode") => "UTF8".to_owned(),
        "client_encoding" => value.to_uppercase(),
        "datestyle" if value.eq_ignore_ascii_case("iso") => "ISO, MDY".to_owned(),
        "standard_conforming_strings" if value == "true" => "on".to_owned(),
        _ => value.to_owned(),
    }
}
