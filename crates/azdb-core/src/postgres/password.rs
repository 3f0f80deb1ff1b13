//! Password mode: how a development server is told its password.

use std::io;

use azdb_wire::postgres::{Authentication, ScramFirst, encode_password, password_message_len, tag};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::upstream::{read_message, say};
use crate::error::LoginError;
use crate::io::{Leg, Stream};

const DOING: &str = "answering the upstream's request for a password";

/// Answers one authentication request; SCRAM takes its three messages in one go.
pub(super) async fn answer<S: Stream>(
    leg: &mut Leg<S>,
    request: &Authentication<'_>,
    user: &str,
    password: &SecretString,
) -> Result<(), LoginError> {
    let password = password.expose_secret().as_bytes();
    match request {
        Authentication::Cleartext => send_password(leg, password).await,
        Authentication::Md5 { salt } => {
            let hash = Zeroizing::new(md5_hash(user.as_bytes(), password, *salt));
            send_password(leg, hash.as_bytes()).await
        }
        Authentication::Sasl(mechanisms) if mechanisms.contains(&SCRAM_SHA_256.as_bytes()) => {
            scram(leg, password).await
        }
        other => {
            let user = user.to_owned();
            Err(LoginError::Challenge {
                user,
                asked: other.name(),
            })
        }
    }
}

async fn send_password<S: Stream>(leg: &mut Leg<S>, secret: &[u8]) -> Result<(), LoginError> {
    let mut message = Zeroizing::new(Vec::with_capacity(password_message_len(secret.len())?));
    encode_password(secret, &mut message)?;
    say(leg, &message, DOING).await
}

/// SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The server's own proof is demanded before its "Ok".
async fn scram<S: Stream>(leg: &mut Leg<S>, password: &[u8]) -> Result<(), LoginError> {
    // gs2 flag `n`: `y` would tell a server with channel binding that somebody has cut it out.
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    let mut message = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut message)
        .map_err(LoginError::Password)?;
    say(leg, &message, DOING).await?;

    let first = sasl_message(leg).await?;
    let Authentication::SaslContinue(data) = Authentication::parse(&first)? else {
        return Err(out_of_order());
    };
    ScramFirst::parse(data)?;
    scram.update(data).map_err(LoginError::Password)?;
    message.clear();
    frontend::sasl_response(scram.message(), &mut message).map_err(LoginError::Password)?;
    say(leg, &message, DOING).await?;

    let last = sasl_message(leg).await?;
    let Authentication::SaslFinal(data) = Authentication::parse(&last)? else {
        return Err(out_of_order());
    };
    scram.finish(data).map_err(LoginError::Password)
}

/// The body of the next authentication request.
async fn sasl_message<S: Stream>(leg: &mut Leg<S>) -> Result<Vec<u8>, LoginError> {
    let message = read_message(leg, DOING).await?;
    match message.tag() {
        tag::AUTHENTICATION => Ok(message.body().to_vec()),
        tag::ERROR_RESPONSE => Err(super::upstream::refused(message.body())),
        _ => Err(out_of_order()),
    }
}

fn out_of_order() -> LoginError {
    LoginError::Password(io::Error::other("the upstream left out a step of SCRAM"))
}
