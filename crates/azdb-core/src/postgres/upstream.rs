//! What we say to the database, being its client.

use std::io;

use azdb_identity::Token;
use azdb_wire::postgres::{
    Authentication, ErrorFields, Next, SSL_REQUEST, encode_password, next_message,
    password_message_len, tag,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::password;
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{Leg, MaybeTls, Stream};
use crate::lobby::Lobby;
use crate::tls::{self, Alpn, Sealed, UpstreamTlsConfig};
use crate::upstream::{self, Dial, Dialled, Upstream};
use azdb_config::route::{Principal, UpstreamAuth};

/// Most bytes between "Ok" and ReadyForQuery: parameter reports and notices.
const MAX_ANSWER: usize = 256 * 1024;

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// NegotiateProtocolVersion if there was one, then everything from "Ok" to ReadyForQuery.
    pub(super) answer: Vec<u8>,
    /// Payload of BackendKeyData, which some servers leave out.
    pub(super) cancel_key: Option<Vec<u8>>,
    pub(super) dialled: Dialled,
}

/// Dials the route's upstream and logs in there with `packet`, which names `principal`.
pub(super) async fn log_in<D: Dial>(
    packet: &[u8],
    principal: &Principal,
    token: Option<&Token>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Granted<D::Stream>, LoginError> {
    let route = &lobby.route;
    let dialling = upstream::dial(&lobby.dialler, route);
    let (stream, dialled) = deadline.run("connecting to the upstream", dialling).await?;
    let form = if route.tls_first {
        TlsForm::Direct
    } else {
        TlsForm::Request
    };
    let securing = secure(
        stream,
        lobby.upstream_tls.as_ref(),
        &dialled.upstream.host,
        form,
    );
    let mut upstream = deadline.run("TLS with the upstream", securing).await?;

    let conversation = async {
        let doing = "sending the startup message";
        say(upstream.leg(), packet, doing).await?;
        let mut answer = Vec::new();
        let secret = match (token, &route.auth) {
            (Some(token), _) => Secret::Token(token),
            (None, UpstreamAuth::Password(password)) => Secret::Password(password),
            (None, UpstreamAuth::Token(_)) => {
                return Err(LoginError::NotSealed {
                    host: dialled.upstream.host.clone(),
                });
            }
        };
        authenticate(&mut upstream, principal, secret, &mut answer, &dialled).await?;
        let cancel_key = until_ready(upstream.leg(), &mut answer).await?;
        Ok::<_, LoginError>((answer, cancel_key))
    };
    let (answer, cancel_key) = deadline
        .run("logging in to the upstream", conversation)
        .await?;
    Ok(Granted {
        upstream,
        answer,
        cancel_key,
        dialled,
    })
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsForm {
    /// After SSLRequest and the server's `S`.
    Request,
    /// With the first byte.
    Direct,
}

/// Makes a way upstream that a login may begin on.
pub(super) async fn secure<S: Stream>(
    mut stream: S,
    tls: Option<&UpstreamTlsConfig>,
    host: &str,
    form: TlsForm,
) -> Result<Upstream<S>, LoginError> {
    let Some(tls) = tls else {
        return Ok(Upstream::Plain(Leg::new(MaybeTls::Plain(stream))));
    };
    let alpn = match form {
        TlsForm::Direct => Alpn::Required,
        TlsForm::Request => {
            request_tls(&mut stream, host).await?;
            Alpn::Optional
        }
    };
    tls::seal(stream, tls, host, alpn).await
}

async fn request_tls<S: Stream>(stream: &mut S, host: &str) -> Result<(), LoginError> {
    let lost = |source| LoginError::UpstreamLost {
        doing: "asking for TLS",
        source,
    };
    stream.write_all(&SSL_REQUEST).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = [0; 512];
    let count = stream.read(&mut answer).await.map_err(lost)?;
    match answer.get(..count).unwrap_or_default() {
        [b'S'] => Ok(()),
        // CVE-2021-23222: nothing vouches for bytes from before TLS.
        [b'S', stuffed @ ..] => {
            let (host, count) = (host.to_owned(), stuffed.len());
            Err(LoginError::UpstreamStuffedBytes { host, count })
        }
        [b'N', ..] => Err(LoginError::NoTls {
            host: host.to_owned(),
        }),
        [] => Err(lost(io::ErrorKind::UnexpectedEof.into())),
        other => Err(LoginError::TlsAnswer {
            host: host.to_owned(),
            answer: other.to_vec(),
        }),
    }
}

/// What proves who we are.
pub(super) enum Secret<'a> {
    Token(&'a Token),
    Password(&'a secrecy::SecretString),
}

/// Answers what the upstream asks, up to its "Ok". What the app is to read of it goes to `answer`.
async fn authenticate<S: Stream>(
    upstream: &mut Upstream<S>,
    principal: &Principal,
    secret: Secret<'_>,
    answer: &mut Vec<u8>,
    dialled: &Dialled,
) -> Result<(), LoginError> {
    let mut asked = false;
    loop {
        let doing = "waiting for the upstream to ask for the secret";
        let message = read_message(upstream.leg(), doing).await?;
        match message.tag() {
            tag::AUTHENTICATION => {}
            tag::NEGOTIATE_PROTOCOL_VERSION | tag::NOTICE_RESPONSE => {
                message.append_to(answer);
                continue;
            }
            tag::ERROR_RESPONSE => return Err(refused(message.body())),
            _ => {
                return Err(LoginError::UpstreamPacket {
                    what: "an unexpected message",
                });
            }
        }
        let challenge = |kind| LoginError::Challenge {
            user: principal.user.clone(),
            asked: kind,
        };
        match (Authentication::parse(message.body())?, &secret) {
            (Authentication::Ok, secret) => {
                if let (false, Secret::Token(_)) = (asked, secret) {
                    tracing::warn!("the upstream let us in without asking for the token");
                }
                message.append_to(answer);
                return Ok(());
            }
            // Once: a second request would be another conversation than the one this is.
            _ if asked => {
                return Err(LoginError::UpstreamPacket {
                    what: "a second request for the secret",
                });
            }
            (Authentication::Cleartext, Secret::Token(token)) => match upstream {
                Upstream::Sealed(sealed) => send_token(sealed, token).await?,
                Upstream::Plain(_) => {
                    return Err(LoginError::NotSealed {
                        host: dialled.upstream.host.clone(),
                    });
                }
            },
            (request, Secret::Token(_)) => return Err(challenge(request.name())),
            (request, Secret::Password(secret)) => {
                password::answer(upstream.leg(), &request, &principal.user, secret).await?;
            }
        }
        asked = true;
    }
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(upstream: &mut Sealed<S>, token: &Token) -> Result<(), LoginError> {
    let secret = token.expose().as_bytes();
    let mut message = Zeroizing::new(Vec::with_capacity(password_message_len(secret.len())?));
    encode_password(secret, &mut message)?;
    tracing::debug!(bytes = secret.len(), name = ?upstream.name(), "sending the token");
    say(upstream.leg(), &message, "sending the token").await
}

/// Collects what the upstream reports after "Ok". Returns the payload of BackendKeyData.
async fn until_ready<S: Stream>(
    leg: &mut Leg<S>,
    answer: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>, LoginError> {
    let mut cancel_key = None;
    loop {
        let message = read_message(leg, "waiting for the upstream to be ready").await?;
        match message.tag() {
            tag::ERROR_RESPONSE => return Err(refused(message.body())),
            tag::BACKEND_KEY_DATA => cancel_key = Some(message.body().to_vec()),
            tag::PARAMETER_STATUS | tag::NOTICE_RESPONSE | tag::READY_FOR_QUERY => {}
            _ => {
                return Err(LoginError::UpstreamPacket {
                    what: "an unexpected message",
                });
            }
        }
        message.append_to(answer);
        if message.tag() == tag::READY_FOR_QUERY {
            return Ok(cancel_key);
        }
        if answer.len() > MAX_ANSWER {
            return Err(LoginError::UpstreamPacket {
                what: "too many reports before it was ready",
            });
        }
    }
}

/// One message of the upstream's, copied out of the leg.
pub(super) struct Message {
    raw: Vec<u8>,
}

impl Message {
    pub(super) fn tag(&self) -> u8 {
        self.raw.first().copied().unwrap_or_default()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.raw
            .get(azdb_wire::postgres::Header::LEN..)
            .unwrap_or_default()
    }

    fn append_to(&self, answer: &mut Vec<u8>) {
        answer.extend_from_slice(&self.raw);
    }
}

/// Reads one message of a login.
pub(super) async fn read_message<S: Stream>(
    leg: &mut Leg<S>,
    doing: &'static str,
) -> Result<Message, LoginError> {
    loop {
        let need = match next_message(leg.unread())? {
            Next::Message { raw, .. } => {
                let raw = raw.to_vec();
                leg.consume(raw.len());
                return Ok(Message { raw });
            }
            Next::NeedBytes(need) => need,
        };
        leg.fill(need)
            .await
            .map_err(|source| LoginError::UpstreamLost { doing, source })?;
    }
}

pub(super) async fn say<S: Stream>(
    leg: &mut Leg<S>,
    bytes: &[u8],
    doing: &'static str,
) -> Result<(), LoginError> {
    let lost = |source| LoginError::UpstreamLost { doing, source };
    leg.write_all(bytes).await.map_err(lost)?;
    leg.flush().await.map_err(lost)
}

pub(super) fn refused(body: &[u8]) -> LoginError {
    let message = ErrorFields::of(body).get(b'M').unwrap_or_default().to_vec();
    LoginError::Refused {
        message,
        body: body.to_vec(),
    }
}
