//! Login with a token: who may be which user, and what the others read.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::packet::{Fields, Packet, error, invalid, read, write};
use super::record::{Logins, MysqlLogin, MysqlRefusal};
use crate::issuer::{Claims, Issuer, Rejected};
use crate::principal::Principal;

/// The version that a client reads.
pub(super) const VERSION: &str = "8.0.40-azure";
/// The plugin that a token travels by.
const CLEAR: &str = "mysql_clear_password";
/// The plugin of the greeting: Azure's own default.
const DEFAULT_PLUGIN: &str = "caching_sha2_password";
/// "Access denied".
const ACCESS_DENIED: (u16, &str) = (1045, "28000");

/// Capability flags.
pub(super) mod flag {
    pub(in super::super) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(in super::super) const PROTOCOL_41: u32 = 1 << 9;
    pub(in super::super) const SSL: u32 = 1 << 11;
    pub(in super::super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(in super::super) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(in super::super) const CONNECT_ATTRS: u32 = 1 << 20;
    pub(in super::super) const LENENC: u32 = 1 << 21;
    pub(in super::super) const DEPRECATE_EOF: u32 = 1 << 24;
}

/// What `opensrv-mysql` can do, which is what all sessions can, and the flags of a login.
pub(super) const CAPABILITIES: u32 = 1
    | flag::CONNECT_WITH_DB
    | flag::PROTOCOL_41
    | flag::SSL
    | flag::SECURE_CONNECTION
    | flag::PLUGIN_AUTH
    | flag::CONNECT_ATTRS
    | flag::LENENC
    | flag::DEPRECATE_EOF;

/// What logins are judged by.
pub(super) struct Gate {
    pub(super) issuer: Issuer,
    pub(super) audience: String,
    pub(super) principals: Vec<Principal>,
    pub(super) logins: Logins,
}

/// The greeting of session `id`.
pub(super) fn greeting(id: u32) -> Vec<u8> {
    let [low_a, low_b, high_a, high_b] = CAPABILITIES.to_le_bytes();
    let mut payload = vec![10];
    payload.extend(VERSION.bytes().chain([0]));
    payload.extend(id.to_le_bytes());
    // As Azure was seen to do: the random number comes with the switch.
    payload.extend([0xfe; 8]);
    payload.extend([0, low_a, low_b, 255, 2, 0, high_a, high_b, 21]);
    payload.extend([0; 10]);
    payload.extend([0xfe; 12]);
    payload.push(0);
    payload.extend(DEFAULT_PLUGIN.bytes().chain([0]));
    payload
}

/// A response to the greeting, or the request for TLS in front of it.
pub(super) struct Response {
    pub(super) capabilities: u32,
    pub(super) charset: u8,
    pub(super) attempt: Attempt,
}

/// Somebody who wants to come in.
pub(super) struct Attempt {
    pub(super) user: String,
    pub(super) database: String,
    pub(super) plugin: String,
    answer: Vec<u8>,
}

/// Whether a payload is a request for TLS.
pub(super) fn wants_tls(payload: &[u8]) -> bool {
    payload.len() == 32
        && Fields(payload)
            .word()
            .is_ok_and(|flags| flags & flag::SSL != 0)
}

impl Response {
    pub(super) fn parse(payload: &[u8]) -> io::Result<Self> {
        let mut fields = Fields(payload);
        let capabilities = fields.word()?;
        if capabilities & flag::PROTOCOL_41 == 0 {
            return Err(invalid("a client from before 4.1"));
        }
        fields.take(4)?;
        let charset = fields.byte()?;
        fields.take(23)?;
        let user = fields.text();
        let answer = if capabilities & flag::LENENC != 0 {
            fields.counted()?
        } else {
            let count = fields.byte()?;
            fields.take(usize::from(count))?
        };
        let database = if capabilities & flag::CONNECT_WITH_DB != 0 {
            fields.text()
        } else {
            String::new()
        };
        let plugin = fields.text();
        if capabilities & flag::CONNECT_ATTRS != 0 {
            fields.counted()?;
        }
        if !fields.0.is_empty() {
            return Err(invalid("bytes behind the response"));
        }
        Ok(Self {
            capabilities,
            charset,
            attempt: Attempt {
                user,
                database,
                plugin,
                answer: answer.to_vec(),
            },
        })
    }
}

impl Attempt {
    /// Reads a COM_CHANGE_USER under the flags of the login.
    pub(super) fn parse_change(payload: &[u8], capabilities: u32) -> io::Result<Self> {
        let mut fields = Fields(payload);
        fields.take(1)?;
        let user = fields.text();
        let count = fields.byte()?;
        let answer = fields.take(usize::from(count))?.to_vec();
        let database = fields.text();
        fields.take(2)?;
        let plugin = fields.text();
        if plugin.is_empty() {
            return Err(invalid("a change of user without a plugin's name"));
        }
        if capabilities & flag::CONNECT_ATTRS != 0 {
            fields.counted()?;
        }
        Ok(Self {
            user,
            database,
            plugin,
            answer,
        })
    }
}

impl Gate {
    /// Talks to a client until it is clear whether it may come in: returns the number of the next packet. A refusal is not yet
    /// told.
    pub(super) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        attempt: &Attempt,
        next: u8,
        login: &mut MysqlLogin,
    ) -> io::Result<(u8, Result<(), MysqlRefusal>)> {
        if let Some(refusal) = self.logins.next_refusal() {
            return Ok((next, Err(refusal)));
        }
        let mut principals = self.principals.iter();
        let Some(principal) = principals.find(|one| one.name == attempt.user) else {
            return Ok((next, Err(denied(&attempt.user, &attempt.answer))));
        };
        let (token, next) = if attempt.plugin == CLEAR {
            (attempt.answer.clone(), next)
        } else {
            let mut switch = vec![0xfe];
            switch.extend(CLEAR.bytes().chain([0]));
            write(stream, next, &switch).await?;
            let Packet { number, payload } = read(stream).await?;
            (payload, number.wrapping_add(1))
        };
        let token = token.strip_suffix(&[0]).unwrap_or(&token);
        login.token_bytes = Some(token.len());
        if token.is_empty() {
            return Ok((next, Err(denied(&attempt.user, token))));
        }
        let verdict = std::str::from_utf8(token)
            .map_err(|_| Rejected::Foreign)
            .and_then(|token| self.issuer.verify(token, &self.audience));
        Ok((next, self.judge(principal, verdict)))
    }

    /// What Azure says to each kind of wrong token.
    fn judge(
        &self,
        principal: &Principal,
        verdict: Result<Claims, Rejected>,
    ) -> Result<(), MysqlRefusal> {
        let name = &principal.name;
        let (code, sqlstate) = ACCESS_DENIED;
        let refuse = |message: String| Err(MysqlRefusal::new(code, sqlstate, message));
        match verdict {
            Err(Rejected::Foreign) => Err(denied(name, b"a token")),
            Err(Rejected::Expired) => {
                refuse(format!("The access token of user '{name}' has expired"))
            }
            Err(Rejected::Audience) => refuse(format!(
                "The access token of user '{name}' is not for \"{}\"",
                self.audience
            )),
            Ok(claims) if !claims.appid.eq_ignore_ascii_case(&principal.client_id) => {
                refuse(format!(
                    "Azure AD access token is not valid for user '{name}' with OID '{}'",
                    claims.oid
                ))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// MySQL's word for a stranger.
fn denied(user: &str, answer: &[u8]) -> MysqlRefusal {
    let (code, sqlstate) = ACCESS_DENIED;
    let password = if answer.is_empty() { "NO" } else { "YES" };
    let message =
        format!("Access denied for user '{user}'@'127.0.0.1' (using password: {password})");
    MysqlRefusal::new(code, sqlstate, message)
}

/// What a client reads that asks for no TLS.
pub(super) fn no_tls() -> MysqlRefusal {
    let message =
        "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
    MysqlRefusal::new(3159, "HY000", message)
}

impl MysqlRefusal {
    pub(super) fn payload(&self) -> Vec<u8> {
        error(self.code, &self.sqlstate, &self.message)
    }
}

impl MysqlLogin {
    pub(super) fn of(attempt: &Attempt, capabilities: u32, is_change: bool) -> Self {
        Self {
            user: attempt.user.clone(),
            database: attempt.database.clone(),
            capabilities,
            plugin: attempt.plugin.clone(),
            announced_bytes: attempt.answer.len(),
            token_bytes: None,
            is_change,
            refusal: None,
        }
    }
}
