//! The example at the top of the project shows every key, and shows it truly.

use std::collections::BTreeSet;
use std::fs;

use super::schema::misfits;
use super::{Place, certificate, in_project, load};
use crate::keys::{Absent, TABLES, Table};
use crate::summary;

fn example() -> String {
    fs::read_to_string(in_project("proxy.example.toml")).unwrap()
}

/// The example with its comments taken away: what is a setting or a header then stays, prose does not.
fn uncommented() -> String {
    let lines = example();
    let lines = lines.lines().map(|line| match line.strip_prefix('#') {
        None => line,
        Some(comment) if is_toml(comment.trim_start()) => comment.trim_start(),
        Some(_) => "",
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_toml(line: &str) -> bool {
    let is_key = |key: &str| {
        key.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key))
}

/// Each setting with the table in which it stands.
fn settings(text: &str) -> Vec<(&'static Table, &str, &str)> {
    let mut table = None;
    let mut settings = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            let header = match line.split('.').next().unwrap() {
                "[identities" => "[identity]",
                header => header,
            };
            table = TABLES
                .into_iter()
                .find(|table| table.title.starts_with(header));
            assert!(table.is_some(), "{line}");
        } else if let Some((key, value)) = line.split_once(" = ") {
            let value = value.split(" #").next().unwrap().trim();
            settings.push((table.unwrap(), key, value));
        }
    }
    settings
}

#[test]
fn it_is_refused_for_its_names_alone() {
    let problems = load(&example()).unwrap_err();
    assert_eq!(
        problems,
        "proxy.toml:48: route \"orders\": upstream: orders.postgres.database.azure.example is the name of an example, \
         which no server has: write that of your own server"
    );
    for (_, key, value) in settings(&uncommented()) {
        let is_nowhere = [".example", "127.0.0.1"]
            .iter()
            .any(|of| value.contains(of));
        assert!(key != "upstream" || is_nowhere, "{value}");
    }
}

#[test]
fn with_names_of_servers_it_is_right_as_it_is() {
    let text = example().replace(".azure.example", ".azure.com");
    let config = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(summary(&config).contains(
        "\norders: postgres, 127.0.0.1:5432, [::1]:5432 -> orders.postgres.database.azure.com:5432 as \"orders-app\", "
    ));
    assert!(example().starts_with("#:schema ./proxy.schema.json\n"));
}

/// Whoever runs `azdb-proxy` in a checkout asks nobody but this machine.
#[test]
fn the_configuration_of_the_checkout_stays_on_this_machine() {
    let text = fs::read_to_string(in_project("proxy.toml")).unwrap();
    let place = Place::with(&text);
    let refused = place.load().unwrap_err();
    assert!(
        refused.contains("cannot read target/demo/azure.pem"),
        "{refused}"
    );
    fs::create_dir_all(place.path().join("target/demo")).unwrap();
    place.file("target/demo/azure.pem", &certificate());
    for token in ["oss", "sql"] {
        place.file(&format!("target/demo/{token}.token"), "token");
    }
    let config = place.load().unwrap();
    assert_eq!(config.routes.len(), 3);
    for route in &config.routes {
        assert!(
            route
                .upstream
                .iter()
                .all(|upstream| upstream.host == "localhost")
        );
    }
}

#[test]
fn it_shows_every_key_and_each_default() {
    let text = uncommented();
    let mut shown = BTreeSet::new();
    for (table, key, value) in settings(&text) {
        let row = table.rows().find(|row| row.about().name == key);
        let row = row.unwrap_or_else(|| panic!("{} has no {key}", table.title));
        let about = row.about();
        if !matches!(about.absent, Absent::Is(_)) || about.default() == format!("`{value}`") {
            shown.insert((table.name, key));
        }
    }
    for table in TABLES {
        for key in table.names() {
            assert!(shown.contains(&(table.name, key)), "{}: {key}", table.title);
        }
    }
}

#[test]
fn without_its_comments_it_fits_the_schema() {
    let text = uncommented();
    assert_eq!(misfits(&text), None, "{text}");
    let problems = load(&text).unwrap_err();
    for said in [
        "unknown key",
        "belongs into",
        "not TOML",
        "must be",
        "is not one of",
    ] {
        assert!(!problems.contains(said), "{problems}");
    }
}
