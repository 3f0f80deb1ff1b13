//! One HTTP request at a time, to endpoints that hold secrets.
//!
//! # Invariants
//!
//! * No HTTP proxy of the environment is ever used by itself: identity endpoints answer only this machine. A line has a
//!   proxy only if its source asks Entra's authority and the configuration says so, and then only for https.
//! * No redirect is followed: it would carry a secret elsewhere.
//! * A connection serves one request, so that nothing is left of it.
//! * An answer longer than 256 KiB, or with a head longer than 64 KiB, is an error. It lies in memory that is wiped.

mod fault;
mod message;

use std::sync::Arc;
use std::time::Duration;

use azdb_names::Names;
use azure_core::http::Url;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) use self::fault::HttpFault;
pub(crate) use self::message::{Answer, Outgoing};
use crate::Clock;
use crate::proxy::ProxyUrl;

/// Identity endpoints are on this machine, or next to it. Off Azure nothing listens at IMDS's address, and nobody shall
/// wait for the kernel to give up.
const CONNECT_NEAR: Duration = Duration::from_secs(2);
/// The authority is somewhere in the cloud, and so may be the proxy on the way to it.
const CONNECT_FAR: Duration = Duration::from_secs(5);
/// The whole exchange. IMDS has been seen to take many seconds for the first token of an identity.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const LONGEST: usize = 256 * 1024;
/// The longest head of an answer, in bytes.
pub(crate) const LONGEST_HEAD: usize = 64 * 1024;

/// Where requests go out: the TLS configuration and, if it is not the URL's host, the name to verify; who knows names; the
/// clock that dates in answers are compared with; and what stands on the way.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) verify_as: Option<ServerName<'static>>,
    pub(crate) names: Names,
    pub(crate) clock: Clock,
    /// The proxy that leads to Entra's authority. A line to anybody else has none.
    pub(crate) proxy: Option<ProxyUrl>,
}

impl Line {
    /// The same line through a proxy.
    pub(crate) fn through(&self, proxy: Option<&ProxyUrl>) -> Self {
        Self {
            proxy: proxy.cloned(),
            ..self.clone()
        }
    }

    /// Sends `request` and reads the whole answer, whatever its status is.
    pub(crate) async fn exchange(&self, request: Outgoing) -> Result<Answer, HttpFault> {
        self.exchange_within(EXCHANGE, request).await
    }

    /// Finds out within two seconds whether anybody answers at `url` at all.
    pub(crate) async fn probe(&self, url: Url) -> Result<(), HttpFault> {
        let answer = self.exchange_within(CONNECT_NEAR, Outgoing::get(url)).await;
        answer.map(drop)
    }

    async fn exchange_within(
        &self,
        limit: Duration,
        request: Outgoing,
    ) -> Result<Answer, HttpFault> {
        timeout(limit, self.attempt(request))
            .await
            .unwrap_or(Err(HttpFault::Silent(limit)))
    }

    async fn attempt(&self, request: Outgoing) -> Result<Answer, HttpFault> {
        let host = request.url.host_str().ok_or(HttpFault::BadUrl)?;
        let port = request.url.port_or_known_default();
        let port = port.ok_or(HttpFault::BadUrl)?;
        // A URL writes an IPv6 address in brackets, a resolver does not.
        let bare = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        match (request.url.scheme(), &self.proxy) {
            ("http", _) => {
                let tcp = self.dial(&bare, port, CONNECT_NEAR).await?;
                carry(tcp, request, &self.clock).await
            }
            ("https", None) => {
                let tcp = self.dial(&bare, port, CONNECT_FAR).await?;
                let tls = TlsConnector::from(Arc::clone(&self.tls));
                let sealed = tls.connect(self.name(bare)?, tcp).await;
                carry(sealed.map_err(HttpFault::Tls)?, request, &self.clock).await
            }
            ("https", Some(proxy)) => {
                let tcp = self.dial(proxy.host(), proxy.port(), CONNECT_FAR).await;
                let tcp = tcp.map_err(|fault| HttpFault::ProxyAway {
                    proxy: proxy.to_string(),
                    fault: Box::new(fault),
                })?;
                let tunnel = proxy.tunnel(tcp, host, port).await;
                let tunnel = tunnel.map_err(|fault| HttpFault::Tunnel {
                    proxy: proxy.to_string(),
                    fault,
                })?;
                let tls = TlsConnector::from(Arc::clone(&self.tls));
                let sealed = tls.connect(self.name(bare)?, tunnel).await;
                let sealed = sealed.map_err(|error| HttpFault::TlsThrough {
                    proxy: proxy.to_string(),
                    error,
                })?;
                carry(sealed, request, &self.clock).await
            }
            _ => Err(HttpFault::BadUrl),
        }
    }

    async fn dial(&self, host: &str, port: u16, limit: Duration) -> Result<TcpStream, HttpFault> {
        let resolved = self.names.resolve(host, port, limit).await;
        let addresses = resolved.map_err(|source| HttpFault::Resolve {
            host: host.to_owned(),
            source,
        })?;
        timeout(limit, TcpStream::connect(&addresses[..]))
            .await
            .map_err(|_| HttpFault::ConnectTimeout(limit))?
            .map_err(HttpFault::Connect)
    }

    /// The name that the certificate must be for.
    fn name(&self, host: String) -> Result<ServerName<'static>, HttpFault> {
        match &self.verify_as {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host).map_err(|_| HttpFault::BadUrl),
        }
    }
}

/// One request and its answer over an open stream.
async fn carry<S>(stream: S, request: Outgoing, clock: &Clock) -> Result<Answer, HttpFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(HttpFault::of)?;
    let request = request.origin_form()?;
    let answer = async move {
        let response = sender.send_request(request).await;
        Answer::read(response.map_err(HttpFault::of)?, clock).await
    };
    tokio::pin!(connection, answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may be over before the last of the answer is read: that is in memory.
        _ = &mut connection => answer.await,
    }
}

#[cfg(test)]
mod tests;
