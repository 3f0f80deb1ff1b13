//! Every route there is, from a file or from URLs, each checked by itself.

use std::path::PathBuf;

use super::draft::{self, Draft, ForAllRoutes};
use super::keys::of_route as keys;
use super::problems::{Checked, Findings, Spot, Written};
use super::section::Section;
use super::value::{Value, WrittenIn};
use super::{Origin, url};

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
            draft::read(&mut section, shared)
        })
        .collect()
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
pub(super) fn nothing_to_do(origin: &Origin, places: &[PathBuf]) -> String {
    let example = url::EXAMPLE;
    match origin {
        Origin::File(path) => format!(
            "{} has no [[route]]: write one, or give a URL on the command line: azdb-proxy run '{example}'",
            path.display()
        ),
        Origin::ZeroConfiguration => {
            let places: Vec<String> = places
                .iter()
                .map(|place| place.display().to_string())
                .collect();
            format!(
                "no route: give one on the command line, for example azdb-proxy run '{example}', \
                 or write a [[route]] into {}",
                places.join(" or ")
            )
        }
    }
}
