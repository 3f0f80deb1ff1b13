//! The HTTP server around the answers.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::ManagedIdentity;
use super::answer::{APP_SERVICE_PATH, answer};
use super::script::{Behaviour, Hold, Recorded};
use crate::door::{Door, Serve, locked};
use crate::emulator::EmulatorError;
use crate::issuer::Issuer;

/// A running identity endpoint. Dropping it ends its tasks.
pub type IdentityEndpoint = Door<Identity>;

/// What its connections share.
pub struct Identity(Arc<Service>);

struct Service {
    secret: String,
    identities: Vec<ManagedIdentity>,
    issuer: Issuer,
    /// Of every request, if it is not what a request is there for.
    behaviour: Mutex<Option<Behaviour>>,
    requests: watch::Sender<Vec<Recorded>>,
    /// How many hold answers back.
    holds: Arc<watch::Sender<usize>>,
}

impl Door<Identity> {
    /// Listens on `bind` (port 0: a free one) and serves tokens of `issuer` for `identities`.
    ///
    /// `secret` is what App Service puts into `IDENTITY_HEADER`.
    pub async fn start(
        bind: SocketAddr,
        secret: &str,
        identities: Vec<ManagedIdentity>,
        issuer: Issuer,
    ) -> Result<Self, EmulatorError> {
        let service = Service {
            secret: secret.to_owned(),
            identities,
            issuer,
            behaviour: Mutex::default(),
            requests: watch::Sender::default(),
            holds: Arc::default(),
        };
        Self::open(bind, Identity(Arc::new(service))).await
    }

    /// What App Service puts into `IDENTITY_ENDPOINT`: an address that one can connect to, also when it listens on all of them.
    #[must_use]
    pub fn url(&self) -> String {
        let reached_at = match self.address().ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, self.address().port()).into(),
            _ => self.address(),
        };
        format!("http://{reached_at}{APP_SERVICE_PATH}")
    }

    /// What App Service puts into `IDENTITY_HEADER`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.server.0.secret
    }

    /// The identities that it knows.
    #[must_use]
    pub fn identities(&self) -> &[ManagedIdentity] {
        &self.server.0.identities
    }

    /// Every request is treated like this from now on.
    pub fn set_default(&self, behaviour: Behaviour) {
        *locked(&self.server.0.behaviour) = Some(behaviour);
    }

    /// Holds every answer back until the returned guard is dropped. Requests are still recorded.
    pub fn hold(&self) -> Hold {
        Hold::new(&self.server.0.holds)
    }

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.0.requests.borrow().clone()
    }

    /// Waits until `count` requests have come in since the start.
    pub async fn requested(&self, count: usize) {
        let mut requests = self.server.0.requests.subscribe();
        // The sender is ours, so waiting can't fail while `self` is borrowed.
        let _ = requests.wait_for(|requests| requests.len() >= count).await;
    }
}

impl Serve for Identity {
    const NAME: &'static str = "identity endpoint";

    async fn serve(&self, stream: TcpStream, _peer: SocketAddr) -> io::Result<()> {
        let respond = service_fn(|request| respond(request, Arc::clone(&self.0)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), respond);
        connection.await.map_err(io::Error::other)
    }
}

async fn respond(
    request: Request<Incoming>,
    service: Arc<Service>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let request = recorded(&request);
    let behaviour = locked(&service.behaviour).clone();
    let note = request.clone();
    service.requests.send_modify(|requests| requests.push(note));
    let mut holds = service.holds.subscribe();
    let _ = holds.wait_for(|holds| *holds == 0).await;
    let (status, body) = match behaviour {
        Some(Behaviour::Hang) => match std::future::pending::<Infallible>().await {},
        Some(Behaviour::Answer { status, body }) => (status, body),
        None => {
            let Service {
                secret,
                identities,
                issuer,
                ..
            } = &*service;
            let (status, body) = answer(&request, secret, identities, issuer);
            (status.as_u16(), body.to_string())
        }
    };
    tracing::info!(path = request.path, status, "token request answered");
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Full::new(Bytes::from(body)))
}

fn recorded(request: &Request<Incoming>) -> Recorded {
    let query = request.uri().query().unwrap_or_default();
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Recorded {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: headers.collect(),
    }
}
