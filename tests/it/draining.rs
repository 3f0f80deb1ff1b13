//! What real clients read that come, or are coming in, while a proxy comes to its end.

use std::time::Instant;

use azdb_tests::{
    AzureSql, Emulated, Encrypt, Fake, MysqlApp, Page, Process, Program, Proxy, RawApp, SqlApp,
    packets,
};
use rustix::process::Signal;

/// Ends soon, but not before a test has looked.
const SOON: &str = "[process]\nmax_sigterm_delay = \"200ms\"\n";
/// Waits for sessions for as long as a test has any.
const LATE: &str = "[process]\nmax_sigterm_delay = \"10m\"\n";

/// A route of each protocol, each to a database of the emulated Azure, on free ports, and their clients.
struct Houses {
    emulated: Emulated,
    sql: AzureSql,
}

/// What a house is called, the configuration of its route, where its identity is, and its client.
struct House<'a> {
    name: &'static str,
    route: String,
    environment: [(&'static str, String); 2],
    identity: &'a azdb_emulator::IdentityEndpoint,
    client: fn(&Proxy) -> (Program, Option<SqlApp>),
}

impl Houses {
    fn new() -> Self {
        Self {
            emulated: Emulated::new(),
            sql: AzureSql::new(),
        }
    }

    fn each(&self) -> [House<'_>; 3] {
        let (postgres, mysql, tds) = (&self.emulated, &self.emulated, &self.sql);
        [
            House {
                name: "psql",
                route: postgres.route(),
                environment: postgres.environment(),
                identity: postgres.azure.identity(),
                client: |proxy| (proxy.app().psql().args(["-c", "select 1"]), None),
            },
            House {
                name: "mariadb",
                route: mysql.mysql_route(),
                environment: mysql.environment(),
                identity: mysql.azure.identity(),
                client: |proxy| {
                    let app = MysqlApp::at(proxy.address());
                    let program = app.mariadb("mariadb");
                    (program.args(["-N", "-B", "-e", "select 1"]), None)
                },
            },
            House {
                name: "tsql",
                route: tds.route(),
                environment: tds.environment(),
                identity: tds.azure.identity(),
                client: |proxy| {
                    let app = SqlApp::of(proxy, Encrypt::Off);
                    let program = app.freetds("tsql").stdin("select 1\ngo\n");
                    (program, Some(app))
                },
            },
        ]
    }
}

impl House<'_> {
    fn start(&self, process: &str) -> Proxy {
        let configuration = format!("{process}{}", self.route);
        azdb_tests::Start::run_with(&configuration)
            .envs(self.environment.clone())
            .arg("--health-listen=127.0.0.1:0")
            .start()
    }

    /// The client, once the proxy has taken it in.
    fn client(&self, proxy: &Proxy) -> (Process, Option<SqlApp>) {
        let (program, app) = (self.client)(proxy);
        let client = program.start();
        let health = proxy.endpoint("Health");
        let until = Instant::now() + azdb_tests::PATIENCE;
        let taken_in = |line: &str| {
            let count = line.strip_prefix("azdb_proxy_connections_total{")?;
            count.rsplit(' ').next()?.parse::<u64>().ok()
        };
        while Page::at(health, "GET", "/metrics", "")
            .body
            .lines()
            .filter_map(taken_in)
            .sum::<u64>()
            == 0
        {
            assert!(Instant::now() < until, "{} never came", self.name);
        }
        (client, app)
    }

    /// A client that is to be refused in words.
    #[track_caller]
    fn assert_told(&self, (client, _app): (Process, Option<SqlApp>), stage: &str) {
        let ran = client.wait();
        let read = format!("{}{}", ran.stdout, ran.stderr);
        let told = read.contains("azdb-proxy: ") && read.contains("shutting down");
        assert!(told, "{}, {stage}: {ran:?}", self.name);
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients: see scripts/test"
)]
fn a_login_that_waits_for_a_token_is_told() {
    let houses = Houses::new();
    for house in houses.each() {
        let hold = house.identity.hold();
        let proxy = house.start(SOON);
        let client = house.client(&proxy);
        proxy.signal(Signal::TERM);
        house.assert_told(client, "token");
        assert_eq!(proxy.wait().code, Some(0), "{}", house.name);
        drop(hold);
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients: see scripts/test"
)]
fn a_login_whose_upstream_says_nothing_is_told() {
    let houses = Houses::new();
    for mut house in houses.each() {
        let silent = Fake::silent();
        let connect_to = house
            .route
            .lines()
            .find(|line| line.starts_with("connect_to"));
        let connect_to = connect_to.unwrap().to_owned();
        let elsewhere = format!("connect_to = \"{}\"", silent.address());
        house.route = house.route.replace(&connect_to, &elsewhere);
        let proxy = house.start(SOON);
        let client = house.client(&proxy);
        silent.connected(1);
        proxy.signal(Signal::TERM);
        house.assert_told(client, "silent upstream");
        assert_eq!(proxy.wait().code, Some(0), "{}", house.name);
    }
}

/// An app that comes while others still work reads why it can't come in, as long as there are any.
#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_freetds)),
    ignore = "no clients: see scripts/test"
)]
fn whoever_comes_during_the_drain_is_told() {
    let houses = Houses::new();
    for house in houses.each() {
        // A session of PostgreSQL keeps the proxy.
        let postgres = houses.emulated.route().replace("\"orders\"", "\"staying\"");
        let configuration = format!("{LATE}{}{postgres}", house.route);
        let proxy = azdb_tests::Start::run_with(&configuration)
            .envs(houses.emulated.environment())
            .start();
        let doors = proxy.log_until("route=staying");
        let (_, door) = doors.split_once("listen=").unwrap();
        let door = door.split(' ').next().unwrap().parse().unwrap();
        let mut staying = RawApp::connect(door);
        staying.log_in("anyone");
        proxy.signal(Signal::TERM);
        proxy.log_until("draining");
        let (program, app) = (house.client)(&proxy);
        house.assert_told((program.start(), app), "drain");
        // One that has come and says nothing keeps nobody.
        let silent = std::net::TcpStream::connect(proxy.address()).unwrap();
        staying.send(&packets::query("select 'still here'"));
        staying.until(b'Z');
        staying.leave();
        assert_eq!(proxy.wait().code, Some(0), "{}", house.name);
        drop(silent);
    }
}
