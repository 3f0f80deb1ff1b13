use azdb_identity::{Selector, SourceKind};

use super::{first_identity, load_urls};
use crate::summary;

fn problems_of(url: &str) -> String {
    match load_urls(&[url], &[]) {
        Ok(config) => panic!("{url} is accepted: {config:?}"),
        Err(problems) => problems,
    }
}

#[test]
fn a_url_is_a_whole_route() {
    let url = "postgres://orders-app@orders.postgres.database.azure.com:6432/orders?listen=127.0.0.1:5432&max_connections=5\
               &login_timeout=5s&upstream_tls_first=true&local_tls=off&connect_to=10.1.0.4:5432";
    let config = load_urls(&[url], &[]).unwrap();
    assert_eq!(
        summary(&config).lines().nth(1).unwrap(),
        "orders: postgres, 127.0.0.1:5432 -> orders.postgres.database.azure.com:6432 (at 10.1.0.4:5432) as \"orders-app\", \
         TLS verified by the platform's roots, token for https://ossrdbms-aad.database.windows.net"
    );
    let route = &config.routes[0];
    assert_eq!(route.default_database.as_deref(), Some("orders"));
    assert_eq!(route.max_connections, 5);
    assert!(route.tls_first);
}

#[test]
fn both_spellings_of_the_scheme_are_known() {
    assert!(load_urls(&["postgresql://u@orders.postgres.database.azure.com"], &[]).is_ok());
    for scheme in ["mysql", "mariadb"] {
        let url = format!("{scheme}://u@orders.mysql.database.azure.com");
        let config = load_urls(&[&url], &[]).unwrap();
        assert_eq!(
            summary(&config).lines().nth(1).unwrap(),
            "orders: mysql, 127.0.0.1:3306, [::1]:3306 -> orders.mysql.database.azure.com:3306 as \"u\", \
             TLS verified by the platform's roots, token for https://ossrdbms-aad.database.windows.net"
        );
    }
    for scheme in ["tds", "sqlserver", "mssql"] {
        let url = format!("{scheme}://orders.database.windows.net/orders");
        let config = load_urls(&[&url], &[]).unwrap();
        assert_eq!(
            summary(&config).lines().nth(1).unwrap(),
            "orders: tds, 127.0.0.1:1433, [::1]:1433 -> orders.database.windows.net:1433 as the identity, \
             TLS verified by the platform's roots, token for https://database.windows.net"
        );
    }
    assert_eq!(
        problems_of("http://u@orders"),
        "argument 1: \"http\" is not one of postgres, postgresql, mysql, mariadb, tds, sqlserver, mssql"
    );
}

#[test]
fn escapes_are_those_of_urls() {
    let url = "postgres://Orders%20App%40contoso.com@orders.postgres.database.azure.com/my%2Fdb+1?name=a%2Eb";
    let config = load_urls(&[url], &[]).unwrap();
    let route = &config.routes[0];
    assert_eq!(route.name, "a.b");
    assert_eq!(route.default_database.as_deref(), Some("my/db+1"));
    assert_eq!(
        route
            .principal(b"x")
            .map(|principal| principal.user.as_str()),
        Some("Orders App@contoso.com")
    );
    assert_eq!(
        problems_of("postgres://%FF@orders"),
        "argument 1: the user: is not UTF-8"
    );
}

#[test]
fn lists_repeat_or_have_commas() {
    let url = "postgres://u@a.postgres.database.azure.com?upstream=b.postgres.database.azure.com:1&listen=127.0.0.1:1,[::1]:1\
               &listen=0.0.0.0:2&allow=10.0.0.0/8,192.168.0.0/16&trust_network=true";
    let config = load_urls(&[url], &[]).unwrap();
    let line = summary(&config);
    assert!(line.contains("\na: postgres, 127.0.0.1:1, [::1]:1, 0.0.0.0:2 -> a.postgres.database.azure.com:5432, b.postgres.database.azure.com:1 as "), "{line}");
    assert_eq!(config.routes[0].admission.networks.len(), 2);
}

#[test]
fn a_key_that_is_no_list_is_given_once() {
    for (query, problem) in [
        (
            "name=a&name=b",
            "route \"a\": name: is given more than once",
        ),
        (
            "upstream_user=v",
            "route \"orders\": upstream_user: is given more than once",
        ),
        (
            "lissen=1",
            "route \"orders\": lissen: unknown key (did you mean \"listen\"?)",
        ),
        ("sslmode=require", "route \"orders\": sslmode: unknown key"),
        (
            "max_connections=many",
            "route \"orders\": max_connections: \"many\" is not a whole number from 1 to 100000",
        ),
        (
            "upstream_tls_first=1",
            "route \"orders\": upstream_tls_first: \"1\" is not one of true, false",
        ),
        ("name=", "route \"orders\": name: is empty"),
        (
            "session_reuse=1s",
            "route \"orders\": session_reuse: \"1s\" is not one of off, reset",
        ),
        (
            "local_tls=x",
            "route \"orders\": local_tls: \"x\" is not one of auto, always, require, off, { cert_file, key_file, require }",
        ),
    ] {
        let name = if query == "name=" { "" } else { "orders" };
        let problem = problem.replace("route \"orders\"", &format!("route {name:?}"));
        assert_eq!(
            problems_of(&format!(
                "postgres://u@orders.postgres.database.azure.com?{query}"
            )),
            format!("argument 1: {problem}")
        );
    }
}

#[test]
fn a_password_is_refused_and_never_repeated() {
    for url in [
        "postgres://u:s3cret@orders.postgres.database.azure.com/orders",
        "postgres://u:s3cret@",
        "postgres://u:s3cret@a b/",
        "postgres://u:s3cret@orders:port/",
        "postgres://u@orders.postgres.database.azure.com?password=s3cret",
        "postgres://u@orders.postgres.database.azure.com?x=s3cret#s3cret",
        "s3cret",
    ] {
        let problems = problems_of(url);
        assert!(
            problems.starts_with("argument 1: ") && !problems.contains("s3cret"),
            "{problems}"
        );
    }
    assert_eq!(
        problems_of("postgres://u:s3cret@orders.postgres.database.azure.com/orders"),
        "argument 1: has a password in it, which every user of this machine can read: take it out"
    );
}

#[test]
fn what_is_not_a_route_is_met_with_an_example() {
    let example = "'postgres://orders-app@orders.postgres.database.azure.com/orders'";
    assert_eq!(
        problems_of("orders"),
        format!("argument 1: is not a URL like {example}: relative URL without a base")
    );
    assert_eq!(
        problems_of("postgres:///orders"),
        format!("argument 1: has no host, unlike {example}")
    );
    assert_eq!(
        problems_of("postgres://u@orders.postgres.database.azure.com/a/b"),
        "argument 1: has more than a database's name after the host"
    );
    assert_eq!(
        problems_of("postgres://u@orders/#x"),
        "argument 1: has a '#' in it: write %23"
    );
    assert_eq!(
        problems_of("postgres://orders.postgres.database.azure.com"),
        "argument 1: route \"orders\": upstream_user: is missing; it is the database principal to log in as"
    );
}

#[test]
fn keys_of_an_identity_make_one_of_the_routes_own() {
    let identity = |query: &str| {
        let config = load_urls(
            &[&format!(
                "postgres://u@orders.postgres.database.azure.com?{query}"
            )],
            &[],
        )
        .unwrap();
        first_identity(&config)
    };
    let own = identity("source=imds&client_id=1&lazy=true");
    assert_eq!(
        (own.source, own.selector, own.lazy),
        (
            SourceKind::Imds,
            Some(Selector::ClientId("1".to_owned())),
            true
        )
    );
    assert_eq!(identity("token_file=/run/token").source, SourceKind::File);
    let url = "postgres://u@orders.postgres.database.azure.com?";
    assert_eq!(
        problems_of(&format!("{url}client_id=1&object_id=2")),
        "argument 1: route \"orders\": object_id: only one of client_id, object_id, resource_id can be given"
    );
    assert_eq!(
        problems_of(&format!("{url}client_id=1&identity=a")),
        "argument 1: client_id: identity is given too: leave one out"
    );
    for key in ["command", "user_map"] {
        assert_eq!(
            problems_of(&format!("{url}{key}=a,b")),
            format!("argument 1: {key}: a URL cannot hold it: write it into a configuration file")
        );
    }
}

#[test]
fn problems_say_which_argument() {
    let problems = load_urls(
        &[
            "postgres://u@a.postgres.database.azure.com?listen=x",
            "nonsense",
        ],
        &[],
    )
    .unwrap_err();
    let places: Vec<&str> = problems
        .lines()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(places, ["argument 1", "argument 2"]);
}
