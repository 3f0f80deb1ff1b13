//! How a server is set up.

use std::net::SocketAddr;

use secrecy::SecretString;

use crate::behind::Behind;
use crate::door::ANYWHERE;

/// What the server wants of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// No session without TLS, as in Azure.
    Required,
    /// TLS for those who ask for it, as on a developer's machine.
    Offered,
}

/// A login with a password.
#[derive(Debug, Clone)]
pub struct SqlLogin {
    /// Name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// How a server is set up. The default is as strict as Azure SQL.
#[derive(Debug, Clone)]
pub struct TdsOptions {
    /// Where to listen; port 0 is a free one.
    pub bind: SocketAddr,
    /// What it wants of encryption.
    pub encryption: Encryption,
    /// Whether it answers several requests at a time for those who ask for it, as Azure does.
    pub mars: bool,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// A developer's server: this login comes in, under whatever name the server is reached.
    /// `None` in Azure, where only tokens are accepted and names must be the server's.
    pub development: Option<SqlLogin>,
}

impl Default for TdsOptions {
    fn default() -> Self {
        Self {
            bind: ANYWHERE,
            encryption: Encryption::Required,
            mars: true,
            behind: None,
            development: None,
        }
    }
}

impl TdsOptions {
    /// A server as developers run it: a login with a password, encryption for those who want it, no
    /// look at names.
    #[must_use]
    pub fn development(user: &str, password: &str) -> Self {
        Self {
            encryption: Encryption::Offered,
            development: Some(SqlLogin {
                user: user.to_owned(),
                password: password.into(),
            }),
            ..Self::default()
        }
    }
}
