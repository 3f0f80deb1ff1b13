//! What an app of MySQL reads when it is not let in, as real clients show it.

use azdb_tests::{
    Account, Fake, MysqlPeer, Proxy, Shop, Start, closed_port, every_piece_of, find_leak,
    mysql_greeting,
};

const APP: &str = "protocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\nupstream_user = \"u\"\n";

/// A proxy before this port, with a token from a file.
fn before(port: u16, more: &str) -> (Proxy, tempfile::NamedTempFile) {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "eyJ.token.of-a-file").unwrap();
    let configuration = format!(
        "[identity]\ntoken_file = {:?}\n[[route]]\n{APP}upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\n\
         token_host = \"localhost\"\n{more}",
        token.path()
    );
    (Start::run_with(&configuration).start(), token)
}

/// What the mariadb client shows: code, state and text.
#[track_caller]
fn shown(proxy: &Proxy) -> String {
    let ran = proxy.mysql_app().sql("select 1");
    let shown = ran.failed().to_owned();
    let code: u32 = shown.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(
        !(2000..3000).contains(&code),
        "a code of client libraries: {shown}"
    );
    shown
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn upstream_that_is_down() {
    let (proxy, _token) = before(closed_port(), "");
    let shown = shown(&proxy);
    assert!(
        shown.starts_with("ERROR 1105 (08S01): azdb-proxy: cannot connect to `localhost:"),
        "{shown}"
    );
    assert!(shown.contains("check that the server runs"), "{shown}");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn upstream_that_says_nothing() {
    let fake = Fake::silent();
    let (proxy, _token) = before(fake.address().port(), "login_timeout = \"1s\"\n");
    let shown = shown(&proxy);
    assert!(
        shown.contains("` at 127.0.0.1 took the connection and has not answered in 1s: "),
        "{shown}"
    );
    assert!(shown.contains("waiting for its greeting"), "{shown}");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn upstream_that_speaks_something_else() {
    let fake = Fake::start(|conversation| conversation.say(b"SSH-2.0-OpenSSH_9.2\r\n"));
    let (proxy, _token) = before(fake.address().port(), "");
    let shown = shown(&proxy);
    assert!(
        shown.contains("check that the upstream is a server of MySQL or MariaDB"),
        "{shown}"
    );
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn upstream_that_has_no_connection_left() {
    let fake =
        Fake::start(|conversation| conversation.say(b"\x17\0\0\0\xff\x10\x04Too many connections"));
    let (proxy, _token) = before(fake.address().port(), "hold_logins = false\n");
    let shown = shown(&proxy);
    assert!(
        shown.starts_with("ERROR 1040 (08004): azdb-proxy: the upstream refused the connection"),
        "{shown}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn certificate_that_nobody_vouches_for() {
    let shop = Shop::new();
    let route = shop
        .route()
        .replace("upstream_ca_file = ", "token_host = \"localhost\"\n# ");
    let proxy = shop.start(&route).start();
    let shown = shown(&proxy);
    assert!(
        shown.starts_with("ERROR 1105 (08S01): azdb-proxy: cannot trust upstream `localhost`"),
        "{shown}"
    );
    assert!(
        shown.contains("set upstream_ca_file to the authority that signed the certificate"),
        "{shown}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn user_with_a_password_and_user_that_is_not_there() {
    let shop = Shop::new();
    let native = format!("native {}", shop.database);
    shop.server.add_user(&native, Account::Native, "geheim");
    let proxy = shop.start(&shop.route_as(&native)).start();
    let shown_to_app = shown(&proxy);
    let expected = format!(
        "ERROR 1045 (28000): azdb-proxy: user '{native}' is not a Microsoft Entra user on this server"
    );
    assert!(shown_to_app.starts_with(&expected), "{shown_to_app}");
    let statement = format!("CREATE AADUSER '{native}'");
    assert!(shown_to_app.contains(&statement), "{shown_to_app}");

    // For a user that it does not know, MariaDB acts as for any one that it knows, whose method may be the token's: then the
    // refusal is the server's own.
    let proxy = shop.start(&shop.route_as("nobody at all")).start();
    let shown_to_app = shown(&proxy);
    assert!(
        shown_to_app.starts_with("ERROR 1045 (28000): "),
        "{shown_to_app}"
    );
    assert!(
        shown_to_app.contains("user 'nobody at all'"),
        "{shown_to_app}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn database_that_is_not_there_is_said_by_the_server() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let ran = proxy
        .mysql_app()
        .mariadb("mariadb")
        .args(["-e", "select 1", "nowhere"])
        .run();
    let shown = ran.failed();
    assert!(
        shown.starts_with("ERROR 1044 (42000): Access denied for user"),
        "{shown}"
    );
    assert!(
        shown.contains("; azdb-proxy: the user is let in, and not into this database"),
        "{shown}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn identity_endpoint_that_knows_no_identity() {
    let shop = Shop::new();
    let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    shop.identity
        .endpoint()
        .set_default(azdb_emulator::Behaviour::status(400, body));
    let proxy = shop.proxy();
    let shown = shown(&proxy);
    assert!(
        shown.starts_with("ERROR 1045 (28000): azdb-proxy: no token: "),
        "{shown}"
    );
    assert!(shown.contains("Identity not found"), "{shown}");
}

#[test]
fn app_from_before_4_1_reads_1251_without_a_state() {
    let fake = Fake::start(|conversation| {
        conversation.say(&mysql_greeting())?;
        conversation.listen_to_the_end()
    });
    let (proxy, _token) = before(fake.address().port(), "");
    let mut app = MysqlPeer::connect(proxy.address());
    assert_eq!(app.hear().first(), Some(&10));
    app.say(b"\x05\x24\0\0\x01anyone\0");
    let error = app.hear();
    assert!(
        error.starts_with(b"\xff\xe3\x04Client does not support"),
        "{}",
        String::from_utf8_lossy(&error)
    );
    assert_eq!(app.rest(), b"");
}

#[test]
fn probes_and_browsers_cost_two_dials_at_most() {
    let fake = Fake::start(|conversation| {
        conversation.say(&mysql_greeting())?;
        conversation.listen_to_the_end()
    });
    let (proxy, _token) = before(fake.address().port(), "");
    let began = std::time::Instant::now();
    for _ in 0..200 {
        drop(std::net::TcpStream::connect(proxy.address()).unwrap());
    }
    let mut browser = MysqlPeer::connect(proxy.address());
    browser.say_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let heard = browser.rest();
    assert!(
        heard.is_empty() || heard == fake_greeting_masked(&heard),
        "nothing but a greeting"
    );
    // The app that comes after them finds an upstream, so all of them are through.
    let mut app = MysqlPeer::connect(proxy.address());
    assert_eq!(app.hear().first(), Some(&10));
    // One that nobody has answered is for others within 5 s.
    let most = 2 + began.elapsed().as_secs() / 5;
    let dials = fake.heard().len();
    assert!(dials as u64 <= most, "{dials} dials, {most} at most");
    assert!(
        fake.heard().iter().all(Vec::is_empty),
        "nothing was said upstream"
    );
}

/// The one packet that a browser may have read before it was found out.
fn fake_greeting_masked(heard: &[u8]) -> Vec<u8> {
    let length = heard.first().copied().unwrap_or_default() as usize + 4;
    heard.get(..length).unwrap_or_default().to_vec()
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn nothing_of_a_token_or_password_is_ever_printed() {
    let shop = Shop::new();
    let proxy = shop
        .start(&format!(
            "[process]\nlog_level = \"trace\"\n{}",
            shop.route()
        ))
        .start();
    let app = proxy.mysql_app().told("DB_PASSWORD", "an app's own secret");
    assert_eq!(app.query("select 1"), "1");
    let mut raw = MysqlPeer::log_in(proxy.address());
    raw.say_bytes(b"\x12\0\0\0\x11u\0\x0cher password\0\0");
    let _ = raw.hear();
    shop.server.change_token(&shop.user, "another token");
    let refused = app.sql("select 1");
    let log = proxy.log();
    assert!(
        log.contains("sending the token"),
        "the log is not that of a login"
    );
    let mut secrets = every_piece_of(&shop.token);
    secrets.extend(["an app's own secret", "her password"]);
    for (name, text) in [("log", log.as_str()), ("error", &refused.stderr)] {
        assert_eq!(find_leak(text, &secrets), None, "{name}");
    }
}
