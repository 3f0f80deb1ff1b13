//! One cause, one remedy: whatever an app speaks, it reads the same.

use std::collections::BTreeSet;

use crate::fault::{Explained as _, Fault};
use crate::mysql::Mysql;
use crate::postgres::Postgres;
use crate::rig::{Spoken, every_cause, every_left};
use crate::tds::Tds;

#[tokio::test]
async fn a_cause_is_told_in_the_same_words_in_every_protocol() {
    fn read<P: Spoken>() -> Vec<String> {
        let causes = every_cause().into_iter().map(Fault::Shared);
        causes.map(|fault| P::notice(&fault).1).collect()
    }
    let (postgres, mysql, tds) = (read::<Postgres>(), read::<Mysql>(), read::<Tds>());
    let read = postgres.iter().zip(&mysql).zip(&tds);
    for (cause, ((postgres, mysql), tds)) in every_cause().iter().zip(read) {
        let (told, remedy) = (cause.told(), cause.remedy());
        for (text, between) in [(postgres, " "), (mysql, "; "), (tds, ". What to do: ")] {
            assert_eq!(*text, format!("azdb-proxy: {told}{between}{remedy}"));
        }
    }
}

/// The rows of the table with this heading in `docs/metrics.md`: the first word of each, and what stands behind it.
pub(super) fn rows_below(heading: &str) -> Vec<(String, String)> {
    let page = include_str!("../../../../../docs/metrics.md");
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let row = |row: &str| {
        let (word, rest) = row.strip_prefix("| `")?.split_once("` | ")?;
        Some((word.to_owned(), rest.strip_suffix(" |")?.to_owned()))
    };
    rows.filter_map(row).collect()
}

#[tokio::test]
async fn the_words_for_causes_in_metrics_are_those_of_the_documentation() {
    fn own<P: Spoken>() -> Vec<&'static str> {
        let faults = P::own_faults();
        faults.iter().map(|fault| fault.label()).collect()
    }
    let shared: Vec<_> = every_cause().iter().map(|cause| cause.label()).collect();
    let left: Vec<_> = every_left().iter().map(|left| left.label()).collect();
    let all = [
        shared,
        left,
        own::<Postgres>(),
        own::<Mysql>(),
        own::<Tds>(),
    ];
    let all: BTreeSet<String> = all.concat().iter().map(ToString::to_string).collect();
    let documented: BTreeSet<String> = rows_below("cause")
        .into_iter()
        .map(|(word, _)| word)
        .collect();
    assert_eq!(documented, all);
}
