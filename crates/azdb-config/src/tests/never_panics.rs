//! No text, however odd, makes reading a configuration panic.

use proptest::prelude::*;

use azdb_identity::Environment;

use super::{Place, load, load_urls, route};
use crate::keys::of_route::{LOCAL_TLS_FILES, PRINCIPAL};
use crate::keys::{TABLES, of_cloud};
use crate::{Overrides, import};

/// Keys that exist, so that values reach the readers behind them.
fn key() -> impl Strategy<Value = &'static str> {
    let tables = TABLES
        .into_iter()
        .chain([&PRINCIPAL, &LOCAL_TLS_FILES, &of_cloud::TABLE]);
    let names = tables.flat_map(|table| table.names());
    prop::sample::select(names.collect::<Vec<_>>())
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|value| value.to_string()),
        Just("0o777".to_owned()),
        Just("1.5".to_owned()),
        Just("1979-05-27".to_owned()),
        "[a-z0-9.:/\\[\\]@%é-]{0,12}".prop_map(|text| format!("'{text}'")),
        prop::sample::select(vec![
            "'postgres'",
            "'token'",
            "'password'",
            "'off'",
            "'unix:/x/'",
            "'[::1]:1'",
            "'9s'",
            "'0.0.0.0/0'"
        ])
        .prop_map(str::to_owned),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            (key(), inner).prop_map(|(key, value)| format!("{{ {key} = {value} }}")),
        ]
    })
}

fn table() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        "[process]",
        "[identity]",
        "[identities.a]",
        "[[route]]",
        "[[route]]",
        "[route]",
        "[health]",
        "[admin]",
        "[[identity]]",
    ]);
    let lines = prop::collection::btree_map(key(), value(), 0..8);
    (header, lines).prop_map(|(header, lines)| {
        lines.iter().fold(header.to_owned(), |text, (key, value)| {
            format!("{text}\n{key} = {value}")
        })
    })
}

#[test]
fn deep_nesting() {
    let deep = 100_000;
    for text in [
        format!("x{} = 1", ".x".repeat(deep)),
        format!("[x{}]", ".x".repeat(deep)),
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}", "{ x = ".repeat(deep)),
    ] {
        assert!(load(&text).is_err());
    }
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        let _ = load(&text);
    }

    #[test]
    fn any_tables(tables in prop::collection::vec(table(), 0..4)) {
        let _ = load(&tables.join("\n"));
    }

    #[test]
    fn any_value_of_any_key((key, value) in (key(), value())) {
        let _ = load(&route(&format!("{key} = {value}")));
    }

    #[test]
    fn any_address(
        key in prop::sample::select(vec!["listen", "upstream", "connect_to", "upstream_tls_name", "allow", "token_host"]),
        text in "(unix:)?[\\[\\]:./0-9a-fé%]{0,9}",
    ) {
        let _ = load(&route(&format!("{key} = '{text}'")));
        let _ = load(&route("").replace("orders.postgres.database.azure.com", &text));
    }

    #[test]
    fn any_variables(
        name in "(AZURE_(POSTGRESQL|MYSQL|SQL)|FABRIC_SQL|SPRING_DATASOURCE|SHOP)_([A-Z]{1,3}_)?(CONNECTIONSTRING|URL|HOST|SERVER|PORT|USER|NAME|PASSWORD|AUTHENTICATION|CLIENTID|CLIENTSECRET)",
        value in "((jdbc:)?(postgresql|mysql|sqlserver)://|host=|Server=|u@tcp\\()?[a-zé0-9.:;=,@/?&%'\"{}()\\[\\] \\\\-]{0,24}",
        text in any::<String>(),
    ) {
        for value in [&value, &text] {
            let host = name.rsplit_once('_').map(|(stem, _)| format!("{stem}_HOST")).unwrap_or_default();
            let pairs = [(name.as_str(), value.as_str()), ("AZURE_MYSQL_USER", value), (host.as_str(), "a.mysql.database.azure.com")];
            for pairs in [&pairs[..1], &pairs[..]] {
                let _ = load_urls(&[], pairs);
                let imported = import(&Environment::from_iter(pairs.iter().copied()));
                let _ = Place::with(&imported.document).load_with(&Overrides::default(), pairs).map_err(|problems| {
                    assert!(!problems.contains("not TOML"), "{}\n{problems}", imported.document);
                });
                let own = route(&format!("from_env = '{name}'"));
                let _ = Place::with(&own).load_with(&Overrides::default(), pairs);
            }
        }
    }

    #[test]
    fn any_url(text in any::<String>()) {
        let _ = load_urls(&[&text], &[("AZDB_PROXY_ROUTE_1", &text), ("AZDB_PROXY_LOG_LEVEL", &text)]);
    }

    #[test]
    fn any_query(user in "[a-zé%:@]{0,6}", host in "[a-z0-9.:%\\[\\],]{0,12}", key in key(), value in "[ -~é]{0,12}") {
        let _ = load_urls(&[&format!("postgres://{user}@{host}/{value}?{key}={value}")], &[]);
        let _ = load_urls(&[&format!("postgres://u@a.postgres.database.azure.com?{key}={value}&{value}")], &[]);
    }
}
