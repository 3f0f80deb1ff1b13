//! `/metrics`: the OpenMetrics text that Prometheus scrapes.
//!
//! The registry is made anew for each scrape, from counts that sessions write: nothing global, and a token that is not
//! kept any more is not reported any more.

use std::sync::atomic::AtomicU64;

use hyper::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Answer, Bureau, status, text, typed};
use crate::ledger::Ledger;
use crate::reception::Reception;
use crate::reload::ReloadOutcome;
use crate::wanted;

const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<i64>>;
type Counts = Family<Labels, Counter<u64, AtomicU64>>;

pub(super) fn answer(bureau: &Bureau) -> Answer {
    let mut registry = Registry::with_prefix("azdb_proxy");
    sessions(&mut registry, bureau);
    tokens(&mut registry, bureau);
    reloads(&mut registry, bureau);
    let log_lines_dropped = Counter::<u64, AtomicU64>::default();
    log_lines_dropped.inc_by((bureau.log_lines_dropped)());
    registry.register(
        "log_lines_dropped",
        "Lines of the log that nobody read in time",
        log_lines_dropped,
    );
    let mut page = String::new();
    match encode(&mut page, &registry) {
        Ok(()) => typed(StatusCode::OK, KIND, page),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn sessions(registry: &mut Registry, bureau: &Bureau) {
    let now = bureau.receptions.now();
    let receptions = [now.clone(), bureau.receptions.gone()].concat();
    let (open, limit) = (Gauges::default(), Gauges::default());
    registry.register("sessions_open", "Sessions that are there now", open.clone());
    registry.register(
        "sessions_limit",
        "max_connections of the route",
        limit.clone(),
    );
    let mut counts = |name: &str, help: &str, read: fn(&Ledger) -> u64| {
        let family = Counts::default();
        registry.register(name, help, family.clone());
        for reception in &receptions {
            let count = read(reception.ledger());
            family.get_or_create(&labels(reception)).inc_by(count);
        }
    };
    counts(
        "connections",
        "Connections taken in, probes included",
        |c| c.accepted.read(),
    );
    counts("sessions", "Sessions that began", |c| c.sessions.read());
    counts(
        "logins_refused",
        "Logins refused, by the proxy or the upstream",
        |c| c.refused.read(),
    );
    counts("bytes_from_app", "Bytes that upstreams took", |c| {
        c.from_app.read()
    });
    counts("bytes_from_upstream", "Bytes that apps took", |c| {
        c.from_upstream.read()
    });
    for reception in &receptions {
        let there = whole(reception.ledger().open());
        open.get_or_create(&labels(reception)).set(there);
    }
    for reception in &now {
        let labels = labels(reception);
        let most = u64::try_from(reception.route().max_connections).unwrap_or(u64::MAX);
        limit.get_or_create(&labels).set(whole(most));
    }
}

fn labels(reception: &Reception) -> Labels {
    let route = reception.route();
    vec![
        ("route", route.name.clone()),
        ("protocol", route.protocol.to_string()),
    ]
}

fn tokens(registry: &mut Registry, bureau: &Bureau) {
    let (expiry, age, failing) = (Gauges::default(), Gauges::default(), Gauges::default());
    let (fetches, last_error) = (Counts::default(), Gauges::default());
    registry.register(
        "token_expiry_seconds",
        "Life left in the token, 0 without one",
        expiry.clone(),
    );
    registry.register(
        "token_age_seconds",
        "Time since the token was fetched",
        age.clone(),
    );
    registry.register("token_failing", "1 while fetches go wrong", failing.clone());
    registry.register("token_fetches", "Fetches by outcome", fetches.clone());
    registry.register(
        "token_last_error_timestamp_seconds",
        "Time of the last error",
        last_error.clone(),
    );
    for token in bureau.tokens.status() {
        let labels = vec![
            ("source", token.source.as_str().to_owned()),
            ("identity", wanted::named(token.selector.as_ref())),
            ("audience", token.audience.as_str().to_owned()),
        ];
        let left = token.expires_in.unwrap_or_default().as_secs();
        expiry.get_or_create(&labels).set(whole(left));
        if let Some(time) = token.age {
            age.get_or_create(&labels).set(whole(time.as_secs()));
        }
        failing.get_or_create(&labels).set(i64::from(token.failing));
        for (outcome, count) in [
            ("ok", token.fetched),
            ("transient", token.failed_transient),
            ("permanent", token.failed_permanent),
        ] {
            let mut labels = labels.clone();
            labels.push(("outcome", outcome.to_owned()));
            fetches.get_or_create(&labels).inc_by(count);
        }
        if let Some((_, at)) = token.last_error {
            let at = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            last_error.get_or_create(&labels).set(whole(at.as_secs()));
        }
    }
}

fn reloads(registry: &mut Registry, bureau: &Bureau) {
    let told = bureau.reloads.told();
    let (count, good, at) = (
        Counts::default(),
        Gauge::<i64>::default(),
        Gauge::<i64>::default(),
    );
    for (outcome, reloads) in [("applied", told.applied), ("refused", told.refused)] {
        let labels = vec![("outcome", outcome.to_owned())];
        count.get_or_create(&labels).inc_by(reloads);
    }
    let is_refused = matches!(told.last, Some((ReloadOutcome::Refused { .. }, _)));
    good.set(i64::from(!is_refused));
    at.set(whole(status::unix_time(
        told.applied_at.unwrap_or(bureau.started),
    )));
    registry.register(
        "config_reloads",
        "Reloads of the configuration by outcome",
        count,
    );
    registry.register(
        "config_last_reload_successful",
        "0 while the last reload was refused, and the configuration of before is in force",
        good,
    );
    registry.register(
        "config_last_reload_success_timestamp_seconds",
        "When the configuration was read that is in force",
        at,
    );
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
