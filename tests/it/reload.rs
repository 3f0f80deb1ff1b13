//! Another configuration while apps are served: what stays, what is new, and what is refused.

use std::net::TcpStream;

use azdb_tests::{
    Account, Authority, Azure, AzureSql, Certificate, Emulated, Encrypt, MariaDb, Method,
    MysqlPeer, Proxy, RawApp, Server, Shop, SqlApp, packets, tools,
};
use rustix::process::Signal;

/// The route of `azure` to a database of another server with another authority, where the same token is known as `role`.
fn route_to(server: &Server, role: &str) -> String {
    format!(
        "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
         connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\nupstream_user = {role:?}\n\
         default_database = \"postgres\"\n",
        port = server.port,
        ca = server.ca_file,
    )
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_session_goes_on_at_its_server_and_can_be_cancelled_while_whoever_comes_goes_to_another() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    let key = app.log_in("anyone");

    let other = Server::start(Certificate::Signed);
    other.add_role("elsewhere", Method::Token, &azure.token);
    proxy.configure(&(route_to(&other, "elsewhere") + "max_connections = 7\n"));
    proxy.signal(Signal::HUP);
    proxy.log_until("the configuration is in force");

    assert_eq!(proxy.app().query("select current_user"), "elsewhere");
    app.send(&packets::query("select pg_sleep(600)"));
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        azure.role
    ));
    // The authority of the new route would not do for the old server.
    let mut canceller = RawApp::connect(proxy.address());
    canceller.send(&packets::cancel(&key));
    assert_eq!(canceller.rest(), b"");
    assert_eq!(app.error().field('C').as_deref(), Some("57014"));
    app.until(b'Z');
    app.send(&packets::query("select current_user"));
    assert!(app.until(b'D').body.ends_with(azure.role.as_bytes()));
    app.until(b'Z');
    let status = proxy.admin("/status").body;
    assert!(status.contains("\"sessions_max\": 7"), "{status}");
    assert!(status.contains("\"state\": \"applied\""), "{status}");
    app.leave();
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_greeting_of_the_server_before_is_nobodys_and_a_session_changes_its_user_there() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let mut app = MysqlPeer::log_in(proxy.address());
    let other = MariaDb::with(&[]);
    other.add_user("elsewhere", Account::Token, &shop.token);
    // It is greeted and leaves: the upstream waits for the next app.
    let mut probe = MysqlPeer::connect(proxy.address());
    let _greeting = probe.hear();
    drop(probe);
    let route = format!(
        "[[route]]\nname = \"shop\"\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
         connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\nupstream_user = \"elsewhere\"\n",
        port = other.port,
        ca = other.ca_file,
    );
    let failed = || {
        shop.server
            .admin("show global status like 'Aborted_connects'")
    };
    let before = failed();
    proxy.reload_with(&route);
    let port = proxy.mysql_app().query("select @@port");
    assert_eq!(port, other.port.to_string());
    app.command(b"\x11somebody\0\0\0");
    assert_eq!(app.hear().first(), Some(&0), "{}", proxy.log());
    app.command(b"\x0e");
    assert_eq!(app.hear().first(), Some(&0));
    drop(app);
    proxy.log_until_times(2, "session ended");
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(
        failed(),
        before,
        "the one of before was told goodbye in order"
    );
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn a_session_of_sql_server_goes_on_and_new_ones_meet_the_new_limit() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off);
    // Its output comes by the line, also into a pipe.
    let tsql = app.program("stdbuf").args(["-oL", "tsql", "-S", "proxy"]);
    let tsql = tsql.args(["-U", "anyone", "-P", "any password"]);
    let mut session = tsql.interactive().start();
    let ask = |session: &mut azdb_tests::Process, times| {
        session.type_line("select name from products where id = 3");
        session.type_line("go");
        session.stdout_until(|out| (out.matches("Aged pecorino").count() >= times).then_some(()));
    };
    ask(&mut session, 1);
    proxy.reload_with(&format!("{}max_connections = 1\n", azure.route()));
    ask(&mut session, 2);
    let refused = app.freetds("tsql").stdin("select 1\ngo\n").run();
    assert!(refused.stderr.contains("all 1 "), "{refused:?}");
    session.type_line("exit");
    let _ = session.wait();
    azure.assert_content();
}

#[test]
fn what_is_wrong_is_said_everywhere_and_changes_nothing() {
    let emulated = Emulated::new();
    let health = "[health]\nlisten = \"127.0.0.1:0\"\n";
    let proxy = emulated
        .start(&format!("{health}{}", emulated.route()))
        .start();
    let line = proxy.log_until("endpoint=Health");
    let (_, rest) = line.split_once("listen=").unwrap();
    let scraped = rest.split(' ').next().unwrap().parse().unwrap();
    let metric = |name: &str| {
        let page = azdb_tests::Page::at(scraped, "GET", "/metrics", "").body;
        let value = page.lines().find(|line| line.starts_with(name)).unwrap();
        value.rsplit(' ').next().unwrap().to_owned()
    };
    let good = "azdb_proxy_config_last_reload_successful";
    assert_eq!(metric(good), "1");

    proxy.configure(
        "[process]\nlog_level = \"loud\"\n[[route]]\nprotocol = \"postgres\"\nlissen = 1\n",
    );
    let refused = proxy.reload();
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let file = proxy.directory().join("proxy.toml").display().to_string();
    for problem in [
        format!("{file}:2: [process]: log_level: \"loud\" is not one of"),
        format!("{file}:5: "),
        "lissen: unknown key (did you mean \"listen\"?)".to_owned(),
        "upstream: is missing".to_owned(),
    ] {
        assert!(refused.stderr.contains(&problem), "{problem}: {refused:?}");
        proxy.log_until(&problem);
    }
    let status = proxy.admin("/status").body;
    assert!(status.contains("\"state\": \"refused\""), "{status}");
    assert!(status.contains("lissen: unknown key"), "{status}");
    assert_eq!(metric(good), "0");
    assert_eq!(
        metric("azdb_proxy_config_reloads_total{outcome=\"refused\"}"),
        "1"
    );
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");

    // Right in itself, and an address is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    proxy.configure(&emulated.route().replace("127.0.0.1:0", &at));
    let refused = proxy.reload();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains(&format!("cannot listen on {at}")),
        "{refused:?}"
    );
    assert_eq!(metric(good), "0");

    // Mended, and one key of it waits for a restart.
    proxy.configure(&format!(
        "[process]\nlog_format = \"json\"\n{}",
        emulated.route()
    ));
    let applied = proxy.reload();
    let warnings = applied.succeeded();
    assert!(
        warnings.contains("[process] log_format: a change needs a restart"),
        "{applied:?}"
    );
    assert!(
        warnings.contains("[health] listen: a change needs a restart"),
        "{applied:?}"
    );
    assert_eq!(metric(good), "1");
    assert_eq!(
        metric("azdb_proxy_config_reloads_total{outcome=\"applied\"}"),
        "1"
    );
    app.leave();
}

#[test]
fn a_route_that_is_gone_shuts_its_door_and_its_session_is_seen_until_it_ends() {
    let emulated = Emulated::new();
    let other = emulated.route().replace("\"orders\"", "\"stock\"");
    let both = format!("{}{other}", emulated.route());
    let proxy = emulated.start(&both).start();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    proxy.reload_with(&other);
    assert!(TcpStream::connect(proxy.address()).is_err());
    app.send(&packets::query("select 'still here'"));
    assert!(app.until(b'D').body.ends_with(b"still here"));
    app.until(b'Z');
    let status = proxy.admin("/status").body;
    let (_, removed) = status.split_once("\"routes_removed\": [").unwrap();
    assert!(removed.contains("\"name\": \"orders\""), "{status}");
    app.leave();
    proxy.log_until("session ended");
    until(|| {
        proxy
            .admin("/status")
            .body
            .contains("\"routes_removed\": []")
    });
}

#[test]
fn the_level_of_the_log_and_the_delays_of_the_end_are_those_of_the_last_reload() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    assert!(!proxy.log().contains("DEBUG"));
    let process = "[process]\nlog_level = \"debug\"\nmax_sigterm_delay = \"10ms\"\n";
    proxy.reload_with(&format!("{process}{}", emulated.route()));
    RawApp::connect(proxy.address()).log_in("anyone");
    proxy.log_until("DEBUG");
    proxy.reload_with(&emulated.route().replace(
        "[[route]]",
        "[process]\nmax_sigterm_delay = \"10ms\"\n[[route]]",
    ));
    proxy.signal(Signal::TERM);
    assert_eq!(app.message().field('C').as_deref(), Some("57P01"));
    assert_eq!(proxy.wait().code, Some(143));
}

/// Files that a process has open.
fn open_files(proxy: &Proxy) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", proxy.pid()))
        .unwrap()
        .count()
}

#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + azdb_tests::PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < patience, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn whoever_comes_while_it_is_reloaded_time_and_again_is_let_in_and_no_file_stays_open() {
    let azure = Azure::new();
    let one = azure.route();
    let proxy = azure.start(&one).start();
    let bench = || proxy.app().program(tools::postgres("pgbench"));
    let script = proxy.directory().join("one.sql");
    std::fs::write(&script, "select 1;\n").unwrap();
    // Each thread that serves sessions begins with the first that it is given, and has files of its own.
    let threads = std::thread::available_parallelism().unwrap().to_string();
    let all_at_once = bench().args(["-n", "-c", &threads, "-t", "1", "-f"]);
    let _ = all_at_once.arg(&script).run().succeeded();
    until(|| proxy.log().matches("session ended").count() >= threads.parse().unwrap());
    let files = open_files(&proxy);
    let mut bench = bench()
        .args(["--connect", "-n", "-c", "2", "-t", "40", "-f"])
        .arg(&script)
        .start();
    let mut reloads = 0;
    while bench.is_running() {
        // Another authority beside, another limit, another door that comes and goes.
        let more = if reloads % 2 == 0 {
            "max_connections = 50\n"
        } else {
            ""
        };
        let doors = if reloads % 3 == 0 {
            "\"127.0.0.1:0\", \"127.0.0.2:0\""
        } else {
            "\"127.0.0.1:0\""
        };
        let listen = format!("listen = [{doors}]\n");
        proxy.configure(&format!("{}{listen}{more}", azure.route_without_listen()));
        proxy.signal(Signal::HUP);
        reloads += 1;
        proxy.log_until_times(reloads, "the configuration is in force");
    }
    let ran = bench.wait();
    assert!(
        ran.succeeded().contains("actually processed: 80/80"),
        "{ran:?}"
    );
    assert!(reloads > 2, "{reloads}");
    proxy.reload_with(&one);
    until(|| open_files(&proxy) <= files);
    assert!(!proxy.log().contains("login refused"), "{}", proxy.log());
}

/// What an app is shown by a route with a certificate in files.
#[track_caller]
fn is_trusted(proxy: &Proxy, authority: &Authority) -> bool {
    let file = proxy.directory().join("trusted.pem");
    std::fs::write(&file, authority.ca_pem()).unwrap();
    let app = proxy.app().told("PGSSLMODE", "verify-full");
    let app = app
        .told("PGHOST", "localhost")
        .told("PGHOSTADDR", "127.0.0.1");
    let app = app.told("PGSSLROOTCERT", file.to_str().unwrap());
    app.sql("select 1").code == Some(0)
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_certificate_that_is_replaced_in_its_place_is_shown_without_a_word_from_anybody() {
    let azure = Azure::new();
    let directory = tempfile::TempDir::new().unwrap();
    let (cert, key) = (
        directory.path().join("tls.crt"),
        directory.path().join("tls.key"),
    );
    let write = |authority: &Authority| {
        let (certificate, private) = authority.issue(&["localhost"]);
        std::fs::write(&cert, certificate).unwrap();
        std::fs::write(&key, private).unwrap();
    };
    let (before, after) = (Authority::default(), Authority::default());
    write(&before);
    let route = format!(
        "{}local_tls = {{ cert_file = {cert:?}, key_file = {key:?} }}\n",
        azure.route()
    );
    let proxy = azure.start(&route).start();
    assert!(is_trusted(&proxy, &before));
    write(&after);
    proxy.log_until("tls.crt");
    proxy.log_until("the configuration is in force");
    assert!(is_trusted(&proxy, &after) && !is_trusted(&proxy, &before));
    // A certificate without its key is no certificate, and the one that is shown stays.
    std::fs::write(&cert, before.issue(&["localhost"]).0).unwrap();
    proxy.log_until("the configuration was refused");
    assert!(is_trusted(&proxy, &after));
}
