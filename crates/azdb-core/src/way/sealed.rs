//! The proof that a way upstream is verified.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Alpn, BreakOff, Framing, Leg, MaybeTls, Stream, in_packets};
use crate::deadline::Deadline;
use crate::fault::{Cause, TlsFlaw};
use crate::phases::{Phase, TlsSight};
use crate::tls::UpstreamTlsConfig;
use crate::tls_stream::TlsStream;

const AWAITING_TLS: &str = "waiting for its part of the TLS handshake";

/// An upstream leg whose certificate has been verified for `name`.
#[derive(Debug)]
pub(crate) struct Sealed<S> {
    leg: Leg<MaybeTls<S>>,
    name: ServerName<'static>,
}

impl<S> Sealed<S> {
    pub(crate) fn leg(&mut self) -> &mut Leg<MaybeTls<S>> {
        &mut self.leg
    }

    /// The name that the certificate was verified for.
    pub(crate) fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

/// A way upstream on which a login may begin.
#[derive(Debug)]
pub(crate) enum Upstream<S> {
    /// Verified TLS. The only variant that a token can be written to.
    Sealed(Sealed<S>),
    /// Anything less: a development server with a password.
    Plain(Leg<MaybeTls<S>>),
}

impl<S> Upstream<S> {
    /// A way without TLS.
    pub(crate) fn in_the_clear(stream: S) -> Self {
        Self::Plain(Leg::new(MaybeTls::Plain(stream)))
    }

    pub(crate) fn leg(&mut self) -> &mut Leg<MaybeTls<S>> {
        match self {
            Self::Sealed(sealed) => sealed.leg(),
            Self::Plain(leg) => leg,
        }
    }

    /// The way that a token may be written to.
    ///
    /// # Errors
    ///
    /// [`Cause::NotSealed`] for any other; `host` is whom it leads to.
    pub(crate) fn sealed(&mut self, host: &str) -> Result<&mut Sealed<S>, Cause> {
        match self {
            Self::Sealed(sealed) => Ok(sealed),
            Self::Plain(_) => Err(Cause::NotSealed {
                host: host.to_owned(),
            }),
        }
    }

    /// The connection that it goes over.
    pub(crate) fn connection(&mut self) -> &mut S {
        self.leg().stream_mut().connection()
    }

    /// The TLS session, where there is one.
    pub(crate) fn tls_mut(&mut self) -> Option<&mut TlsStream<S>> {
        self.leg().stream_mut().tls_mut()
    }
}

/// Speaks TLS with an upstream, over a stream on which nothing has been read too far.
///
/// # Errors
///
/// [`Cause::Tls`] with what rustls says.
pub(crate) async fn seal<S: Stream>(
    stream: S,
    tls: &UpstreamTlsConfig,
    host: &str,
    alpn: Alpn,
    deadline: &Deadline,
) -> Result<Upstream<S>, Cause> {
    let (name, failed) = (name_for(tls, host)?, failed(host));
    let connecting = TlsStream::connect(tls.client(), name.clone(), stream);
    let connecting = async { connecting.await.map_err(failed) };
    let stream = deadline.run(Phase::Tls, AWAITING_TLS, connecting).await?;
    if alpn == Alpn::Required && stream.session().alpn_protocol().is_none() {
        let (host, flaw) = (host.to_owned(), TlsFlaw::NoAlpn);
        return Err(Cause::Tls { host, flaw });
    }
    Ok(proved(stream, tls, name, deadline))
}

/// Speaks TLS with an upstream whose handshake goes inside packets, over a leg on which nothing has been read too far.
///
/// # Errors
///
/// [`Cause::Tls`] with what rustls says.
pub(crate) async fn seal_in_packets<F: Framing, S: Stream>(
    leg: Leg<S>,
    tls: &UpstreamTlsConfig,
    host: &str,
    deadline: &Deadline,
) -> Result<Upstream<S>, Cause> {
    let (name, failed) = (name_for(tls, host)?, failed(host));
    let connecting = in_packets::connect::<F, _>(tls.client(), name.clone(), leg);
    let connecting = async { connecting.await.map_err(failed) };
    let stream = deadline.run(Phase::Tls, AWAITING_TLS, connecting).await?;
    Ok(proved(stream, tls, name, deadline))
}

fn name_for(tls: &UpstreamTlsConfig, host: &str) -> Result<ServerName<'static>, Cause> {
    let name = tls.name_for(host).map_err(io::Error::other);
    name.map_err(failed(host))
}

fn failed(host: &str) -> impl Fn(io::Error) -> Cause {
    let host = host.to_owned();
    move |error| Cause::Tls {
        host: host.clone(),
        flaw: TlsFlaw::of(error),
    }
}

/// As people write it: rustls has `TLSv1_3`.
fn spelled(version: ProtocolVersion) -> String {
    format!("{version:?}").replace('_', ".")
}

/// What a finished handshake has proved.
fn proved<S: Stream>(
    stream: TlsStream<S>,
    tls: &UpstreamTlsConfig,
    name: ServerName<'static>,
    deadline: &Deadline,
) -> Upstream<S> {
    let session = stream.session();
    tls.count(session.handshake_kind());
    let shown = session.peer_certificates().and_then(<[_]>::first);
    deadline.phases().note(|sights| {
        sights.tls = Some(TlsSight {
            version: session.protocol_version().map_or_else(String::new, spelled),
            certificate: shown.map(|certificate| certificate.to_vec()),
        });
    });
    let leg = Leg::new(MaybeTls::Tls(stream, tls.end()));
    if tls.verifies() {
        Upstream::Sealed(Sealed { leg, name })
    } else {
        Upstream::Plain(leg)
    }
}

impl<S: Stream> BreakOff for Upstream<S> {
    fn break_off(&mut self) {
        self.leg().break_off();
    }
}

impl<S: Stream> AsyncRead for Upstream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().leg()).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for Upstream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().leg()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().leg()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().leg()).poll_shutdown(cx)
    }
}
