//! Password mode: how a development server is told its password.

use std::io;

use azdb_wire::postgres::{Authentication, ScramFirst, tag};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use zeroize::Zeroizing;

use super::PostgresFault;
use super::upstream::{Account, challenge, read_message, refused, say, send_secret};
use crate::fault::{Cause, Fault, ProvedBy};
use crate::lobby::Password;
use crate::way::{Leg, Stream, Upstream};

const DOING: &str = "answering the upstream's request for a password";

/// Answers one authentication request; SCRAM takes its three messages in one go.
pub(super) async fn answer<S: Stream>(
    upstream: &mut Upstream<S>,
    request: &Authentication<'_>,
    account: &Account<'_>,
    password: Password<'_>,
) -> Result<(), Fault<PostgresFault>> {
    match request {
        Authentication::Cleartext => {
            let secret = password.in_clear(upstream, account.host)?;
            send_secret(upstream.leg(), secret.as_bytes(), DOING).await
        }
        Authentication::Md5 { salt } => {
            let secret = password.to_prove().as_bytes();
            let hash = Zeroizing::new(md5_hash(account.role.as_bytes(), secret, *salt));
            password.secrets().proof(&hash);
            send_secret(upstream.leg(), hash.as_bytes(), DOING).await
        }
        Authentication::Sasl(mechanisms) if mechanisms.contains(&SCRAM_SHA_256.as_bytes()) => {
            scram(upstream.leg(), password).await
        }
        other => Err(challenge(account.role, other)),
    }
}

/// SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The server's own proof is demanded before its "Ok".
async fn scram<S: Stream>(
    leg: &mut Leg<S>,
    password: Password<'_>,
) -> Result<(), Fault<PostgresFault>> {
    // gs2 flag `n`: `y` would tell a server with channel binding that somebody has cut it out.
    let secret = password.to_prove().as_bytes();
    let mut scram = ScramSha256::new(secret, ChannelBinding::unsupported());
    let mut message = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut message)
        .map_err(Cause::Password)?;
    say(leg, &message, DOING).await?;

    let first = sasl_message(leg).await?;
    let Authentication::SaslContinue(data) = Authentication::parse(&first)? else {
        return Err(out_of_order());
    };
    ScramFirst::parse(data)?;
    scram.update(data).map_err(Cause::Password)?;
    let last = str::from_utf8(scram.message()).unwrap_or_default();
    // The proof stands at its end (RFC 5802, section 7).
    let (_, proved_by) = last.rsplit_once(",p=").unwrap_or_default();
    password.secrets().proof(proved_by);
    message.clear();
    frontend::sasl_response(scram.message(), &mut message).map_err(Cause::Password)?;
    say(leg, &message, DOING).await?;

    let last = sasl_message(leg).await?;
    let Authentication::SaslFinal(data) = Authentication::parse(&last)? else {
        return Err(out_of_order());
    };
    Ok(scram.finish(data).map_err(Cause::Password)?)
}

/// The body of the next authentication request.
async fn sasl_message<S: Stream>(leg: &mut Leg<S>) -> Result<Vec<u8>, Fault<PostgresFault>> {
    let message = read_message(leg, DOING).await?;
    match message.tag() {
        tag::AUTHENTICATION => Ok(message.body().to_vec()),
        tag::ERROR_RESPONSE => Err(refused(message.body(), ProvedBy::Password)),
        _ => Err(out_of_order()),
    }
}

fn out_of_order() -> Fault<PostgresFault> {
    let error = io::Error::other("the upstream left out a step of SCRAM");
    Cause::Password(error).into()
}
