//! What we say to the app, being its server.

use std::io;
use std::sync::Arc;

use azdb_wire::tds::{
    Encryption, Header, MAX_LOGIN7, MAX_PRELOGIN, Manner, Prelogin, kind, push_message,
};
use rustls::ServerConfig;
use tokio_rustls::TlsStream;
use zeroize::Zeroizing;

use super::notice::notice;
use super::{TdsError, wrapped_tls};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{AppLeg, Leg, MaybeTls, Stream};
use crate::tls::{self, Alpn};

/// First byte of a TLS record that holds a handshake: alone TDS 8.0, behind a packet's header TDS 7.
const TLS_HANDSHAKE: u8 = 0x16;

/// What apps are offered.
pub(super) struct LocalTls<'a> {
    /// TDS 8.0.
    pub(super) strict: Option<&'a Arc<ServerConfig>>,
    /// TDS 7.
    pub(super) wrapped: Option<&'a Arc<ServerConfig>>,
}

/// An app that has said who it is.
pub(super) struct Caller<A> {
    pub(super) app: AppLeg<A>,
    /// The payload of its LOGIN7.
    pub(super) login: Zeroizing<Vec<u8>>,
    /// What PRELOGIN settled.
    pub(super) settled: Settled,
}

/// What PRELOGIN settled. Apps of TDS 7.0 begin with LOGIN7 and settle nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    /// The app may ask several things at a time.
    pub(super) mars: bool,
    /// For whoever looks for this connection in the server's logs.
    pub(super) trace_id: Option<[u8; 36]>,
}

/// Answers what an app says before it says who it is. `None` when it has gone, or never spoke TDS.
pub(super) async fn greet<A: Stream>(
    socket: A,
    offered: &LocalTls<'_>,
    deadline: &Deadline,
) -> Result<Option<Caller<A>>, LoginError> {
    const WAITING: &str = "waiting for the app's first packet";
    const SHAKING: &str = "TLS with the app";
    let mut socket = Leg::new(socket);
    let Some(first) = deadline.run(WAITING, first_byte(&mut socket)).await? else {
        return Ok(None);
    };
    let mut settled = Settled::default();
    let mut app = if first == TLS_HANDSHAKE {
        let Some(tls) = offered.strict else {
            return Ok(None);
        };
        let accepting = tls::accept(socket, tls, Alpn::Optional);
        deadline.run(SHAKING, accepting).await?
    } else {
        let settling = settle(&mut socket, &mut settled, offered.wrapped.is_some());
        match (deadline.run(WAITING, settling).await?, offered.wrapped) {
            (Next::Nobody, _) | (Next::Tls, None) => return Ok(None),
            (Next::Login, _) => Leg::new(MaybeTls::Plain(socket)),
            (Next::Tls, Some(tls)) => {
                let accepting = async {
                    let accepted = wrapped_tls::accept(Arc::clone(tls), socket).await;
                    accepted.map_err(LoginError::AppTls)
                };
                let stream = deadline.run(SHAKING, accepting).await?;
                Leg::new(MaybeTls::Tls(Box::new(TlsStream::Server(stream))))
            }
        }
    };
    let settling = settle(&mut app, &mut settled, false);
    match deadline.run(WAITING, settling).await? {
        Next::Nobody | Next::Tls => Ok(None),
        Next::Login => {
            let login = deadline.run("reading the app's login", read_login(&mut app));
            let login = login.await?;
            Ok(Some(Caller {
                app,
                login,
                settled,
            }))
        }
    }
}

/// `None` when the app closes without a byte, as port probes do.
async fn first_byte<A: Stream>(socket: &mut Leg<A>) -> Result<Option<u8>, LoginError> {
    match socket.fill(1).await {
        Ok(()) => Ok(socket.unread().first().copied()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(LoginError::AppLeft(error)),
    }
}

/// What an app begins next. None of it has been read yet.
enum Next {
    Login,
    Tls,
    Nobody,
}

/// Answers PRELOGIN, and looks what comes behind it.
async fn settle<S: Stream>(
    leg: &mut Leg<S>,
    settled: &mut Settled,
    may_tls: bool,
) -> Result<Next, LoginError> {
    /// A driver that asks again has misunderstood something; one that asks a third time always will.
    const MOST: usize = 2;
    for _ in 0..=MOST {
        leg.fill(Header::LEN + 1)
            .await
            .map_err(LoginError::AppLeft)?;
        match leg.unread() {
            [kind::LOGIN7, ..] => return Ok(Next::Login),
            [kind::PRELOGIN, _, _, _, _, _, _, _, TLS_HANDSHAKE, ..] => return Ok(Next::Tls),
            [kind::PRELOGIN, ..] => {
                let payload = read_message(leg, MAX_PRELOGIN).await?;
                let asked = Prelogin::parse(&payload).map_err(TdsError::AppPrelogin)?;
                settled.mars = asked.mars == Some(true);
                settled.trace_id = asked.trace_id;
                answer_prelogin(leg, &asked, may_tls).await?;
            }
            // An HTTP request, a login of SQL Server 6.5: an answer would mean nothing to it.
            _ => return Ok(Next::Nobody),
        }
    }
    Ok(Next::Nobody)
}

async fn answer_prelogin<S: Stream>(
    leg: &mut Leg<S>,
    asked: &Prelogin,
    may_tls: bool,
) -> Result<(), LoginError> {
    let wanted = asked.encryption.unwrap_or(Encryption::Off).answer();
    let answer = Prelogin {
        encryption: Some(if may_tls {
            wanted
        } else {
            Encryption::NotSupported
        }),
        mars: Some(asked.mars == Some(true)),
        trace_id: None,
        fed_auth_required: asked.fed_auth_required.map(|_| false),
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    answer.encode_answer(&mut payload);
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    say(leg, &message).await
}

async fn read_login<S: Stream>(leg: &mut Leg<S>) -> Result<Zeroizing<Vec<u8>>, LoginError> {
    // An app may put a token into it.
    read_message(leg, MAX_LOGIN7).await.map(Zeroizing::new)
}

/// Reads one message, of however many packets, and gives its payload.
async fn read_message<S: Stream>(leg: &mut Leg<S>, most: usize) -> Result<Vec<u8>, LoginError> {
    let mut payload = Vec::new();
    let mut of_kind = None;
    loop {
        leg.fill(Header::LEN).await.map_err(LoginError::AppLeft)?;
        let Some(header) = leg.unread().first_chunk() else {
            return Err(LoginError::AppLeft(io::ErrorKind::UnexpectedEof.into()));
        };
        let header = Header::parse(*header)
            .map_err(|_| TdsError::AppPacket("a packet that is shorter than its header"))?;
        if *of_kind.get_or_insert(header.kind) != header.kind {
            return Err(TdsError::AppPacket("a packet in the middle of another message").into());
        }
        if payload.len() + header.payload() > most {
            return Err(TdsError::AppPacket("a login that is too long").into());
        }
        let length = usize::from(header.length);
        leg.fill(length).await.map_err(LoginError::AppLeft)?;
        payload.extend_from_slice(leg.unread().get(Header::LEN..length).unwrap_or_default());
        leg.consume(length);
        if header.is_last() {
            return Ok(payload);
        }
    }
}

/// Lets the app in, with what it is to read of the upstream's words.
pub(super) async fn admit<A: Stream>(
    app: &mut AppLeg<A>,
    payload: &[u8],
    spid: u16,
) -> Result<(), LoginError> {
    let mut message = Vec::new();
    push_message(kind::RESPONSE, spid, payload, &mut message);
    say(app, &message).await
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<A: Stream>(
    app: &mut AppLeg<A>,
    error: &LoginError,
    manner: &Manner,
    route: &str,
) {
    let mut payload = Vec::new();
    if notice(error, manner, route, &mut payload) {
        let mut message = Vec::new();
        push_message(kind::RESPONSE, 0, &payload, &mut message);
        app.part_with(&message).await;
    }
}

async fn say<S: Stream>(leg: &mut Leg<S>, bytes: &[u8]) -> Result<(), LoginError> {
    leg.say(bytes).await.map_err(LoginError::AppLeft)
}
