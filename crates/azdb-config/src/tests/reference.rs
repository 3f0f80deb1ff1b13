//! The reference and the code know the same keys.

use std::fs;
use std::path::Path;

use super::load;
use crate::{identity, process};

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    fs::read_to_string(path).unwrap()
}

/// The keys of the tables under headings that begin with `heading`.
fn keys(heading: &str) -> Vec<String> {
    let text = reference();
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    // Three columns: key, default, values. Tables of another shape are about something else.
    rows.filter(|row| row.matches(" | ").count() == 2)
        .filter_map(|row| row.split('`').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_in_the_reference_is_read() {
    for (heading, header) in [
        ("`[process]`", "[process]"),
        ("`[identity]`", "[identity]"),
        ("`[[route]]`", "[[route]]"),
    ] {
        let lines: Vec<String> = keys(heading)
            .iter()
            .map(|key| format!("{key} = 1979-05-27\n"))
            .collect();
        let problems = load(&format!("{header}\n{}", lines.concat())).unwrap_err();
        assert!(lines.len() > 5, "{header}");
        for (index, line) in lines.iter().enumerate() {
            let place = format!("proxy.toml:{}:", index + 2);
            let said = problems.lines().find(|problem| problem.starts_with(&place));
            assert!(
                said.is_some_and(|problem| !problem.contains("unknown")),
                "{line} {problems}"
            );
        }
    }
}

#[test]
fn every_key_of_process_and_identity_is_in_the_reference() {
    assert_eq!(keys("`[process]`"), process::KEYS);
    assert_eq!(keys("`[identity]`"), identity::KEYS);
}
