//! What tests tell the server to do at login, and what it tells them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::opening::Startup;

/// A login that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE, five characters.
    pub sqlstate: String,
    /// Message text.
    pub message: String,
}

impl Refusal {
    /// A refusal with this SQLSTATE and message.
    #[must_use]
    pub fn new(sqlstate: &str, message: impl Into<String>) -> Self {
        Self {
            sqlstate: sqlstate.to_owned(),
            message: message.into(),
        }
    }
}

/// A login as the server saw it. No part of the token is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRecord {
    /// Startup parameters in the client's order, `user` and `database` among them.
    pub parameters: Vec<(String, String)>,
    /// Protocol version that the client asked for.
    pub version: (u16, u16),
    /// Server name of the TLS handshake.
    pub server_name: Option<String>,
    /// Length of the password message's text in bytes, if one came.
    pub token_bytes: Option<usize>,
    /// Why it was refused; `None` for a login that succeeded.
    pub refusal: Option<Refusal>,
}

impl LoginRecord {
    pub(super) fn new(startup: &Startup, server_name: Option<&str>) -> Self {
        Self {
            parameters: startup.parameters.clone(),
            version: (startup.major, startup.minor),
            server_name: server_name.map(str::to_owned),
            token_bytes: None,
            refusal: None,
        }
    }

    /// The value of a startup parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The server's script for logins and its memory of them.
#[derive(Default)]
pub(super) struct Logins {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: VecDeque<Refusal>,
    records: Vec<LoginRecord>,
}

impl Logins {
    pub(super) fn script(&self, count: usize, refusal: &Refusal) {
        let repeated = std::iter::repeat_n(refusal.clone(), count);
        self.state().next.extend(repeated);
    }

    pub(super) fn next_refusal(&self) -> Option<Refusal> {
        self.state().next.pop_front()
    }

    pub(super) fn record(&self, record: LoginRecord) {
        self.state().records.push(record);
    }

    pub(super) fn records(&self) -> Vec<LoginRecord> {
        self.state().records.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
