//! The HTTP server around the answers.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
use crate::emulator::EmulatorError;
use crate::issuer::Issuer;
use crate::tasks::{self, Tasks};

/// A running identity endpoint. Dropping it ends its tasks.
pub struct IdentityEndpoint {
    address: SocketAddr,
    service: Arc<Service>,
    tasks: Tasks,
}

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

impl IdentityEndpoint {
    /// Listens on `bind` (port 0: a free one) and serves tokens of `issuer` for `identities`.
    ///
    /// `secret` is what App Service puts into `IDENTITY_HEADER`.
    pub async fn start(
        bind: SocketAddr,
        secret: &str,
        identities: Vec<ManagedIdentity>,
        issuer: Issuer,
    ) -> Result<Self, EmulatorError> {
        let (listener, address) = tasks::bind(bind, "token requests").await?;
        let service = Arc::new(Service {
            secret: secret.to_owned(),
            identities,
            issuer,
            behaviour: Mutex::default(),
            requests: watch::Sender::default(),
            holds: Arc::default(),
        });
        let tasks = Tasks::new();
        let accepted = Arc::clone(&service);
        tasks.listen(listener, move |stream, _| {
            serve(stream, Arc::clone(&accepted))
        });
        tracing::info!(%address, "identity endpoint listens");
        Ok(Self {
            address,
            service,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What App Service puts into `IDENTITY_ENDPOINT`: an address that one can connect to, also when it listens on all of them.
    #[must_use]
    pub fn url(&self) -> String {
        let reached_at = match self.address.ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, self.address.port()).into(),
            _ => self.address,
        };
        format!("http://{reached_at}{APP_SERVICE_PATH}")
    }

    /// What App Service puts into `IDENTITY_HEADER`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.service.secret
    }

    /// The identities that it knows.
    #[must_use]
    pub fn identities(&self) -> &[ManagedIdentity] {
        &self.service.identities
    }

    /// Every request is treated like this from now on.
    pub fn set_default(&self, behaviour: Behaviour) {
        *self.service.behaviour() = Some(behaviour);
    }

    /// Holds every answer back until the returned guard is dropped. Requests are still recorded.
    pub fn hold(&self) -> Hold {
        Hold::new(&self.service.holds)
    }

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.service.requests.borrow().clone()
    }

    /// Waits until `count` requests have come in since the start.
    pub async fn requested(&self, count: usize) {
        let mut requests = self.service.requests.subscribe();
        // The sender is ours, so waiting can't fail while `self` is borrowed.
        let _ = requests.wait_for(|requests| requests.len() >= count).await;
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
    }
}

impl Service {
    fn behaviour(&self) -> MutexGuard<'_, Option<Behaviour>> {
        let behaviour = self.behaviour.lock();
        behaviour.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    let respond = service_fn(move |request| respond(request, Arc::clone(&service)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), respond);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "identity connection ended");
    }
}

async fn respond(
    request: Request<Incoming>,
    service: Arc<Service>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let request = recorded(&request);
    let behaviour = service.behaviour().clone();
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
