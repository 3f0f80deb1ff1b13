//! `docs/errors.md` says of every cause what the code says.
//!
//! `AZDB_WRITE=1 cargo test -p azdb-core catalogue` writes it anew.

use std::fmt::Write as _;
use std::{env, fs};

use super::words::rows_below;
use crate::fault::{Explained, Fault, Kind, OwnFault as _};
use crate::lobby::Protocol;
use crate::mysql::Mysql;
use crate::postgres::Postgres;
use crate::rig::{Refusal, Spoken, every_cause, every_left};
use crate::tds::Tds;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

/// The kinds in the order of the page, and whom each calls.
const KINDS: [(Kind, &str); 7] = [
    (
        Kind::User,
        "the app, or whoever wrote its connection string",
    ),
    (
        Kind::Network,
        "whoever runs the network between here and there",
    ),
    (Kind::Identity, "whoever gave this machine its identity"),
    (Kind::Upstream, "whoever runs the database"),
    (
        Kind::Configuration,
        "whoever wrote the proxy's configuration, or the principals of the database",
    ),
    (
        Kind::Limit,
        "nobody: there is too much of something, or too little time",
    ),
    (Kind::Bug, "us"),
];

/// One cause as the page has it.
struct Entry {
    label: &'static str,
    kind: Kind,
    said: String,
    remedy: String,
    /// What apps read it as: a protocol and a code each.
    codes: Vec<String>,
}

impl Entry {
    fn of(fault: &impl Explained, said: String, codes: Vec<String>) -> Self {
        Self {
            label: fault.label(),
            kind: fault.kind(),
            said,
            remedy: fault.remedy().into_owned(),
            codes,
        }
    }
}

/// What an app of the protocol reads of a fault: the code, as its tools show it.
fn code<P: Spoken>(fault: &Fault<P::Fault>) -> String {
    let (code, text) = P::notice(fault);
    if !text.starts_with("azdb-proxy: ") {
        return format!("{}: the database's own error, as it is", P::TITLE);
    }
    format!("{} `{}`", P::TITLE, P::spelled(code))
}

fn own<P: Spoken>() -> Vec<Entry> {
    let faults = P::own_faults().into_iter();
    let entry = |own: <P as Protocol>::Fault| {
        let said = format!("azdb-proxy: {}", own.told());
        let fault = Fault::Own(own);
        let code = code::<P>(&fault);
        Entry::of(&fault, said, vec![code])
    };
    faults.map(entry).collect()
}

/// Every cause there is: those of every protocol, those of one, those of which only the log tells.
fn entries() -> Vec<Entry> {
    let shared = every_cause()
        .into_iter()
        .zip(every_cause())
        .zip(every_cause());
    let shared = shared.map(|((postgres, mysql), tds)| {
        let said = format!("azdb-proxy: {}", postgres.told());
        let fault = Fault::Shared(postgres);
        let codes = vec![
            code::<Postgres>(&fault),
            code::<Mysql>(&Fault::Shared(mysql)),
            code::<Tds>(&Fault::Shared(tds)),
        ];
        Entry::of(&fault, said, codes)
    });
    let left = every_left().into_iter().map(|left| {
        let said = azdb_quote::Chain(&left).to_string();
        Entry::of(&left, said, Vec::new())
    });
    let mut all: Vec<Entry> = shared.collect();
    all.extend(own::<Postgres>());
    all.extend(own::<Mysql>());
    all.extend(own::<Tds>());
    all.extend(left);
    all
}

/// Text in which nothing is taken for markup, but for names in backticks.
fn plain(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let escaped = parts.map(|(index, part)| match index % 2 {
        0 => part
            .replace('<', "\\<")
            .replace('*', "\\*")
            .replace('|', "\\|"),
        _ => part.replace('|', "\\|"),
    });
    escaped.collect::<Vec<_>>().join("`")
}

/// One cause of those that share a word.
fn push_entry(entry: &Entry, of: Kind, page: &mut String) {
    let kind = match entry.kind {
        kind if kind == of => String::new(),
        other => format!(" Its kind is `{other}`."),
    };
    let codes = match entry.codes.as_slice() {
        [] => "In the log alone: the app has left, or heard an alert of TLS.".to_owned(),
        codes => format!("{}.", codes.join(", ")),
    };
    let (said, remedy) = (&entry.said, plain(&entry.remedy));
    let _ = write!(
        page,
        "```text\n{said}\n```\n\n{codes}{kind}\n\n> {remedy}\n\n"
    );
}

/// The causes by kind, those that share a word below it.
fn causes() -> String {
    let (entries, words) = (entries(), rows_below("cause"));
    let mut page = String::new();
    let mut written: Vec<&str> = Vec::new();
    for (kind, whose) in KINDS {
        let mut labels: Vec<&str> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.kind == kind) {
            if !labels.contains(&entry.label) && !written.contains(&entry.label) {
                labels.push(entry.label);
            }
        }
        let links = labels.iter().map(|label| format!("[{label}](#{label})"));
        let links = links.collect::<Vec<_>>().join(" · ");
        let _ = write!(page, "## {kind}\n\nThe business of {whose}.\n\n{links}\n\n");
        for first in entries.iter().filter(|entry| entry.kind == kind) {
            if written.contains(&first.label) {
                continue;
            }
            written.push(first.label);
            let (_, meaning) = words.iter().find(|(word, _)| word == first.label).unwrap();
            let _ = write!(page, "### {}\n\n{meaning}\n\n", first.label);
            let below = entries.iter().filter(|entry| entry.label == first.label);
            below.for_each(|entry| push_entry(entry, kind, &mut page));
        }
    }
    assert!(entries.iter().all(|entry| written.contains(&entry.label)));
    page
}

/// What upstreams are known to say.
fn refusals() -> String {
    fn push<P: Spoken>(page: &mut String) {
        let _ = write!(
            page,
            "### In {}\n\n| the database says | kind | remedy |\n|---|---|---|\n",
            P::TITLE
        );
        for Refusal { said, meaning } in P::known_refusals() {
            let (kind, remedy) = (meaning.kind, plain(meaning.remedy));
            let _ = writeln!(page, "| {said} | `{kind}` | {remedy} |");
        }
        page.push('\n');
    }
    let mut page = String::new();
    push::<Postgres>(&mut page);
    push::<Mysql>(&mut page);
    push::<Tds>(&mut page);
    page
}

#[tokio::test]
async fn the_catalogue_of_errors_is_that_of_the_code() {
    let written = fs::read_to_string(PAGE).unwrap();
    let mut page = written.clone();
    for (name, part) in [("logins", causes()), ("refusals", refusals())] {
        let begin = format!("<!-- causes: {name} -->\n");
        let (before, rest) = page.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        page = format!("{before}{begin}\n{part}<!-- end -->{after}");
    }
    if env::var_os("AZDB_WRITE").is_some() {
        fs::write(PAGE, page).unwrap();
        return;
    }
    let mut lines = written.lines().zip(page.lines());
    let differs = lines.find(|(is, should)| is != should);
    assert!(
        written == page,
        "docs/errors.md: AZDB_WRITE=1 cargo test -p azdb-core catalogue makes it true: {differs:?}"
    );
}
