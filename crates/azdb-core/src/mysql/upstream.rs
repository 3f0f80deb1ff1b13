//! What we say to the database, being its client.

use std::io;

use azdb_identity::Token;
use azdb_wire::mysql::{
    Answer, Capabilities, ErrorPacket, Greeting, Response, clear_password_len,
    encode_clear_password, plugin,
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::channel::{Channel, Fault};
use super::{Secretive, bad_packet, password};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{Leg, MaybeTls, Stream};
use crate::lobby::Lobby;
use crate::tls::{self, Alpn, Sealed, UpstreamTlsConfig};
use crate::upstream::{self, Dial, Dialled, Upstream};

/// Most packets of a server's between the response and its OK.
const MAX_ROUNDS: usize = 8;

/// Error "Access denied".
pub(super) const ACCESS_DENIED: u16 = 1045;

/// An upstream that has greeted and has been told nothing.
pub(super) struct Greeted<S> {
    leg: Leg<S>,
    payload: Secretive,
    dialled: Dialled,
}

impl<S: Stream> Greeted<S> {
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, LoginError> {
        Greeting::parse(&self.payload).map_err(bad_packet)
    }

    /// The greeting's bytes.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn host(&self) -> &str {
        &self.dialled.upstream.host
    }

    /// Whether it is still there and has said nothing more.
    pub(super) async fn is_waiting(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.leg.fill(1) => false,
            () = std::future::ready(()) => true,
        }
    }
}

/// Dials the route's upstream and hears its greeting.
pub(super) async fn meet<D: Dial>(lobby: &Lobby<D>) -> Result<Greeted<D::Stream>, LoginError> {
    const DOING: &str = "waiting for the upstream's greeting";
    let (stream, dialled) = upstream::dial(&lobby.dialler, &lobby.route).await?;
    let mut leg = Leg::new(stream);
    let payload = read(&mut Channel::at(&mut leg, 0), DOING).await?;
    match Greeting::parse(&payload) {
        Ok(_) => Ok(Greeted {
            leg,
            payload,
            dialled,
        }),
        Err(error) => Err(match ErrorPacket::parse(&payload) {
            Ok(refusal) => LoginError::RefusedAtOnce {
                code: refusal.code,
                message: refusal.message.to_vec(),
            },
            Err(_) => bad_packet(error),
        }),
    }
}

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// The payload of its OK.
    pub(super) ok: Vec<u8>,
    /// The plugin that the account uses.
    pub(super) plugin: Vec<u8>,
}

/// What proves who we are.
pub(super) enum Secret<'a> {
    Token(&'a Token),
    Password(&'a SecretString),
}

/// Logs in with `response`, which names the principal and no answer.
pub(super) async fn log_in<D: Dial>(
    response: &Response<'_>,
    greeted: Greeted<D::Stream>,
    secret: &Secret<'_>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Granted<D::Stream>, LoginError> {
    let first = first_answer(&greeted.greeting()?, secret);
    let host = greeted.host().to_owned();
    let mut response = Response {
        plugin: &first.plugin,
        auth: &first.auth,
        ..*response
    };
    if lobby.upstream_tls.is_some() {
        response.capabilities = response.capabilities | Capabilities::SSL;
    }
    let securing = secure(greeted, lobby.upstream_tls.as_ref(), &response);
    let (mut upstream, next) = deadline.run("TLS with the upstream", securing).await?;
    let conversation = async {
        let payload = Zeroizing::new(response.encode().map_err(LoginError::AppMysqlPacket)?);
        let mut channel = Channel::at(upstream.leg(), next);
        say(&mut channel, &payload, "sending the response").await?;
        let next = channel.next();
        let account = Account {
            user: response.user,
            host: &host,
            announced: &first.plugin,
        };
        authenticate(&mut upstream, next, &account, secret).await
    };
    let (ok, plugin) = deadline
        .run("logging in to the upstream", conversation)
        .await?;
    Ok(Granted {
        upstream,
        ok,
        plugin,
    })
}

/// The plugin that a response announces, and the answer for it.
struct First {
    plugin: Vec<u8>,
    auth: Secretive,
}

/// With a token: another plugin than the one that it is for, and no answer, because a server that would take the token in the
/// clear takes an empty answer under that name for the token.
fn first_answer(greeting: &Greeting<'_>, secret: &Secret<'_>) -> First {
    let auth = match (secret, greeting.plugin) {
        (Secret::Password(password), plugin::NATIVE | plugin::CACHING_SHA2) => {
            let password = password.expose_secret().as_bytes();
            password::scrambled(greeting.plugin, password, &greeting.scramble)
        }
        _ => None,
    };
    match auth {
        Some(auth) => First {
            plugin: greeting.plugin.to_vec(),
            auth,
        },
        None => First {
            plugin: plugin::NATIVE.to_vec(),
            auth: Zeroizing::default(),
        },
    }
}

/// Makes a way upstream that the response may be sent on. Also returns the number of the next packet.
async fn secure<S: Stream>(
    mut greeted: Greeted<S>,
    tls: Option<&UpstreamTlsConfig>,
    response: &Response<'_>,
) -> Result<(Upstream<S>, u8), LoginError> {
    const DOING: &str = "asking for TLS";
    let offers_tls = greeted.greeting()?.capabilities.has(Capabilities::SSL);
    let is_waiting = greeted.is_waiting().await;
    let Greeted {
        mut leg, dialled, ..
    } = greeted;
    let host = dialled.upstream.host;
    // CVE-2021-23222: nothing vouches for bytes from before TLS.
    match (leg.unread().len(), is_waiting) {
        (0, true) => {}
        (0, false) => {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(LoginError::UpstreamLost {
                doing: DOING,
                source,
            });
        }
        (count, _) => return Err(LoginError::UpstreamStuffedBytes { host, count }),
    }
    let Some(tls) = tls else {
        let plain = MaybeTls::Plain(leg.into_stream());
        return Ok((Upstream::Plain(Leg::new(plain)), 1));
    };
    if !offers_tls {
        return Err(LoginError::NoTls { host });
    }
    let mut channel = Channel::at(&mut leg, 1);
    say(&mut channel, &response.encode_tls_request(), DOING).await?;
    let next = channel.next();
    let upstream = tls::seal(leg.into_stream(), tls, &host, Alpn::Optional).await?;
    Ok((upstream, next))
}

/// Whom we log in as, where.
pub(super) struct Account<'a> {
    pub(super) user: &'a [u8],
    pub(super) host: &'a str,
    /// The plugin that has been announced.
    pub(super) announced: &'a [u8],
}

impl Account<'_> {
    fn challenge(&self, asked: &'static str) -> LoginError {
        let user = String::from_utf8_lossy(self.user).into_owned();
        LoginError::Challenge { user, asked }
    }

    /// What it means that the upstream says no.
    fn refused(&self, payload: &[u8], error: &ErrorPacket<'_>, before_token: bool) -> LoginError {
        let (message, body) = (error.message.to_vec(), payload.to_vec());
        if before_token && error.code == ACCESS_DENIED {
            let user = String::from_utf8_lossy(self.user).into_owned();
            return LoginError::NotEntra {
                user,
                message,
                body,
            };
        }
        LoginError::Refused { message, body }
    }
}

/// Answers what the upstream asks, up to its OK: returns the payload of that, and the plugin that was used.
pub(super) async fn authenticate<S: Stream>(
    upstream: &mut Upstream<S>,
    mut next: u8,
    account: &Account<'_>,
    secret: &Secret<'_>,
) -> Result<(Vec<u8>, Vec<u8>), LoginError> {
    const DOING: &str = "waiting for the upstream to let us in";
    let mut asked = false;
    let mut plugin = account.announced.to_vec();
    for _ in 0..MAX_ROUNDS {
        let mut channel = Channel::at(upstream.leg(), next);
        let payload = read(&mut channel, DOING).await?;
        next = channel.next();
        let answer = Answer::parse(&payload).map_err(bad_packet)?;
        match (&answer, secret) {
            (Answer::Ok, _) => {
                if let (false, Secret::Token(_)) = (asked, secret) {
                    tracing::warn!("the upstream let us in without asking for the token");
                }
                return Ok((payload.to_vec(), plugin));
            }
            (Answer::Error(error), _) => {
                let before_token = !asked && matches!(secret, Secret::Token(_));
                return Err(account.refused(&payload, error, before_token));
            }
            (Answer::OldSwitch, _) => return Err(account.challenge("mysql_old_password")),
            (Answer::NextFactor, _) => return Err(account.challenge("another factor")),
            // Once: a second request would be another conversation than the one this is.
            (_, Secret::Token(_)) if asked => return Err(second_request()),
            (Answer::Switch { plugin: named, .. }, Secret::Token(token)) => {
                match (*named == plugin::CLEAR, &mut *upstream) {
                    (true, Upstream::Sealed(sealed)) => send_token(sealed, next, token).await?,
                    (true, Upstream::Plain(_)) => {
                        let host = account.host.to_owned();
                        return Err(LoginError::NotSealed { host });
                    }
                    (false, _) => return Err(account.challenge(name_of(named))),
                }
                plugin = named.to_vec();
            }
            (Answer::MoreData(_), Secret::Token(_)) => return Err(second_request()),
            (
                Answer::Switch {
                    plugin: named,
                    data,
                },
                Secret::Password(password),
            ) => {
                let mut channel = Channel::at(upstream.leg(), next);
                if !password::switch(&mut channel, named, data, password).await? {
                    return Err(account.challenge(name_of(named)));
                }
                plugin = named.to_vec();
            }
            (Answer::MoreData(data), Secret::Password(password)) => {
                let mut channel = Channel::at(upstream.leg(), next);
                password::more(&mut channel, &plugin, data, password).await?;
            }
        }
        asked = true;
    }
    Err(second_request())
}

fn second_request() -> LoginError {
    LoginError::UpstreamPacket {
        what: "a second request for the secret",
    }
}

/// A plugin's name in words of ours.
fn name_of(plugin: &[u8]) -> &'static str {
    match plugin {
        plugin::NATIVE => "mysql_native_password",
        plugin::CACHING_SHA2 => "caching_sha2_password",
        plugin::SHA256 => "sha256_password",
        plugin::CLEAR => "mysql_clear_password",
        b"client_ed25519" => "client_ed25519",
        b"dialog" => "dialog",
        b"parsec" => "parsec",
        b"auth_gssapi_client" => "GSSAPI",
        _ => "an unknown plugin",
    }
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(
    upstream: &mut Sealed<S>,
    number: u8,
    token: &Token,
) -> Result<(), LoginError> {
    let secret = token.expose().as_bytes();
    tracing::debug!(bytes = secret.len(), name = ?upstream.name(), "sending the token");
    let mut channel = Channel::at(upstream.leg(), number);
    say_clear(&mut channel, secret, "sending the token").await
}

/// Writes a secret as it is.
pub(super) async fn say_clear<S: Stream>(
    channel: &mut Channel<'_, S>,
    secret: &[u8],
    doing: &'static str,
) -> Result<(), LoginError> {
    let too_long = || LoginError::TokenTooLong {
        bytes: secret.len(),
    };
    let length = clear_password_len(secret.len()).ok_or_else(too_long)?;
    let mut packet = Zeroizing::new(Vec::with_capacity(length));
    encode_clear_password(channel.next(), secret, &mut packet).map_err(|_| too_long())?;
    let sent = channel.say_packet(&packet).await;
    sent.map_err(|source| LoginError::UpstreamLost { doing, source })
}

/// Reads a packet of the upstream's.
pub(super) async fn read<S: Stream>(
    channel: &mut Channel<'_, S>,
    doing: &'static str,
) -> Result<Secretive, LoginError> {
    channel.read().await.map_err(|fault| match fault {
        Fault::Lost(source) => LoginError::UpstreamLost { doing, source },
        Fault::Bad(error) => bad_packet(error),
    })
}

pub(super) async fn say<S: Stream>(
    channel: &mut Channel<'_, S>,
    payload: &[u8],
    doing: &'static str,
) -> Result<(), LoginError> {
    let sent = channel.say(payload).await;
    sent.map_err(|source| LoginError::UpstreamLost { doing, source })
}
