use super::load_urls;

const URL: &str = "postgres://u@orders.postgres.database.azure.com?listen=127.0.0.1:";

#[test]
fn routes_come_in_the_order_of_their_numbers() {
    let urls: Vec<(String, String)> = ["ROUTE_10", "ROUTE_2", "ROUTE_1", "ROUTE"]
        .iter()
        .enumerate()
        .map(|(port, key)| {
            (
                format!("AZDB_PROXY_{key}"),
                format!("{URL}{}&name={key}", port + 1),
            )
        })
        .collect();
    let env: Vec<(&str, &str)> = urls
        .iter()
        .map(|(name, url)| (name.as_str(), url.as_str()))
        .collect();
    let config = load_urls(&[], &env).unwrap();
    let names: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["ROUTE", "ROUTE_1", "ROUTE_2", "ROUTE_10"]);
    assert!(config.warnings.is_empty());
}

#[test]
fn problems_name_the_variable() {
    let env = [
        ("AZDB_PROXY_LOG_FORMAT", "xml"),
        ("AZDB_PROXY_MIN_SIGTERM_DELAY", "soon"),
        ("AZDB_PROXY_REQUIRE_READY", "yes"),
        (
            "AZDB_PROXY_ROUTE_2",
            "postgres://u@orders.postgres.database.azure.com?upstream_tls=nope",
        ),
    ];
    assert_eq!(
        load_urls(&[], &env).unwrap_err(),
        "AZDB_PROXY_LOG_FORMAT: log_format: \"xml\" is not one of text, json\n\
         AZDB_PROXY_MIN_SIGTERM_DELAY: min_sigterm_delay: \"soon\" is not a number with ms, s, m or h, for example \"9s\"\n\
         AZDB_PROXY_REQUIRE_READY: require_ready: \"yes\" is not one of true, false\n\
         AZDB_PROXY_ROUTE_2: route \"orders\": upstream_tls: \"nope\" is not one of verify, unverified, off"
    );
}

#[test]
fn empty_values_and_service_links_are_ignored() {
    let url = format!("{URL}1");
    let env = [
        ("AZDB_PROXY_ROUTE", url.as_str()),
        ("AZDB_PROXY_LOG_FORMAT", ""),
        ("AZDB_PROXY_ROUTE_1", ""),
        ("AZDB_PROXY_CONFIG", "tcp://10.0.0.1:5432"),
        ("AZDB_PROXY_PORT", "tcp://10.0.0.1:5432"),
        ("AZDB_PROXY_PORT_5432_TCP", "tcp://10.0.0.1:5432"),
        ("AZDB_PROXY_PORT_5432_TCP_PROTO", "tcp"),
        ("AZDB_PROXY_PORT_5432_TCP_PORT", "5432"),
        ("AZDB_PROXY_PORT_5432_TCP_ADDR", "10.0.0.1"),
        ("AZDB_PROXY_SERVICE_HOST", "10.0.0.1"),
        ("AZDB_PROXY_SERVICE_PORT", "5432"),
        ("AZDB_PROXY_SERVICE_PORT_POSTGRES", "5432"),
    ];
    let config = load_urls(&[], &env).unwrap();
    assert_eq!(config.routes.len(), 1);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn unknown_variables_are_one_warning() {
    let url = format!("{URL}1");
    let warnings = |env: &[(&str, &str)]| {
        load_urls(&[], &[env, &[("AZDB_PROXY_ROUTE", url.as_str())]].concat())
            .unwrap()
            .warnings
    };
    assert_eq!(
        warnings(&[("AZDB_PROXY_LOG_FROMAT", "json")]),
        ["nobody reads AZDB_PROXY_LOG_FROMAT (did you mean \"AZDB_PROXY_LOG_FORMAT\"?)"]
    );
    assert_eq!(
        warnings(&[
            ("AZDB_PROXY_X", "s3cret"),
            ("AZDB_PROXY_ROUTE_A", "b"),
            ("AZDB_PROXIES", "c")
        ]),
        ["nobody reads AZDB_PROXY_ROUTE_A, AZDB_PROXY_X"]
    );
}
