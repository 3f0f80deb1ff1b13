use std::time::Duration;

#[cfg(unix)]
use super::Place;
use super::{accepted, load, load_urls};
use crate::route::{
    Admission, LocalTls, Principals, ProtocolName, Roots, UpstreamAuth, UpstreamTls,
};
#[cfg(unix)]
use crate::summary;
use crate::{DrainIdle, LogFormat, LogTo, Origin, Process};

#[test]
fn what_a_route_does_not_say_has_a_default() {
    let config = accepted("");
    let [route] = config.routes.as_slice() else {
        panic!("one route")
    };
    assert_eq!(route.name, "orders");
    assert_eq!(route.protocol, ProtocolName::Postgres);
    let listen: Vec<String> = route.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:5432", "[::1]:5432"]);
    let upstream: Vec<String> = route.upstream.iter().map(ToString::to_string).collect();
    assert_eq!(upstream, ["orders.postgres.database.azure.com:5432"]);
    assert_eq!(route.connect_to, None);
    assert!(
        matches!(&route.principals, Principals::One(principal) if principal.user == "orders-app")
    );
    assert_eq!(route.default_database, None);
    assert!(matches!(&route.auth, UpstreamAuth::Token(audience)
        if audience.as_str() == "https://ossrdbms-aad.database.windows.net"));
    assert!(matches!(
        route.tls,
        UpstreamTls::Verified {
            roots: Roots::Platform,
            name: None
        }
    ));
    assert!(!route.tls_first);
    assert_eq!(route.local_tls, LocalTls::Auto);
    assert_eq!(route.admission, Admission::default());
    assert_eq!(route.rights.mode, 0o600);
    assert_eq!(route.max_connections, 1000);
    assert_eq!(route.login_timeout, Duration::from_secs(9));
    assert_eq!(route.upstream_timeout, Duration::from_secs(30));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn what_the_process_is_not_told_has_a_default() {
    assert_eq!(
        accepted("").process,
        Process {
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            log_to: LogTo::Stderr,
            log_file: None,
            min_sigterm_delay: Duration::ZERO,
            max_sigterm_delay: Duration::from_secs(5),
            drain_idle: DrainIdle::Wait,
            exit_zero_on_sigterm: false,
            exit_when_idle: None,
            require_ready: false,
            ready_timeout: Duration::from_secs(60),

            reload_on_change: true,
            state_dir: None,
        }
    );
}

#[cfg(unix)]
#[test]
fn every_key_of_a_route_reaches_the_route() {
    let place = Place::with(
        r#"
        [[route]]
        name = "orders.v2"
        protocol = "postgres"
        listen = ["127.0.0.1:6432", "0.0.0.0:6433", "unix:/run/azdb-test-of-config/"]
        upstream = ["a.postgres.database.azure.com:6000", "b.postgres.database.azure.com"]
        upstream_user = "Orders App"
        default_database = "orders"
        upstream_tls_first = true
        upstream_tls_name = "a.postgres.database.azure.com"
        audience = "https://example.org/.default"
        allow = ["10.1.0.0/16", "192.168.1.7"]
        app_password_file = "apps"
        allow_uids = [1000, 0]
        unix_mode = 0o660
        local_tls = "off"
        max_connections = 5
        login_timeout = "1500ms"
        upstream_timeout = "2m"
        "#,
    );
    place.file("apps", "ann:s3cret");
    let config = place.load().unwrap();
    let [route] = config.routes.as_slice() else {
        panic!("one route")
    };
    assert!(route.app_passwords.is_some());
    assert_eq!(
        summary(&config).lines().nth(1).unwrap(),
        "orders.v2: postgres, 127.0.0.1:6432, 0.0.0.0:6433, unix:/run/azdb-test-of-config/.s.PGSQL.6432 -> \
         a.postgres.database.azure.com:6000, b.postgres.database.azure.com:5432 as \"Orders App\", \
         TLS verified for a.postgres.database.azure.com by the platform's roots, token for https://example.org"
    );
    assert_eq!(route.default_database.as_deref(), Some("orders"));
    assert!(route.tls_first);
    let networks: Vec<String> = route
        .admission
        .networks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(networks, ["10.1.0.0/16", "192.168.1.7/32"]);
    assert_eq!(route.admission.uids, Some(vec![1000, 0]));
    assert_eq!(route.rights.mode, 0o660);
    assert_eq!(route.local_tls, LocalTls::Off);
    assert_eq!(route.max_connections, 5);
    assert_eq!(route.login_timeout, Duration::from_millis(1500));
    assert_eq!(route.upstream_timeout, Duration::from_secs(120));
    let config = accepted("connect_to = \"10.1.0.4\"");
    assert!(summary(&config).contains(" (at 10.1.0.4:5432) as "));
}

#[test]
fn a_route_without_a_name_is_called_after_its_upstream() {
    let urls = [
        "postgres://a@db.postgres.database.azure.com?listen=127.0.0.1:1",
        "postgres://a@db.postgres.database.azure.com?listen=127.0.0.1:2",
    ];
    let config = load_urls(&urls, &[]).unwrap();
    let names: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["db", "db-2"]);
    assert_eq!(config.origin, Origin::ZeroConfiguration);
}

#[test]
fn a_configuration_without_a_route_says_what_to_write() {
    let example =
        "azdb-proxy run \"postgres://orders-app@orders.postgres.database.azure.com/orders\"";
    assert_eq!(
        load_urls(&[], &[]).unwrap_err(),
        format!(
            "no route. There are three ways to say one: on the command line or in AZDB_PROXY_ROUTE, for example {example}; a [[route]] in a file \
             that --config names; or the variables of Azure Service Connector, such as AZURE_POSTGRESQL_HOST, and none is set"
        )
    );
    assert_eq!(
        load("").unwrap_err(),
        format!(
            "proxy.toml has no [[route]]: write one, or give a URL on the command line: {example}"
        )
    );
}
