//! Who may come in, and what the others read.

use std::net::IpAddr;

use super::login7::{Login7, TDS_7_3B, TDS_7_4, TDS_8_0};
use super::options::TdsOptions;
use super::prelogin::{Prelogin, encryption};
use super::record::{LoginRecord, Violation};
use super::token::Refusal;
use super::wire::TlsFacts;
use crate::issuer::{Issuer, Rejected};
use crate::principal::{Principal, PrincipalKind};

/// What the server wants of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// No session without TLS, as in Azure.
    Required,
    /// TLS for those who ask for it, as on a developer's machine.
    Offered,
}

impl Encryption {
    /// An answer that is followed by TLS.
    pub(super) fn is_on(answer: u8) -> bool {
        matches!(answer, encryption::ON | encryption::REQUIRED)
    }

    /// What PRELOGIN answers to a client's wish; never "login only".
    pub(super) fn answer(self, wish: u8) -> u8 {
        match (self, wish) {
            (_, encryption::ON | encryption::REQUIRED) => encryption::ON,
            (Self::Required, _) => encryption::REQUIRED,
            (Self::Offered, _) => encryption::NOT_SUPPORTED,
        }
    }
}

/// A login with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlLogin {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for SqlLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlLogin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What a login is judged by.
pub(super) struct Gate {
    issuer: Issuer,
    audience: String,
    principals: Vec<Principal>,
    sql_logins: Vec<SqlLogin>,
    /// Names of this server; empty when any will do.
    names: Vec<String>,
    databases: Vec<String>,
    fedauth_required: bool,
    encryption: Encryption,
}

impl Gate {
    pub(super) fn new(options: &TdsOptions, issuer: Issuer) -> Self {
        let names = options.names.iter();
        let names = names.filter(|name| options.checks_names && name.parse::<IpAddr>().is_err());
        Self {
            issuer,
            audience: options.audience.clone(),
            principals: options.principals.clone(),
            sql_logins: options.sql_logins.clone(),
            names: names.cloned().collect(),
            databases: options.databases.clone(),
            fedauth_required: options.fedauth_required,
            encryption: options.encryption,
        }
    }

    /// What PRELOGIN answers about federated authentication.
    pub(super) fn fedauth_answer(&self, prelogin: Prelogin) -> Option<bool> {
        prelogin.asks_fedauth.then_some(self.fedauth_required)
    }

    /// Judges a login. The outer error ends the connection without a word.
    pub(super) fn judge(
        &self,
        prelogin: Prelogin,
        login: &Login7,
        record: &mut LoginRecord,
    ) -> Result<Result<Principal, Refusal>, Violation> {
        if record.tls.is_none() && self.encryption == Encryption::Required {
            return Err(Violation::NoEncryption);
        }
        if !matches!(login.tds_version, TDS_7_3B | TDS_7_4 | TDS_8_0) {
            return Err(Violation::TdsVersion(login.tds_version));
        }
        let fedauth = login.fedauth()?;
        if let Some(fedauth) = &fedauth {
            record.token_chars = Some(fedauth.token.encode_utf16().count());
            let expected = self.fedauth_answer(prelogin).unwrap_or(false);
            if fedauth.echo != expected {
                return Err(Violation::WrongEcho);
            }
            if login.is_integrated() {
                return Err(Violation::IntegratedSecurity);
            }
            let has_password = !login.user.is_empty() || !login.password.is_empty();
            if has_password || login.changes_password() {
                return Err(Violation::CredentialsBesideToken);
            }
        }
        if let Err(refusal) = self.reached_by_name(record.tls.as_ref(), login) {
            return Ok(Err(refusal));
        }
        let user = match &fedauth {
            Some(fedauth) => self.judge_token(&fedauth.token),
            None => self.judge_password(login),
        };
        Ok(user.and_then(|user| self.judge_database(login).map(|()| user)))
    }

    /// Azure's gateway finds the server by the names in TLS and in LOGIN7.
    fn reached_by_name(&self, tls: Option<&TlsFacts>, login: &Login7) -> Result<(), Refusal> {
        if self.names.is_empty() {
            return Ok(());
        }
        let wanted = login.server.trim_start_matches("tcp:");
        let wanted = wanted.split(',').next().unwrap_or_default();
        if wanted.is_empty() {
            let text = "Server name cannot be determined. It must appear as the first segment of \
                        the server's dns name (servername.database.windows.net). Some libraries do \
                        not send the server name, in which case the server name must be included as \
                        part of the user name (username@servername). In addition, if both formats \
                        are used, the server names must match.";
            return Err(Refusal::new(40531, text).class(11));
        }
        let is_ours = |name: &str| self.names.iter().any(|own| own.eq_ignore_ascii_case(name));
        let unknown = |name: &str| {
            let label = name.split('.').next().unwrap_or_default();
            let text =
                format!("Cannot open server '{label}' requested by the login. The login failed.");
            Err(Refusal::new(40532, text).class(11))
        };
        if wanted.parse::<IpAddr>().is_ok() || !is_ours(wanted) {
            return unknown(wanted);
        }
        match tls.and_then(|tls| tls.server_name.as_deref()) {
            Some(name) if is_ours(name) => Ok(()),
            name => unknown(name.unwrap_or_default()),
        }
    }

    fn judge_token(&self, token: &str) -> Result<Principal, Refusal> {
        let refuse = |more: &str| {
            let text = format!("Login failed for user '<token-identified principal>'.{more}");
            Err(Refusal::new(18456, text))
        };
        let plain = self.audience.trim_end_matches('/');
        let slashed = format!("{plain}/");
        let verdict = match self.issuer.verify(token, plain) {
            Err(Rejected::Audience) => self.issuer.verify(token, &slashed),
            verdict => verdict,
        };
        match verdict {
            Err(Rejected::Foreign) => refuse(""),
            Err(Rejected::Expired) => refuse(" Token is expired."),
            Err(Rejected::Audience) => {
                refuse(" The server is not currently configured to accept this token.")
            }
            Ok(claims) => {
                let is_own = |one: &&Principal| one.object_id.eq_ignore_ascii_case(&claims.oid);
                let principal = self.principals.iter().find(is_own).cloned();
                principal.map_or_else(|| refuse(""), Ok)
            }
        }
    }

    fn judge_password(&self, login: &Login7) -> Result<Principal, Refusal> {
        let user = &login.user;
        let known = self.sql_logins.iter().find(|known| known.user == *user);
        let reason = match known {
            Some(known) if known.password == login.password => {
                return Ok(Principal {
                    name: user.clone(),
                    object_id: String::new(),
                    client_id: String::new(),
                    kind: PrincipalKind::User,
                    database_role: None,
                });
            }
            None if self.sql_logins.is_empty() => {
                " Reason: Azure Active Directory only authentication is enabled. Please contact your \
                 system administrator."
            }
            _ => "",
        };
        let text = format!("Login failed for user '{user}'.{reason}");
        Err(Refusal::new(18456, text))
    }

    fn judge_database(&self, login: &Login7) -> Result<(), Refusal> {
        let database = &login.database;
        let is_known = |known: &String| known.eq_ignore_ascii_case(database);
        if database.is_empty() || self.databases.is_empty() || self.databases.iter().any(is_known) {
            return Ok(());
        }
        let text = format!(
            "Cannot open database \"{database}\" requested by the login. The login failed."
        );
        Err(Refusal::new(4060, text).class(11))
    }
}
