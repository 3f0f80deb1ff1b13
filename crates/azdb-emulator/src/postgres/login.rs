//! Login with a token: who may be which role, and what the others read.

use std::io;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::{Authentication, NegotiateProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};

use super::opening::Startup;
use super::record::Refusal;
use super::wire::{invalid, read_password, write};
use crate::emulator::Azure;
use crate::issuer::{Claims, OSSRDBMS_AUDIENCE, Rejected};
use crate::principal::Principal;
use crate::random;

/// SQLSTATE of a login that is not authorized.
const NOT_AUTHORIZED: &str = "28000";
/// SQLSTATE of a wrong password.
const WRONG_PASSWORD: &str = "28P01";

/// What a login is judged by.
pub(super) struct Gate {
    pub(super) azure: Arc<Azure>,
    pub(super) newest_minor: u16,
}

impl Gate {
    /// Talks to a client until it is clear whether it may come in. The answer is not yet told to it.
    pub(super) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        startup: &Startup,
    ) -> io::Result<Result<&Principal, Refusal>> {
        if startup.major != 3 {
            let (major, minor, newest) = (startup.major, startup.minor, self.newest_minor);
            return Ok(Err(Refusal::new(
                "0A000",
                format!(
                    "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{newest}"
                ),
            )));
        }
        self.negotiate(stream, startup).await?;
        let Some(user) = startup.parameter("user") else {
            return Ok(Err(Refusal::new(
                NOT_AUTHORIZED,
                "no PostgreSQL user name specified in startup packet",
            )));
        };
        let Some(principal) = self.azure.principals.iter().find(|one| one.name == user) else {
            return decoy(stream, user).await.map(Err);
        };

        ask(stream, Authentication::CleartextPassword).await?;
        let body = read_password(stream).await?;
        let Some((0, token)) = body.split_last() else {
            return Err(invalid("password message"));
        };
        let verdict = std::str::from_utf8(token)
            .map_err(|_| Rejected::Foreign)
            .and_then(|token| self.azure.issuer.verify(token, OSSRDBMS_AUDIENCE));
        Ok(self.judge(principal, verdict))
    }

    /// Tells a client that wants a newer protocol, or options, what there is.
    async fn negotiate<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        startup: &Startup,
    ) -> io::Result<()> {
        let options: Vec<String> = startup
            .parameters
            .iter()
            .filter(|(name, _)| name.starts_with("_pq_."))
            .map(|(name, _)| name.clone())
            .collect();
        if startup.minor <= self.newest_minor && options.is_empty() {
            return Ok(());
        }
        let newest = 3 << 16 | i32::from(self.newest_minor);
        let answer = NegotiateProtocolVersion::new(newest, options);
        write(
            stream,
            [PgWireBackendMessage::NegotiateProtocolVersion(answer)],
        )
        .await
    }

    /// Azure's words for each kind of wrong token.
    fn judge<'a>(
        &self,
        principal: &'a Principal,
        verdict: Result<Claims, Rejected>,
    ) -> Result<&'a Principal, Refusal> {
        let name = &principal.name;
        let refuse = |message: String| Err(Refusal::new(NOT_AUTHORIZED, message));
        match verdict {
            Err(Rejected::Foreign) => refuse(
                "An error occurred while validating the access token. Please acquire a new token \
                 and retry."
                    .to_owned(),
            ),
            Err(Rejected::Expired) => refuse(
                "The access token has expired. Please acquire a new token and retry.".to_owned(),
            ),
            Err(Rejected::Audience) => refuse(format!(
                "The access token does not have a valid audience claim. Please acquire a new token \
                 for the resource \"{OSSRDBMS_AUDIENCE}\"."
            )),
            Ok(claims) if !claims.oid.eq_ignore_ascii_case(&principal.object_id) => {
                Err(wrong_password(name))
            }
            Ok(_) => Ok(principal),
        }
    }
}

fn wrong_password(user: &str) -> Refusal {
    Refusal::new(
        WRONG_PASSWORD,
        format!("password authentication failed for user \"{user}\""),
    )
}

async fn ask<S: AsyncWrite + Unpin>(stream: &mut S, for_what: Authentication) -> io::Result<()> {
    write(stream, [PgWireBackendMessage::Authentication(for_what)]).await
}

/// What PostgreSQL does with a role that it does not know: a SCRAM exchange that can't succeed, so
/// that nobody learns which roles exist.
async fn decoy<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    user: &str,
) -> io::Result<Refusal> {
    let mechanisms = vec!["SCRAM-SHA-256".to_owned()];
    ask(stream, Authentication::SASL(mechanisms)).await?;
    let first = read_password(stream).await?;
    let first = String::from_utf8_lossy(&first);
    let Some((_, nonce)) = first.split_once(",r=") else {
        return Ok(wrong_password(user));
    };
    let salt = random::hex(12);
    let challenge = format!("r={nonce}{},s={salt},i=4096", random::hex(12));
    ask(stream, Authentication::SASLContinue(challenge.into())).await?;
    read_password(stream).await?;
    Ok(wrong_password(user))
}
