//! Routes beside each other: names and addresses are unique, and no route dials the proxy itself.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::draft::Draft;
use super::listen::overlap;
use super::problems::{Findings, Written};
use crate::route::{Endpoint, ListenAddr, Route};

/// Reports what is wrong with the routes together.
pub(super) fn settle(mut drafts: Vec<Draft>, report: &Findings) -> Vec<Arc<Route>> {
    names(&mut drafts, report);
    addresses(&drafts, report);
    circles(&drafts, report);
    drafts
        .into_iter()
        .map(|draft| Arc::new(draft.route))
        .collect()
}

fn context(draft: &Draft) -> String {
    format!("route {:?}", draft.route.name)
}

/// A name that somebody gave must be unique; one that we made gets a number.
fn names(drafts: &mut [Draft], report: &Findings) {
    let mut taken = HashSet::new();
    for draft in drafts.iter().filter(|draft| !draft.name_is_ours) {
        if !taken.insert(draft.route.name.clone()) {
            report.problem(&draft.spot, &context(draft), "name: another route has it");
        }
    }
    for draft in drafts.iter_mut().filter(|draft| draft.name_is_ours) {
        let stem = draft.route.name.clone();
        let mut number = 1;
        while !taken.insert(draft.route.name.clone()) {
            number += 1;
            draft.route.name = format!("{stem}-{number}");
        }
    }
}

/// The first pair of addresses that can't be bound both, for each pair of routes.
fn addresses(drafts: &[Draft], report: &Findings) {
    for (index, draft) in drafts.iter().enumerate() {
        for (at, own) in draft.listen.iter().enumerate() {
            if draft
                .listen
                .iter()
                .take(at)
                .any(|other| overlap(&own.value, &other.value))
            {
                report.problem(
                    &own.spot,
                    &context(draft),
                    format!("listen: {} is there already", own.value),
                );
            }
        }
        for other in drafts.iter().take(index) {
            let clash = draft.listen.iter().find(|own| {
                other
                    .listen
                    .iter()
                    .any(|theirs| overlap(&own.value, &theirs.value))
            });
            if let Some(Written { value, spot }) = clash {
                let problem = format!(
                    "listen: {value} is taken by {}: choose another address or port",
                    context(other)
                );
                report.problem(spot, &context(draft), problem);
            }
        }
    }
}

/// A route that dials one of our own addresses would call itself until nothing is left.
fn circles(drafts: &[Draft], report: &Findings) {
    for draft in drafts {
        let dialled: Vec<(&str, &Written<Endpoint>)> = match &draft.connect_to {
            Some(endpoint) => vec![("connect_to", endpoint)],
            None => draft
                .upstream
                .iter()
                .map(|endpoint| ("upstream", endpoint))
                .collect(),
        };
        for (key, endpoint) in dialled {
            if let Some(other) = drafts.iter().find(|other| {
                other
                    .listen
                    .iter()
                    .any(|at| serves(&at.value, &endpoint.value))
            }) {
                let problem = format!(
                    "{key}: {} is where {} itself listens",
                    endpoint.value,
                    context(other)
                );
                report.problem(&endpoint.spot, &context(draft), problem);
            }
        }
    }
}

/// Whether dialling `endpoint` on this machine reaches `listen`, as far as it can be told without asking DNS.
fn serves(listen: &ListenAddr, endpoint: &Endpoint) -> bool {
    let ListenAddr::Tcp(address) = listen else {
        return false;
    };
    let own = address.ip().to_canonical();
    address.port() == endpoint.port
        && match endpoint.host.parse::<IpAddr>() {
            Ok(dialled) => {
                let dialled = dialled.to_canonical();
                dialled == own || (own.is_unspecified() && dialled.is_loopback())
            }
            Err(_) => {
                endpoint.host.eq_ignore_ascii_case("localhost")
                    && (own.is_loopback() || own.is_unspecified())
            }
        }
}
