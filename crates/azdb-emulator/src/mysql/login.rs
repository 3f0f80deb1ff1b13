//! Login with a token: who may be which user, and what the others read.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::greeting::flag;
use super::packet::{Fields, Packet, error, invalid, read, write};
use super::record::{Logins, MysqlLogin, MysqlRefusal};
use crate::issuer::{Claims, Issuer, Rejected};
use crate::principal::Principal;

/// The plugin that a token travels by.
const CLEAR: &str = "mysql_clear_password";
/// utf8mb4_general_ci.
const ANY_CHARSET: u8 = 45;
/// "Access denied".
const ACCESS_DENIED: (u16, &str) = (1045, "28000");

/// What logins are judged by.
pub(super) struct Gate {
    pub(super) issuer: Issuer,
    pub(super) audience: String,
    pub(super) principals: Vec<Principal>,
    pub(super) logins: Logins,
}

/// A response to the greeting, or the request for TLS in front of it.
pub(super) struct Response {
    pub(super) capabilities: u32,
    pub(super) max_packet: [u8; 4],
    pub(super) charset: u8,
    /// MariaDB's flags above the 32 of MySQL.
    pub(super) extended: u32,
    /// Connection attributes with their length in front; empty without the flag for them.
    pub(super) attributes: Vec<u8>,
    pub(super) attempt: Attempt,
}

/// Somebody who wants to come in.
#[derive(Default)]
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
        let max_packet = fields.word()?.to_le_bytes();
        let charset = fields.byte()?;
        fields.take(19)?;
        let extended = fields.word()?;
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
        let attributes = attributes(&mut fields, capabilities)?;
        if !fields.0.is_empty() {
            return Err(invalid("bytes behind the response"));
        }
        Ok(Self {
            capabilities,
            max_packet,
            charset,
            extended: if capabilities & flag::MYSQL == 0 {
                extended
            } else {
                0
            },
            attributes,
            attempt: Attempt {
                user,
                database,
                plugin,
                answer: answer.to_vec(),
            },
        })
    }
}

impl Response {
    /// That of somebody who wants nothing: no database, no flags.
    pub(super) fn of_nobody() -> Self {
        Self {
            capabilities: flag::MYSQL,
            max_packet: (1_u32 << 24).to_le_bytes(),
            charset: ANY_CHARSET,
            extended: 0,
            attributes: Vec::new(),
            attempt: Attempt::default(),
        }
    }
}

/// A COM_CHANGE_USER.
pub(super) struct Change {
    pub(super) attempt: Attempt,
    pub(super) charset: [u8; 2],
    /// As in a [`Response`].
    pub(super) attributes: Vec<u8>,
}

impl Change {
    /// Reads one under the flags of the login.
    pub(super) fn parse(payload: &[u8], capabilities: u32) -> io::Result<Self> {
        let mut fields = Fields(payload);
        fields.take(1)?;
        let user = fields.text();
        let count = fields.byte()?;
        let answer = fields.take(usize::from(count))?.to_vec();
        let database = fields.text();
        let charset = [fields.byte()?, fields.byte()?];
        let plugin = fields.text();
        if plugin.is_empty() {
            return Err(invalid("a change of user without a plugin's name"));
        }
        Ok(Self {
            charset,
            attributes: attributes(&mut fields, capabilities)?,
            attempt: Attempt {
                user,
                database,
                plugin,
                answer,
            },
        })
    }
}

/// Connection attributes with their length, if there are some under these flags.
fn attributes(fields: &mut Fields<'_>, capabilities: u32) -> io::Result<Vec<u8>> {
    let all = fields.0;
    if capabilities & flag::CONNECT_ATTRS != 0 {
        fields.counted()?;
    }
    let taken = all.len() - fields.0.len();
    Ok(all[..taken].to_vec())
}

impl Gate {
    /// Talks to an app until it is clear as whom it may come in, if it may: returns the number of the next packet. Nothing is
    /// told yet.
    pub(super) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        attempt: &Attempt,
        next: u8,
        login: &mut MysqlLogin,
    ) -> io::Result<(u8, Result<&Principal, MysqlRefusal>)> {
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
        Ok((next, self.judge(principal, verdict).map(|()| principal)))
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
