//! `/status`: what an operator wants to know at a glance, as JSON, and for browsers as a page.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azdb_config::Reuse;
use azdb_identity::TokenStatus;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use serde_json::{Map, Value, json};

use super::{Answer, Bureau, page, typed};
use crate::ledger::{Ledger, Refusal};
use crate::reception::Reception;
use crate::reload::ReloadOutcome;
use crate::wanted;

/// As JSON.
pub(super) fn answer(bureau: &Bureau) -> Answer {
    let status = status(bureau);
    typed(StatusCode::OK, "application/json", format!("{status:#}\n"))
}

/// For a person.
pub(super) fn page(bureau: &Bureau) -> Answer {
    let page = page::of(&status(bureau));
    let mut answer = typed(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = HeaderValue::from_static(page::POLICY);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    answer
}

fn status(bureau: &Bureau) -> Value {
    let tokens = bureau.tokens.status();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "state": state(bureau),
        "routes": bureau.receptions.now().iter().map(route).collect::<Vec<_>>(),
        "routes_removed": bureau.receptions.gone().iter().map(route).collect::<Vec<_>>(),
        "reload": reload(bureau),
        "tokens": tokens.iter().map(token).collect::<Vec<_>>(),
    })
}

fn state(bureau: &Bureau) -> &'static str {
    match () {
        () if bureau.ending.closing.is_cancelled() => "draining",
        () if bureau.ending.stopping.is_cancelled() => "stopping",
        () if bureau.opened.is_cancelled() => "serving",
        () => "starting",
    }
}

fn route(reception: &Reception) -> Value {
    let (route, ledger) = (reception.route(), reception.ledger());
    json!({
        "name": route.name,
        "protocol": route.protocol.to_string(),
        "upstream": route.upstream.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "sessions_open": ledger.open(),
        "sessions_max": route.max_connections,
        "sessions_total": ledger.sessions.read(),
        "logins_refused_total": ledger.refused(),
        "last_refusal": ledger.last_refusal().map(refusal),
        "login_mean_ms": login_means(ledger),
        "kept": kept(reception),
        "bytes_from_app_total": ledger.from_app.read(),
        "bytes_from_upstream_total": ledger.from_upstream.read(),
    })
}

/// What waits for apps, and why the last logins found nothing; `null` where a route keeps nothing.
fn kept(reception: &Reception) -> Value {
    let keeping = &reception.route().keeping;
    if keeping.ready == 0 && keeping.reuse == Reuse::Off {
        return Value::Null;
    }
    let tally = reception.tally();
    let mut facts = Map::new();
    for (kind, count) in reception.waiting() {
        facts.insert(format!("{}_waiting", kind.name()), json!(count));
    }
    facts.insert("last_logins".into(), json!(tally.logins()));
    facts.insert("last_logins_hits".into(), json!(tally.hits()));
    let why = tally.reasons();
    let why = why.iter().map(|(found, count)| format!("{count} {found}"));
    facts.insert("last_logins_missed".into(), json!(why.collect::<Vec<_>>()));
    if keeping.ready > 0 && tally.is_in_vain() {
        facts.insert("ready_stopped".into(), json!(IN_VAIN));
    }
    Value::Object(facts)
}

const IN_VAIN: &str = "fewer than 5 of the last 20 logins found a session, so none is made ahead; see why they missed";

/// What a login takes that is let in, and what for, in milliseconds.
fn login_means(ledger: &Ledger) -> Value {
    let whole = [("whole", &ledger.logins.granted)].into_iter();
    let phases = ledger.phases().map(|(phase, took)| (phase.name(), took));
    let means = whole.chain(phases).filter_map(|(name, took)| {
        let micros = u32::try_from(took.mean()?.as_micros()).unwrap_or(u32::MAX);
        Some((name.to_owned(), json!(f64::from(micros) / 1000.0)))
    });
    Value::Object(means.collect())
}

/// What became of the last reload. The configuration in force is that of the start until one is applied.
fn reload(bureau: &Bureau) -> Value {
    let told = bureau.reloads.told();
    let (state, at, problems, warnings) = match told.last {
        None => ("none", None, Vec::new(), Vec::new()),
        Some((ReloadOutcome::Applied { warnings }, at)) => {
            ("applied", Some(at), Vec::new(), warnings)
        }
        Some((ReloadOutcome::Refused { problems, .. }, at)) => {
            ("refused", Some(at), problems, Vec::new())
        }
    };
    json!({
        "state": state,
        "unix_time": at.map(unix_time),
        "problems": problems,
        "warnings": warnings,
        "in_force_since_unix_time": unix_time(told.applied_at.unwrap_or(bureau.started)),
        "applied_total": told.applied,
        "refused_total": told.refused,
    })
}

fn refusal(refusal: Refusal) -> Value {
    json!({
        "kind": refusal.kind.to_string(),
        "cause": refusal.cause,
        "remedy": refusal.remedy,
        "unix_time": unix_time(refusal.at),
    })
}

pub(super) fn unix_time(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn token(status: &TokenStatus) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
    let error = status.last_error.as_ref().map(|(error, at)| {
        json!({
            "cause": error.cause(),
            "remedy": error.remedy(),
            "unix_time": unix_time(*at),
        })
    });
    json!({
        "source": status.source.as_str(),
        "identity": wanted::named(status.selector.as_ref()),
        "audience": status.audience.as_str(),
        "expires_in_seconds": seconds(status.expires_in),
        "age_seconds": seconds(status.age),
        "refresh_in_seconds": seconds(status.refresh_in),
        "fetched_total": status.fetched,
        "failed_transient_total": status.failed_transient,
        "failed_permanent_total": status.failed_permanent,
        "failing": status.failing,
        "last_error": error,
    })
}
