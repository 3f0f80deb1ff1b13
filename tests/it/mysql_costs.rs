//! What connections that come to nothing cost a server of MySQL, which shuts a machine out after too many of them.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use azdb_tests::{MariaDb, MysqlPeer, Proxy, Road, Shop};
use rustix::process::Signal;

/// How often each is tried. The server would shut us out after five.
const OFTEN: usize = 300;

/// Not 127.0.0.1: of that address no server keeps count.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

/// What the server has counted against anybody.
const COUNTED: &str = "select sum(variable_value) from information_schema.global_status where variable_name = 'Aborted_connects' \
    or variable_name like 'Connection_errors%' union all select ifnull(sum(sum_connect_errors + count_handshake_errors + \
    count_authentication_errors + count_auth_plugin_errors), 0) from performance_schema.host_cache";

/// A shop whose server counts, at the end of a road on which machines are not this one.
struct Counted {
    shop: Shop,
    road: Road,
}

impl Counted {
    fn new() -> Self {
        let server = MariaDb::with(&[
            "--performance-schema=ON",
            "--max-connect-errors=5",
            "--skip-name-resolve=OFF",
        ]);
        Self {
            road: Road::to(server.port, FROM, Duration::ZERO),
            shop: Shop::on(server),
        }
    }

    fn route(&self) -> String {
        self.shop.route().replace(
            &format!("127.0.0.1:{}", self.shop.server.port),
            &format!("127.0.0.1:{}", self.road.port()),
        )
    }

    fn start(&self, more: &str) -> Proxy {
        self.shop.start(&(self.route() + more)).start()
    }

    /// Ends the proxy, and looks what everything before has cost.
    #[track_caller]
    fn has_cost_nothing(&self, proxy: Proxy) {
        proxy.signal(Signal::TERM);
        self.has_cost_nothing_to_the_end(proxy);
    }

    /// As [`Counted::has_cost_nothing`], for a proxy that has been told to end.
    #[track_caller]
    fn has_cost_nothing_to_the_end(&self, proxy: Proxy) {
        let _ = proxy.wait();
        assert_eq!(self.shop.server.admin(COUNTED), "0\n0");
    }
}

/// Answers a greeting as an app without TLS, and returns what it reads then.
fn answer(app: &mut MysqlPeer<TcpStream>) -> Vec<u8> {
    app.say(&response());
    app.hear()
}

fn response() -> Vec<u8> {
    // PROTOCOL_41, SECURE_CONNECTION and bit 0.
    let mut response = 0x0000_8201_u32.to_le_bytes().to_vec();
    response.extend([0, 0, 0, 1, 45]);
    response.resize(32, 0);
    response.extend(b"anyone\0\0");
    response
}

/// The number of the error that a whole login comes to.
fn refused(proxy: &Proxy) -> u16 {
    let mut app = MysqlPeer::connect(proxy.address());
    let _ = app.hear();
    error(&answer(&mut app))
}

fn error(payload: &[u8]) -> u16 {
    match payload {
        [0xff, low, high, ..] => u16::from_le_bytes([*low, *high]),
        other => panic!("no error: {other:?}"),
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_refused_login_costs_the_server_nothing() {
    let counted = Counted::new();
    let server = counted.shop.server;

    // No token.
    let nothing = counted.start("[identity]\ntoken_file = \"/nowhere\"\n");
    (0..OFTEN).for_each(|_| assert_eq!(refused(&nothing), 1045));
    counted.has_cost_nothing(nothing);
    assert_eq!(
        server.admin("select count(*) from performance_schema.host_cache"),
        "0"
    );

    // An unknown user.
    let user = format!("upstream_user = {:?}\n", counted.shop.user);
    let mapped = counted.route().replace(
        &user,
        &format!("user_map = {{ ann = {:?} }}\n", counted.shop.user),
    );
    let unknown = counted.shop.start(&mapped).start();
    (0..OFTEN).for_each(|_| assert_eq!(refused(&unknown), 1045));
    counted.has_cost_nothing(unknown);

    // One too many.
    let limited = counted.start("max_connections = 1\n");
    let taken = MysqlPeer::log_in(limited.address());
    (0..OFTEN).for_each(|_| assert_eq!(refused(&limited), 1040));
    drop(taken);
    counted.has_cost_nothing(limited);

    // TLS that does not succeed, browsers, clients from before 4.1, and those that leave.
    let proxy = counted.start("local_tls = \"auto\"\n");
    for _ in 0..OFTEN {
        for bytes in [
            &TLS_BROKEN_OFF[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x07\0\0\x01\x05\x24\0\0\x01a\0",
            b"",
        ] {
            let mut app = MysqlPeer::connect(proxy.address());
            let _ = app.hear();
            app.say_bytes(bytes);
            if !bytes.is_empty() {
                let _ = app.rest();
            }
        }
    }
    counted.has_cost_nothing(proxy);

    // A drain while apps log in.
    let proxy = counted.start("[process]\nmax_sigterm_delay = \"60s\"\n");
    let mut apps: Vec<_> = (0..100)
        .map(|_| MysqlPeer::connect(proxy.address()))
        .collect();
    for app in &mut apps {
        let _ = app.hear();
    }
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    for app in &mut apps {
        assert_eq!(error(&answer(app)), 1053);
    }
    drop(apps);
    counted.has_cost_nothing_to_the_end(proxy);
}

/// A request for TLS, and an alert in place of a handshake: "unknown authority".
const TLS_BROKEN_OFF: [u8; 43] = {
    let mut bytes = [0; 43];
    let request = [32, 0, 0, 1, 0x01, 0x8a, 0, 0, 0, 0, 0, 1, 45];
    let alert = [0x15, 3, 3, 0, 2, 2, 48];
    let mut at = 0;
    while at < request.len() {
        bytes[at] = request[at];
        at += 1;
    }
    at = 0;
    while at < alert.len() {
        bytes[36 + at] = alert[at];
        at += 1;
    }
    bytes
};

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn two_hundred_logins_at_once_are_let_in_while_the_port_is_probed() {
    const CROWD: usize = 200;
    let shop = Shop::new();
    let road = Road::to(shop.server.port, FROM, Duration::from_millis(25));
    let route = shop.route().replace(
        &format!("connect_to = \"127.0.0.1:{}\"", shop.server.port),
        &format!("connect_to = \"127.0.0.1:{}\"", road.port()),
    );
    let proxy = shop.start(&route).start();
    let address = proxy.address();
    drop(TcpStream::connect(address).unwrap());
    let crowd: Vec<_> = (0..CROWD)
        .map(|number| {
            if number % 50 == 0 {
                drop(TcpStream::connect(address).unwrap());
            }
            std::thread::spawn(move || MysqlPeer::log_in(address))
        })
        .collect();
    let let_in: Vec<_> = crowd
        .into_iter()
        .map(std::thread::JoinHandle::join)
        .collect();
    let refused = let_in.iter().filter(|login| login.is_err()).count();
    assert_eq!(refused, 0, "of {CROWD}");
}
