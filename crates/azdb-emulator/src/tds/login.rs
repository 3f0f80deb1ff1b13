//! Who may come in, and what the others read.

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::login7::Login7;
use super::options::{Encryption, TdsOptions};
use super::prelogin::Prelogin;
use super::record::{LoginRecord, Violation};
use super::token::Refusal;
use super::version::Version;
use super::wire::TlsFacts;
use crate::emulator::Azure;
use crate::issuer::{Rejected, SQL_AUDIENCE};
use crate::principal::Principal;

/// What a login is judged by.
pub(super) struct Gate {
    pub(super) options: TdsOptions,
    pub(super) azure: Arc<Azure>,
}

impl Gate {
    /// What PRELOGIN answers about federated authentication to those who ask.
    pub(super) fn fedauth_answer(&self, prelogin: Prelogin) -> Option<bool> {
        let is_required = self.options.development.is_none();
        prelogin.fedauth.map(|_asked| is_required)
    }

    /// Judges a login. The outer error ends the connection without a word.
    pub(super) fn judge(
        &self,
        prelogin: Prelogin,
        login: &Login7,
        record: &mut LoginRecord,
    ) -> Result<Result<Principal, Refusal>, Violation> {
        if record.tls.is_none() && self.options.encryption == Encryption::Required {
            return Err(Violation::NoEncryption);
        }
        let unspoken = Violation::TdsVersion(login.tds_version);
        let version = Version::of(login.tds_version).ok_or(unspoken)?;
        let fedauth = login.fedauth()?;
        // Older ones have no features.
        if fedauth.is_some() && version < Version::V7_4 {
            return Err(unspoken);
        }
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
        let reached = self.reached_by_name(record.tls.as_ref(), login);
        Ok(reached.and_then(|()| match &fedauth {
            Some(fedauth) => self.judge_token(&fedauth.token),
            None => self.judge_password(login),
        }))
    }

    /// Azure's gateway finds the server by the names in TLS and in LOGIN7.
    fn reached_by_name(&self, tls: Option<&TlsFacts>, login: &Login7) -> Result<(), Refusal> {
        let is_name = |name: &str| name.parse::<IpAddr>().is_err();
        let names = self.azure.names.iter();
        let names: Vec<&String> = names.filter(|name| is_name(name)).collect();
        if self.options.development.is_some() || names.is_empty() {
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
        let server_name = tls.and_then(|tls| tls.server_name.as_deref());
        for name in [wanted, server_name.unwrap_or_default()] {
            let is_ours = |own: &&String| own.eq_ignore_ascii_case(name);
            if !names.iter().any(is_ours) {
                let label = name.split('.').next().unwrap_or_default();
                let text = format!(
                    "Cannot open server '{label}' requested by the login. The login failed."
                );
                return Err(Refusal::new(40532, text).class(11));
            }
        }
        Ok(())
    }

    fn judge_token(&self, token: &str) -> Result<Principal, Refusal> {
        let plain = SQL_AUDIENCE.trim_end_matches('/');
        let verdict = match self.azure.issuer.verify(token, plain) {
            Err(Rejected::Audience) => self.azure.issuer.verify(token, &format!("{plain}/")),
            verdict => verdict,
        };
        let reason = match verdict {
            Err(Rejected::Foreign) => "",
            Err(Rejected::Expired) => " Token is expired.",
            Err(Rejected::Audience) => {
                " The server is not currently configured to accept this token."
            }
            Ok(claims) => {
                let is_own = |one: &&Principal| one.object_id.eq_ignore_ascii_case(&claims.oid);
                match self.azure.principals.iter().find(is_own) {
                    Some(principal) => return Ok(principal.clone()),
                    None => "",
                }
            }
        };
        let text = format!("Login failed for user '<token-identified principal>'.{reason}");
        Err(Refusal::new(18456, text))
    }

    fn judge_password(&self, login: &Login7) -> Result<Principal, Refusal> {
        let user = &login.user;
        let reason = match &self.options.development {
            Some(known)
                if known.user == *user && known.password.expose_secret() == login.password =>
            {
                return Ok(Principal {
                    name: user.clone(),
                    object_id: String::new(),
                    client_id: String::new(),
                    database_role: None,
                });
            }
            Some(_) => "",
            None => {
                " Reason: Azure Active Directory only authentication is enabled. Please contact your \
                 system administrator."
            }
        };
        let text = format!("Login failed for user '{user}'.{reason}");
        Err(Refusal::new(18456, text))
    }
}
