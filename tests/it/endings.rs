//! How connections end over TLS: through the proxy as they do without it.
//!
//! The table of ARCHITECTURE.md is what is tried here, with real servers where there are such.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use azdb_tests::{
    Account, Azure, End, MariaDb, Proxy, RawApp, Server, Shop, Start, client_config, packets,
};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};

/// The authority of a proxy.
fn trusted(proxy: &Proxy) -> String {
    let home = proxy.directory().join("state");
    let ran = Start::new(&["ca"])
        .env("XDG_STATE_HOME", home.to_str().unwrap())
        .run();
    ran.succeeded().to_owned()
}

/// A place to log in to PostgreSQL over TLS.
struct Postgres {
    address: SocketAddr,
    ca: String,
    user: String,
    secret: Option<String>,
    database: String,
}

impl Postgres {
    fn through(proxy: &Proxy, azure: &Azure) -> Self {
        Self {
            address: proxy.address(),
            ca: trusted(proxy),
            user: "anyone".into(),
            secret: None,
            database: azure.database.clone(),
        }
    }

    fn direct(azure: &Azure) -> Self {
        Self {
            address: ([127, 0, 0, 1], azure.server.port).into(),
            ca: std::fs::read_to_string(&azure.server.ca_file).unwrap(),
            user: azure.role.clone(),
            secret: Some(azure.token.clone()),
            database: azure.database.clone(),
        }
    }

    fn connect(&self) -> RawApp {
        let mut app = RawApp::connect(self.address);
        app.send(&packets::SSL_REQUEST);
        assert_eq!(app.byte(), Some(b'S'));
        app.tls(client_config(&self.ca, &[])).unwrap()
    }

    fn enter(&self, database: &str) -> RawApp {
        let mut app = self.connect();
        let parameters = [("user", self.user.as_str()), ("database", database)];
        app.send(&packets::startup(0, &parameters));
        if let Some(secret) = &self.secret {
            assert_eq!(app.message().tag, b'R');
            app.send(&packets::password(secret));
        }
        app
    }

    /// A session, and its BackendKeyData.
    fn session(&self) -> (RawApp, Vec<u8>) {
        let mut app = self.enter(&self.database);
        let key = app.until(b'K').body;
        app.until(b'Z');
        (app, key)
    }
}

/// The server's process of a session.
fn process(key: &[u8]) -> i32 {
    i32::from_be_bytes(*key.first_chunk().unwrap())
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_of_postgres_sees_every_end_as_it_is_without_the_proxy() {
    let azure = Azure::alone();
    let proxy = azure.proxy();
    for place in [Postgres::direct(&azure), Postgres::through(&proxy, &azure)] {
        let at = place.address;
        let mut refused = place.enter("no such database");
        assert_eq!(refused.end(), End::Announced, "refused by the server, {at}");

        let (mut session, key) = place.session();
        for (key, what) in [(&key[..], "a key that fits"), (b"pid key!", "no key of it")] {
            let mut canceller = place.connect();
            canceller.send(&packets::cancel(key));
            assert_eq!(
                canceller.end(),
                End::Announced,
                "a cancel with {what}, {at}"
            );
        }
        session.send(&packets::TERMINATE);
        assert_eq!(session.end(), End::Announced, "after Terminate, {at}");

        let (mut session, key) = place.session();
        let pid = process(&key);
        azure
            .server
            .admin(&format!("select pg_terminate_backend({pid})"));
        assert_eq!(session.end(), End::Announced, "ended by the server, {at}");

        let (mut session, key) = place.session();
        kill_process(Pid::from_raw(process(&key)).unwrap(), Signal::KILL).unwrap();
        assert_eq!(session.end(), End::Bare, "a server that was killed, {at}");
        azure.server.admin_when_up("select 1");
    }
    let place = Postgres::through(&proxy, &azure);
    let (mut session, _) = place.session();
    proxy.signal(Signal::TERM);
    assert_eq!(session.end(), End::Announced, "the end of the proxy");
}

/// What PostgreSQL says of a client that ends without Terminate while it has a transaction open, or sends data.
const UNEXPECTED: &str = "unexpected EOF on client connection";

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_server_of_postgres_is_left_in_order_when_the_proxy_ends() {
    let azure = Azure::alone();
    for (begins, is_said) in [
        // At rest within a transaction, within a query, and within data for a COPY.
        (&["begin"][..], true),
        (&["begin", "select pg_sleep(600)"], false),
        (
            &["create temp table t (i int)", "begin", "copy t from stdin"],
            true,
        ),
    ] {
        let soon = "[process]\nmax_sigterm_delay = \"10ms\"\n";
        let proxy = azure.start(&(soon.to_owned() + &azure.route())).start();
        let place = Postgres::through(&proxy, &azure);
        let (mut session, key) = place.session();
        for (at, sql) in begins.iter().enumerate() {
            session.send(&packets::query(sql));
            match (at + 1 == begins.len(), *sql) {
                (true, "begin") | (false, _) => drop(session.until(b'Z')),
                (true, "copy t from stdin") => drop(session.until(b'G')),
                (true, _) => {}
            }
        }
        let state = format!(
            "select count(*) from pg_stat_activity where pid = {} and state <> 'idle'",
            process(&key)
        );
        while azure.server.admin(&state) != "1" {}
        proxy.signal(Signal::TERM);
        let _ = session.end();
        if is_said {
            while azure.server.admin(&state) != "0" {}
        }
        assert!(!azure.server.log().contains(UNEXPECTED), "{begins:?}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_that_resets_while_its_server_reads_nothing_is_noticed() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let socket = TcpStream::connect(proxy.address()).unwrap();
    let mut app = RawApp::over(socket.try_clone().unwrap());
    let database = azure.database.as_str();
    app.send(&packets::startup(
        0,
        &[("user", "anyone"), ("database", database)],
    ));
    app.until(b'Z');
    for sql in [
        "create temp table slow (line text)",
        "create function pg_temp.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$",
        "create trigger wait before insert on slow for each row execute function pg_temp.wait()",
    ] {
        app.send(&packets::query(sql));
        app.until(b'Z');
    }
    app.send(&packets::query("copy slow from stdin"));
    app.until(b'G');
    // Lines of data, until nobody takes any more.
    let line = [&b"d\0\0\x04\x04"[..], &[b'x'; 1023], b"\n"].concat();
    socket
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    while (&socket).write_all(&line).is_ok() {}
    set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
    drop((socket, app));
    let line = proxy.log_until("why=broke");
    assert!(line.contains("closed_by=app"), "{line}");
}

/// The place's greeting, answered over TLS with a login to `database`. Gives the thread's id.
fn enter_mysql(address: SocketAddr, ca: &str, user: &str, database: &str) -> (RawApp, u32) {
    let mut app = RawApp::connect(address);
    let greeting = hear_packet(&mut app);
    let version = greeting.iter().position(|byte| *byte == 0).unwrap();
    let thread = greeting[version + 1..].first_chunk().unwrap();
    // PROTOCOL_41, SECURE_CONNECTION, TLS, CONNECT_WITH_DB and bit 0.
    let mut response = 0x0000_8a09_u32.to_le_bytes().to_vec();
    response.extend([0, 0, 0, 1, 45]);
    response.resize(32, 0);
    app.send(&[&[32, 0, 0, 1], &response[..]].concat());
    let mut app = app.tls(client_config(ca, &[])).unwrap();
    response.extend([user.as_bytes(), b"\0\0", database.as_bytes(), b"\0"].concat());
    let length = u8::try_from(response.len()).unwrap();
    app.send(&[&[length, 0, 0, 2], &response[..]].concat());
    (app, u32::from_le_bytes(*thread))
}

fn hear_packet(app: &mut RawApp) -> Vec<u8> {
    let header = app.bytes(4);
    let length = usize::from(header[0]) | usize::from(header[1]) << 8;
    app.bytes(length)
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn an_app_of_mysql_sees_every_end_as_it_is_without_the_proxy() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let user = format!("bare{}", Server::number());
    shop.server.add_user(&user, Account::Native, "");
    shop.server
        .admin(&format!("grant all on {}.* to '{user}'@'%'", shop.database));
    let direct = (
        SocketAddr::from(([127, 0, 0, 1], shop.server.port)),
        std::fs::read_to_string(&shop.server.ca_file).unwrap(),
        user.as_str(),
    );
    let through = (proxy.address(), trusted(&proxy), "anyone");
    for (at, ca, user) in [direct, through] {
        let enter = |database: &str| enter_mysql(at, &ca, user, database);
        let session = || {
            let (mut app, thread) = enter(&shop.database);
            let answer = hear_packet(&mut app);
            assert_eq!(answer[0], 0, "{}", String::from_utf8_lossy(&answer));
            (app, thread)
        };
        let (mut refused, _) = enter("nowhere");
        assert_eq!(hear_packet(&mut refused)[0], 0xff);
        assert_eq!(refused.end(), End::Bare, "refused by the server, {at}");

        let (mut session_, _) = session();
        session_.send(&[1, 0, 0, 0, 1]);
        assert_eq!(session_.end(), End::Bare, "after COM_QUIT, {at}");

        let (mut session_, thread) = session();
        shop.server.admin(&format!("kill {thread}"));
        assert_eq!(session_.end(), End::Bare, "ended by the server, {at}");
    }
    // As MariaDB does at its shutdown.
    let (mut session, _) = enter_mysql(proxy.address(), &trusted(&proxy), "anyone", &shop.database);
    assert_eq!(hear_packet(&mut session)[0], 0);
    proxy.signal(Signal::TERM);
    assert_eq!(session.end(), End::Bare, "the end of the proxy");
}

/// A session that nobody ends in order is one that the server counts against its client.
#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn a_server_of_mysql_is_left_in_order_when_the_proxy_ends() {
    const ABORTED: &str = "select variable_value from information_schema.global_status where variable_name = 'Aborted_clients'";
    let shop = Shop::on(MariaDb::with(&["--log-warnings=2"]));
    let before = shop.server.admin(ABORTED);
    let soon = "[process]\nmax_sigterm_delay = \"10ms\"\n";
    let proxy = shop.start(&(soon.to_owned() + &shop.route())).start();
    let (mut session, thread) =
        enter_mysql(proxy.address(), &trusted(&proxy), "anyone", &shop.database);
    assert_eq!(hear_packet(&mut session)[0], 0);
    proxy.signal(Signal::TERM);
    assert_eq!(session.end(), End::Bare);
    let gone = format!("select count(*) from information_schema.processlist where id = {thread}");
    shop.server.admin_until(&gone, "0");
    assert_eq!(shop.server.admin(ABORTED), before);
}
