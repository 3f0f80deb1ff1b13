//! The command line: its commands, its exit codes, and what it says of a configuration.

use azdb_tests::{Program, Start, closed_port};

const ROUTE: &str = "[[route]]
name = \"orders\"
protocol = \"postgres\"
upstream = \"orders.postgres.database.azure.com\"
upstream_user = \"orders-app\"
";

#[test]
fn check_says_what_a_good_configuration_means() {
    let ran = Start::command("check", ROUTE).run();
    let summary = ran.succeeded();
    for part in [
        "orders: postgres, 127.0.0.1:5432",
        "-> orders.postgres.database.azure.com:5432 as \"orders-app\"",
        "token for https://ossrdbms-aad.database.windows.net",
    ] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
}

#[test]
fn check_prints_every_problem_at_once_with_its_line() {
    let wrong = "[process]
log_format = \"xml\"
colour = \"red\"

[[route]]
protocol = \"postgre\"
listen = \"0.0.0.0:5432\"
upstream = \"orders.example.org\"
login_timeout = 9

[[route]]
name = \"second\"
protocol = \"postgres\"
lissen = \"127.0.0.1:5433\"
upstream = \"orders.postgres.database.azure.com:99999\"
";
    let ran = Start::command("check", wrong).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    for (line, parts) in [
        (2, &["log_format", "xml", "text, json"][..]),
        (3, &["colour", "unknown key"]),
        (6, &["protocol", "postgre", "postgres"]),
        (7, &["listen", "say who may come", "allow"]),
        (9, &["login_timeout"]),
        (14, &["lissen", "did you mean \"listen\"?"]),
        (15, &["upstream", "99999"]),
    ] {
        let place = format!("proxy.toml:{line}: ");
        let found = ran
            .stderr
            .lines()
            .any(|text| text.contains(&place) && parts.iter().all(|part| text.contains(part)));
        assert!(found, "line {line}, {parts:?}:\n{}", ran.stderr);
    }
}

#[test]
fn run_does_not_start_with_a_problem() {
    let wrong = ROUTE.replace("upstream_user", "upstream_usr");
    let ran = Start::run_with(&wrong).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    let hint = "did you mean \"upstream_user\"?";
    assert!(ran.stderr.contains(hint), "{}", ran.stderr);
}

#[test]
fn address_beyond_loopback_needs_a_word_on_who_may_come() {
    for listen in ["0.0.0.0:5432", "[::]:5432", "10.0.0.1:5432"] {
        let open = format!("{ROUTE}listen = \"{listen}\"\n");
        let ran = Start::command("check", &open).run();
        assert_eq!(ran.code, Some(78), "{listen}: {ran:?}");
        assert!(ran.stderr.contains("say who may come"), "{ran:?}");

        let allow = format!("{open}allow = [\"10.1.0.0/16\"]\n");
        let ran = Start::command("check", &allow).run();
        assert_eq!(ran.code, Some(78), "{listen}: {ran:?}");
        assert!(ran.stderr.contains("app_password_file"), "{ran:?}");

        let allowed = format!("{allow}trust_network = true\n");
        let ran = Start::command("check", &allowed).run();
        assert!(ran.succeeded().contains(listen), "{ran:?}");

        let everybody = format!("{open}trust_network = true\n");
        let ran = Start::command("check", &everybody).run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("warning"), "{ran:?}");
    }
}

#[test]
fn token_goes_to_azures_names_or_to_what_the_configuration_names() {
    let elsewhere = ROUTE.replace("orders.postgres.database.azure.com", "db.example.org");
    let ran = Start::command("check", &elsewhere).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("upstream_ca_file"), "{ran:?}");
    let named = format!("{elsewhere}token_host = \"db.example.org\"\n");
    let ran = Start::command("check", &named).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn less_than_verified_tls_is_refused_in_token_mode() {
    for tls in ["unverified", "off"] {
        let ran = Start::command("check", &format!("{ROUTE}upstream_tls = \"{tls}\"\n")).run();
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert!(ran.stderr.contains("upstream_tls"), "{ran:?}");
    }
}

#[test]
fn password_in_a_url_is_refused_and_not_repeated() {
    let url = "postgres://orders-app:hunter2secret@orders.postgres.database.azure.com/orders";
    let ran = Start::new(&["check", url]).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    let everything = ran.stdout + &ran.stderr;
    assert!(everything.contains("password"), "{everything}");
    assert!(!everything.contains("hunter2secret"), "{everything}");
}

#[test]
fn wrong_arguments_are_a_usage_error() {
    for args in [
        &["--no-such-flag"][..],
        &["run", "--log-format=xml"],
        &["run", "--max-sigterm-delay=soon"],
        &["check", "--config"],
    ] {
        let ran = Start::new(args).run();
        assert_eq!(ran.code, Some(64), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("--help"), "{ran:?}");
    }
}

#[test]
fn help_is_the_manual() {
    let ran = Start::new(&["--help"]).run();
    let help = ran.succeeded();
    for part in [
        "azdb-proxy run \"postgres://orders-app@orders.postgres.database.azure.com/orders",
        "check",
        "AZDB_PROXY_ROUTE",
        "Exit codes:",
        "SIGTERM",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let version = Start::new(&["--version"]).run();
    assert!(version.succeeded().starts_with("azdb-proxy "));
}

#[test]
fn completions_are_a_script_that_the_shell_reads() {
    let script = Start::new(&["completions", "bash"]).run();
    let check = format!("{}\ncomplete -p azdb-proxy\n", script.succeeded());
    let ran = Program::new("bash").stdin(check).run();
    assert!(ran.succeeded().starts_with("complete "), "{ran:?}");
}

#[test]
fn without_any_route_it_says_how_to_name_one() {
    let ran = Start::new(&[]).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    let example = "azdb-proxy run \"postgres://orders-app@";
    assert!(ran.stderr.contains(example), "{ran:?}");
}

#[test]
fn unknown_variable_is_one_warning() {
    let ran = Start::command("check", ROUTE)
        .env("AZDB_PROXY_LOGLEVEL", "debug")
        .env("AZDB_PROXY_PORT", "tcp://10.0.0.1:5432")
        .run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("AZDB_PROXY_LOGLEVEL"), "{ran:?}");
}

#[test]
fn taken_port_ends_the_start_and_is_named() {
    let port = closed_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let route = format!("{ROUTE}listen = \"127.0.0.1:{port}\"\n");
    let ran = Start::run_with(&route).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let text = format!(
        "cannot listen on 127.0.0.1:{port} (process {}, `",
        std::process::id()
    );
    assert!(ran.stderr.contains(&text), "{ran:?}");
    assert!(ran.stderr.contains("set listen to another port"), "{ran:?}");
    drop(taken);
}

#[test]
fn word_that_is_no_command_is_quoted_with_those_that_there_are() {
    let ran = Start::new(&["chek"]).run();
    assert_eq!(ran.code, Some(64), "{ran:?}");
    let said = "`chek` is no command. Did you mean `check`? There are: run, check, ";
    assert!(ran.stderr.contains(said), "{ran:?}");
}

#[test]
fn directory_that_cannot_be_written_is_told_with_what_to_do() {
    let route = ROUTE.to_owned()
        + "listen = \"127.0.0.1:0\"\nupstream_auth = \"password\"\nupstream_password_file = \"p\"\n";
    let start = Start::run_with(&route).args(&["--state-dir", "/proc/nowhere"]);
    std::fs::write(start.directory().join("p"), "any").unwrap();
    let proxy = start.start();
    let line = proxy.log_until("cannot keep the certificate for apps");
    for part in [
        "path=/proc/nowhere/",
        "state_dir (AZDB_PROXY_STATE_DIR)",
        "azdb-proxy ca",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
