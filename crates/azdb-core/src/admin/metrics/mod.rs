//! `/metrics`: the OpenMetrics text that Prometheus scrapes. What there is stands in `docs/metrics.md`.
//!
//! The page is made anew for each scrape, from counts that sessions write: nothing global, and a token that is not kept any more is
//! not reported any more.
//!
//! # Invariants
//!
//! * No label has a value that a peer chooses, and none has more values than there are routes, identities, or words in the code.

mod family;
mod kept;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use azdb_config::route::ProtocolName;
use hyper::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{Answer, Bureau, status, text, typed};
use crate::ledger::{End, Ledger};
use crate::reception::Reception;
use crate::reload::ReloadOutcome;
use crate::wanted;
pub use family::{Family, Labels, Value};

use family::Families;

const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// In front of every name.
pub const PREFIX: &str = "azdb_proxy";

/// What `/metrics` shows, for whoever sends it elsewhere.
#[derive(Clone)]
pub struct Readings(Arc<Bureau>);

impl Readings {
    pub(crate) fn of(bureau: Bureau) -> Self {
        Self(Arc::new(bureau))
    }

    /// Everything as it is now.
    pub fn families(&self) -> Vec<Family> {
        families(&self.0)
    }
}

fn families(bureau: &Bureau) -> Vec<Family> {
    let mut families = process(bureau);
    families.extend(reloads(bureau));
    families.extend(sessions(bureau));
    families.extend(logins(bureau));
    families.extend(kept::families(bureau));
    families.extend(of_one_protocol(bureau));
    families.extend(tokens(bureau));
    families
}

pub(super) fn answer(bureau: &Bureau) -> Answer {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Families(families(bureau))));
    let mut page = String::new();
    match encode(&mut page, &registry) {
        Ok(()) => typed(StatusCode::OK, KIND, page),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn process(bureau: &Bureau) -> Vec<Family> {
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("os", std::env::consts::OS),
        ("arch", std::env::consts::ARCH),
    ];
    let build = build.map(|(name, value)| (name, value.to_owned()));
    let dropped = (bureau.log_lines_dropped)();
    vec![
        Family::info("build", "What runs here", build.into()),
        Family::counter(
            "log_lines_dropped",
            "Lines of the log that nobody read in time",
        )
        .with_count(dropped),
    ]
}

/// As Prometheus names its own.
fn reloads(bureau: &Bureau) -> Vec<Family> {
    let told = bureau.reloads.told();
    let mut reloads = Family::counter(
        "config_reloads",
        "Times that the configuration was read again, by outcome",
    );
    for (outcome, count) in [("applied", told.applied), ("refused", told.refused)] {
        reloads.count(vec![("outcome", outcome.to_owned())], count);
    }
    let mut good = Family::gauge(
        "config_last_reload_successful",
        "0 after a reload that was refused, while the configuration of before is in force",
    );
    let is_refused = matches!(told.last, Some((ReloadOutcome::Refused { .. }, _)));
    good.state(Labels::new(), u64::from(!is_refused));
    let mut at = Family::gauge(
        "config_last_reload_success_timestamp_seconds",
        "Time at which the configuration was read that is in force",
    );
    let read = told.applied_at.unwrap_or(bureau.started);
    at.state(Labels::new(), status::unix_time(read));
    vec![reloads, good, at]
}

fn sessions(bureau: &Bureau) -> Vec<Family> {
    let counts = |name, help, read: fn(&Ledger) -> u64| {
        let mut family = Family::counter(name, help);
        for reception in &bureau.receptions.with_gone() {
            family.count(labels(reception), read(reception.ledger()));
        }
        family
    };
    let mut open = Family::gauge("sessions_open", "Sessions that are there now");
    let mut limit = Family::gauge("sessions_limit", "max_connections of the route");
    let mut ended = Family::counter(
        "sessions_ended",
        "Sessions that have ended, by who ended them and why",
    );
    let mut handshakes = Family::counter(
        "upstream_tls_handshakes",
        "TLS handshakes with upstreams, by whether an earlier session was resumed",
    );
    for reception in &bureau.receptions.with_gone() {
        let (labels, ledger) = (labels(reception), reception.ledger());
        open.state(labels.clone(), ledger.open());
        let most = reception.route().max_connections;
        limit.state(labels.clone(), u64::try_from(most).unwrap_or(u64::MAX));
        for end in End::ALL {
            let labels = with(&labels, &[("by", end.by()), ("why", end.why())]);
            ended.count(labels, ledger.ended_by(end));
        }
        let done = &ledger.handshakes;
        for (kind, count) in [("full", &done.full), ("resumed", &done.resumed)] {
            handshakes.count(with(&labels, &[("kind", kind)]), count.read());
        }
    }
    vec![
        counts(
            "connections",
            "Connections taken in, probes included",
            |l| l.accepted.read(),
        ),
        counts("sessions", "Sessions that began", |l| l.sessions.read()),
        counts(
            "sessions_app_tls",
            "Sessions that began whose app speaks TLS",
            |l| l.sessions_in_tls.read(),
        ),
        open,
        limit,
        ended,
        counts("bytes_from_app", "Bytes that upstreams took", |l| {
            l.from_app.read()
        }),
        counts("bytes_from_upstream", "Bytes that apps took", |l| {
            l.from_upstream.read()
        }),
        handshakes,
    ]
}

fn logins(bureau: &Bureau) -> Vec<Family> {
    let mut refused = Family::counter(
        "logins_refused",
        "Logins refused, by the proxy or the upstream, by cause and by whose business it is",
    );
    let mut took = Family::histogram(
        "login_duration_seconds",
        "Time from a connection to its login's last word",
    );
    let mut phases = Family::histogram(
        "login_phase_duration_seconds",
        "Time that logins spent on a phase",
    );
    for reception in &bureau.receptions.with_gone() {
        let (labels, ledger) = (labels(reception), reception.ledger());
        for ((cause, kind), count) in ledger.refusals() {
            let labels = with(&labels, &[("kind", kind.name()), ("cause", cause)]);
            refused.count(labels, count);
        }
        for (beginning, histogram) in ledger.granted_by() {
            let way = beginning.name();
            let labels = with(&labels, &[("outcome", "granted"), ("way", way)]);
            took.durations(labels, histogram);
        }
        // Nobody is refused by a session that waits.
        let refused = with(&labels, &[("outcome", "refused"), ("way", "dialled")]);
        took.durations(refused, &ledger.logins.refused);
        for (phase, histogram) in ledger.phases() {
            phases.durations(with(&labels, &[("phase", phase.name())]), histogram);
        }
    }
    vec![refused, took, phases]
}

fn of_one_protocol(bureau: &Bureau) -> Vec<Family> {
    let mut cancels = Family::counter(
        "cancel_requests",
        "PostgreSQL: requests to cancel a query, by what became of them",
    );
    let mut changes = Family::counter(
        "changes_of_user",
        "MySQL: logins within a session (COM_CHANGE_USER), by outcome",
    );
    let mut hops = Family::counter(
        "routing_hops",
        "SQL Server: times that an upstream sent a login on to another server",
    );
    for reception in &bureau.receptions.with_gone() {
        let (labels, ledger) = (labels(reception), reception.ledger());
        match reception.route().protocol {
            ProtocolName::Postgres => {
                let done = &ledger.cancels;
                for (outcome, count) in [
                    ("passed_on", &done.passed_on),
                    ("unknown_key", &done.unknown),
                    ("failed", &done.failed),
                ] {
                    cancels.count(with(&labels, &[("outcome", outcome)]), count.read());
                }
            }
            ProtocolName::Mysql => {
                for (outcome, count) in ledger.changes_of_user.both() {
                    changes.count(with(&labels, &[("outcome", outcome)]), count.read());
                }
            }
            ProtocolName::Tds => hops.count(labels, ledger.hops.read()),
        }
    }
    vec![cancels, changes, hops]
}

fn tokens(bureau: &Bureau) -> Vec<Family> {
    let mut expiry = Family::gauge(
        "token_expiry_seconds",
        "Life left in the token, 0 without one",
    );
    let mut age = Family::gauge("token_age_seconds", "Time since the token was fetched");
    let mut failing = Family::gauge("token_failing", "1 while fetches go wrong");
    let mut fetches = Family::counter("token_fetches", "Fetches by outcome");
    let mut took = Family::gauge(
        "token_last_fetch_duration_seconds",
        "What the last fetch took",
    );
    let mut last_error = Family::gauge(
        "token_last_error_timestamp_seconds",
        "Time of the last error",
    );
    for token in bureau.tokens.status() {
        let labels = vec![
            ("source", token.source.as_str().to_owned()),
            ("identity", wanted::named(token.selector.as_ref())),
            ("audience", token.audience.as_str().to_owned()),
        ];
        let left = token.expires_in.unwrap_or_default();
        expiry.state(labels.clone(), left.as_secs());
        if let Some(time) = token.age {
            age.state(labels.clone(), time.as_secs());
        }
        failing.state(labels.clone(), u64::from(token.failing));
        took.time(labels.clone(), token.last_fetch_took);
        for (outcome, count) in [
            ("ok", token.fetched),
            ("transient", token.failed_transient),
            ("permanent", token.failed_permanent),
        ] {
            fetches.count(with(&labels, &[("outcome", outcome)]), count);
        }
        if let Some((_, at)) = token.last_error {
            let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            last_error.state(labels, at.as_secs());
        }
    }
    vec![expiry, age, failing, fetches, took, last_error]
}

fn labels(reception: &Reception) -> Labels {
    let route = reception.route();
    vec![
        ("route", route.name.clone()),
        ("protocol", route.protocol.to_string()),
    ]
}

fn with(labels: &Labels, more: &[(&'static str, &str)]) -> Labels {
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    labels.iter().cloned().chain(more).collect()
}
