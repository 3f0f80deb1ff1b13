//! A small HTTP server that remembers what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use azure_core::http::Url;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    /// A form, decoded.
    pub(super) form: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn form(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }
}

/// What to answer.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        let (headers, body) = (Vec::new(), body.to_owned());
        Self {
            status,
            headers,
            body,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Answer = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// Whether an endpoint is asked over TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    Tls,
}

pub(super) struct Endpoint {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    certificate: Option<CertificateDer<'static>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Endpoint {
    pub(super) async fn http(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answer)).await
    }

    /// With a self-signed certificate for `localhost`.
    pub(super) async fn https(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(certificate_for(Way::Tls), Arc::new(answer)).await
    }

    pub(super) async fn of(
        way: Way,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        match way {
            Way::Plain => Self::http(answer).await,
            Way::Tls => Self::https(answer).await,
        }
    }

    /// Answers whatever is asked with `head`, and then with `more` for as long as anybody listens.
    pub(super) async fn endless(way: Way, head: &'static str, more: &'static [u8]) -> Self {
        let speak = Speak::Endless(head, more);
        Self::start(certificate_for(way), speak).await
    }

    async fn serve(made: Option<CertifiedKey<rcgen::KeyPair>>, answer: Answer) -> Self {
        Self::start(made, Speak::Http(answer)).await
    }

    async fn start(made: Option<CertifiedKey<rcgen::KeyPair>>, speak: Speak) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = match made {
            None => format!("http://127.0.0.1:{port}"),
            Some(_) => format!("https://localhost:{port}"),
        };
        let certificate = made.as_ref().map(|made| made.cert.der().clone());
        let acceptor = made.map(acceptor);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (noted, speak) = (Arc::clone(&noted), speak.clone());
                match acceptor.clone() {
                    None => drop(tokio::spawn(speak.to(tcp, noted))),
                    Some(acceptor) => drop(tokio::spawn(async move {
                        if let Ok(tls) = acceptor.accept(tcp).await {
                            speak.to(tls, noted).await;
                        }
                    })),
                }
            }
        });
        Self {
            url,
            seen,
            certificate,
            serving,
        }
    }

    /// Everything that was asked so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only question there was.
    pub(super) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        self.certificate.as_ref().unwrap()
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate().clone()).unwrap();
        roots
    }
}

fn certificate_for(way: Way) -> Option<CertifiedKey<rcgen::KeyPair>> {
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (way == Way::Tls).then(made)
}

/// What is said to whoever comes.
#[derive(Clone)]
enum Speak {
    Http(Answer),
    Endless(&'static str, &'static [u8]),
}

impl Speak {
    async fn to<S>(self, mut stream: S, seen: Arc<Mutex<Vec<Seen>>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (head, more) = match self {
            Self::Http(answer) => return converse(stream, seen, answer).await,
            Self::Endless(head, more) => (head, more),
        };
        // The first byte of a question is reason enough.
        stream.read_u8().await.ok();
        let more = more.repeat(16 * 1024 / more.len());
        let mut said = stream.write_all(head.as_bytes()).await;
        while said.is_ok() {
            said = stream.write_all(&more).await;
        }
    }
}

fn acceptor(made: CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn converse<S>(stream: S, seen: Arc<Mutex<Vec<Seen>>>, answer: Answer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
        async move {
            let asked = note(request).await;
            let reply = answer(&asked);
            seen.lock().unwrap().push(asked);
            Ok::<_, Infallible>(say(reply))
        }
    });
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn note(request: Request<Incoming>) -> Seen {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let pairs = |query: &str| {
        let url = Url::parse(&format!("http://x/?{query}")).unwrap();
        let pairs = url.query_pairs();
        pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    };
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
    };
    Seen {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers.iter().map(header).collect(),
        form: pairs(std::str::from_utf8(&body).unwrap()),
    }
}

fn say(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(reply.body.into())).unwrap()
}
