//! A route: where apps come in, where they go, and as whom.
//!
//! This crate makes routes and has checked them; everything else reads them. Values that change while the
//! process runs (permits, counters, tokens) live elsewhere.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azdb_identity::{Audience, IdentityConfig};
use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, ServerName};
use secrecy::SecretString;

pub use crate::pipe::{PipeName, PipeUser};
use crate::{AppPasswords, Keeping};

/// One `[[route]]`, checked.
#[derive(Debug)]
pub struct Route {
    /// In every log line, metric and error of this route.
    pub name: String,
    /// What both sides speak.
    pub protocol: ProtocolName,
    /// Where apps connect. Never empty.
    pub listen: Vec<ListenAddr>,
    /// Databases in the order in which they are tried. Never empty.
    pub upstream: Vec<Endpoint>,
    /// Dialled in place of every upstream; the names that TLS verifies stay those of `upstream`.
    pub connect_to: Option<Endpoint>,
    /// Which database principal an app becomes.
    pub principals: Principals,
    /// Used when the app names no database, or names its own user.
    pub default_database: Option<String>,
    /// How this route logs in upstream.
    pub auth: UpstreamAuth,
    /// How this route protects the way upstream.
    pub tls: UpstreamTls,
    /// TLS from the first byte, without asking: PostgreSQL 17 and later, TDS 8.0.
    pub tls_first: bool,
    /// Whom the password of [`UpstreamAuth::Password`] may be told as it is.
    pub plain_password: PlainPassword,
    /// Whether an app that does not name itself is named upstream by its user and where it comes from.
    pub label_sessions: bool,
    /// LOAD DATA LOCAL, of MySQL.
    pub local_files: LocalFiles,
    /// TLS for apps that ask for it.
    pub local_tls: LocalTls,
    /// Whether apps may come over TCP without TLS.
    pub plain_apps: PlainApps,
    /// Names and addresses that the certificate which the proxy makes must have besides those that it finds.
    pub local_tls_names: Vec<String>,
    /// Who may come over TCP.
    pub admission: Admission,
    /// The passwords by which apps come in; `None` when whoever may come is let in.
    pub app_passwords: Option<AppPasswords>,
    /// Rights on socket files and named pipes.
    pub rights: DoorRights,
    /// Sessions at a time, logins included.
    pub max_connections: usize,
    /// From the app's first byte to the database's "ready".
    pub login_timeout: Duration,
    /// A far end whose machine answers no packet for so long has vanished.
    pub upstream_timeout: Duration,
    /// A session in which nothing has been said for so long ends; `None` lets it be idle for ever.
    pub idle_timeout: Option<Duration>,
    /// Whether a login waits while its upstream is away for a moment.
    pub hold_logins: bool,
    /// Whether sessions end at rest when their upstream's name has moved to another address.
    pub follow_dns: bool,
    /// Sessions that wait for an app.
    pub keeping: Keeping,
    /// What only SQL Server's routes have.
    pub tds: TdsOptions,
}

/// What only SQL Server's routes have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TdsOptions {
    /// Names under which an upstream may send us on, in place of the service's own. Lower case, no dot in front.
    pub routing_suffixes: Vec<String>,
    /// Whether SQL Server Browser's port tells apps that ask for a named instance where this route listens.
    pub sql_browser: bool,
    /// How old a session may become.
    pub session_age: SessionAge,
    /// Bytes of a value that are kept for an app which has to hear first how many it has.
    pub translate_limit: usize,
}

/// How old a session may become. It ends between an answer and the next request, never within.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionAge {
    /// As old as both sides like.
    #[default]
    Unlimited,
    /// Until shortly before its token's end.
    Token,
    /// This old.
    After(Duration),
}

/// The protocol of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtocolName {
    /// PostgreSQL, protocol 3.
    Postgres,
    /// MySQL and MariaDB, protocol 4.1.
    Mysql,
    /// SQL Server, TDS 7.4 and 8.0.
    Tds,
}

impl ProtocolName {
    /// All of them, in the order in which texts list them.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::Mysql, Self::Tds];

    /// The word for it in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Tds => "tds",
        }
    }

    /// The port on which servers of this protocol usually listen.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Tds => 1433,
        }
    }

    /// Whether a token says which user logs in, so that nobody names one.
    pub(crate) fn takes_user_from_token(self) -> bool {
        match self {
            Self::Postgres | Self::Mysql => false,
            Self::Tds => true,
        }
    }

    /// The name of the socket file for which clients look in a directory.
    pub fn socket_name(self, port: u16) -> String {
        match self {
            Self::Postgres => format!(".s.PGSQL.{port}"),
            Self::Mysql => "mysqld.sock".to_owned(),
            // No client of SQL Server looks for one.
            Self::Tds => format!("tds.{port}.sock"),
        }
    }
}

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place where apps connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddr {
    /// An address of this machine.
    Tcp(SocketAddr),
    /// A socket file. PostgreSQL clients look for `<directory>/.s.PGSQL.<port>`.
    Unix(PathBuf),
    /// A named pipe of Windows. SQL Server's clients look for `\\.\pipe\sql\query`, MySQL's for `\\.\pipe\MySQL`.
    Pipe(PipeName),
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Pipe(name) => write!(f, "pipe:{name}"),
        }
    }
}

/// A host name or address literal, with its port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// As written, without brackets: `db.example.org`, `10.0.0.4`, `::1`.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Whom an app becomes upstream.
#[derive(Debug, Clone)]
pub enum Principals {
    /// Everyone becomes this one.
    One(Arc<Principal>),
    /// The app's user decides; an unknown one is refused.
    ByAppUser(Vec<(String, Arc<Principal>)>),
}

impl Principals {
    /// Every principal of a route, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Principal>> {
        let (one, map) = match self {
            Self::One(principal) => (Some(principal), [].iter()),
            Self::ByAppUser(map) => (None, map.iter()),
        };
        one.into_iter().chain(map.map(|(_, principal)| principal))
    }
}

/// A database principal, and the identity whose token opens it.
#[derive(Debug, PartialEq, Eq)]
pub struct Principal {
    /// The database's name for it, case-sensitive.
    pub user: String,
    /// Where its tokens come from. Unused in password mode.
    pub identity: Arc<IdentityConfig>,
}

impl Route {
    /// Whether a configuration that is read again means the same by both, whatever else has changed.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (&self.name, self.protocol) == (&other.name, other.protocol)
    }

    /// The principal for an app that calls itself `app_user`; `None` when `user_map` does not list it.
    pub fn principal(&self, app_user: &[u8]) -> Option<&Arc<Principal>> {
        match &self.principals {
            Principals::One(principal) => Some(principal),
            Principals::ByAppUser(map) => map
                .iter()
                .find(|(user, _)| user.as_bytes() == app_user)
                .map(|(_, principal)| principal),
        }
    }
}

/// How a route logs in upstream.
#[derive(Debug)]
pub enum UpstreamAuth {
    /// With a token for this audience.
    Token(Audience),
    /// With a password: a development server.
    Password(SecretString),
}

/// Whom a password may be told as it is, where a server asks for that and not for a proof of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainPassword {
    /// A server whose certificate has been verified.
    ToVerified,
    /// Whoever answers. `upstream_password_in_clear` in the configuration.
    ToAnybody,
}

/// How a route protects the way upstream. Token mode knows [`UpstreamTls::Verified`] only.
#[derive(Debug)]
pub enum UpstreamTls {
    /// The certificate must stand up against these roots, for the upstream's host or `name`.
    Verified {
        /// Who may have signed the certificate.
        roots: Roots,
        /// `upstream_tls_name`: the name to ask for and to verify, in place of the upstream's host.
        name: Option<ServerName<'static>>,
    },
    /// TLS without looking at the certificate. Password mode only.
    Unverified,
    /// No TLS. Password mode only.
    Off,
}

/// The certificate authorities of a route.
#[derive(Debug, Clone)]
pub enum Roots {
    /// Those of the platform.
    Platform,
    /// Those of `upstream_ca_file`, and those only. A server's own certificate may stand here too.
    File {
        /// Where they were read.
        file: PathBuf,
        /// What is in it.
        certificates: Vec<CertificateDer<'static>>,
    },
}

/// Whether a server may ask an app for a file (LOAD DATA LOCAL). `local_infile` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalFiles {
    /// As the app and the server agree.
    Allow,
    /// The app is told that the server cannot.
    Deny,
}

/// TLS on the app's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalTls {
    /// With a certificate that the proxy makes and keeps in its state directory, and not before a server whose version makes apps
    /// insist on a TLS that is too old.
    Auto,
    /// With the same certificate, whatever the server.
    Always,
    /// Not offered.
    Off,
    /// With this certificate.
    Files {
        /// PEM, leaf first.
        cert_file: PathBuf,
        /// PEM, PKCS#8, PKCS#1 or SEC1.
        key_file: PathBuf,
    },
}

/// Whether apps may come over TCP without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainApps {
    /// They may.
    #[default]
    Welcome,
    /// They are refused. `local_tls = "require"` in the configuration.
    Refused,
}

/// Who may open a door that is no port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorRights {
    /// A socket file's, for example `0o600`.
    pub mode: u32,
    /// The id of the group that a socket file is given to; `None` leaves it to that of the process.
    pub group: Option<u32>,
    /// Who may open a pipe besides the user of this process.
    pub pipe_users: Vec<PipeUser>,
}

/// Who may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Networks from which apps may come besides loopback. `allow` in the configuration.
    pub networks: Vec<IpNet>,
    /// Load balancers that say who comes. `proxy_protocol_from` in the configuration.
    pub balancers: Vec<IpNet>,
    /// User ids that may come from this machine; `None` lets all of them, as far as a socket's mode does.
    pub uids: Option<Vec<u32>>,
}

impl Admission {
    /// Whether an app may come from this address.
    pub fn admits(&self, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback() || self.lists(peer)
    }

    /// Whether this address is in one of the networks.
    pub fn lists(&self, peer: IpAddr) -> bool {
        contain(&self.networks, peer)
    }

    /// Whether what comes from this address begins with a header that says who comes.
    pub fn announces(&self, peer: IpAddr) -> bool {
        contain(&self.balancers, peer)
    }
}

fn contain(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
