use super::{load, no_such_file, problems_of, route};

/// Something is wrong nearly everywhere.
const WRONG: &str = r#"
[process]
log_format = "xml"
max_sigterm_delay = "8"
colour = true

[admin]
listen = "0.0.0.0:9091"

[identity]
source = "imds"
client_id = "1"
object_id = "2"

[identities.reports]
source = "magic"

[[route]]
name = "orders"
protocol = "postgres"
listen = ["127.0.0.1:5432", "db:5432"]
upstream = "orders.postgres.database.azure.com"
upstream_user = "orders-app"
upstream_tls = "nope"
lissen = "127.0.0.1:5433"
max_connections = 0
login_timeout = "1h"

[[route]]
protocol = "tds"

[[route]]
name = "reports"
protocol = "postgres"
upstream = "reports.postgres.database.azure.com"
identity = "report"
session_reuse = "5m"
local_tls = { cert_file = "missing.pem" }
"#;

const PROBLEMS: [&str; 17] = [
    r#"proxy.toml:3: [process]: log_format: "xml" is not one of text, json"#,
    r#"proxy.toml:4: [process]: max_sigterm_delay: "8" is not a number with ms, s, m or h, for example "9s""#,
    "proxy.toml:5: [process]: colour: unknown key",
    "proxy.toml:8: [admin]: listen: must be on loopback, a unix socket or a pipe: whoever reaches it can end the process",
    "proxy.toml:13: [identity]: object_id: only one of client_id, object_id, resource_id can be given",
    r#"proxy.toml:16: [identities.reports]: source: "magic" is not one of auto, managed-identity, imds, app-service, azure-arc, service-fabric, workload-identity, service-principal, azure-cli, azure-developer-cli, azure-powershell, command, file"#,
    r#"proxy.toml:21: route "orders": listen: "db:5432" is not address:port, localhost:port, unix:/path or pipe:NAME"#,
    r#"proxy.toml:24: route "orders": upstream_tls: "nope" is not one of verify, unverified, off"#,
    r#"proxy.toml:25: route "orders": lissen: unknown key (did you mean "listen"?)"#,
    r#"proxy.toml:26: route "orders": max_connections: 0 is not a whole number from 1 to 100000"#,
    r#"proxy.toml:27: route "orders": login_timeout: "1h" is not from 100ms to 10m"#,
    r#"proxy.toml:29: route "tds": upstream: is missing; it is the database's host:port"#,
    r#"proxy.toml:32: route "reports": upstream_user: is missing; it is the database principal to log in as"#,
    r#"proxy.toml:36: route "reports": identity: there is no [identities.report] (did you mean "reports"?)"#,
    r#"proxy.toml:37: route "reports": session_reuse: "5m" is not one of off, reset"#,
    r#"proxy.toml:38: route "reports": local_tls: cert_file: cannot read missing.pem: "#,
    r#"proxy.toml:38: route "reports": local_tls: key_file: is missing"#,
];

#[test]
fn all_problems_of_a_file_come_at_once_with_their_lines() {
    let problems = load(WRONG).unwrap_err();
    let lines: Vec<&str> = problems.lines().collect();
    let missing = no_such_file();
    let expected = PROBLEMS.map(|line| match line.ends_with(": ") {
        true => format!("{line}{missing}"),
        false => line.to_owned(),
    });
    assert_eq!(lines, expected);
}

#[test]
fn problems_come_in_the_order_of_lines() {
    let problems = load("zebra = 1\nant = 1\n[[route]]\nzebra = 1\nant = 1\n").unwrap_err();
    let lines: Vec<&str> = problems
        .lines()
        .filter_map(|line| line.split(':').nth(1))
        .collect();
    assert!(lines.is_sorted(), "{problems}");
    assert_eq!(lines.first(), Some(&"1"));
    assert_eq!(lines.last(), Some(&"5"));
}

#[test]
fn what_is_not_toml_is_said_with_its_line() {
    let problems = load("[[route]]\nname = \nupstream = \"x\n").unwrap_err();
    let places: Vec<&str> = problems
        .lines()
        .filter_map(|line| line.split_once(": not TOML: ").map(|(place, _)| place))
        .collect();
    assert_eq!(places, ["proxy.toml:2", "proxy.toml:3"], "{problems}");
}

#[test]
fn one_bracket_too_few_is_said() {
    assert_eq!(
        load("[route]\nname = \"orders\"\n").unwrap_err(),
        "proxy.toml:1: route: must be written [[route]], with two brackets"
    );
}

#[test]
fn keys_of_other_protocols_are_refused_and_never_ignored() {
    assert_eq!(
        problems_of("local_infile = \"deny\""),
        "proxy.toml:5: route \"orders\": local_infile: is for mysql, and protocol is \"postgres\""
    );
}

/// A line of a route, and what is said about it.
const WRONG_VALUES: [(&str, &str); 19] = [
    ("protocol_version = 3", "protocol_version: unknown key"),
    ("\"a b\" = 3", "\"a b\": unknown key"),
    (
        "client_id = \"1\"",
        "client_id: belongs into [identity] or [identities.NAME]",
    ),
    (
        "default_database = 3",
        "default_database: must be a string, not a number",
    ),
    ("default_database = \"\"", "default_database: is empty"),
    (
        "default_database = \"a\\u0000b\"",
        "default_database: contains a control character",
    ),
    (
        "name = \"a b\"",
        "name: may have up to 64 letters, digits, '.', '_' and '-'",
    ),
    (
        "upstream_tls_first = \"yes\"",
        "upstream_tls_first: must be true or false, not a string",
    ),
    (
        "max_connections = \"5\"",
        "max_connections: \"5\" is not a whole number from 1 to 100000",
    ),
    (
        "max_connections = 1.5",
        "max_connections: a fraction is not a whole number from 1 to 100000",
    ),
    (
        "max_connections = -1",
        "max_connections: -1 is not a whole number from 1 to 100000",
    ),
    (
        "login_timeout = 9",
        "login_timeout: must be a string, not a number",
    ),
    ("listen = []", "listen: is an empty list"),
    (
        "local_tls = \"maybe\"",
        "local_tls: \"maybe\" is not one of auto, always, require, off, { cert_file, key_file, require }",
    ),
    (
        "upstream_tls_name = \"a b\"",
        "upstream_tls_name: \"a b\" is neither a host name nor an address",
    ),
    (
        "connect_to = \"10.0.0.1:x\"",
        "connect_to: \"10.0.0.1:x\" is not host:port",
    ),
    (
        "upstream_auth = \"kerberos\"",
        "upstream_auth: \"kerberos\" is not one of token, password",
    ),
    (
        "user_map = { a = \"b\" }",
        "user_map: upstream_user is given too: leave one out",
    ),
    (
        "audience = \"a b\"",
        "audience: \"a b\" is not a resource, for example \"https://ossrdbms-aad.database.windows.net\"",
    ),
];

#[test]
fn a_wrong_value_is_met_with_what_is_accepted() {
    for (more, problem) in WRONG_VALUES {
        let name = if more.starts_with("name") {
            "a b"
        } else {
            "orders"
        };
        assert_eq!(
            problems_of(more),
            format!("proxy.toml:5: route {name:?}: {problem}"),
            "{more}"
        );
    }
}

#[test]
fn what_follows_from_a_problem_is_not_reported_beside_it() {
    let problems = load(
        "[[route]]\nname = \"a\"\nprotocol = \"postgres\"\nupstream = 5\nupstream_user = \"u\"\nupstream_auth = \"pasword\"\n\
         upstream_tls = \"off\"\nlisten = \"nowhere\"\nunix_mode = \"0660\"\n",
    )
    .unwrap_err();
    assert_eq!(
        problems,
        "proxy.toml:4: route \"a\": upstream: must be a string, not a number\n\
         proxy.toml:6: route \"a\": upstream_auth: \"pasword\" is not one of token, password\n\
         proxy.toml:8: route \"a\": listen: \"nowhere\" is not address:port, localhost:port, unix:/path or pipe:NAME"
    );
}

/// Whose suffixes, and whether there is a user to name, depends on what was meant.
#[test]
fn nothing_is_guessed_from_a_misspelled_word() {
    for (wrong, problem) in [
        (
            "protocol = \"td\"",
            "protocol: \"td\" is not one of postgres, mysql, tds",
        ),
        (
            "protocol = \"tds\"\nupstream_auth = \"pass\"\nupstream_user = \"sa\"",
            "upstream_auth: \"pass\" is not one of token, password",
        ),
    ] {
        let text = format!("[[route]]\nupstream = \"a.database.windows.net\"\n{wrong}\n");
        let problems = load(&text).unwrap_err();
        let (_, said) = problems.split_once("route \"a\": ").unwrap();
        assert_eq!(said, problem);
    }
}

#[test]
fn names_are_unique() {
    let text = format!(
        "{}{}",
        route("name = \"a\"\nlisten = \"127.0.0.1:1\""),
        route("name = \"a\"\nlisten = \"127.0.0.1:2\"")
    );
    assert_eq!(
        load(&text).unwrap_err(),
        "proxy.toml:7: route \"a\": name: another route has it"
    );
}
