//! TLS with an app.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;

use super::{Alpn, Framing, Leg, MaybeTls, Stream, in_packets};
use crate::fault::{AppTlsFlaw, Left};
use crate::tls::{AppTlsConfig, TlsEnd};
use crate::tls_stream::TlsStream;

/// The app's side of a session: the socket, TLS over it where the app asked, and what was read too far of either.
pub(crate) type AppLeg<A> = Leg<MaybeTls<Leg<A>>>;

/// Speaks TLS with an app. What lies unread on the leg is the start of the handshake.
///
/// # Errors
///
/// [`Left::Tls`].
pub(crate) async fn accept<A: Stream>(
    leg: Leg<A>,
    tls: &AppTlsConfig,
    alpn: Alpn,
) -> Result<AppLeg<A>, Left> {
    let accepting = TlsStream::accept(Arc::clone(&tls.around), leg);
    let stream = accepting.await.map_err(AppTlsFlaw::of)?;
    if alpn == Alpn::Required && stream.session().alpn_protocol().is_none() {
        let error = io::Error::other("the app named no protocol by ALPN");
        return Err(AppTlsFlaw::OtherProtocol(error).into());
    }
    Ok(wrapped(stream, tls.end))
}

/// Speaks TLS with an app whose handshake goes inside packets, and has not been read yet.
///
/// # Errors
///
/// As those of [`accept`].
pub(crate) async fn accept_in_packets<F: Framing, A: Stream>(
    leg: Leg<A>,
    tls: Arc<ServerConfig>,
    end: TlsEnd,
) -> Result<AppLeg<A>, Left> {
    let accepting = in_packets::accept::<F, _>(tls, leg);
    let stream = accepting.await.map_err(AppTlsFlaw::in_packets)?;
    Ok(wrapped(stream, end))
}

fn wrapped<A>(stream: TlsStream<Leg<A>>, end: TlsEnd) -> AppLeg<A> {
    Leg::new(MaybeTls::Tls(stream, end))
}
