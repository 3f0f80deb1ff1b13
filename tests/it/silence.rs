//! Machines that vanish: every packet between two ends is swallowed, and nobody says so. In network namespaces, with real
//! PostgreSQL, real MariaDB and the emulated SQL Server.

use std::net::{Ipv4Addr, SocketAddr};

use azdb_tests::{
    App, Azure, AzureSql, MysqlApp, MysqlPeer, Network, Place, Program, Proxy, RawApp, Shop, Start,
    block_on, packets,
};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

/// A proxy whose upstream is at the other end of the wire, and which has to answer within three seconds.
struct Wired {
    network: Network,
    proxy: Proxy,
    /// Where apps find the proxy.
    door: SocketAddr,
}

impl Wired {
    /// Puts the wire between the route's proxy and its database, which listens on `port` of this machine.
    fn new(route: &str, port: u16, environment: [(&'static str, String); 2]) -> Self {
        let network = Network::new();
        let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let database = network.bridge(Place::Far, Place::Here, here(port));
        let route = route.replace(
            &format!("connect_to = \"127.0.0.1:{port}\""),
            &format!("connect_to = \"{database}\""),
        );
        let route = format!("{route}upstream_timeout = \"3s\"\nmax_connections = 1\n");
        let environment = environment.map(|(name, value)| (name, network.bridged(&value)));
        let proxy = Start::run_within(&network.near(), &route)
            .envs(environment)
            .start();
        let door = network.bridge(Place::Here, Place::Near, proxy.address());
        Self {
            network,
            proxy,
            door,
        }
    }

    fn postgres(azure: &Azure) -> Self {
        let (port, environment) = (azure.server.port, azure.identity.environment());
        Self::new(&azure.route(), port, environment)
    }

    fn mysql(shop: &Shop) -> Self {
        let (port, environment) = (shop.server.port, shop.identity.environment());
        Self::new(&shop.route(), port, environment)
    }

    /// That the session has ended, and by whom.
    fn assert_broken_by(&self, side: &str) {
        let line = self.proxy.log_until("why=broke");
        assert!(line.contains(&format!("closed_by={side}")), "{line}");
    }
}

fn postgres_app(wired: &Wired) -> RawApp {
    let mut app = RawApp::connect(wired.door);
    app.log_in("anyone");
    app
}

/// That the app reads why its session ends, and then the end.
#[track_caller]
fn assert_told(app: &mut RawApp) {
    let error = app.until(b'E');
    assert_eq!(error.field('C').as_deref(), Some("08006"));
    let text = error.field('M').unwrap();
    let said = "azdb-proxy: the upstream has answered nothing for 3s";
    assert_eq!(text, said);
    assert!(error.field('H').unwrap().contains("upstream_timeout"));
    assert_eq!(app.rest(), b"");
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn postgres_app_that_waits_for_a_query_is_told_that_its_database_has_vanished() {
    let azure = Azure::new();
    let wired = Wired::postgres(&azure);
    let mut app = postgres_app(&wired);
    app.send(&packets::query("select pg_sleep(600)"));
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        azure.role
    ));
    wired.network.swallow();
    assert_told(&mut app);
    wired.assert_broken_by("upstream");
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn postgres_app_that_asks_afterwards_or_not_at_all_is_told_so() {
    let azure = Azure::new();
    for asks in [true, false] {
        let wired = Wired::postgres(&azure);
        let mut app = postgres_app(&wired);
        wired.network.swallow();
        if asks {
            app.send(&packets::query("select 1"));
        }
        assert_told(&mut app);
        wired.assert_broken_by("upstream");
    }
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn postgres_app_in_the_middle_of_its_rows_or_its_data_is_told_so() {
    let azure = Azure::new();
    azure
        .server
        .admin_in(&azure.database, "create table public.notes (note text)");
    azure.server.admin_in(
        &azure.database,
        &format!("grant all on public.notes to \"{}\"", azure.role),
    );
    let wired = Wired::postgres(&azure);
    let mut app = postgres_app(&wired);
    app.send(&packets::query("copy public.notes from stdin"));
    app.until(b'G');
    wired.network.swallow();
    // More than all the buffers on the way take.
    let row = [&b"d"[..], &1004u32.to_be_bytes(), &[b'x'; 999], b"\n"].concat();
    let rows = row.repeat(16_000);
    let mut sending = app.another_hand();
    let sent = std::thread::spawn(move || sending.send(&rows));
    assert_told(&mut app);
    sent.join().unwrap();
    wired.assert_broken_by("upstream");
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_mariadb)),
    ignore = "no MariaDB, or not root: see scripts/test"
)]
fn mysql_app_is_told_that_its_database_has_vanished() {
    let shop = Shop::new();
    for before in [true, false] {
        let wired = Wired::mysql(&shop);
        let mut app = MysqlPeer::log_in(wired.door);
        let ask = |app: &mut MysqlPeer<_>| app.command(b"\x03select sleep(600)");
        if before {
            ask(&mut app);
            let running = format!(
                "select count(*) from information_schema.processlist where user = '{}' and state = 'User sleep'",
                shop.user
            );
            shop.server.admin_until(&running, "1");
        }
        wired.network.swallow();
        if !before {
            ask(&mut app);
        }
        let error = app.hear();
        // ERR 1053.
        assert_eq!(error.get(..3), Some(&b"\xff\x1d\x04"[..]));
        let text = String::from_utf8_lossy(&error).into_owned();
        assert!(
            text.contains("#08S01azdb-proxy: the upstream has answered nothing for 3s"),
            "{text}"
        );
        assert_eq!(app.rest(), b"");
        wired.assert_broken_by("upstream");
    }
}

/// A query whose first row ends where the server's buffer does, which it sends when it is full, and whose third never comes.
fn stops_behind_a_row(door: SocketAddr) -> String {
    const BUFFER: usize = 16_384;
    let query = |length: usize, which: &str| {
        format!(
            "select case seq when 1 then repeat('x', {length}) when 2 then 'y' else sleep(600) end as r from seq_1_to_3 {which}"
        )
    };
    let mut app = MysqlPeer::log_in(door);
    app.command(&[b"\x03", query(9, "where false").as_bytes()].concat());
    // Columns, a definition, EOF; each with its header, and that of the row with a length behind.
    let head: usize = (0..3).map(|_| app.hear().len() + 4).sum();
    let _ = app.hear();
    query(BUFFER - head - 4 - 3, "")
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_mariadb, has_python)),
    ignore = "no MariaDB or PyMySQL, or not root: see scripts/test"
)]
fn mysql_app_between_two_rows_is_told_that_its_database_has_vanished() {
    let shop = Shop::new();
    let sleeps = format!(
        "select count(*) from information_schema.processlist where user = '{}' and state = 'User sleep'",
        shop.user
    );
    let query = stops_behind_a_row(shop.proxy().address());
    let said = "azdb-proxy: the upstream has answered nothing for 3s";

    let wired = Wired::mysql(&shop);
    let mut app = MysqlPeer::log_in(wired.door);
    app.command(&[b"\x03", query.as_bytes()].concat());
    for first in [&b"\x01"[..], b"\x03def", b"\xfe", b"\xfc"] {
        assert!(app.hear().starts_with(first));
    }
    shop.server.admin_until(&sleeps, "1");
    wired.network.swallow();
    let number = app.next_number();
    let error = app.hear();
    assert_eq!((number, app.next_number()), (5, 6));
    assert!(error.starts_with(b"\xff\x1d\x04#08S01"));
    let text = String::from_utf8_lossy(&error).into_owned();
    assert!(text.contains(said), "{text}");
    assert_eq!(app.rest(), b"");
    wired.assert_broken_by("upstream");

    // A driver, which looks at the numbers. The server knows nothing of what has become of the other.
    shop.server.admin(&format!("kill user '{}'", shop.user));
    shop.server.admin_until(&sleeps, "0");
    let wired = Wired::mysql(&shop);
    let app = MysqlApp::at(wired.door).python("reads_rows.py").arg(&query);
    let app = app.start();
    app.stdout_until(|text| text.contains("a row").then_some(()));
    shop.server.admin_until(&sleeps, "1");
    wired.network.swallow();
    let ran = app.wait();
    let read = ran.succeeded();
    assert!(read.starts_with("a row\n1053: "), "{read}");
    assert!(read.contains(said), "{read}");
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_mariadb)),
    ignore = "no MariaDB, or not root: see scripts/test"
)]
fn idle_mysql_app_finds_its_connection_closed() {
    let shop = Shop::new();
    let wired = Wired::mysql(&shop);
    let mut app = MysqlPeer::log_in(wired.door);
    wired.network.swallow();
    assert_eq!(app.rest(), b"");
    wired.assert_broken_by("upstream");
}

#[test]
#[cfg_attr(not(has_netns), ignore = "not root: see scripts/test")]
fn app_of_sql_server_is_told_that_its_database_has_vanished() {
    let azure = AzureSql::new();
    let port = azure.azure.tds().address().port();
    for asks in [true, false] {
        let wired = Wired::new(&azure.route(), port, azure.environment());
        block_on(async {
            let mut config = Config::new();
            config.host("localhost");
            config.encryption(EncryptionLevel::NotSupported);
            config.authentication(AuthMethod::sql_server("anyone", "anything"));
            let tcp = tokio::net::TcpStream::connect(wired.door).await.unwrap();
            let mut client = Client::connect(config, tcp.compat_write()).await.unwrap();
            let query = client.query("select name from products where id = 3", &[]);
            query.await.unwrap().into_row().await.unwrap();
            wired.network.swallow();
            if !asks {
                return wired.assert_broken_by("upstream");
            }
            let told = async {
                let query = client.query("select name from products where id = 3", &[]);
                query.await?.into_row().await
            };
            let told = told.await.unwrap_err();
            assert_eq!(told.code(), Some(40_613), "{told}");
            assert!(
                told.to_string()
                    .contains("azdb-proxy: the upstream has answered nothing for 3s"),
                "{told}"
            );
        });
        wired.assert_broken_by("upstream");
    }
}

/// The route has one seat; whoever vanished with it does not keep it.
#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn app_that_vanishes_idle_or_with_rows_on_their_way_gives_its_seat_back() {
    let azure = Azure::new();
    for query in [
        None,
        Some("select n from generate_series(1, 10000000) as n"),
    ] {
        let network = Network::new();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, azure.server.port));
        let database = network.bridge(Place::Near, Place::Here, here);
        let route = azure
            .route()
            .replace(
                &format!("connect_to = \"{here}\""),
                &format!("connect_to = \"{database}\""),
            )
            .replace("127.0.0.1:0", "0.0.0.0:0");
        let route = format!(
            "{route}allow = [\"10.9.0.0/24\"]\ntrust_network = true\nupstream_timeout = \"3s\"\nmax_connections = 1\n"
        );
        let environment = azure.identity.environment();
        let environment = environment.map(|(name, value)| (name, network.bridged(&value)));
        let proxy = Start::run_within(&network.near(), &route)
            .envs(environment)
            .start();
        let port = proxy.address().port();

        let wired = SocketAddr::from(([10, 9, 0, 1], port));
        let mut app = RawApp::over(network.connect(Place::Far, wired));
        app.log_in("anyone");
        if let Some(query) = query {
            app.send(&packets::query(query));
            app.until(b'D');
        }
        network.swallow();
        let line = proxy.log_until("why=broke");
        assert!(line.contains("closed_by=app"), "{line}");
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut next = RawApp::over(network.connect(Place::Near, local));
        next.log_in("anyone");
        // And the server is rid of the other: its query does not run on.
        azure.server.admin_until(&format!(
            "(select count(*) = 1 from pg_stat_activity where usename = '{}')",
            azure.role
        ));
    }
}

/// That a person reads who has not answered, for how long, and what is done about a private address.
#[track_caller]
fn assert_unanswered(shown: &str) {
    for said in [
        "azdb-proxy: cannot connect to `localhost:",
        "` at 10.9.0.2",
        ": no answer in 2s",
        "the address is a private one: run in its virtual network",
        "(NSG)",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients of every protocol, or not root: see scripts/test"
)]
fn login_whose_packets_are_dropped_reads_where_they_went() {
    let (azure, shop, sql) = (Azure::new(), Shop::new(), AzureSql::new());
    let impatient = |route: String| route + "login_timeout = \"2s\"\n";

    let environment = azure.identity.environment();
    let wired = Wired::new(&impatient(azure.route()), azure.server.port, environment);
    wired.network.swallow();
    let app = App::at("127.0.0.1", wired.door.port());
    assert_unanswered(app.sql("select 1").failed());

    let environment = shop.identity.environment();
    let wired = Wired::new(&impatient(shop.route()), shop.server.port, environment);
    wired.network.swallow();
    assert_unanswered(MysqlApp::at(wired.door).sql("select 1").failed());

    let port = sql.azure.tds().address().port();
    let wired = Wired::new(&impatient(sql.route()), port, sql.environment());
    wired.network.swallow();
    let door = wired.door.port().to_string();
    let ran = Program::new("tsql")
        .args(["-H", "127.0.0.1", "-p", &door, "-U", "anyone", "-P", "any"])
        .env("TDSVER", "7.4")
        .stdin("select 1\ngo\n")
        .run();
    assert_unanswered(&ran.stderr);
}
