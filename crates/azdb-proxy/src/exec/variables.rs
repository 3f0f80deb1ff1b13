//! What a program is told of the proxy, in the variables that clients of its databases read.
//!
//! | protocol | variables | read by |
//! |---|---|---|
//! | PostgreSQL | `PGHOST`, `PGPORT`; `PGUSER`, `PGDATABASE` where they are unset and known | libpq and what is built on it, pgx, node-postgres, Npgsql in part |
//! | MySQL | `MYSQL_HOST`, `MYSQL_TCP_PORT`, `MYSQL_UNIX_PORT` | the clients of MySQL and MariaDB; their libraries but for the host |
//! | SQL Server | `TDSHOST`, `TDSPORT`; `SQLCMDSERVER` | FreeTDS; sqlcmd |
//! | each route | `AZDB_NAME_HOST`, `AZDB_NAME_PORT`, or `AZDB_NAME_SOCKET` | whoever builds a connection string |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use azdb_config::route::{ListenAddr, Principals, ProtocolName, Route};

/// What is said to us and not to the program: it would lead libpq past the proxy, or is systemd's.
pub(super) const NOT_FOR_THE_PROGRAM: [&str; 7] = [
    "PGHOSTADDR",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// The variables for routes that listen there. Of several routes of a protocol its clients are told the first.
pub(super) fn of(
    listening: &[(Arc<Route>, ListenAddr)],
    is_set: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut told: Vec<ProtocolName> = Vec::new();
    let mut routes: Vec<&Arc<Route>> = Vec::new();
    for (route, _) in listening {
        if !routes.iter().any(|known| Arc::ptr_eq(known, route)) {
            routes.push(route);
        }
    }
    for route in routes {
        let own = listening.iter().filter(|(of, _)| Arc::ptr_eq(of, route));
        let Some(place) = Place::best(own.map(|(_, listen)| listen)) else {
            continue;
        };
        variables.extend(place.of_route(&route.name));
        if !told.contains(&route.protocol) {
            told.push(route.protocol);
            variables.extend(place.of_protocol(route, &is_set));
        }
    }
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    let of_routes = variables.into_iter();
    of_routes
        .map(|(name, value)| own((name.as_str(), value)))
        .collect()
}

/// Where a program connects.
enum Place<'a> {
    Port(SocketAddr),
    File(&'a Path),
}

impl<'a> Place<'a> {
    /// A port where there is one: every client knows ports.
    fn best(listening: impl Iterator<Item = &'a ListenAddr>) -> Option<Self> {
        let mut file = None;
        for listen in listening {
            match listen {
                ListenAddr::Tcp(addr) => return Some(Self::Port(reached(*addr))),
                ListenAddr::Unix(path) => file = file.or(Some(Self::File(path))),
                // No client looks for one in its variables.
                ListenAddr::Pipe(_) => {}
            }
        }
        file
    }

    fn of_route(&self, name: &str) -> Vec<(String, String)> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric();
        let plain = |letter: char| if is_plain(letter) { letter } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let variable = |what: &str| format!("AZDB_{}_{what}", name.to_ascii_uppercase());
        match self {
            Self::Port(addr) => vec![
                (variable("HOST"), addr.ip().to_string()),
                (variable("PORT"), addr.port().to_string()),
            ],
            Self::File(path) => vec![(variable("SOCKET"), path.display().to_string())],
        }
    }

    fn of_protocol(&self, route: &Route, is_set: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut variables = match (route.protocol, self) {
            (ProtocolName::Postgres, Self::Port(addr)) => vec![
                ("PGHOST", addr.ip().to_string()),
                ("PGPORT", addr.port().to_string()),
            ],
            (ProtocolName::Postgres, Self::File(path)) => postgres_socket(path),
            (ProtocolName::Mysql, Self::Port(addr)) => vec![
                ("MYSQL_HOST", addr.ip().to_string()),
                ("MYSQL_TCP_PORT", addr.port().to_string()),
            ],
            (ProtocolName::Mysql, Self::File(path)) => vec![
                ("MYSQL_HOST", "localhost".to_owned()),
                ("MYSQL_UNIX_PORT", path.display().to_string()),
            ],
            (ProtocolName::Tds, Self::Port(addr)) => vec![
                ("TDSHOST", addr.ip().to_string()),
                ("TDSPORT", addr.port().to_string()),
                ("SQLCMDSERVER", format!("tcp:{},{}", addr.ip(), addr.port())),
            ],
            // No client of SQL Server knows socket files.
            (ProtocolName::Tds, Self::File(_)) => Vec::new(),
        };
        if route.protocol == ProtocolName::Postgres {
            let user = match &route.principals {
                Principals::One(principal) => Some(principal.user.clone()),
                Principals::ByAppUser(_) => None,
            };
            let wishes = [
                ("PGUSER", user),
                ("PGDATABASE", route.default_database.clone()),
            ];
            let known = wishes
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            variables.extend(known.filter(|(name, _)| !is_set(name)));
        }
        let own = variables.into_iter();
        own.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// libpq is told the directory, and the number at the end of the file's name as the port.
fn postgres_socket(path: &Path) -> Vec<(&'static str, String)> {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let port = name.as_deref().and_then(|name| name.rsplit('.').next());
    let directory = path
        .parent()
        .map(|directory| directory.display().to_string());
    let mut variables = vec![("PGHOST", directory.unwrap_or_default())];
    variables.extend(port.map(|port| ("PGPORT", port.to_owned())));
    variables
}

/// Where whoever listens everywhere is reached from this machine.
fn reached(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// The routes of URLs, and where they listen.
    fn listening(urls: &[&str]) -> Vec<(Arc<Route>, ListenAddr)> {
        let overrides = azdb_config::Overrides {
            urls: urls.iter().map(ToString::to_string).collect(),
            ..azdb_config::Overrides::default()
        };
        let env = azdb_identity::Environment::default();
        let config = azdb_config::load_without_search(&overrides, &env).unwrap();
        let routes = config.routes.into_iter();
        let doors = routes.flat_map(|route| {
            let listen = route.listen.clone();
            listen
                .into_iter()
                .map(move |listen| (Arc::clone(&route), listen))
        });
        doors.collect()
    }

    fn told(urls: &[&str], set: &[&str]) -> Vec<String> {
        let variables = of(&listening(urls), |name| set.contains(&name));
        let shown = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        shown.collect()
    }

    const POSTGRES: &str =
        "postgres://orders-app@a.postgres.database.azure.com/orders?name=orders.v2";

    #[test]
    fn each_protocol_has_the_variables_that_its_clients_read() {
        let urls = [
            POSTGRES,
            "mysql://u@a.mysql.database.azure.com?listen=127.0.0.1:3307&name=shop",
            "tds://a.database.windows.net?listen=[::1]:1434&name=stock",
        ];
        let expected = [
            "AZDB_ORDERS_V2_HOST=127.0.0.1",
            "AZDB_ORDERS_V2_PORT=5432",
            "PGHOST=127.0.0.1",
            "PGPORT=5432",
            "PGUSER=orders-app",
            "PGDATABASE=orders",
            "AZDB_SHOP_HOST=127.0.0.1",
            "AZDB_SHOP_PORT=3307",
            "MYSQL_HOST=127.0.0.1",
            "MYSQL_TCP_PORT=3307",
            "AZDB_STOCK_HOST=::1",
            "AZDB_STOCK_PORT=1434",
            "TDSHOST=::1",
            "TDSPORT=1434",
            "SQLCMDSERVER=tcp:::1,1434",
        ];
        assert_eq!(told(&urls, &[]), expected);
    }

    #[test]
    fn what_somebody_has_set_stays_and_the_first_route_of_a_protocol_is_told() {
        let second = "postgres://u@b.postgres.database.azure.com?listen=127.0.0.1:5433&name=second";
        let expected = [
            "AZDB_ORDERS_V2_HOST=127.0.0.1",
            "AZDB_ORDERS_V2_PORT=5432",
            "PGHOST=127.0.0.1",
            "PGPORT=5432",
            "AZDB_SECOND_HOST=127.0.0.1",
            "AZDB_SECOND_PORT=5433",
        ];
        assert_eq!(
            told(&[POSTGRES, second], &["PGUSER", "PGDATABASE"]),
            expected
        );
    }

    #[cfg(unix)]
    #[test]
    fn socket_files_are_told_as_clients_want_them() {
        let postgres = "postgres://u@a.postgres.database.azure.com?listen=unix:/run/azdb/&name=a";
        let expected = [
            "AZDB_A_SOCKET=/run/azdb/.s.PGSQL.5432",
            "PGHOST=/run/azdb",
            "PGPORT=5432",
        ];
        assert_eq!(told(&[postgres], &["PGUSER"]), expected);
        let mysql = "mysql://u@a.mysql.database.azure.com?listen=unix:/run/my.sock&name=b";
        let expected = [
            "AZDB_B_SOCKET=/run/my.sock",
            "MYSQL_HOST=localhost",
            "MYSQL_UNIX_PORT=/run/my.sock",
        ];
        assert_eq!(told(&[mysql], &[]), expected);
    }
}
