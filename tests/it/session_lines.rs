//! The two lines that a session is worth, as whoever looks for it in the database's own lists needs them.

use std::net::TcpStream;
use std::time::Instant;

use azdb_tests::{
    App, Azure, AzureSql, Emulated, Encrypt, PATIENCE, RawApp, Shop, SqlApp, closed_port, packets,
};
use rustix::process::getuid;
use tempfile::TempDir;

/// The value of a field, up to the next space.
#[track_caller]
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line
        .split_once(&format!(" {name}="))
        .unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split(' ').next().unwrap()
}

/// That a line has these parts, and a time for each of these phases.
#[track_caller]
fn assert_begins(line: &str, parts: &[&str], phases: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part}: {line}");
    }
    for phase in phases {
        let time: f64 = field(line, &format!("{phase}_ms")).parse().unwrap();
        assert!(time >= 0.0, "{phase}: {line}");
    }
    for phase in ["app_tls", "tcp", "dns"] {
        let has = line.contains(&format!(" {phase}_ms="));
        assert_eq!(has, phases.contains(&phase), "{phase}: {line}");
    }
}

const UPSTREAM: [&str; 6] = ["app", "token", "dns", "tcp", "tls", "database"];

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_of_postgres_begins_with_the_servers_process_and_what_the_login_took() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let app = proxy.app().told("PGSSLMODE", "disable");
    let pid = app.query("select pg_backend_pid()");
    let line = proxy.log_until("session begins");
    assert_eq!(field(&line, "backend_pid"), pid);
    let principal = format!("principal={}", azure.role);
    let database = format!("database=`{}`", azure.database);
    let parts = [
        "route=orders",
        "number=0",
        "peer=127.0.0.1:",
        "user=`anyone`",
        &principal,
        &database,
        "app_tls=false",
    ];
    assert_begins(&line, &parts, &UPSTREAM);
    let whole: f64 = field(&line, "login_ms").parse().unwrap();
    let phases = UPSTREAM.map(|phase| field(&line, &format!("{phase}_ms")).parse().unwrap());
    let sum: f64 = phases.iter().sum();
    assert!(sum <= whole + 0.1, "{sum}: {line}");

    let tls = proxy.app().told("PGSSLMODE", "require");
    assert_eq!(tls.query("select 1"), "1");
    let line = proxy.log_until("app_tls=true");
    assert!(line.contains(" app_tls_ms="), "{line}");

    let line = proxy.log_until("session ended");
    for part in [
        "closed_by=app",
        "why=closed",
        " bytes_from_app=",
        " duration_s=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn session_of_mysql_begins_with_the_servers_thread() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let thread = proxy.mysql_app().query("select connection_id()");
    let line = proxy.log_until("session begins");
    assert_eq!(field(&line, "thread_id"), thread.trim());
    let principal = format!("principal={}", shop.user);
    let parts = ["route=shop", "user=`anyone`", &principal];
    let phases = ["app", "app_tls", "token", "dns", "tcp", "tls", "database"];
    assert_begins(&line, &parts, &phases);
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn session_of_sql_server_begins_with_its_spid() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let ran = app.freetds("tsql").stdin("select @@spid\ngo\n").run();
    let line = proxy.log_until("session begins");
    let spid = field(&line, "spid");
    assert!(ran.stdout.lines().any(|row| row == spid), "{spid}: {ran:?}");
    assert_begins(&line, &["route=shop", "user=`anyone`"], &UPSTREAM);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_over_a_socket_file_begins_with_the_apps_uid() {
    let azure = Azure::new();
    let directory = TempDir::new().unwrap();
    let listen = format!("listen = \"unix:{}/\"\n", directory.path().display());
    let proxy = azure
        .start(&(azure.route_without_listen() + &listen))
        .start();
    let app = App::at(directory.path().to_str().unwrap(), 5432);
    assert_eq!(app.query("select 1"), "1");
    let line = proxy.log_until("session begins");
    assert_eq!(field(&line, "uid"), getuid().as_raw().to_string());
}

#[test]
fn warning_at_level_warn_says_whose_it_is() {
    let emulated = Emulated::new();
    // Nothing at this level says where it listens.
    let port = closed_port();
    let route = emulated.route_as("nobody");
    let route = route.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let start = emulated.start(&route).arg("--log-level=warn");
    let (process, _directory) = start.launch();
    let until = Instant::now() + PATIENCE;
    let app = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(app) => break app,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::yield_now();
    };
    let mut app = RawApp::over(app);
    app.send(&packets::startup(0, &[("user", "anyone")]));
    assert_eq!(app.message().tag, b'E');
    let refused = |log: &str| {
        let line = log.lines().find(|line| line.contains("login refused"))?;
        Some(line.to_owned())
    };
    let line = process.stderr_until(refused);
    for part in [
        "route=orders",
        "number=0",
        "peer=127.0.0.1:",
        "cause=not_entra",
        "kind=configuration",
        "remedy=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
