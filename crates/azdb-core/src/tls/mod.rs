//! TLS on both sides, and the proof that a way upstream is verified.
//!
//! # Invariants
//!
//! * A [`Sealed`] leg is made by [`seal`] and [`seal_in_packets`] alone, and only for a route that verifies certificates.
//! * Every configuration names its crypto provider; none depends on a process-wide default.

mod local;
mod resolver;
mod upstream;
mod verifier;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

pub use local::{LocalAuthority, LocalTlsError};
pub(crate) use local::{server_config, wrapped_server_config};
pub(crate) use upstream::UpstreamTlsConfig;
pub use upstream::{TlsConfigError, platform_client};

use crate::error::LoginError;
use crate::io::{Leg, MaybeTls, Stream};
use crate::tds::wrapped_tls;
use crate::upstream::Upstream;

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

    /// The same leg, on which each packet of TDS goes into a TLS record of its own.
    pub(crate) fn one_packet_per_record(self) -> Self
    where
        S: Stream,
    {
        let Self { leg, name } = self;
        let leg = leg.map(MaybeTls::one_packet_per_record);
        Self { leg, name }
    }

    /// The name that the certificate was verified for.
    pub(crate) fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

/// What must hold besides the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// The peer may leave the protocol unsaid.
    Optional,
    /// The peer must have chosen ours: there was no request for TLS in a protocol of its own.
    Required,
}

/// Speaks TLS with an upstream, over a stream on which nothing has been read too far.
///
/// # Errors
///
/// [`LoginError::Tls`] with what rustls says.
pub(crate) async fn seal<S: Stream>(
    stream: S,
    tls: &UpstreamTlsConfig,
    host: &str,
    alpn: Alpn,
) -> Result<Upstream<S>, LoginError> {
    let failed = |source| LoginError::Tls {
        host: host.to_owned(),
        source,
    };
    let name = tls
        .name_for(host)
        .map_err(|error| failed(io::Error::other(error)))?;
    let connector = TlsConnector::from(tls.client());
    let stream = connector
        .connect(name.clone(), stream)
        .await
        .map_err(failed)?;
    if alpn == Alpn::Required && stream.get_ref().1.alpn_protocol().is_none() {
        return Err(failed(io::Error::other(
            "the server did not choose a protocol by ALPN",
        )));
    }
    Ok(proved(stream, tls, name))
}

/// Speaks TLS with an upstream of TDS 7, whose handshake goes inside packets.
///
/// # Errors
///
/// [`LoginError::Tls`] with what rustls says.
pub(crate) async fn seal_in_packets<S: Stream>(
    stream: S,
    tls: &UpstreamTlsConfig,
    host: &str,
) -> Result<Upstream<S>, LoginError> {
    let failed = |source| LoginError::Tls {
        host: host.to_owned(),
        source,
    };
    let name = tls
        .name_for(host)
        .map_err(|error| failed(io::Error::other(error)))?;
    let stream = wrapped_tls::connect(tls.client(), name.clone(), stream)
        .await
        .map_err(failed)?;
    Ok(proved(stream, tls, name))
}

/// What a finished handshake has proved.
fn proved<S: Stream>(
    stream: tokio_rustls::client::TlsStream<S>,
    tls: &UpstreamTlsConfig,
    name: ServerName<'static>,
) -> Upstream<S> {
    let leg = Leg::new(MaybeTls::Tls(Box::new(TlsStream::Client(stream))));
    if tls.verifies() {
        Upstream::Sealed(Sealed { leg, name })
    } else {
        Upstream::Plain(leg)
    }
}

/// Speaks TLS with an app. `unread` bytes of the leg are the start of the handshake.
///
/// # Errors
///
/// [`LoginError::AppTls`].
pub(crate) async fn accept<S: Stream>(
    leg: Leg<S>,
    tls: &Arc<ServerConfig>,
    alpn: Alpn,
) -> Result<Leg<MaybeTls<Leg<S>>>, LoginError> {
    let acceptor = TlsAcceptor::from(Arc::clone(tls));
    let stream = acceptor.accept(leg).await.map_err(LoginError::AppTls)?;
    if alpn == Alpn::Required && stream.get_ref().1.alpn_protocol().is_none() {
        return Err(LoginError::AppTls(io::Error::other(
            "the app named no protocol by ALPN",
        )));
    }
    Ok(Leg::new(MaybeTls::Tls(Box::new(TlsStream::Server(stream)))))
}

/// A client configuration with these versions of TLS.
fn client_builder(
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    match ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions) {
        Ok(builder) => builder,
        Err(_) => unreachable!("aws-lc-rs speaks TLS 1.2 and 1.3"),
    }
}

/// Handshakes inside packets of TDS 7 are of this version: with 1.3 a server's tickets come when the packets are over, and
/// drivers take them for something else.
pub(crate) const IN_PACKETS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// The one crypto provider of the workspace.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
