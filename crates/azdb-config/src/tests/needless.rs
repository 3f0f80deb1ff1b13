//! Keys that would have no effect where they stand.

use std::path::MAIN_SEPARATOR;

use super::{Place, accepted, load, place, problems_of, route};
use crate::keys::{Row, TABLES};

fn problem(more: &str) -> String {
    let problems = problems_of(more);
    problems.replace("proxy.toml:5: route \"orders\": ", "")
}

#[test]
fn connect_to_beside_several_upstreams() {
    let upstream = "[\"a.postgres.database.azure.com\", \"b.postgres.database.azure.com\"]";
    let place = place(upstream, "connect_to = \"10.1.0.4\"");
    assert_eq!(
        place.load().unwrap_err(),
        "proxy.toml:6: route \"a\": connect_to: would be dialled in place of all 2 upstreams: leave one upstream only"
    );
}

#[test]
fn who_may_come_where_nobody_can() {
    let why = "is for apps on other machines, and listen has no address that they reach";
    for more in ["allow = \"10.1.0.0/16\"", "trust_network = true"] {
        let key = more.split(' ').next().unwrap();
        assert_eq!(problem(more), format!("{key}: {why}"));
    }
    accepted("trust_network = false");
}

#[test]
fn names_for_a_certificate_that_is_not_made() {
    let why = "local_tls_names: is for the certificate that the proxy makes, and local_tls shows none or another";
    assert_eq!(
        problem("local_tls_names = [\"a.example.org\"]\nlocal_tls = \"off\""),
        why
    );
    let config = accepted("local_tls_names = [\"Jump.example.org\", \"10.0.0.1\", \"::1\"]");
    let expected = ["jump.example.org", "10.0.0.1", "::1"];
    assert_eq!(config.routes[0].local_tls_names, expected);
    assert_eq!(
        problem("local_tls_names = [\"a b\"]").split(':').next(),
        Some("local_tls_names")
    );
}

#[test]
fn tls_that_apps_must_speak() {
    use crate::route::PlainApps;
    for (text, expected) in [
        ("local_tls = \"require\"", PlainApps::Refused),
        ("local_tls = \"always\"", PlainApps::Welcome),
        ("", PlainApps::Welcome),
    ] {
        assert_eq!(accepted(text).routes[0].plain_apps, expected, "{text}");
    }
    for (require, expected) in [("true", PlainApps::Refused), ("false", PlainApps::Welcome)] {
        let files = "cert_file = \"ca.pem\", key_file = \"ca.pem\"";
        let text = format!("local_tls = {{ {files}, require = {require} }}");
        let place = super::place("\"a.postgres.database.azure.com\"", &text);
        assert_eq!(place.load().unwrap().routes[0].plain_apps, expected);
    }
}

#[cfg(unix)]
#[test]
fn a_port_that_is_not_there() {
    let text = "[[route]]\nname = \"a\"\nprotocol = \"tds\"\nupstream = \"a.database.windows.net\"\n\
                listen = \"unix:/no/such/socket\"\nsql_browser = true\n";
    assert_eq!(
        load(text).unwrap_err(),
        "proxy.toml:6: route \"a\": sql_browser: is for ports, and listen has none"
    );
}

#[test]
fn a_token_host_that_azure_vouches_for_or_the_route_itself() {
    assert_eq!(
        problem("token_host = \"orders.postgres.database.azure.com\""),
        "token_host: \"orders.postgres.database.azure.com\" is a name that Azure hands out, which may see a token without this: leave it out"
    );
    let place = place(
        "\"db.example.org\"",
        "upstream_ca_file = \"ca.pem\"\ntoken_host = \"db.example.org\"",
    );
    assert_eq!(
        place.load().unwrap_err(),
        "proxy.toml:7: route \"a\": token_host: means nothing beside upstream_ca_file, which says alone whom this route trusts"
    );
}

#[test]
fn the_same_twice_in_a_list() {
    assert_eq!(
        problem("listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]"),
        "listen: 127.0.0.1:1 is there already"
    );
    assert!(
        load("[identity]\ncommand = [\"x\", \"-v\", \"-v\"]\n")
            .unwrap_err()
            .contains("no [[route]]")
    );
}

#[test]
fn an_identity_of_a_route_whose_users_have_each_their_own() {
    let text = "[[route]]\nname = \"a\"\nprotocol = \"postgres\"\nupstream = \"a.postgres.database.azure.com\"\n\
                identity = { source = \"imds\" }\nuser_map = { x = { user = \"u\", identity = { source = \"azure-cli\" } } }\n";
    assert_eq!(
        load(text).unwrap_err(),
        "proxy.toml:5: route \"a\": identity: is for nobody: each user of user_map has one of its own"
    );
    load(&text.replace("x = {", "y = \"v\", x = {")).unwrap();
}

#[test]
fn an_identity_that_no_route_uses_is_a_warning() {
    let warnings = |text: &str| {
        let place = Place::with(text);
        let directory = format!("{}{MAIN_SEPARATOR}", place.path().display());
        let config = place.load().unwrap();
        let warnings = config.warnings.iter();
        warnings
            .map(|warning| warning.replace(&directory, ""))
            .collect::<Vec<_>>()
    };
    let spare = "[identities.spare]\nsource = \"imds\"\n";
    let default = "[identity]\nsource = \"imds\"\n";
    assert_eq!(warnings(&(default.to_owned() + &route(""))), [""; 0]);
    assert_eq!(
        warnings(&(spare.to_owned() + &route(""))),
        ["proxy.toml:1: [identities.spare]: no route uses it"]
    );
    assert_eq!(
        warnings(&format!(
            "{spare}{default}{}",
            route("identity = \"spare\"")
        )),
        ["proxy.toml:3: [identity]: no route uses it"]
    );
}

#[test]
fn a_directory_and_a_wait_that_no_route_asks_for_are_warnings() {
    let process = "[process]\nstate_dir = \"/no/such/directory\"\nrequire_ready = true\n";
    let warnings = |more: &str| load(&(process.to_owned() + &route(more))).unwrap().warnings;
    assert_eq!(warnings(""), [""; 0]);
    if cfg!(unix) {
        // The admin endpoint's socket file is there.
        assert_eq!(warnings("local_tls = \"off\""), [""; 0]);
    }
    assert_eq!(
        warnings("local_tls = \"off\"\n[admin]\nlisten = \"off\""),
        [
            "state_dir: nothing is kept there, because no route has local_tls = \"auto\" and the admin endpoint is elsewhere"
        ]
    );
    assert_eq!(
        warnings("identity = { lazy = true }"),
        ["require_ready: no route asks for a token before the first app does"]
    );
}

#[test]
fn a_key_of_another_table_is_told_where_it_belongs() {
    assert_eq!(
        problem("log_level = \"info\""),
        "log_level: belongs into [process]"
    );
    assert_eq!(
        problem("source = \"imds\""),
        "source: belongs into [identity] or [identities.NAME]"
    );
    let problems = load(&("listen = \"127.0.0.1:1\"\n".to_owned() + &route(""))).unwrap_err();
    assert_eq!(
        problems,
        "proxy.toml:1: listen: belongs into [health] or [admin] or [[route]]"
    );
    for name in TABLES.iter().flat_map(|table| table.rows()).map(Row::about) {
        let problems = load(&format!("[nowhere]\n[process]\n{} = {{}}\n", name.name)).unwrap_err();
        assert!(
            !problems.contains(&format!("{}: unknown key", name.name)),
            "{problems}"
        );
    }
}
