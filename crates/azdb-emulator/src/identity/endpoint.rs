//! The HTTP server around the answers.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::ManagedIdentity;
use super::answer::{APP_SERVICE_PATH, IMDS_PATH, answer};
use super::script::{Behaviour, Hold, Recorded, Stage};
use crate::issuer::Issuer;
use crate::tasks::Tasks;

/// Why the endpoint did not start.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address can't be listened on.
    #[error("cannot listen on `{address}` for token requests")]
    Listen {
        /// The wished address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

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
    stage: Stage,
}

/// The request was read, and no answer shall come.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

impl IdentityEndpoint {
    /// Listens on `bind` (port 0: a free one) and serves tokens of `issuer` for `identities`.
    ///
    /// `secret` is what App Service puts into `IDENTITY_HEADER`.
    pub async fn start(
        bind: SocketAddr,
        secret: &str,
        identities: Vec<ManagedIdentity>,
        issuer: Issuer,
    ) -> Result<Self, EndpointError> {
        let failed = |source| EndpointError::Listen {
            address: bind,
            source,
        };
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let service = Arc::new(Service {
            secret: secret.to_owned(),
            identities,
            issuer,
            stage: Stage::new(),
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

    /// What App Service puts into `IDENTITY_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{APP_SERVICE_PATH}", self.reached_at())
    }

    /// What App Service puts into `IDENTITY_HEADER`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.service.secret
    }

    /// The token URL of the instance metadata service; in Azure its host is `169.254.169.254`.
    #[must_use]
    pub fn imds_url(&self) -> String {
        format!("http://{}{IMDS_PATH}", self.reached_at())
    }

    /// An address that one can connect to, also when it listens on all of them.
    fn reached_at(&self) -> SocketAddr {
        match self.address.ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, self.address.port()).into(),
            _ => self.address,
        }
    }

    /// The identities that it knows.
    #[must_use]
    pub fn identities(&self) -> &[ManagedIdentity] {
        &self.service.identities
    }

    /// The next `count` requests are treated like this; later calls queue behind.
    pub fn script(&self, count: usize, behaviour: Behaviour) {
        self.service.stage.script(count, &behaviour);
    }

    /// Every request that is not scripted is treated like this.
    pub fn set_default(&self, behaviour: Behaviour) {
        self.service.stage.set_default(behaviour);
    }

    /// Forgets script and default: tokens are served again.
    pub fn clear_script(&self) {
        self.service.stage.clear_script();
    }

    /// Holds every answer back until the returned guard is dropped. Requests are still recorded.
    pub fn hold(&self) -> Hold {
        self.service.stage.hold()
    }

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.service.stage.requests()
    }

    /// Waits until `count` requests have come in since the start.
    pub async fn requested(&self, count: usize) {
        self.service.stage.requested(count).await;
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
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
) -> Result<Response<Full<Bytes>>, Closed> {
    let request = recorded(&request);
    let behaviour = service.stage.record(request.clone());
    service.stage.released().await;
    let (status, body, retry_after) = match behaviour {
        Behaviour::Close => return Err(Closed),
        Behaviour::Hang => match std::future::pending::<Infallible>().await {},
        Behaviour::Answer {
            status,
            body,
            retry_after,
        } => (status, body, retry_after),
        Behaviour::Serve => {
            let (status, body) = answer(
                &request,
                &service.secret,
                &service.identities,
                &service.issuer,
            );
            (status.as_u16(), body.to_string(), None)
        }
    };
    tracing::info!(path = request.path, status, "token request answered");
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if let Some(after) = retry_after {
        response = response.header(header::RETRY_AFTER, after.as_secs());
    }
    response
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| Closed)
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
