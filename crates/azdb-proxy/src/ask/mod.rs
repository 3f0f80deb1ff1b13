//! Asking a proxy that runs, for commands that work in an image without a shell.
//!
//! ```text
//!   the same configuration -- or --at --> Running --> admin socket, else [health] --> its answer
//! ```
//!
//! # Invariants
//!
//! * What ends or changes a proxy is asked at its admin endpoint only, or at the address that somebody has written out.
//! * A proxy that does not answer costs [`PATIENCE`] at a place, and no more.

mod commands;
pub(crate) mod named_pipe;
mod place;

use std::fmt;
use std::time::Duration;

use azdb_config::{AdminListen, Endpoints};
use azdb_quote::Chain;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;

pub(crate) use commands::{healthcheck, reload, shutdown, status, wait, with_running};
pub(crate) use place::Place;

use place::Stream;

/// How long a proxy may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const MOST: usize = 4 * 1024 * 1024;

/// Which of its endpoints are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    /// Whichever answers first: they have the page alike.
    Any,
    /// The one for whoever runs it.
    Admin,
}

/// Where a proxy is asked.
#[derive(Debug)]
pub(crate) struct Running {
    admin: Vec<Place>,
    health: Vec<Place>,
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Answer {
    /// Its body on one line.
    pub(crate) fn line(&self) -> String {
        self.body.trim().replace('\n', "; ")
    }
}

/// Why nobody said anything.
#[derive(Debug)]
pub(crate) struct Unanswered(Vec<(Place, Error)>);

type Error = Box<dyn std::error::Error + Send + Sync>;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "the configuration has no endpoint where this can be asked: set [admin] listen or AZDB_PROXY_HEALTH_LISTEN, or say --at",
            );
        }
        write!(f, "{}: start it, or say --at where it is asked", self.met())
    }
}

impl Unanswered {
    /// Where nobody answered, and why.
    pub(crate) fn met(&self) -> String {
        let met = self
            .0
            .iter()
            .map(|(place, error)| format!("{place} ({})", Chain(&**error)));
        match self.0.is_empty() {
            true => "there is no endpoint".to_owned(),
            false => format!(
                "no azdb-proxy answers at {}",
                met.collect::<Vec<_>>().join(", nor at ")
            ),
        }
    }
}

impl Running {
    /// Where a proxy of this configuration is asked.
    pub(crate) fn of(endpoints: &Endpoints) -> Self {
        let own = match &endpoints.admin.listen {
            AdminListen::At(listen) | AdminListen::Default(listen) => Some(Place::of(listen)),
            AdminListen::NoPlace | AdminListen::Off => None,
        };
        let is_written = matches!(
            endpoints.admin.listen,
            AdminListen::At(_) | AdminListen::Off
        );
        let service =
            Place::of_the_service().filter(|place| !is_written && own.as_ref() != Some(place));
        Self {
            admin: own.into_iter().chain(service).collect(),
            health: endpoints.health.iter().map(Place::of).collect(),
        }
    }

    /// Nowhere but there.
    pub(crate) fn at(place: Place) -> Self {
        Self {
            admin: vec![place],
            health: Vec::new(),
        }
    }

    /// The same, but for ports: whoever is on the machine may have taken one, and answer there.
    ///
    /// # Errors
    ///
    /// That nothing is left.
    pub(crate) fn at_files(self) -> Result<Self, String> {
        let (files, ports): (Vec<_>, Vec<_>) = self
            .admin
            .into_iter()
            .partition(|place| matches!(place, Place::File(_)));
        match (files.is_empty(), ports.first()) {
            (true, Some(port)) => Err(format!(
                "{port} is not asked for what is to be trusted, since anybody could answer there: say --at unix:PATH, or --state-dir alone"
            )),
            _ => Ok(Self {
                admin: files,
                health: Vec::new(),
            }),
        }
    }

    /// Asks one place after the other, until one answers.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub(crate) async fn ask(
        &self,
        desk: Desk,
        method: Method,
        path: &str,
    ) -> Result<Answer, Unanswered> {
        let health = self.health.iter().filter(|_| desk == Desk::Any);
        let mut met = Vec::new();
        for place in self.admin.iter().chain(health) {
            let asked = tokio::time::timeout(PATIENCE, ask_at(place, method.clone(), path)).await;
            match asked.unwrap_or_else(|_| Err("no answer in time".into())) {
                Ok(answer) => return Ok(answer),
                Err(error) => met.push((place.clone(), error)),
            }
        }
        Err(Unanswered(met))
    }
}

async fn ask_at(place: &Place, method: Method, path: &str) -> Result<Answer, Error> {
    let socket: Box<dyn Stream> = place.connect().await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, place.host());
    let request = request.body(Empty::<Bytes>::new())?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok(Answer { status, body })
    };
    tokio::pin!(answering);
    tokio::select! {
        answer = &mut answering => answer,
        broken = connection => {
            broken?;
            answering.await
        }
    }
}
