//! What probes are told: whether the process has started, and whether apps should come.
//!
//! # Invariants
//!
//! * No database is dialled: an outage there must not take every pod out of service.
//! * A token that is good serves, whatever becomes of the next one.

use std::fmt::Write as _;

use hyper::StatusCode;

use super::{Answer, Bureau, text};
use crate::reception::Reception;
use crate::wanted::{Supply, Wanted, wanted};

const STOPPING: &str = "shutting down\n";

/// `/startup`: 200 once apps can connect.
pub(super) fn startup(bureau: &Bureau) -> Answer {
    if bureau.ending.closing.is_cancelled() {
        return text(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    }
    if bureau.opened.is_cancelled() {
        return text(StatusCode::OK, "ok\n");
    }
    let mut why = String::new();
    for (wanted, supply) in supplies(bureau) {
        let _ = match supply {
            Supply::Good | Supply::Aging(_) => Ok(()),
            Supply::Awaited(None) => writeln!(why, "{wanted}: waiting for a token"),
            Supply::Awaited(Some(remedy)) | Supply::Hopeless(remedy) => {
                writeln!(why, "{wanted}: no token: {remedy}")
            }
        };
    }
    text(StatusCode::SERVICE_UNAVAILABLE, format!("starting\n{why}"))
}

/// `/readiness`: 200 while apps should come, and what is the matter all the same.
pub(super) fn readiness(bureau: &Bureau) -> Answer {
    if bureau.ending.stopping.is_cancelled() || bureau.ending.closing.is_cancelled() {
        return text(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    }
    if !bureau.opened.is_cancelled() {
        return startup(bureau);
    }
    if let Some(full) = bureau.receptions.now().into_iter().find(is_full) {
        let name = &full.route().name;
        let why = format!(
            "all connections of a route are taken: route \"{name}\": raise max_connections\n"
        );
        return text(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let (mut degraded, mut hopeless) = (String::new(), String::new());
    for (wanted, supply) in supplies(bureau) {
        let _ = match supply {
            Supply::Good | Supply::Awaited(None) => Ok(()),
            Supply::Aging(remedy) => {
                writeln!(degraded, "degraded: {wanted}: no newer token: {remedy}")
            }
            Supply::Awaited(Some(remedy)) => {
                writeln!(degraded, "degraded: {wanted}: no token yet: {remedy}")
            }
            Supply::Hopeless(remedy) => writeln!(hopeless, "{wanted}: no token: {remedy}"),
        };
    }
    match (hopeless.is_empty(), degraded.is_empty()) {
        (false, _) => text(StatusCode::SERVICE_UNAVAILABLE, hopeless + &degraded),
        (true, false) => text(StatusCode::OK, degraded),
        (true, true) => text(StatusCode::OK, "ok\n"),
    }
}

fn supplies(bureau: &Bureau) -> impl Iterator<Item = (Wanted, Supply)> {
    let receptions = bureau.receptions.now();
    wanted(receptions.iter().map(Reception::route))
        .into_iter()
        .map(|wanted| {
            let supply = wanted.supply(&bureau.tokens);
            (wanted, supply)
        })
}

fn is_full(reception: &Reception) -> bool {
    let most = u64::try_from(reception.route().max_connections).unwrap_or(u64::MAX);
    reception.ledger().open() >= most
}
