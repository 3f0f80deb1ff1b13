//! The HTTP endpoints: health and metrics for whoever watches the process, status and an end for whoever runs it.
//!
//! ```text
//!   both      GET /startup /readiness /liveness
//!   [health]  GET /metrics                              off unless configured, any address
//!   [admin]   GET /status /ca, POST /quitquitquit /reload  a socket file or a pipe for root, administrators and our own user; loopback when configured,
//!                                                       and then nothing is done unless that is, too
//! ```
//!
//! `/status` is JSON, and for a browser a page.
//!
//! # Invariants
//!
//! * Nothing but probes answers what a site asks for in somebody's browser: a request with an `Origin`, or for a host that is not us, is
//!   refused (DNS rebinding, cross-site requests).
//! * Whoever connects and asks nothing, or never ends asking, keeps nobody from an answer.
//! * Nothing that ends the process, or changes it, answers to GET.

mod ca;
mod desk;
mod health;
mod manner;
mod metrics;
mod page;
mod reload;
mod status;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use azdb_identity::Tokens;
use azdb_quote::Chain;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

pub(crate) use desk::Desk;
pub use metrics::{Family, Labels, PREFIX, Readings, Value};

use crate::anteroom::Anteroom;
use crate::ending::Ending;
use crate::reception::Receptions;
use crate::reload::Reloads;
use crate::socket::Door;
use crate::way::Stream;
use desk::Pages;

/// Connections of an endpoint at a time. When they are all taken, whoever has asked least makes room.
const PLACES: usize = 64;
/// How long one may take to ask and to hear the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause after the kernel would not hand out a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest request line and headers, in bytes, and most headers. No page reads a body.
const MOST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// What the endpoints know.
pub(crate) struct Bureau {
    pub(crate) receptions: Receptions,
    pub(crate) tokens: Tokens,
    pub(crate) ending: Ending,
    pub(crate) reloads: Reloads,
    /// Apps can connect.
    pub(crate) opened: CancellationToken,
    /// Somebody has asked for the end, and is to read the answer before it comes.
    pub(crate) asked_to_end: AtomicBool,
    pub(crate) log_lines_dropped: fn() -> u64,
    /// When the configuration was read with which the process has started.
    pub(crate) started: SystemTime,
}

/// Answers on one door for ever.
pub(crate) async fn serve(door: Door, desk: Desk, bureau: Arc<Bureau>) {
    let room = Anteroom::new(desk.pages.name(), PLACES);
    loop {
        let threshold = room.threshold().await;
        match door.accept().await {
            Ok((_, peer)) if !desk.admits(peer) => {
                tracing::warn!(%peer, endpoint = ?desk.pages, "not admitted: not the user that runs the proxy");
            }
            Ok((socket, peer)) => {
                let place = room.take_in(peer, threshold);
                let bureau = Arc::clone(&bureau);
                tokio::spawn(async move {
                    let answering = pin!(answer_one(place.around(socket), desk, &bureau));
                    let answering = tokio::time::timeout(PATIENCE, place.hold(answering));
                    if answering.await.is_err() {
                        tracing::debug!(%peer, endpoint = ?desk.pages, "no end to a request");
                    }
                    if bureau.asked_to_end.load(Ordering::Relaxed) {
                        bureau.ending.quit.cancel();
                    }
                });
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), endpoint = ?desk.pages, "cannot accept");
                room.thin_out();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one request.
async fn answer_one(socket: impl Stream, desk: Desk, bureau: &Bureau) {
    let answer = service_fn(|request: Request<Incoming>| {
        let reply = respond(&request, desk, bureau);
        async move {
            let answer = match reply {
                Reply::Now(answer) => answer,
                Reply::AfterReload => reload::answer(&bureau.reloads, &bureau.opened).await,
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(PATIENCE)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(socket), answer);
    if let Err(error) = connection.await {
        tracing::debug!(error = %Chain(&error), "an HTTP connection broke");
    }
}

type Answer = Response<Full<Bytes>>;

/// What a request comes to.
enum Reply {
    Now(Answer),
    /// The outcome of a reload.
    AfterReload,
}

fn respond<B>(request: &Request<B>, desk: Desk, bureau: &Bureau) -> Reply {
    if let Err(what) = manner::is_plain(request) {
        return Reply::Now(text(StatusCode::BAD_REQUEST, what));
    }
    let path = request.uri().path();
    // Whoever asks for the head alone gets no body: hyper sees to that.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    Reply::Now(match (desk.pages, method, path) {
        (_, &Method::GET, "/liveness") => text(StatusCode::OK, "ok\n"),
        (_, &Method::GET, "/startup") => health::startup(bureau),
        (_, &Method::GET, "/readiness") => health::readiness(bureau),
        _ if !manner::is_for_us(request, desk.reach) => {
            text(StatusCode::FORBIDDEN, "not for browsers and other hosts\n")
        }
        (Pages::Health, &Method::GET, "/metrics") => metrics::answer(bureau),
        (Pages::Admin, &Method::GET, "/ca") => ca::answer(bureau),
        (Pages::Admin, &Method::GET, "/status") if !manner::is_browser(request) => {
            status::answer(bureau)
        }
        (Pages::Admin, &Method::GET, "/" | "/status") => status::page(bureau),
        (Pages::Admin, &Method::POST, "/quitquitquit" | "/reload") if !desk.may_end => {
            let why = "over TCP this needs quitquitquit = true in [admin]; over a socket file or a pipe it does not\n";
            text(StatusCode::FORBIDDEN, why)
        }
        (Pages::Admin, &Method::POST, "/reload") => return Reply::AfterReload,
        (Pages::Admin, &Method::POST, "/quitquitquit") => {
            tracing::info!("asked to end over HTTP");
            bureau.asked_to_end.store(true, Ordering::Relaxed);
            text(StatusCode::OK, "ending\n")
        }
        (Pages::Admin, _, "/quitquitquit" | "/reload") => {
            text(StatusCode::METHOD_NOT_ALLOWED, "POST it\n")
        }
        _ => text(StatusCode::NOT_FOUND, "no such page\n"),
    })
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
