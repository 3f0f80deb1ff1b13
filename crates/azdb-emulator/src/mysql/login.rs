//! Login with a token: who may be which user, and what the others read.

use std::io;
use std::sync::Arc;

use mysql_common::packets::AuthSwitchRequest;
use tokio::io::{AsyncRead, AsyncWrite};

use super::asked::Asked;
use super::packet::{Packet, payload, read, write};
use super::record::{MysqlLogin, MysqlRefusal};
use crate::door::Logins;
use crate::emulator::Azure;
use crate::issuer::{OSSRDBMS_AUDIENCE, Rejected};
use crate::principal::Principal;

/// The plugin that a token travels by.
const CLEAR: &str = "mysql_clear_password";

/// What logins are judged by.
pub(super) struct Gate {
    pub(super) azure: Arc<Azure>,
    pub(super) logins: Logins<MysqlLogin, MysqlRefusal>,
}

impl Gate {
    /// Talks to an app until it is clear as whom it may come in, if it may: returns the number of the next packet. Nothing is
    /// told yet.
    pub(super) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        asked: &Asked,
        next: u8,
        login: &mut MysqlLogin,
    ) -> io::Result<(u8, Result<&Principal, MysqlRefusal>)> {
        if let Some(refusal) = self.logins.next() {
            return Ok((next, Err(refusal)));
        }
        let mut principals = self.azure.principals.iter();
        let Some(principal) = principals.find(|one| one.name == asked.user) else {
            return Ok((next, Err(denied(&asked.user, &asked.answer))));
        };
        let (token, next) = if asked.plugin == CLEAR {
            (asked.answer.clone(), next)
        } else {
            let switch = AuthSwitchRequest::new(CLEAR.as_bytes(), &[][..]);
            write(stream, next, &payload(&switch)).await?;
            let Packet { number, payload } = read(stream).await?;
            (payload, number.wrapping_add(1))
        };
        let token = token.strip_suffix(&[0]).unwrap_or(&token);
        login.token_bytes = Some(token.len());
        Ok((next, self.judge(principal, token).map(|()| principal)))
    }

    /// What Azure says to each kind of wrong token.
    fn judge(&self, principal: &Principal, token: &[u8]) -> Result<(), MysqlRefusal> {
        let name = &principal.name;
        let verdict = std::str::from_utf8(token)
            .map_err(|_| Rejected::Foreign)
            .and_then(|token| self.azure.issuer.verify(token, OSSRDBMS_AUDIENCE));
        let message = match verdict {
            Ok(claims) if claims.appid.eq_ignore_ascii_case(&principal.client_id) => return Ok(()),
            Ok(claims) => format!(
                "Azure AD access token is not valid for user '{name}' with OID '{}'",
                claims.oid
            ),
            Err(Rejected::Foreign) => return Err(denied(name, token)),
            Err(Rejected::Expired) => format!("The access token of user '{name}' has expired"),
            Err(Rejected::Audience) => {
                format!("The access token of user '{name}' is not for \"{OSSRDBMS_AUDIENCE}\"")
            }
        };
        Err(MysqlRefusal::new(1045, "28000", message))
    }
}

/// MySQL's word for a stranger.
pub(super) fn denied(user: &str, answer: &[u8]) -> MysqlRefusal {
    let password = if answer.is_empty() { "NO" } else { "YES" };
    let message =
        format!("Access denied for user '{user}'@'127.0.0.1' (using password: {password})");
    MysqlRefusal::new(1045, "28000", message)
}

/// What a client reads that asks for no TLS.
pub(super) fn no_tls() -> MysqlRefusal {
    let message =
        "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
    MysqlRefusal::new(3159, "HY000", message)
}
