//! What we say to the app, being its server.

use std::io;
use std::sync::Arc;

use azdb_wire::postgres::{ErrorResponse, First, FirstError, Startup, first_length};
use rustls::ServerConfig;

use super::notice::{Notice, notice};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{AppLeg, Leg, MaybeTls, Stream};
use crate::tls::{self, Alpn};

/// First byte of a TLS record that holds a handshake. No first packet of PostgreSQL begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What an app came for.
pub(super) enum Greeting<A> {
    /// To log in, with this StartupMessage.
    Startup(AppLeg<A>, Vec<u8>),
    /// To cancel the query of the session with this key. The app takes the close of its connection for the answer.
    Cancel(AppLeg<A>, Vec<u8>),
    /// It has gone, or it was never one of PostgreSQL.
    Nobody,
}

/// Answers what an app may ask before it says who it is.
pub(super) async fn greet<A: Stream>(
    socket: A,
    tls: Option<&Arc<ServerConfig>>,
    deadline: &Deadline,
) -> Result<Greeting<A>, LoginError> {
    let mut socket = Leg::new(socket);
    match deadline
        .run(
            "waiting for the app's first packet",
            first_byte(&mut socket),
        )
        .await?
    {
        None => return Ok(Greeting::Nobody),
        Some(TLS_HANDSHAKE) => match tls {
            None => return Ok(Greeting::Nobody),
            Some(tls) => {
                let accepting = tls::accept(socket, tls, Alpn::Required);
                let app = deadline.run("TLS with the app", accepting).await?;
                return negotiate(app, Asked::TLS_DONE, deadline)
                    .await
                    .map(Negotiated::settled);
            }
        },
        Some(_) => {}
    }
    let app = Leg::new(MaybeTls::Plain(socket));
    let asked = Asked {
        tls: tls.map_or(MayTls::Refuse, |_| MayTls::Accept),
        gss: false,
    };
    match negotiate(app, asked, deadline).await? {
        Negotiated::Settled(greeting) => Ok(greeting),
        Negotiated::Tls(app) => {
            let (Some(tls), MaybeTls::Plain(socket)) = (tls, app.into_stream()) else {
                return Ok(Greeting::Nobody);
            };
            let accepting = tls::accept(socket, tls, Alpn::Optional);
            let app = deadline.run("TLS with the app", accepting).await?;
            negotiate(app, Asked::TLS_DONE, deadline)
                .await
                .map(Negotiated::settled)
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

/// Which requests may still come; each may come once.
struct Asked {
    tls: MayTls,
    gss: bool,
}

#[derive(PartialEq)]
enum MayTls {
    Accept,
    Refuse,
    Never,
}

impl Asked {
    /// Inside TLS nothing is left to be asked.
    const TLS_DONE: Self = Self {
        tls: MayTls::Never,
        gss: true,
    };
}

enum Negotiated<A> {
    Settled(Greeting<A>),
    /// The app has been told `S` and begins its handshake next.
    Tls(AppLeg<A>),
}

impl<A> Negotiated<A> {
    fn settled(self) -> Greeting<A> {
        match self {
            Self::Settled(greeting) => greeting,
            Self::Tls(_) => Greeting::Nobody,
        }
    }
}

async fn negotiate<A: Stream>(
    mut app: AppLeg<A>,
    mut asked: Asked,
    deadline: &Deadline,
) -> Result<Negotiated<A>, LoginError> {
    loop {
        let reading = read_first(&mut app);
        let packet = match deadline
            .run("waiting for the app's first packet", reading)
            .await
        {
            Ok(packet) => packet,
            // Not PostgreSQL at all, an HTTP request for example: an answer would mean nothing to it.
            Err(LoginError::AppPacket(FirstError::Length(length))) => {
                tracing::debug!(length, "not a first packet of PostgreSQL");
                return Ok(Negotiated::Settled(Greeting::Nobody));
            }
            Err(error) => return Err(error),
        };
        match First::parse(&packet) {
            Ok(First::Tls) if asked.tls == MayTls::Accept => {
                // CVE-2021-23214: what was sent in the clear must not be taken for what TLS protects.
                match app.unread().len() {
                    0 => say(&mut app, b"S").await?,
                    stuffed => return Err(LoginError::AppStuffedBytes(stuffed)),
                }
                return Ok(Negotiated::Tls(app));
            }
            Ok(First::Tls) if asked.tls == MayTls::Refuse => {
                asked.tls = MayTls::Never;
                say(&mut app, b"N").await?;
            }
            Ok(First::GssEnc) if !asked.gss => {
                asked.gss = true;
                say(&mut app, b"N").await?;
            }
            Ok(First::Tls | First::GssEnc) => {
                return Ok(Negotiated::Settled(Greeting::Nobody));
            }
            Ok(First::Cancel(request)) => {
                let key = request.key.to_vec();
                return Ok(Negotiated::Settled(Greeting::Cancel(app, key)));
            }
            Ok(First::Startup(_)) => {
                return Ok(Negotiated::Settled(Greeting::Startup(app, packet)));
            }
            Err(error) => {
                let error = match error {
                    FirstError::Version(version) => LoginError::AppVersion(version),
                    other => LoginError::AppPacket(other),
                };
                refuse(&mut app, &error).await;
                return Err(error);
            }
        }
    }
}

/// Reads one first packet, however many reads it takes.
async fn read_first<A: Stream>(app: &mut AppLeg<A>) -> Result<Vec<u8>, LoginError> {
    app.fill(4).await.map_err(LoginError::AppLeft)?;
    let Some(prefix) = app.unread().first_chunk::<4>() else {
        return Err(LoginError::AppLeft(io::ErrorKind::UnexpectedEof.into()));
    };
    let length = first_length(*prefix)?;
    app.fill(length).await.map_err(LoginError::AppLeft)?;
    let packet = app.unread().get(..length).unwrap_or_default().to_vec();
    app.consume(length);
    Ok(packet)
}

/// Reads again the packet that [`greet`] recognised.
pub(super) fn parse_startup(packet: &[u8]) -> Result<Startup<'_>, LoginError> {
    match First::parse(packet)? {
        First::Startup(startup) => Ok(startup),
        _ => Err(LoginError::AppPacket(FirstError::Malformed(
            "StartupMessage",
        ))),
    }
}

/// Lets the app in, with the upstream's own words.
pub(super) async fn admit<A: Stream>(app: &mut AppLeg<A>, answer: &[u8]) -> Result<(), LoginError> {
    say(app, answer).await
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<A: Stream>(app: &mut AppLeg<A>, error: &LoginError) {
    if let Some(bytes) = notice(error).map(Notice::into_bytes) {
        app.part_with(&bytes).await;
    }
}

/// Tells an app at rest that its session ends with the proxy.
pub(super) async fn farewell<A: Stream>(app: &mut AppLeg<A>) {
    let mut bytes = Vec::new();
    ErrorResponse {
        sqlstate: "57P01",
        message: "azdb-proxy: terminating connection, the proxy is shutting down",
        hint: "connect again",
    }
    .encode(&mut bytes);
    app.part_with(&bytes).await;
}

async fn say<A: Stream>(app: &mut AppLeg<A>, bytes: &[u8]) -> Result<(), LoginError> {
    app.say(bytes).await.map_err(LoginError::AppLeft)
}
