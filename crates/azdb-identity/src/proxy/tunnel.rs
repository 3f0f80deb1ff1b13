//! Asking a proxy for a way through it.
//!
//! hyper speaks the one request, `CONNECT host:port`, and gives the stream back when the answer is a 2xx. The head of the answer
//! has the same cap as any other, and the time that the whole exchange has is the caller's.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::ProxyUrl;
use crate::http::LONGEST_HEAD;

/// Why there is no way through a proxy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelFault {
    /// 407: who are you; 403: not there; 5xx: it could not get there itself.
    #[error("answered {0} to CONNECT")]
    Refused(u16),
    /// It hung up, or it speaks something else.
    #[error("broke the connection: {0}")]
    Broken(hyper::Error),
    /// A host that no request can name.
    #[error("cannot be asked for this host")]
    BadHost,
}

impl TunnelFault {
    /// Whether the same question may well be answered a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Broken(error) => !error.is_parse(),
            Self::Refused(status) => matches!(status, 408 | 429 | 500..=599),
            Self::BadHost => false,
        }
    }
}

impl ProxyUrl {
    /// The proxy's own host, as resolvers take it.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The proxy's own port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Makes a connection to this proxy a stream to `host`, an address or a name that only the proxy has to know.
    pub(crate) async fn tunnel(
        &self,
        tcp: TcpStream,
        host: &str,
        port: u16,
    ) -> Result<TokioIo<Upgraded>, TunnelFault> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(tcp))
            .await
            .map_err(TunnelFault::Broken)?;
        let connection = connection.with_upgrades();
        let request = self.connect(&format!("{host}:{port}"))?;
        let opening = async move {
            let response = sender.send_request(request).await;
            let response = response.map_err(TunnelFault::Broken)?;
            match response.status() {
                status if status.is_success() => hyper::upgrade::on(response)
                    .await
                    .map_err(TunnelFault::Broken),
                refused => Err(TunnelFault::Refused(refused.as_u16())),
            }
        };
        tokio::pin!(connection, opening);
        let stream = tokio::select! {
            biased;
            stream = &mut opening => stream,
            // It ends by handing the stream over.
            _ = &mut connection => opening.await,
        };
        stream.map(TokioIo::new)
    }

    /// The request. It names the authority and, if there are any, the credentials for the proxy: nothing else of ours.
    fn connect(&self, to: &str) -> Result<Request<Empty<Bytes>>, TunnelFault> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = to.parse().map_err(|_| TunnelFault::BadHost)?;
        let host = HeaderValue::from_str(to).map_err(|_| TunnelFault::BadHost)?;
        request.headers_mut().insert(HOST, host);
        if let Some(credentials) = &self.credentials {
            let credentials = HeaderValue::from_str(credentials);
            let mut credentials = credentials.map_err(|_| TunnelFault::BadHost)?;
            credentials.set_sensitive(true);
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credentials);
        }
        Ok(request)
    }
}
