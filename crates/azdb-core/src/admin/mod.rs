//! The HTTP endpoints: health and metrics for whoever watches the process, status and an end for whoever runs it.
//!
//! ```text
//!   [health]  GET /startup /readiness /liveness /metrics        off unless configured, any address
//!   [admin]   GET /status   POST /quitquitquit                  loopback or a unix socket only
//! ```
//!
//! # Invariants
//!
//! * The admin endpoint answers no browser: a request with an `Origin`, or for a host that is not this machine, is refused
//!   (DNS rebinding, cross-site requests).
//! * Nothing that ends the process answers to GET.
//! * Readiness never dials a database: an outage there must not take every pod out of service.

mod metrics;
mod status;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use azdb_identity::Tokens;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use crate::ending::Ending;
use crate::reception::Reception;
use crate::socket::{AppSocket, Door};

/// Connections at a time, and how long one may take to ask.
const ROOM: usize = 32;
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may ask for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    /// Health and metrics.
    Health,
    /// Status, and the end of the process.
    Admin,
}

/// What the endpoints know.
pub(crate) struct Bureau {
    pub(crate) receptions: Vec<Reception>,
    pub(crate) tokens: Tokens,
    pub(crate) ending: Ending,
    /// Somebody has asked for the end, and is to read the answer before it comes.
    pub(crate) asked_to_end: AtomicBool,
    pub(crate) log_lines_dropped: fn() -> u64,
}

/// Answers on one door for ever.
pub(crate) async fn serve(door: Door, desk: Desk, bureau: Arc<Bureau>) {
    let room = Arc::new(Semaphore::new(ROOM));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match door.accept().await {
            Ok((socket, _)) => {
                let bureau = Arc::clone(&bureau);
                tokio::spawn(async move {
                    answer_all(socket, desk, bureau).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, endpoint = ?desk, "cannot accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer_all(socket: AppSocket, desk: Desk, bureau: Arc<Bureau>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let answer = respond(&request, desk, &bureau);
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(socket), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection broke");
    }
    if bureau.asked_to_end.load(Ordering::Relaxed) {
        bureau.ending.quit.cancel();
    }
}

type Answer = Response<Full<Bytes>>;

fn respond<B>(request: &Request<B>, desk: Desk, bureau: &Bureau) -> Answer {
    if desk == Desk::Admin && !is_of_this_machine(request) {
        return text(StatusCode::FORBIDDEN, "not for browsers and other hosts\n");
    }
    match (desk, request.method(), request.uri().path()) {
        (Desk::Health, &Method::GET, "/startup" | "/liveness") => text(StatusCode::OK, "ok\n"),
        (Desk::Health, &Method::GET, "/readiness") => match bureau.unreadiness() {
            None => text(StatusCode::OK, "ok\n"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        (Desk::Health, &Method::GET, "/metrics") => metrics::answer(bureau),
        (Desk::Admin, &Method::GET, "/status") => status::answer(bureau),
        (Desk::Admin, &Method::POST, "/quitquitquit") => {
            tracing::info!("asked to end over HTTP");
            bureau.asked_to_end.store(true, Ordering::Relaxed);
            text(StatusCode::OK, "ending\n")
        }
        (Desk::Admin, _, "/quitquitquit") => text(StatusCode::METHOD_NOT_ALLOWED, "POST it\n"),
        _ => text(StatusCode::NOT_FOUND, "no such page\n"),
    }
}

impl Bureau {
    /// Why the process should get no new apps just now.
    fn unreadiness(&self) -> Option<&'static str> {
        if self.ending.closing.is_cancelled() {
            return Some("shutting down\n");
        }
        let is_full = |reception: &Reception| {
            let most = u64::try_from(reception.route().max_connections).unwrap_or(u64::MAX);
            reception.ledger().open() >= most
        };
        let full = self.receptions.iter().any(is_full);
        full.then_some("all connections of a route are taken\n")
    }
}

/// Whether the request was meant for this machine by a program on it, and not by a page in a browser.
fn is_of_this_machine<B>(request: &Request<B>) -> bool {
    if request.headers().contains_key(ORIGIN) {
        return false;
    }
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body)
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn bureau() -> Bureau {
        let environment = azdb_identity::Environment::from_iter(Vec::<(String, String)>::new());
        let tokens = Tokens::new(environment, crate::platform_client().unwrap());
        Bureau {
            receptions: Vec::new(),
            tokens,
            ending: Ending::default(),
            asked_to_end: AtomicBool::new(false),
            log_lines_dropped: || 0,
        }
    }

    fn ask(
        bureau: &Bureau,
        desk: Desk,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        respond(&request.body(()).unwrap(), desk, bureau).status()
    }

    #[tokio::test]
    async fn no_browser_reaches_the_admin_endpoint() {
        let bureau = bureau();
        let status =
            |headers: &[(&str, &str)]| ask(&bureau, Desk::Admin, "GET", "/status", headers);
        for host in ["localhost", "127.0.0.1:9091", "[::1]:9091", "LOCALHOST:1"] {
            assert_eq!(status(&[("host", host)]), StatusCode::OK, "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:9091",
            "10.0.0.1",
            "",
        ] {
            assert_eq!(status(&[("host", host)]), StatusCode::FORBIDDEN, "{host}");
        }
        assert_eq!(status(&[]), StatusCode::FORBIDDEN);
        let cross_site = [("host", "localhost"), ("origin", "http://localhost")];
        assert_eq!(status(&cross_site), StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn only_a_post_ends_the_process() {
        let bureau = bureau();
        let host = [("host", "localhost")];
        let quit = |method| ask(&bureau, Desk::Admin, method, "/quitquitquit", &host);
        assert_eq!(quit("GET"), StatusCode::METHOD_NOT_ALLOWED);
        assert!(!bureau.asked_to_end.load(Ordering::Relaxed));
        assert_eq!(quit("POST"), StatusCode::OK);
        assert!(bureau.asked_to_end.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn readiness_ends_with_the_drain_and_liveness_does_not() {
        let bureau = bureau();
        let health = |path| ask(&bureau, Desk::Health, "GET", path, &[]);
        assert_eq!(health("/readiness"), StatusCode::OK);
        bureau.ending.closing.cancel();
        assert_eq!(health("/readiness"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(health("/liveness"), StatusCode::OK);
        assert_eq!(health("/status"), StatusCode::NOT_FOUND);
        assert_eq!(health("/quitquitquit"), StatusCode::NOT_FOUND);
    }
}
