//! `/metrics` as a scraper reads it, and whatever is written about it: the page of the documentation, the dashboard, the alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use azdb_emulator::DEFAULT_ROLE;
use azdb_tests::{
    Azure, Emulated, Family, Metrics, MysqlPeer, Program, RawApp, family_of, packets,
};
use serde_json::Value;

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

const FROM_UPSTREAM: &str = "azdb_proxy_bytes_from_upstream_total";
const FROM_APP: &str = "azdb_proxy_bytes_from_app_total";

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn bytes_of_a_long_copy_are_counted_while_it_goes_on() {
    let azure = Azure::new();
    let proxy = azure.start(&(HEALTH.to_owned() + &azure.route())).start();
    let health = proxy.endpoint("Health");
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app.send(&packets::query(
        "copy (select repeat('x', 1000), generate_series(1, 1000000)) to stdout",
    ));
    let mut seen = 0.0;
    for _ in 0..3 {
        let _ = app.bytes(1_000_000);
        let page = Metrics::until(health, |page| {
            page.sum(FROM_UPSTREAM, &[]) >= seen + 1_000_000.0
        });
        assert_eq!(page.sum("azdb_proxy_sessions_open", &[]), 1.0);
        assert!(page.sum(FROM_APP, &[]) > 0.0);
        seen = page.sum(FROM_UPSTREAM, &[]);
    }
}

/// The page of a proxy of all three protocols that has let somebody in and refused somebody, and has met an identity that is
/// none.
fn page() -> (Metrics, Emulated) {
    let emulated = Emulated::new();
    let route = |name: &str, protocol: &str, port: u16, more: &str| {
        format!(
            "[[route]]\nname = {name:?}\nprotocol = {protocol:?}\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\n\
             upstream_ca_file = {ca:?}\n{more}",
            ca = emulated.ca_file(),
        )
    };
    let (mysql, tds) = (
        emulated.azure.mysql().address().port(),
        emulated.azure.tds().address().port(),
    );
    let unknown = "identity = { client_id = \"00000000-0000-0000-0000-00000000dead\" }\n";
    let configuration = [
        HEALTH.to_owned(),
        emulated.route_as("nobody"),
        route(
            "shop",
            "mysql",
            mysql,
            &format!("upstream_user = {DEFAULT_ROLE:?}\n"),
        ),
        route("stock", "tds", tds, ""),
        route("lost", "tds", tds, unknown),
    ];
    let proxy = emulated.start(&configuration.concat()).start();
    let _ = proxy.told();
    let line = proxy.log_until("listening route=shop");
    let (_, rest) = line.split_once("listen=").unwrap();
    let shop = rest.split(' ').next().unwrap().parse().unwrap();
    drop(MysqlPeer::log_in(shop));
    proxy.log_until("no new token");
    let page = Metrics::until(proxy.endpoint("Health"), |page| {
        let ended = page.sum("azdb_proxy_sessions_ended_total", &[("route", "shop")]);
        let errors = page.sum(
            "azdb_proxy_token_fetches_total",
            &[("outcome", "permanent")],
        );
        ended == 1.0 && errors > 0.0
    });
    (page, emulated)
}

#[test]
fn what_happens_is_counted_where_it_belongs() {
    let (page, _emulated) = page();
    let shop = |name: &str, labels: &[(&str, &str)]| {
        let labels = [&[("route", "shop"), ("protocol", "mysql")], labels].concat();
        page.sum(name, &labels)
    };
    assert_eq!(shop("azdb_proxy_sessions_total", &[]), 1.0);
    let granted = [("outcome", "granted")];
    assert_eq!(
        shop("azdb_proxy_login_duration_seconds_count", &granted),
        1.0
    );
    for phase in ["app", "token", "dns", "tcp", "tls", "database"] {
        let name = "azdb_proxy_login_phase_duration_seconds_count";
        assert_eq!(shop(name, &[("phase", phase)]), 1.0, "{phase}");
    }
    let full = [("kind", "full")];
    assert_eq!(shop("azdb_proxy_upstream_tls_handshakes_total", &full), 1.0);
    let refused = [
        ("route", "orders"),
        ("kind", "configuration"),
        ("cause", "not_entra"),
    ];
    assert_eq!(page.sum("azdb_proxy_logins_refused_total", &refused), 1.0);
    assert_eq!(page.sum("azdb_proxy_build_info", &[]), 1.0);
}

/// The table of the documentation.
fn documented() -> BTreeMap<String, Family> {
    let page = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `azdb_proxy_"));
    let family = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, unit, meaning] = cells[..] else {
            panic!("{row}");
        };
        for (part, word) in [
            ("_seconds", "seconds"),
            ("_bytes_", "bytes"),
            ("proxy_bytes_", "bytes"),
        ] {
            assert!(!name.contains(part) || unit == word, "{row}");
        }
        assert!(!meaning.is_empty(), "{row}");
        let labels = labels
            .split('`')
            .filter(|label| !label.is_empty() && !label.contains(','));
        let family = Family {
            kind: kind.to_owned(),
            labels: labels.map(str::to_owned).collect(),
        };
        (name.trim_matches('`').to_owned(), family)
    };
    rows.map(family).collect()
}

#[test]
fn whatever_is_printed_is_documented_and_the_other_way_round() {
    let (page, _emulated) = page();
    let (printed, documented) = (page.families(), documented());
    let names = |families: &BTreeMap<String, Family>| families.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&printed), names(&documented));
    for (name, family) in printed {
        assert_eq!(Some(&family), documented.get(&name), "{name}");
    }
}

/// Labels that are not the proxy's: of histograms, and of whoever scrapes.
const OTHERS: [&str; 2] = ["le", "instance"];

/// That an expression asks for what there is.
#[track_caller]
fn assert_is_answered(expression: &str, families: &BTreeMap<String, Family>) {
    let mut labels: BTreeSet<&str> = OTHERS.into();
    let (mut rest, mut asked) = (expression, 0);
    while let Some(at) = rest.find("azdb_proxy_") {
        let name = &rest[at..];
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (name, behind) = name.split_at(end.unwrap_or(name.len()));
        let name = family_of(name, |name| families.contains_key(name));
        let family = families
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {expression}"));
        labels.extend(family.labels.iter().map(String::as_str));
        let selector = behind
            .strip_prefix('{')
            .and_then(|behind| behind.split_once('}'));
        for matcher in selector.map_or("", |(selector, _)| selector).split(", ") {
            let label = matcher.split(['=', '!']).next().unwrap().trim();
            let is_known =
                label.is_empty() || OTHERS.contains(&label) || family.labels.contains(label);
            assert!(is_known, "{name} has no {label}: {expression}");
        }
        (rest, asked) = (behind, asked + 1);
    }
    assert!(asked > 0, "{expression}");
    for group in expression.split("by (").skip(1) {
        let (group, _) = group.split_once(')').unwrap();
        for label in group.split(", ") {
            assert!(labels.contains(label), "no {label}: {expression}");
        }
    }
}

/// The expressions of the alert rules, and how many rules there are. Each has one, on its line or below it.
fn alerts() -> (Vec<String>, usize) {
    let rules = fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).unwrap();
    let mut lines = rules.lines().peekable();
    let mut expressions = Vec::new();
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim().strip_prefix("expr: ") else {
            continue;
        };
        let mut expression = expression.trim_start_matches('|').to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("          ")) {
            expression.push_str(more.trim());
        }
        expressions.push(expression);
    }
    for word in ["summary: ", "remedy: ", "severity: "] {
        assert_eq!(rules.matches(word).count(), expressions.len(), "{word}");
    }
    let count = rules.matches("- alert: ").count();
    (expressions, count)
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_and_labels_that_there_are() {
    let (page, _emulated) = page();
    let families = page.families();
    let (expressions, alerts) = alerts();
    assert_eq!(expressions.len(), alerts);
    for expression in &expressions {
        assert_is_answered(expression, &families);
    }

    let dashboard = fs::read_to_string(root().join("deploy/grafana/azdb-proxy.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let expressions: Vec<_> = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(expressions.len() > 20, "{}", expressions.len());
    for expression in &expressions {
        assert_is_answered(expression, &families);
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            assert_is_answered(query, &families);
        }
    }
    // What is measured is shown somewhere.
    let shown = expressions.concat();
    for name in families.keys() {
        let is_about_what_is_shown = [
            "azdb_proxy_build_info",
            "_age_seconds",
            "_timestamp_seconds",
            "config_reloads_total",
        ];
        let is_left_out = is_about_what_is_shown
            .iter()
            .any(|part| name.contains(part));
        assert!(
            is_left_out || shown.contains(name),
            "{name} is not on the dashboard"
        );
    }
}

#[test]
#[cfg_attr(not(has_promtool), ignore = "no promtool: see scripts/test")]
fn promtool_takes_the_alerts_and_they_come_when_they_should() {
    let directory = root().join("deploy/prometheus");
    for (command, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let ran = Program::new("promtool")
            .args([command, "rules", file])
            .directory(&directory)
            .run();
        assert!(ran.succeeded().contains("SUCCESS"), "{ran:?}");
    }
}
