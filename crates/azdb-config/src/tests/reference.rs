//! What is written of the keys elsewhere says what the code says: `docs/configuration.md` and `proxy.schema.json`.
//!
//! `AZDB_WRITE=1 cargo test -p azdb-config reference` writes both anew.

use std::fmt::Write as _;
use std::{env, fs};

use super::{in_project, load};
use crate::clouds::{CLOUDS, cloud_name};
use crate::keys::{
    About, Absent, Needs, Part, Row, TABLES, of_document, of_identity, of_process, of_route,
};
use crate::route::ProtocolName;
use crate::{token_host, url};

/// Compares a file with what it should be, or makes it so.
fn holds(name: &str, text: &str) {
    if env::var_os("AZDB_WRITE").is_some() {
        fs::write(in_project(name), text).unwrap();
    }
    let written = fs::read_to_string(in_project(name)).unwrap();
    let differs = written
        .lines()
        .zip(text.lines())
        .find(|(is, should)| is != should);
    assert!(
        written == text,
        "{name}: AZDB_WRITE=1 cargo test -p azdb-config reference makes it true: {differs:?}"
    );
}

/// The tables of `docs/configuration.md`, by the names of their places.
fn tables() -> Vec<(&'static str, String)> {
    let parts: [(&str, Part); 11] = [
        ("[process]", of_process::KEYS),
        ("[identity]", of_identity::KEYS),
        ("what and where", of_route::PLACES),
        ("as whom", of_route::LOGIN),
        ("TLS upstream", of_route::UPSTREAM_SIDE),
        ("who may come", of_route::APP_SIDE),
        ("limits", of_route::LIMITS),
        ("sessions kept", of_route::KEPT),
        ("only for tds", of_route::SQL_SERVER),
        ("[health]", of_document::HEALTH_KEYS),
        ("[admin]", of_document::ADMIN_KEYS),
    ];
    let mut tables = vec![("variables", variables())];
    tables.extend(parts.map(|(name, part)| (name, table(part))));
    tables.push(("schemes", schemes()));
    tables.push(("suffixes", suffixes()));
    tables
}

fn variables() -> String {
    let mut table = "| variable | flag | key |\n|---|---|---|\n".to_owned();
    for name in of_process::TABLE.names() {
        let (variable, flag) = (of_process::variable(name), name.replace('_', "-"));
        let _ = writeln!(table, "| `{variable}` | `--{flag}` | `{name}` |");
    }
    let health = crate::env::HEALTH_LISTEN;
    let _ = writeln!(
        table,
        "| `{health}` | `--health-listen` | `listen` of `[health]` |"
    );
    table
}

/// How URLs name protocols.
fn schemes() -> String {
    let mut table = "| scheme | `protocol` |\n|---|---|\n".to_owned();
    for protocol in ProtocolName::ALL {
        let schemes = url::schemes(protocol).join("`, `");
        let _ = writeln!(table, "| `{schemes}` | `{protocol}` |");
    }
    table
}

/// Where a token may go.
fn suffixes() -> String {
    let mut table = "| `protocol` | `cloud` | suffixes |\n|---|---|---|\n".to_owned();
    for protocol in ProtocolName::ALL {
        for cloud in CLOUDS {
            let suffixes = token_host::suffixes(protocol, &cloud).join("`, `");
            let cloud = cloud_name(&cloud);
            let _ = writeln!(table, "| `{protocol}` | `{cloud}` | `{suffixes}` |");
        }
    }
    table
}

fn table(part: Part) -> String {
    let mut table = "| key | default | values | meaning |\n|---|---|---|---|\n".to_owned();
    for row in part {
        let about = row.about();
        let (default, values, meaning) = (about.default(), row.form(), about.meaning());
        let _ = writeln!(
            table,
            "| `{}` | {default} | {values} | {meaning} |",
            about.name
        );
    }
    table
}

#[test]
fn the_tables_of_the_reference_are_those_of_the_code() {
    let mut text = fs::read_to_string(in_project("docs/configuration.md")).unwrap();
    for (name, table) in tables() {
        let begin = format!("<!-- keys: {name} -->\n");
        let (before, rest) = text
            .split_once(&begin)
            .unwrap_or_else(|| panic!("no {begin}"));
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        text = format!("{before}{begin}{table}<!-- end -->{after}");
    }
    holds("docs/configuration.md", &text);
}

#[test]
fn every_key_is_in_one_of_these_tables() {
    let tables: String = tables().into_iter().map(|(_, table)| table).collect();
    for name in TABLES.iter().flat_map(|table| table.names()) {
        assert!(tables.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn the_schema_in_the_project_is_that_of_the_code() {
    holds("proxy.schema.json", &crate::schema());
}

/// A date is what no key can hold, so whoever reads one complains.
#[test]
fn every_key_of_every_table_is_read() {
    for (header, table) in [
        ("[process]", &of_process::TABLE),
        ("[health]", &of_document::HEALTH),
        ("[admin]", &of_document::ADMIN),
        ("[identity]", &of_identity::TABLE),
        ("[identities.a]", &of_identity::TABLE),
        ("[[route]]", &of_route::TABLE),
    ] {
        let of_unix = ["allow_uids", "unix_group", "unix_mode"];
        for name in table.names() {
            if cfg!(windows) && of_unix.contains(&name) {
                continue;
            }
            let around = match name {
                "upstream_password_file" => "upstream_auth = \"password\"",
                "upstream_password_in_clear" => {
                    "upstream_auth = \"password\"\nupstream_tls = \"off\""
                }
                "quitquitquit" => "listen = \"127.0.0.1:1\"",
                "allow" | "trust_network" => "listen = \"0.0.0.0:1\"",
                "kept_sessions" | "kept_for" | "kept_age" => "session_reuse = \"reset\"",
                "unix_group" | "unix_mode" => "listen = \"unix:/no/such/socket\"",
                "pipe_users" => "listen = \"pipe:none\"",
                _ => "",
            };
            let text = format!("{header}\n{name} = 1979-05-27\n{around}\n");
            let problems = load(&text).unwrap_err();
            let mut said = problems
                .lines()
                .filter(|line| line.starts_with("proxy.toml:2:"));
            let accepted = ["date", "must be a table", "is not an octal mode"];
            assert!(
                said.all(|said| accepted.iter().any(|part| said.contains(part)))
                    && problems.contains("proxy.toml:2:"),
                "{header} {name}: {problems}"
            );
        }
    }
}

/// Whatever else is wrong, no reader leaves a key unread: to say that it has no effect would be a false alarm.
#[test]
fn every_key_is_read_beside_wrong_ones() {
    let route = of_route::TABLE.names().collect::<Vec<_>>();
    for wrong in [&[][..], &["protocol"], &["upstream_auth"], &route] {
        for protocol in ProtocolName::ALL {
            let line = |name: &&str| match *name {
                name if wrong.contains(&name) => format!("{name} = 1979-05-27"),
                "protocol" => format!("protocol = \"{protocol}\""),
                name => format!("{name} = {{ x = {{ identity = 1 }} }}"),
            };
            let lines: Vec<String> = route.iter().map(line).collect();
            let problems = load(&format!("[[route]]\n{}\n", lines.join("\n"))).unwrap_err();
            assert!(!problems.contains("has no effect"), "{problems}");
        }
    }
}

/// A route of the protocol that has `key`, and `more`.
fn route_with(about: &About, more: &str) -> String {
    let protocol = about.needs.iter().find_map(|needs| match needs {
        Needs::Protocols(known) => known.first().copied(),
        _ => None,
    });
    let (protocol, upstream) = match protocol.unwrap_or(ProtocolName::Postgres) {
        ProtocolName::Postgres => (
            "postgres",
            "a.postgres.database.azure.com\"\nupstream_user = \"u",
        ),
        ProtocolName::Mysql => ("mysql", "a.mysql.database.azure.com\"\nupstream_user = \"u"),
        ProtocolName::Tds => ("tds", "a.database.windows.net"),
    };
    format!("[[route]]\nprotocol = \"{protocol}\"\nupstream = \"{upstream}\"\n{more}\n")
}

/// Without this a reader could do something else when a key is absent than the reference says.
#[test]
fn writing_a_default_out_changes_nothing() {
    for (header, table) in [
        ("[process]", &of_process::TABLE),
        ("[identity]", &of_identity::TABLE),
        ("", &of_route::TABLE),
    ] {
        for about in table.rows().map(Row::about) {
            let (Absent::Is(default) | Absent::ByLogin { token: default, .. }) = about.absent
            else {
                continue;
            };
            let line = format!("{} = {default}", about.name);
            let shown = |line: &str| {
                let text = match header {
                    "" => route_with(about, line),
                    _ => format!("{header}\n{line}\n{}", route_with(about, "")),
                };
                let config = load(&text).unwrap_or_else(|problems| panic!("{line}: {problems}"));
                assert_eq!(config.warnings, [""; 0], "{line}");
                format!("{:?} {:?}", config.process, config.routes)
            };
            assert_eq!(shown(&line), shown(""), "{line}");
        }
    }
}
