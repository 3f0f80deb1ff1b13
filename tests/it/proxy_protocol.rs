//! Load balancers that say who comes: HAProxy in front of the proxy, with headers of both versions.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use azdb_tests::{
    App, Azure, AzureSql, MysqlApp, PATIENCE, Process, Program, Proxy, Shop, closed_port,
};
use tempfile::TempDir;

/// HAProxy in front of a proxy.
struct Balancer {
    address: SocketAddr,
    _haproxy: Process,
    _directory: TempDir,
}

impl Balancer {
    /// One that says who comes as `send` has it.
    fn of(proxy: &Proxy, send: &str) -> Self {
        let (directory, port) = (TempDir::new().unwrap(), closed_port());
        let file = directory.path().join("haproxy.cfg");
        let door = proxy.door();
        let configuration = format!(
            "defaults\n  mode tcp\n  timeout connect 20s\n  timeout client 60s\n  timeout server 60s\n\
             listen here\n  bind 127.0.0.1:{port}\n  server proxy {door} {send}\n"
        );
        std::fs::write(&file, configuration).unwrap();
        let haproxy = Program::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .start();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let begun = std::time::Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "HAProxy never listened");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self {
            address,
            _haproxy: haproxy,
            _directory: directory,
        }
    }
}

const VERSIONS: [&str; 2] = ["send-proxy", "send-proxy-v2"];

/// Whom an announced app must be one of. That it comes from loopback is the balancer's word alone, and does not let it in.
fn admits(networks: &str) -> String {
    format!("proxy_protocol_from = \"127.0.0.1\"\nallow = {networks:?}\ntrust_network = true\n")
}

fn tsql(address: SocketAddr) -> azdb_tests::Ran {
    Program::new("tsql")
        .args(["-H", "127.0.0.1", "-U", "sa", "-P", "any", "-p"])
        .arg(address.port().to_string())
        .stdin("select 42 as x\ngo\n")
        .run()
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_haproxy)),
    ignore = "no PostgreSQL, MariaDB or HAProxy: see scripts/test"
)]
fn balancer_says_who_comes_in_every_protocol() {
    let (azure, shop, sql) = (Azure::new(), Shop::new(), AzureSql::new());
    let more = admits("127.0.0.0/8");
    let postgres = azure.start(&(azure.route() + &more)).start();
    let mysql = shop.start(&(shop.route() + &more)).start();
    let tds = sql.proxy_with(&more);
    for send in VERSIONS {
        let balancer = Balancer::of(&postgres, send);
        let before = postgres.log().matches("session begins").count();
        let app = App::at("127.0.0.1", balancer.address.port());
        assert_eq!(app.query("select 42"), "42");
        postgres.log_until_times(before + 1, "session begins");

        let balancer = Balancer::of(&mysql, send);
        assert_eq!(MysqlApp::at(balancer.address).query("select 42"), "42");

        let balancer = Balancer::of(&tds, send);
        let ran = tsql(balancer.address);
        assert!(ran.stdout.contains("42"), "{ran:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_haproxy)),
    ignore = "no PostgreSQL, MariaDB or HAProxy: see scripts/test"
)]
fn whoever_may_not_come_is_told_so_behind_a_balancer_and_beside_it() {
    let (azure, shop, sql) = (Azure::new(), Shop::new(), AzureSql::new());
    let more = admits("10.0.0.0/8");
    let postgres = azure.start(&(azure.route() + &more)).start();
    let mysql = shop.start(&(shop.route() + &more)).start();
    let tds = sql.proxy_with(&more);
    let told = |proxy: &Proxy, address: SocketAddr, text: &str| {
        let said = match proxy.door() {
            door if door == postgres.door() => {
                App::at("127.0.0.1", address.port()).sql("select 1").stderr
            }
            door if door == mysql.door() => MysqlApp::at(address).sql("select 1").stderr,
            _ => {
                let ran = tsql(address);
                ran.stdout + &ran.stderr
            }
        };
        assert!(said.contains(text), "{said}");
    };
    for proxy in [&postgres, &mysql, &tds] {
        let balancer = Balancer::of(proxy, VERSIONS[1]);
        told(proxy, balancer.address, "no app may come from 127.0.0.1");
        told(
            proxy,
            proxy.address(),
            "no header of the PROXY protocol came from 127.0.0.1",
        );
        proxy.log_until("cause=not_announced");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_haproxy)),
    ignore = "no PostgreSQL or HAProxy: see scripts/test"
)]
fn header_from_anybody_else_is_refused_and_told_once() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let balancer = Balancer::of(&proxy, VERSIONS[0]);
    // libpq shows nothing that came before TLS.
    let app = App::at("127.0.0.1", balancer.address.port()).told("PGSSLMODE", "disable");
    for _ in 0..2 {
        let ran = app.sql("select 1");
        assert!(ran.stderr.contains("proxy_protocol_from"), "{ran:?}");
    }
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    let log = proxy.log();
    let told = log
        .lines()
        .filter(|line| line.contains("a header of the PROXY protocol"));
    assert_eq!(told.count(), 1, "{log}");
}
