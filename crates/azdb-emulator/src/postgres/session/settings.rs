//! A session's settings: `set`, `show`, and what is reported to the client.

use crate::postgres::opening::Startup;

/// What `server_version` says.
pub(super) const VERSION: &str = "16.4";

/// Settings that are told to the client at login, spelled as PostgreSQL does.
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

/// All settings that `show` knows, and their values.
const VALUES: [(&str, &str); 29] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("intervalstyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("scram_iterations", "4096"),
    ("search_path", "\"$user\", public"),
    ("server_encoding", "UTF8"),
    ("server_version", VERSION),
    ("server_version_num", "160004"),
    ("session_authorization", ""),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("timezone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "off"),
];

/// Settings that may have any value, because they change nothing here.
const FREE: [&str; 4] = [
    "application_name",
    "client_min_messages",
    "extra_float_digits",
    "jit",
];

/// The settings of one session.
pub(super) struct Settings {
    values: Vec<(&'static str, String)>,
}

impl Settings {
    /// The defaults, and the name of the app.
    pub(super) fn new(startup: &Startup, user: &str) -> Self {
        let values = VALUES.map(|(name, value)| (name, value.to_owned())).into();
        let mut settings = Self { values };
        settings.put("session_authorization", user);
        let app = startup.parameter("application_name").unwrap_or_default();
        settings.put("application_name", app);
        settings
    }

    /// The value of a setting.
    pub(super) fn show(&self, name: &str) -> Option<String> {
        let mut values = self.values.iter();
        let found = values.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    pub(super) fn put(&mut self, name: &str, value: &str) {
        let mut values = self.values.iter_mut();
        let found = values.find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, place)) = found {
            value.clone_into(place);
        }
    }

    /// The name and value that `set` comes to; `None` when the session would not be as it says.
    pub(super) fn change(&self, name: &str, value: &str) -> Option<(String, String)> {
        let present = self.show(name)?;
        let value = value.trim_matches('\'');
        let name = REPORTED
            .iter()
            .find(|one| one.eq_ignore_ascii_case(name))
            .map_or(name, |one| one);
        let same = |other: &str| value.eq_ignore_ascii_case(other);
        let is_default = same(&present)
            || same("default")
            || match name.to_lowercase().as_str() {
                "client_encoding" => same("utf-8") || same("unicode"),
                "datestyle" => same("iso"),
                "timezone" => same("etc/utc") || same("gmt"),
                "standard_conforming_strings" => same("true"),
                _ => false,
            };
        match FREE.iter().any(|free| free.eq_ignore_ascii_case(name)) {
            true => Some((name.to_owned(), value.to_owned())),
            false => is_default.then(|| (name.to_owned(), present)),
        }
    }

    /// What a client is told at login.
    pub(super) fn reported(&self) -> Vec<(String, String)> {
        let reported = REPORTED.iter();
        let reported =
            reported.map(|name| ((*name).to_owned(), self.show(name).unwrap_or_default()));
        reported.collect()
    }
}

/// Whether a change of the setting is told to the client.
pub(super) fn is_reported(name: &str) -> bool {
    REPORTED.iter().any(|one| one.eq_ignore_ascii_case(name))
}
