//! A database's name that comes to mean another address (`follow_dns`), with real look-ups: the proxy's `/etc/hosts` is a file of the test.
//!
//! Names are looked up every 11 to 19 seconds, and twice before they are believed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use azdb_tests::{Azure, AzureSql, MysqlPeer, Proxy, RawApp, Shop, Start, Tap, block_on, packets};
use tempfile::TempDir;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use crate::kept::houses::House;
use crate::kept::keeper::{Keeper, Level};

const NAME: &str = "db.moved.test";

/// The name of a database that has two addresses.
struct Name {
    hosts: PathBuf,
    /// Its second address.
    other: Ipv4Addr,
    /// On the way by that.
    second: Tap,
    _directory: TempDir,
}

impl Name {
    /// Of the database at `port`, and a proxy with a route to it that is to be started.
    fn of(port: u16, route: &str) -> (Self, Start) {
        let directory = TempDir::new().unwrap();
        let hosts = directory.path().join("hosts");
        write(&hosts, "127.0.0.1");
        let first = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let route = route.replace(
            &format!("connect_to = \"{first}\""),
            &format!("connect_to = \"{NAME}:{port}\"\nfollow_dns = true"),
        );
        let start = Start::run_with_hosts(&hosts, &route);
        // Of a server that is shared nobody else's.
        static OTHERS: AtomicU8 = AtomicU8::new(2);
        let other = Ipv4Addr::new(127, 0, 2, OTHERS.fetch_add(1, Ordering::Relaxed));
        let name = Self {
            hosts,
            other,
            second: Tap::at((other, port).into(), first),
            _directory: directory,
        };
        (name, start)
    }

    /// It moves, and the proxy has seen it.
    #[track_caller]
    fn moves(&self, proxy: &Proxy) {
        assert_eq!(self.second.counted(), (0, 0));
        write(&self.hosts, &self.other.to_string());
        proxy.log_until("the name has moved");
    }

    /// A new session has gone to the new address.
    #[track_caller]
    fn assert_is_followed(&self) {
        let (there, back) = self.second.counted();
        assert!(there > 0 && back > 0);
    }
}

/// A proxy before such a database.
struct Moving {
    proxy: Proxy,
    name: Name,
}

impl Moving {
    fn new(route: &str, port: u16, environment: [(&'static str, String); 2]) -> Self {
        let (name, start) = Name::of(port, route);
        let proxy = start.envs(environment).start();
        Self { proxy, name }
    }

    #[track_caller]
    fn moves(&self) {
        self.name.moves(&self.proxy);
    }

    #[track_caller]
    fn assert_is_followed(&self) {
        self.name.assert_is_followed();
    }
}

/// In its place: another file would not be seen.
fn write(hosts: &Path, address: &str) {
    std::fs::write(hosts, format!("127.0.0.1 localhost\n{address} {NAME}\n")).unwrap();
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn idle_sessions_of_postgres_follow_their_databases_name() {
    let azure = Azure::new();
    let moving = Moving::new(
        &azure.route(),
        azure.server.port,
        azure.identity.environment(),
    );
    let app = || {
        let mut app = RawApp::connect(moving.proxy.address());
        app.log_in("anyone");
        app
    };
    let (mut idle, mut busy) = (app(), app());
    busy.send(&packets::query("begin"));
    busy.until(b'Z');
    moving.moves();
    let goodbye = idle.message();
    assert_eq!(goodbye.field('C').as_deref(), Some("57P01"));
    assert!(goodbye.field('M').unwrap().contains(NAME));
    assert_eq!(idle.rest(), b"");
    busy.send(&packets::query("select 1"));
    busy.until(b'Z');
    busy.send(&packets::query("commit"));
    busy.until(b'Z');
    assert_eq!(busy.message().field('C').as_deref(), Some("57P01"));
    let _next = app();
    moving.assert_is_followed();
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_mariadb)),
    ignore = "no MariaDB, or not root: see scripts/test"
)]
fn idle_sessions_of_mysql_follow_their_databases_name() {
    let shop = Shop::new();
    let moving = Moving::new(&shop.route(), shop.server.port, shop.identity.environment());
    let app = || MysqlPeer::log_in(moving.proxy.address());
    let (mut idle, mut busy) = (app(), app());
    busy.command(b"\x03start transaction");
    assert_eq!(busy.hear()[0], 0);
    moving.moves();
    assert_eq!(idle.rest(), b"");
    for sql in [&b"\x03do 1"[..], b"\x03commit"] {
        busy.command(sql);
        assert_eq!(busy.hear()[0], 0);
    }
    assert_eq!(busy.rest(), b"");
    let _next = app();
    moving.assert_is_followed();
}

#[test]
#[cfg_attr(not(has_namespaces), ignore = "not root: see scripts/test")]
fn idle_sessions_of_sql_server_follow_their_databases_name() {
    let azure = AzureSql::new();
    let port = azure.azure.tds().address().port();
    let moving = Moving::new(&azure.route(), port, azure.environment());
    block_on(async {
        let app = async || {
            let mut config = Config::new();
            config.host("localhost");
            config.encryption(EncryptionLevel::NotSupported);
            config.authentication(AuthMethod::sql_server("anyone", "anything"));
            let tcp = tokio::net::TcpStream::connect(moving.proxy.address()).await;
            let mut client = Client::connect(config, tcp.unwrap().compat_write())
                .await
                .unwrap();
            let query = client.query("select name from products where id = 3", &[]);
            query.await.unwrap().into_row().await.unwrap();
            client
        };
        let mut idle = app().await;
        moving.moves();
        moving.proxy.log_until("closed_by=proxy");
        assert!(idle.query("select 1", &[]).await.is_err());
        let _next = app().await;
    });
    moving.assert_is_followed();
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn sessions_of_postgres_that_wait_follow_their_databases_name() {
    sessions_that_wait_follow(&House::postgres(), Level::Ready);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_mariadb)),
    ignore = "no MariaDB, or not root: see scripts/test"
)]
fn sessions_of_mariadb_that_wait_follow_their_databases_name() {
    sessions_that_wait_follow(&House::mariadb(), Level::Ready);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_mariadb)),
    ignore = "no mariadb client, or not root: see scripts/test"
)]
fn sessions_of_mysql_that_wait_follow_their_databases_name() {
    sessions_that_wait_follow(&House::mysql(), Level::Reused);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_python)),
    ignore = "no pymssql, or not root: see scripts/test"
)]
fn sessions_of_sql_server_that_wait_follow_their_databases_name() {
    sessions_that_wait_follow(&House::sql_server(), Level::Reused);
}

/// The app after the move goes to the new address, where sessions wait again.
#[track_caller]
fn sessions_that_wait_follow(house: &House, level: Level) {
    let route = house.route() + level.lines();
    let (name, start) = Name::of(house.port(), &route);
    let keeper = Keeper::started(house, start);
    keeper.teach(level);
    house.until_sessions(level.waiting());
    let (aborted, found) = (house.aborted(), keeper.opened(level));
    name.moves(&keeper.proxy);
    house.until_empty();
    assert_eq!(keeper.kept(level), 0);
    assert_eq!(house.aborted(), aborted);
    let _ = keeper.number();
    assert_eq!(keeper.opened(level), found, "it went to the old address");
    name.assert_is_followed();
    keeper.teach(level);
    let _ = keeper.ask_kept(level, house.number());
}
