//! One HTTP request at a time, to endpoints that hold secrets.
//!
//! # Invariants
//!
//! * No HTTP proxy is ever used, whatever the environment says: identity endpoints answer only this machine.
//! * No redirect is followed: it would carry a secret elsewhere.
//! * A connection serves one request, so that nothing is left of it.
//! * An answer longer than 256 KiB is an error. It lies in memory that is wiped.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azdb_names::{NameError, Names};
use azure_core::http::Url;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::{Clock, TokenErrorKind};

/// Identity endpoints are on this machine, or next to it. Off Azure nothing listens at IMDS's address, and nobody shall
/// wait for the kernel to give up.
const CONNECT_NEAR: Duration = Duration::from_secs(2);
/// The authority is somewhere in the cloud.
const CONNECT_FAR: Duration = Duration::from_secs(5);
/// The whole exchange. IMDS has been seen to take many seconds for the first token of an identity.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes.
const LONGEST: usize = 256 * 1024;

/// Where requests go out: the TLS configuration and, if it is not the URL's host, the name to verify; who knows names; and the
/// clock that dates in answers are compared with.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) verify_as: Option<ServerName<'static>>,
    pub(crate) names: Names,
    pub(crate) clock: Clock,
}

/// A request. It may hold secrets: no `Debug`.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Sets a header whose value is a secret or comes from outside.
    pub(crate) fn secret_header(&mut self, name: HeaderName, value: &str) -> Result<(), HttpFault> {
        let mut value = HeaderValue::from_str(value).map_err(|_| HttpFault::BadHeader)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }
}

/// An answer. It may hold a token: no `Debug`.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// From now on.
    pub(crate) retry_after: Option<Duration>,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("cannot resolve `{host}`: {source}")]
    Resolve { host: String, source: NameError },
    #[error("no connection within {} s", .0.as_secs())]
    ConnectTimeout(Duration),
    #[error(transparent)]
    Connect(io::Error),
    #[error("the TLS handshake went wrong: {0}")]
    Tls(io::Error),
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the URL has no host or is neither http nor https")]
    BadUrl,
    #[error("a secret of the environment has characters that no HTTP header can carry")]
    BadHeader,
}

impl HttpFault {
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::Broken(_)
            | Self::Silent(_) => true,
            // A certificate that cannot be trusted stays so; a broken handshake is a broken connection.
            Self::Tls(error) => error.kind() != io::ErrorKind::InvalidData,
            Self::TooLong | Self::BadUrl | Self::BadHeader => false,
        }
    }

    /// Whose fault it is.
    pub(crate) fn kind(&self) -> TokenErrorKind {
        match self {
            Self::Resolve { .. }
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::Broken(_)
            | Self::Silent(_) => TokenErrorKind::Network,
            Self::TooLong => TokenErrorKind::Identity,
            Self::BadUrl | Self::BadHeader => TokenErrorKind::Configuration,
        }
    }
}

impl Line {
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
        let url = request.url.clone();
        let host = url.host_str().ok_or(HttpFault::BadUrl)?;
        let port = url.port_or_known_default().ok_or(HttpFault::BadUrl)?;
        // A URL writes an IPv6 address in brackets, a resolver does not.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let limit = match url.scheme() {
            "http" => CONNECT_NEAR,
            _ => CONNECT_FAR,
        };
        let resolved = self.names.resolve(bare, port, limit).await;
        let addresses = resolved.map_err(|source| HttpFault::Resolve {
            host: bare.to_owned(),
            source,
        })?;
        let tcp = timeout(limit, TcpStream::connect(&addresses[..]))
            .await
            .map_err(|_| HttpFault::ConnectTimeout(limit))?
            .map_err(HttpFault::Connect)?;
        match url.scheme() {
            "http" => carry(tcp, request, &self.clock).await,
            "https" => {
                let name = match &self.verify_as {
                    Some(name) => name.clone(),
                    None => ServerName::try_from(bare.to_owned()).map_err(|_| HttpFault::BadUrl)?,
                };
                let tls = TlsConnector::from(Arc::clone(&self.tls));
                let sealed = tls.connect(name, tcp).await.map_err(HttpFault::Tls)?;
                carry(sealed, request, &self.clock).await
            }
            _ => Err(HttpFault::BadUrl),
        }
    }
}

/// One request and its answer over an open stream.
async fn carry<S>(stream: S, request: Outgoing, clock: &Clock) -> Result<Answer, HttpFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(HttpFault::Broken)?;
    let request = origin_form(request)?;
    let answer = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(HttpFault::Broken)?;
        read(response, clock).await
    };
    tokio::pin!(connection, answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may be over before the last of the answer is read: that is in memory.
        _ = &mut connection => answer.await,
    }
}

fn origin_form(from: Outgoing) -> Result<Request<Full<Bytes>>, HttpFault> {
    let Outgoing {
        method,
        url,
        headers,
        body,
    } = from;
    let host = url.host_str().ok_or(HttpFault::BadUrl)?;
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(|_| HttpFault::BadUrl)?;
    *request.headers_mut() = headers;
    let authority = HeaderValue::from_str(&authority).map_err(|_| HttpFault::BadUrl)?;
    request.headers_mut().insert(HOST, authority);
    Ok(request)
}

async fn read(response: Response<Incoming>, clock: &Clock) -> Result<Answer, HttpFault> {
    let (head, mut body) = response.into_parts();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(LONGEST);
    if announced > LONGEST {
        return Err(HttpFault::TooLong);
    }
    // A buffer that grows leaves copies behind, so it is as large as it can become.
    let room = if body.size_hint().exact().is_some() {
        announced
    } else {
        LONGEST
    };
    let mut whole = Zeroizing::new(Vec::with_capacity(room));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(HttpFault::Broken)?.into_data() else {
            continue;
        };
        if whole.len() + data.len() > LONGEST {
            return Err(HttpFault::TooLong);
        }
        whole.extend_from_slice(&data);
    }
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: head.status.as_u16(),
        retry_after: text(RETRY_AFTER).and_then(|value| retry_after(value, clock)),
        challenge: text(WWW_AUTHENTICATE).map(str::to_owned),
        body: whole,
    })
}

/// Seconds, or a date that is not over.
fn retry_after(value: &str, clock: &Clock) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = SystemTime::from(azure_core::time::parse_rfc7231(value).ok()?);
    moment.duration_since(clock.now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_seconds_or_a_date_by_the_engines_clock() {
        // Fri, 15 Jan 2027 08:00:00 GMT
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let asked = |value| retry_after(value, &clock);
        let minute = Some(Duration::from_secs(60));
        assert_eq!(asked(" 60"), minute);
        assert_eq!(asked("Fri, 15 Jan 2027 08:01:00 GMT"), minute);
        assert_eq!(asked("Fri, 15 Jan 2027 07:59:59 GMT"), None);
        assert_eq!(asked("soon"), None);
    }
}
