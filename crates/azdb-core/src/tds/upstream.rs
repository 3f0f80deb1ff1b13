//! What we say to the database, being its client.

use std::io;

use azdb_identity::Token;
use azdb_wire::tds::{
    Encryption, FedAuthAck, Header, LOGIN_PACKET, Login7, LoginAnswer, LoginSecret, MAX_PRELOGIN,
    Prelogin, Relogin, from_utf16, kind, packets, push_message, rebuild, rebuilt_len,
};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::one_packet_per_record::{MOST_PACKET, MOST_PACKET_IN_SMP};
use super::routing::{self, MAX_HOPS};
use super::{Settled, TdsError};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{Leg, MaybeTls, Stream};
use crate::lobby::Lobby;
use crate::tls::{self, Alpn, Sealed, UpstreamTlsConfig};
use crate::upstream::{self, Dial, Upstream};
use azdb_config::route::{Principal, UpstreamAuth, UpstreamTls};

/// Most bytes of the answer to a login.
const MAX_ANSWER: usize = 256 * 1024;

/// What an app wants of an upstream.
pub(super) struct Wish<'a> {
    pub(super) login: &'a Login7<'a>,
    /// UTF-16LE.
    pub(super) database: &'a [u8],
    pub(super) settled: Settled,
    pub(super) principal: &'a Principal,
}

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// Its answer, in the widths of 7.4.
    pub(super) answer: Vec<u8>,
    /// Its number for the session.
    pub(super) spid: u16,
}

/// Dials the route's upstream, logs in there, and goes on to wherever it sends us.
pub(super) async fn log_in<D: Dial>(
    wish: &Wish<'_>,
    token: Option<&Token>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Granted<D::Stream>, LoginError> {
    const CONNECTING: &str = "connecting to the upstream";
    let route = &lobby.route;
    let dialling = upstream::dial(&lobby.dialler, route);
    let (mut stream, dialled) = deadline.run(CONNECTING, dialling).await?;
    let own = own_name(&route.tls, &dialled.upstream.host);
    let mut place = Place {
        host: dialled.upstream.host,
        server: own.clone(),
    };
    let mut tls = lobby.upstream_tls.clone();
    for _hop in 0..=MAX_HOPS {
        let opening = open(stream, tls.as_ref(), &place.host, wish, token, lobby);
        let (mut upstream, echo) = deadline.run("TLS with the upstream", opening).await?;
        let conversation = converse(&mut upstream, wish, token, &place, echo, lobby);
        let (answer, spid) = deadline
            .run("logging in to the upstream", conversation)
            .await?;
        let understood = LoginAnswer::parse(&answer).map_err(TdsError::from)?;
        let Some(routed) = understood.routing else {
            check(&understood, token.is_some(), wish.settled, &upstream)?;
            return Ok(Granted {
                upstream,
                answer,
                spid,
            });
        };
        let target = routing::target(&routed, &own, &route.tds.routing_suffixes)?;
        tracing::debug!(to = %target.endpoint, "sent on");
        drop(upstream);
        let dialling = lobby.dialler.dial(&target.endpoint);
        (stream, _) = deadline.run(CONNECTING, dialling).await?;
        place = Place {
            host: target.endpoint.host,
            server: target.server,
        };
        tls = tls.as_ref().map(UpstreamTlsConfig::without_name);
    }
    Err(TdsError::Hops(MAX_HOPS).into())
}

/// Where a login takes place.
struct Place {
    /// For TLS.
    host: String,
    /// For LOGIN7: never what the app calls us (error 40532).
    server: String,
}

/// The name that the route's upstream proves to be.
fn own_name(tls: &UpstreamTls, host: &str) -> String {
    match tls {
        UpstreamTls::Verified {
            name: Some(ServerName::DnsName(name)),
            ..
        } => name.as_ref().to_owned(),
        _ => host.to_owned(),
    }
}

/// Settles what comes before a login. Says also whether LOGIN7 must echo that tokens are required.
async fn open<D: Dial>(
    mut stream: D::Stream,
    tls: Option<&UpstreamTlsConfig>,
    host: &str,
    wish: &Wish<'_>,
    token: Option<&Token>,
    lobby: &Lobby<D>,
) -> Result<(Upstream<D::Stream>, bool), LoginError> {
    let ask = |encryption| Prelogin {
        encryption: Some(encryption),
        mars: Some(wish.settled.mars),
        trace_id: wish.settled.trace_id,
        fed_auth_required: token.map(|_| true),
    };
    let (upstream, answer) = match tls {
        None => {
            let answer = prelogin(&mut stream, &ask(Encryption::NotSupported)).await?;
            if let Some(Encryption::On | Encryption::Required) = answer.encryption {
                let what = "a demand for TLS, which upstream_tls = \"off\" forbids";
                return Err(LoginError::UpstreamPacket { what });
            }
            (Upstream::Plain(Leg::new(MaybeTls::Plain(stream))), answer)
        }
        Some(tls) if lobby.route.tls_first => {
            let mut upstream = tls::seal(stream, tls, host, Alpn::Optional).await?;
            let answer = prelogin(upstream.leg(), &ask(Encryption::NotSupported)).await?;
            (upstream, answer)
        }
        Some(tls) => {
            let answer = prelogin(&mut stream, &ask(Encryption::On)).await?;
            let Some(Encryption::On | Encryption::Required) = answer.encryption else {
                let host = host.to_owned();
                return Err(LoginError::NoTls { host });
            };
            (tls::seal_in_packets(stream, tls, host).await?, answer)
        }
    };
    if wish.settled.mars && answer.mars != Some(true) {
        return Err(TdsError::NoMars.into());
    }
    Ok((upstream, answer.fed_auth_required == Some(true)))
}

/// Asks with PRELOGIN and reads the answer, packet by packet and no byte further: what comes behind it in the clear is for the
/// TLS handshake to judge (CVE-2021-23222).
async fn prelogin<S: Stream>(stream: &mut S, ask: &Prelogin) -> Result<Prelogin, LoginError> {
    let lost = |source| LoginError::UpstreamLost {
        doing: "asking what comes before the login",
        source,
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    ask.encode_request(&mut payload);
    push_message(kind::PRELOGIN, 0, &payload, &mut message);
    stream.write_all(&message).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;

    payload.clear();
    loop {
        let mut header = [0; Header::LEN];
        stream.read_exact(&mut header).await.map_err(lost)?;
        let header = Header::parse(header).map_err(TdsError::UpstreamPacket)?;
        if header.kind != kind::RESPONSE || payload.len() + header.payload() > MAX_PRELOGIN {
            let what = "something else than an answer to PRELOGIN";
            return Err(LoginError::UpstreamPacket { what });
        }
        let mut share = vec![0; header.payload()];
        stream.read_exact(&mut share).await.map_err(lost)?;
        payload.extend_from_slice(&share);
        if header.is_last() {
            return Ok(Prelogin::parse(&payload).map_err(TdsError::UpstreamPrelogin)?);
        }
    }
}

/// Sends the login and reads the whole answer, with the server's number for the session.
async fn converse<D: Dial>(
    upstream: &mut Upstream<D::Stream>,
    wish: &Wish<'_>,
    token: Option<&Token>,
    place: &Place,
    echo: bool,
    lobby: &Lobby<D>,
) -> Result<(Vec<u8>, u16), LoginError> {
    match (token, &lobby.route.auth) {
        (Some(token), _) => match upstream {
            Upstream::Sealed(sealed) => send_token(sealed, wish, token, place, echo).await?,
            Upstream::Plain(_) => {
                let host = place.host.clone();
                return Err(LoginError::NotSealed { host });
            }
        },
        (None, UpstreamAuth::Password(password)) => {
            let secret = LoginSecret::Password {
                user: &wish.principal.user,
                password: password.expose_secret(),
            };
            send_login(upstream.leg(), wish, secret, place).await?;
        }
        (None, UpstreamAuth::Token(_)) => {
            let host = place.host.clone();
            return Err(LoginError::NotSealed { host });
        }
    }
    read_answer(upstream.leg()).await
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(
    upstream: &mut Sealed<S>,
    wish: &Wish<'_>,
    token: &Token,
    place: &Place,
    echo: bool,
) -> Result<(), LoginError> {
    let token = token.expose();
    tracing::debug!(bytes = token.len(), name = ?upstream.name(), "sending the token");
    let secret = LoginSecret::Token { token, echo };
    send_login(upstream.leg(), wish, secret, place).await
}

/// Sends LOGIN7 in packets of 4096 bytes, whatever size it asks for, and each in a TLS record of its own: Azure resets the
/// connection otherwise, and a token makes every login longer than one packet.
async fn send_login<S: Stream>(
    leg: &mut Leg<S>,
    wish: &Wish<'_>,
    secret: LoginSecret<'_>,
    place: &Place,
) -> Result<(), LoginError> {
    let lost = |source| LoginError::UpstreamLost {
        doing: "sending the login",
        source,
    };
    let relogin = Relogin {
        server: &place.server,
        database: wish.database,
        secret,
    };
    let length = rebuilt_len(wish.login, &relogin).map_err(TdsError::from)?;
    let mut payload = Zeroizing::new(Vec::with_capacity(length));
    rebuild(wish.login, &relogin, &mut payload).map_err(TdsError::from)?;
    for (header, share) in packets(kind::LOGIN7, 0, &payload) {
        let mut packet = Zeroizing::new(Vec::with_capacity(LOGIN_PACKET));
        packet.extend_from_slice(&header);
        packet.extend_from_slice(share);
        leg.write_all(&packet).await.map_err(lost)?;
        leg.flush().await.map_err(lost)?;
    }
    Ok(())
}

async fn read_answer<S: Stream>(leg: &mut Leg<S>) -> Result<(Vec<u8>, u16), LoginError> {
    let lost = |source| LoginError::UpstreamLost {
        doing: "waiting for the answer to the login",
        source,
    };
    let mut payload = Vec::new();
    loop {
        leg.fill(Header::LEN).await.map_err(lost)?;
        let Some(header) = leg.unread().first_chunk() else {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        };
        let header = Header::parse(*header).map_err(TdsError::UpstreamPacket)?;
        if header.kind != kind::RESPONSE || payload.len() + header.payload() > MAX_ANSWER {
            let what = "something else than an answer to a login";
            return Err(LoginError::UpstreamPacket { what });
        }
        let length = usize::from(header.length);
        leg.fill(length).await.map_err(lost)?;
        payload.extend_from_slice(leg.unread().get(Header::LEN..length).unwrap_or_default());
        leg.consume(length);
        if header.is_last() {
            return Ok((payload, header.spid));
        }
    }
}

/// Whether the answer lets us in, as whom we said we are, on terms that the relay can keep.
fn check<U>(
    answer: &LoginAnswer<'_>,
    with_token: bool,
    settled: Settled,
    upstream: &Upstream<U>,
) -> Result<(), LoginError> {
    if !answer.granted {
        return Err(match answer.error {
            Some(_) => refused(answer),
            None => LoginError::UpstreamPacket {
                what: "an answer that says neither yes nor no",
            },
        });
    }
    if with_token && answer.fed_auth != FedAuthAck::Taken {
        return Err(TdsError::TokenNotTaken.into());
    }
    let most = if settled.mars {
        MOST_PACKET_IN_SMP
    } else {
        MOST_PACKET
    };
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    match answer.packet_size {
        Some(size) if size > most && upstream.has_records() => {
            Err(TdsError::PacketSize { size, most }.into())
        }
        _ => Ok(()),
    }
}

/// All of the upstream's errors as one text for the log, and its answer for the app.
fn refused(answer: &LoginAnswer<'_>) -> LoginError {
    let texts: Vec<String> = answer
        .reports()
        .filter(|report| report.is_error)
        .map(|report| {
            let message = from_utf16(report.message);
            format!(
                "{} (error {}, state {})",
                message, report.number, report.state
            )
        })
        .collect();
    LoginError::Refused {
        message: texts.join(" ").into_bytes(),
        body: answer.payload().to_vec(),
    }
}
