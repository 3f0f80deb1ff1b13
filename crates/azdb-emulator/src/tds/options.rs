//! How a server is set up.

use std::net::{Ipv4Addr, SocketAddr};

use super::login::{Encryption, SqlLogin};
use crate::behind::Behind;
use crate::issuer::SQL_AUDIENCE;
use crate::principal::Principal;

/// How a server is set up. The default is as strict as Azure SQL.
#[derive(Debug, Clone)]
pub struct TdsOptions {
    /// Where to listen; port 0 is a free one.
    pub bind: SocketAddr,
    /// Names and IP addresses in its certificate.
    pub names: Vec<String>,
    /// TLS's server name and LOGIN7's ServerName must be one of `names`, IP addresses excepted.
    pub checks_names: bool,
    /// What it wants of encryption.
    pub encryption: Encryption,
    /// What PRELOGIN says of federated authentication to those who ask.
    pub fedauth_required: bool,
    /// Principals that may log in with a token.
    pub principals: Vec<Principal>,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// Audience that a token must have, with or without a slash at its end.
    pub audience: String,
    /// Logins with a password; without any, only tokens are accepted.
    pub sql_logins: Vec<SqlLogin>,
    /// Databases that there are; empty when any name will do.
    pub databases: Vec<String>,
}

impl Default for TdsOptions {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            checks_names: true,
            encryption: Encryption::Required,
            fedauth_required: true,
            principals: Vec::new(),
            behind: None,
            audience: SQL_AUDIENCE.to_owned(),
            sql_logins: Vec::new(),
            databases: Vec::new(),
        }
    }
}

impl TdsOptions {
    /// A server as developers run it: a login with a password, encryption for those who want it, no
    /// look at names.
    #[must_use]
    pub fn development(user: &str, password: &str) -> Self {
        Self {
            checks_names: false,
            encryption: Encryption::Offered,
            fedauth_required: false,
            sql_logins: vec![SqlLogin {
                user: user.to_owned(),
                password: password.to_owned(),
            }],
            ..Self::default()
        }
    }
}
