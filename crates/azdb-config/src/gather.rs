//! Every route there is, from a file or from URLs, each checked by itself.

use std::path::PathBuf;

use azdb_identity::Environment;

use super::draft::{self, Draft, ForAllRoutes};
use super::keys::of_route as keys;
use super::problems::{Checked, Findings, Spot, Written};
use super::section::Section;
use super::value::{Entries, Value, WrittenIn};
use super::{Origin, service_connector, url};

/// The URLs of a command line.
pub(super) fn arguments(urls: &[String]) -> Vec<Written<String>> {
    let place = |index: usize| Spot::named(&format!("argument {}", index + 1));
    urls.iter()
        .enumerate()
        .map(|(index, url)| Written {
            value: url.clone(),
            spot: place(index),
        })
        .collect()
}

/// The routes of a file.
pub(super) fn of_document(
    document: &Section<'_>,
    tables: Option<Written<Value>>,
    shared: &ForAllRoutes,
    env: &Environment,
) -> Vec<Checked<Draft>> {
    let Some(Written { value, spot }) = tables else {
        return Vec::new();
    };
    let Value::List(tables) = value else {
        let problem = "must be written [[route]], with two brackets";
        return vec![Err(document.refuse(&spot, "route", problem))];
    };
    tables
        .into_iter()
        .map(|table| {
            let mut section = document.inner(&keys::TABLE, "", "route", table)?;
            service_connector::fill(&mut section, env)?;
            draft::read(&mut section, shared)
        })
        .collect()
}

/// The routes that variables of Service Connector say.
pub(super) fn of_variables(
    tables: Vec<Checked<Written<Entries>>>,
    report: &Findings,
    shared: &ForAllRoutes,
) -> Vec<Checked<Draft>> {
    let source = WrittenIn::of_the_process("");
    let read = |table: Checked<Written<Entries>>| {
        let mut section = Section::new(report, &source, &keys::TABLE, "", table?);
        draft::read(&mut section, shared)
    };
    tables.into_iter().map(read).collect()
}

/// The routes that URLs say.
pub(super) fn of_urls(
    urls: &[Written<String>],
    report: &Findings,
    shared: &ForAllRoutes,
) -> Vec<Checked<Draft>> {
    urls.iter()
        .map(|written| {
            let value = url::parse(written, report)?;
            let (source, spot) = (WrittenIn::of_the_process(""), written.spot.clone());
            let written = Written { value, spot };
            let mut section = Section::new(report, &source, &keys::TABLE, "", written);
            draft::read(&mut section, shared)
        })
        .collect()
}

/// What to say when there is no route at all.
pub(super) fn nothing_to_do(origin: &Origin, places: &[PathBuf], left_out: &[String]) -> String {
    let example = url::EXAMPLE;
    if let Origin::File(path) = origin {
        return format!(
            "{} has no [[route]]: write one, or give a URL on the command line: azdb-proxy run \"{example}\"",
            path.display()
        );
    }
    let places: Vec<String> = places
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    let file = match places.as_slice() {
        [] => "a file that --config names".to_owned(),
        places => places.join(" or "),
    };
    let variables = match left_out {
        [] => "and none is set".to_owned(),
        left_out => format!(
            "and of those that are set none counts ({})",
            left_out.join("; ")
        ),
    };
    format!(
        "no route. There are three ways to say one: on the command line or in AZDB_PROXY_ROUTE, for example azdb-proxy run \"{example}\"; \
         a [[route]] in {file}; or the variables of Azure Service Connector, such as AZURE_POSTGRESQL_HOST, {variables}"
    )
}
