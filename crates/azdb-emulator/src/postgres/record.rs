//! What tests tell the server to do at login, and what it tells them.

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
    /// The role.
    pub user: String,
    /// Server name of the TLS handshake.
    pub server_name: Option<String>,
    /// Why it was refused; `None` for a login that succeeded.
    pub refusal: Option<Refusal>,
}
