//! What we say to the app, being its server.

use std::io;

use azdb_wire::postgres::{First, FirstError, Startup, first_length};

use super::PostgresFault;
use super::notice::{no_proxy_header, notice};
use crate::deadline::Deadline;
use crate::fault::{AppTlsFlaw, Fault, Left};
use crate::parting::{NotIn, Told};
use crate::phases::Phase;
use crate::stranger::Stranger;
use crate::tls::AppTlsConfig;
use crate::way::{Alpn, AppLeg, Leg, MaybeTls, Stream, TLS_HANDSHAKE, accept};

const WAITING: &str = "waiting for the app's first packet";

/// What an app came for.
pub(super) enum Arrival<A> {
    /// To log in, with this StartupMessage.
    Startup(AppLeg<A>, Vec<u8>),
    /// To cancel the query of the session with this key. The app takes the close of its connection for the answer.
    Cancel(AppLeg<A>, Vec<u8>),
    /// It was no app.
    Nobody(Stranger),
}

/// Answers what an app may ask before it says who it is.
pub(super) async fn greet<A: Stream>(
    socket: A,
    tls: Option<&AppTlsConfig>,
    deadline: &Deadline,
) -> Result<Arrival<A>, NotIn<PostgresFault>> {
    let mut socket = Leg::new(socket);
    match (socket.first_byte(deadline).await, tls) {
        (Err(stranger), _) => return Ok(Arrival::Nobody(stranger)),
        (Ok(TLS_HANDSHAKE), None) => {
            let stranger = Stranger::in_tls(socket.unread(), Stranger::Tls);
            return Ok(Arrival::Nobody(stranger));
        }
        (Ok(TLS_HANDSHAKE), Some(tls)) => {
            // Whoever speaks TLS at once and does not name PostgreSQL in it, as its clients do since 17, was looking for a web server.
            let other = Stranger::in_tls(socket.unread(), Stranger::OtherTls);
            return match inside_tls(socket, tls, Alpn::Required, deadline).await {
                Err(NotIn::Left(Left::Tls(AppTlsFlaw::OtherProtocol(_)))) => {
                    Ok(Arrival::Nobody(other))
                }
                arrival => arrival,
            };
        }
        (Ok(_), _) => {}
    }
    let app = Leg::new(MaybeTls::Plain(socket));
    let asked = Asked {
        tls: tls.map_or(MayTls::Refuse, |_| MayTls::Accept),
        gss: false,
    };
    match negotiate(app, asked, deadline).await? {
        Negotiated::Settled(greeting) => Ok(greeting),
        Negotiated::Tls(app) => {
            let stream = app.into_stream().map_err(Left::StuffedBytes)?;
            let (Some(tls), MaybeTls::Plain(socket)) = (tls, stream) else {
                return Ok(Arrival::Nobody(Stranger::Unknown));
            };
            inside_tls(socket, tls, Alpn::Optional, deadline).await
        }
    }
}

/// Answers what an app asks behind its TLS handshake.
async fn inside_tls<A: Stream>(
    socket: Leg<A>,
    tls: &AppTlsConfig,
    alpn: Alpn,
    deadline: &Deadline,
) -> Result<Arrival<A>, NotIn<PostgresFault>> {
    let accepting = accept(socket, tls, alpn);
    let app = deadline
        .run(Phase::AppTls, "speaking TLS with the app", accepting)
        .await?;
    match negotiate(app, Asked::TLS_DONE, deadline).await? {
        Negotiated::Settled(greeting) => Ok(greeting),
        Negotiated::Tls(_) => Ok(Arrival::Nobody(Stranger::Unknown)),
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
    Settled(Arrival<A>),
    /// The app has been told `S` and begins its handshake next.
    Tls(AppLeg<A>),
}

async fn negotiate<A: Stream>(
    mut app: AppLeg<A>,
    mut asked: Asked,
    deadline: &Deadline,
) -> Result<Negotiated<A>, NotIn<PostgresFault>> {
    // Whoever has had an answer and leaves is an app that did not like it.
    let mut answered = asked.tls == MayTls::Never;
    loop {
        let packet = match deadline
            .run(Phase::App, WAITING, read_first(&mut app))
            .await
        {
            Ok(Ok(packet)) => packet,
            Ok(Err(stranger)) => {
                if stranger == Stranger::ProxyHeader {
                    app.part_with(&no_proxy_header()).await;
                }
                return Ok(Negotiated::Settled(Arrival::Nobody(stranger)));
            }
            Err(Left::Gone(_)) if !answered => {
                let stranger = Stranger::left(app.unread());
                return Ok(Negotiated::Settled(Arrival::Nobody(stranger)));
            }
            Err(left) => return Err(left.into()),
        };
        answered = true;
        match First::parse(&packet) {
            Ok(First::Tls) if asked.tls == MayTls::Accept => {
                // CVE-2021-23214: what was sent in the clear must not be taken for what TLS protects.
                match app.unread().len() {
                    0 => say(&mut app, b"S").await?,
                    stuffed => return Err(Left::StuffedBytes(stuffed).into()),
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
                return Ok(Negotiated::Settled(Arrival::Nobody(Stranger::Unknown)));
            }
            Ok(First::Cancel(request)) => {
                let key = request.key.to_vec();
                return Ok(Negotiated::Settled(Arrival::Cancel(app, key)));
            }
            Ok(First::Startup(_)) => {
                return Ok(Negotiated::Settled(Arrival::Startup(app, packet)));
            }
            Err(error) => {
                let fault = match error {
                    FirstError::Version(version) => PostgresFault::AppVersion(version),
                    other => PostgresFault::AppPacket(other),
                };
                return Err(refuse(&mut app, fault.into()).await.into());
            }
        }
    }
}

/// Reads one first packet, however many reads it takes. For most of what is none, an HTTP request for example, an answer would mean
/// nothing.
async fn read_first<A: Stream>(app: &mut AppLeg<A>) -> Result<Result<Vec<u8>, Stranger>, Left> {
    app.fill(4).await?;
    let Some(prefix) = app.unread().first_chunk::<4>() else {
        return Err(Left::Gone(io::ErrorKind::UnexpectedEof.into()));
    };
    let Ok(length) = first_length(*prefix) else {
        return Ok(Err(Stranger::with(app.unread())));
    };
    app.fill(length).await?;
    let packet = app.unread().get(..length).unwrap_or_default().to_vec();
    app.consume(length);
    Ok(Ok(packet))
}

/// Reads again the packet that [`greet`] recognised.
pub(super) fn parse_startup(packet: &[u8]) -> Result<Startup<'_>, PostgresFault> {
    match First::parse(packet)? {
        First::Startup(startup) => Ok(startup),
        _ => Err(FirstError::Malformed("StartupMessage").into()),
    }
}

/// Lets the app in, with the upstream's own words.
pub(super) async fn admit<A: Stream>(app: &mut AppLeg<A>, answer: &[u8]) -> Result<(), Left> {
    say(app, answer).await
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<A: Stream>(
    app: &mut AppLeg<A>,
    fault: Fault<PostgresFault>,
) -> Told<PostgresFault> {
    let words = notice(&fault);
    app.refuse(fault, &words).await
}

async fn say<A: Stream>(app: &mut AppLeg<A>, bytes: &[u8]) -> Result<(), Left> {
    Ok(app.say(bytes).await?)
}
