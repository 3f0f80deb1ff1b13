//! The same by a proxy that runs: what an app meets at its door.

use std::io;
use std::time::{Duration, Instant};

use azdb_config::route::{ListenAddr, PlainApps, UpstreamAuth};
use azdb_config::{Config, Endpoints};
use azdb_quote::{Chain, OneLine};
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::finding::{Finding, Findings, Step};
use super::token::lasting;
use super::way::{leave, refusal_in_words, within};
use super::{Way, Wishes, questions};
use crate::ask::{Desk, Running, named_pipe};
use crate::database::{As, Database, Stream};

/// How long a door of this machine may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// Takes the steps that an app takes.
pub(super) async fn examine(way: &Way, config: &Config, wishes: &Wishes) -> Findings {
    let mut findings = Findings::of(&way.route.name, way.title());
    findings.add(token(way, config).await);
    let is_closed_to_us = way.route.plain_apps == PlainApps::Refused
        && !way
            .route
            .listen
            .iter()
            .any(|door| matches!(door, ListenAddr::Unix(_) | ListenAddr::Pipe(_)));
    let Some(stream) = door(way, &mut findings).await else {
        findings.untried(&[Step::Login, Step::Query]);
        return findings;
    };
    if is_closed_to_us {
        let said = "not tried: apps come in by TLS here (local_tls = \"require\"), which doctor does not speak";
        let remedy = "leave --live out: that way needs no door; or come by a socket file or a pipe"
            .to_owned();
        findings.add(Finding::doubtful(Step::Login, said).remedy(Some(remedy)));
        return findings;
    }
    let who = As {
        user: way.app_user.clone(),
        database: way.database(wishes),
        password: wishes.app_password.clone(),
    };
    let began = Instant::now();
    // The proxy that runs has a clock for it; whoever else is there has none.
    let limit = way.route.login_timeout + Duration::from_secs(5);
    let opened = Database::over(way.route.protocol, stream, &who);
    match within(limit, opened).await {
        Ok(mut database) => {
            let took = Some(began.elapsed());
            findings.add(
                Finding::good(Step::Login, "the proxy has let us in, and the database").took(took),
            );
            questions::ask(way, &mut database, &mut findings).await;
            leave(database).await;
        }
        Err(refusal) => {
            let said = refusal_in_words(&refusal);
            findings.add(
                Finding::bad(Step::Login, said)
                    .remedy(refusal.remedy())
                    .took(Some(began.elapsed())),
            );
            findings.untried(&[Step::Query]);
        }
    }
    findings
}

/// What the proxy says of the token of a way.
async fn token(way: &Way, config: &Config) -> Finding {
    let endpoints = Endpoints {
        health: config.health.clone(),
        admin: config.admin.clone(),
        state_dir: config.process.state_dir.clone(),
    };
    let running = Running::of(&endpoints);
    let answer = match running.ask(Desk::Admin, Method::GET, "/status").await {
        Ok(answer) if answer.status == StatusCode::OK => answer,
        Ok(answer) => return Finding::doubtful(Step::Token, answer.line()),
        Err(unanswered) => {
            let remedy = "say --config and --state-dir as the proxy that runs has them".to_owned();
            return Finding::doubtful(Step::Token, unanswered.met()).remedy(Some(remedy));
        }
    };
    let status: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let audience = match &way.route.auth {
        UpstreamAuth::Token(audience) => Some(audience.as_str()),
        UpstreamAuth::Password(_) => None,
    };
    let is_mine = |route: &&Value| route["name"] == way.route.name.as_str();
    let mut routes = status["routes"].as_array().into_iter().flatten();
    match routes.find(is_mine) {
        None => {
            let said = format!("the proxy that runs has no route {:?}", way.route.name);
            let remedy = Some("`azdb-proxy reload` has it read its configuration again".to_owned());
            Finding::doubtful(Step::Token, said).remedy(remedy)
        }
        Some(_) => tokens(&status, audience),
    }
}

/// What it says of the tokens for this audience; a route without one needs none.
fn tokens(status: &Value, audience: Option<&str>) -> Finding {
    let all = status["tokens"].as_array().into_iter().flatten();
    let mine: Vec<&Value> = all
        .filter(|token| token["audience"].as_str() == audience)
        .collect();
    if audience.is_none() || mine.is_empty() {
        return Finding::good(Step::Token, "the proxy that runs holds none for this route");
    }
    let text = |value: &Value| OneLine(value.as_str().unwrap_or("?")).to_string();
    let good = mine.iter().filter_map(|token| {
        let left = lasting(Duration::from_secs(token["expires_in_seconds"].as_u64()?));
        let (source, audience) = (text(&token["source"]), text(&token["audience"]));
        Some(format!("from {source}, for {audience}, good for {left}"))
    });
    let good: Vec<String> = good.collect();
    if good.len() == mine.len() {
        return Finding::good(Step::Token, good.join("; "));
    }
    let mut met = mine.iter().map(|token| &token["last_error"]);
    let Some(error) = met.find(|error| error.is_object()) else {
        return Finding::doubtful(Step::Token, "the proxy that runs has none yet");
    };
    Finding::bad(Step::Token, text(&error["cause"])).remedy(Some(text(&error["remedy"])))
}

/// Connects as an app does, to the first door that there is.
async fn door(way: &Way, findings: &mut Findings) -> Option<Box<dyn Stream>> {
    let mut met = Vec::new();
    for listen in &way.route.listen {
        let began = Instant::now();
        let connected = tokio::time::timeout(CONNECTING, connect(listen)).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                findings
                    .add(Finding::good(Step::Door, listen.to_string()).took(Some(began.elapsed())));
                return Some(stream);
            }
            Err(error) => met.push(format!("{listen}: {}", Chain(&error))),
        }
    }
    let remedy = "start the proxy, or look into its log why this door is closed".to_owned();
    findings.add(Finding::bad(Step::Door, met.join("; ")).remedy(Some(remedy)));
    None
}

async fn connect(listen: &ListenAddr) -> io::Result<Box<dyn Stream>> {
    match listen {
        ListenAddr::Tcp(_) => {
            let stream =
                tokio::net::TcpStream::connect(crate::ask::Place::of(listen).to_string()).await?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        ListenAddr::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        ListenAddr::Unix(_) => Err(io::Error::other("no unix sockets on this platform")),
        ListenAddr::Pipe(name) => Ok(Box::new(named_pipe::connect(name).await?)),
    }
}
