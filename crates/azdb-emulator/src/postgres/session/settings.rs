//! A session's settings: `set`, `show`, and what is reported to the client.

use crate::postgres::opening::Startup;

/// What `server_version` says.
pub(super) const VERSION: &str = "16.4";

/// All settings that `show` knows, and their values. Those that are told to the client at login are
/// spelled as PostgreSQL does.
const VALUES: [(&str, &str); 19] = [
    ("application_name", ""),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_read_only", "off"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("scram_iterations", "4096"),
    ("server_encoding", "UTF8"),
    ("server_version", VERSION),
    ("session_authorization", ""),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
    // From here on, nothing is told.
    ("client_min_messages", "notice"),
    ("extra_float_digits", "1"),
    ("search_path", "\"$user\", public"),
    ("server_version_num", "160004"),
    ("transaction_isolation", "read committed"),
];

/// How many of them are told to the client.
const REPORTED: usize = 14;

/// Settings that may have any value, because they change nothing here.
const FREE: [&str; 3] = [
    "application_name",
    "client_min_messages",
    "extra_float_digits",
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
    pub(super) fn show(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter();
        let found = values.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Changes a setting; the name under which the client is to be told of that, if it is.
    pub(super) fn put(&mut self, name: &str, value: &str) -> Option<&'static str> {
        let mut values = self.values.iter_mut().enumerate();
        let (place, (name, present)) =
            values.find(|(_, (known, _))| known.eq_ignore_ascii_case(name))?;
        value.clone_into(present);
        (place < REPORTED).then_some(*name)
    }

    /// The value that `set` comes to; `None` when the session would not be as it says.
    pub(super) fn change(&self, name: &str, value: &str) -> Option<String> {
        let present = self.show(name)?;
        let is_same = value.replace('-', "").eq_ignore_ascii_case(present);
        match FREE.iter().any(|free| free.eq_ignore_ascii_case(name)) {
            true => Some(value.to_owned()),
            false => is_same.then(|| present.to_owned()),
        }
    }

    /// What a client is told at login.
    pub(super) fn reported(&self) -> Vec<(&'static str, String)> {
        self.values.iter().take(REPORTED).cloned().collect()
    }
}
