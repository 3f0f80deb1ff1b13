//! What tests tell the server to do at login, and what it tells them.

/// A login that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlRefusal {
    /// Number of the error.
    pub code: u16,
    /// SQLSTATE, five characters.
    pub sqlstate: String,
    /// Message text.
    pub message: String,
}

impl MysqlRefusal {
    /// A refusal with this number, SQLSTATE and message.
    #[must_use]
    pub fn new(code: u16, sqlstate: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            sqlstate: sqlstate.to_owned(),
            message: message.into(),
        }
    }
}

/// A login, or a change of user, as the server saw it. No part of an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlLogin {
    /// The user.
    pub user: String,
    /// The plugin that was announced.
    pub plugin: String,
    /// Length in bytes of the answer that came with it.
    pub announced_bytes: usize,
    /// Length in bytes of what came as the token, if the server asked for one.
    pub token_bytes: Option<usize>,
    /// Whether it is a COM_CHANGE_USER of a session.
    pub is_change: bool,
    /// Why it was refused; `None` for a login that succeeded.
    pub refusal: Option<MysqlRefusal>,
}
