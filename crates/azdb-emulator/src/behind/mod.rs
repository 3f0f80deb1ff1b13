//! The real server behind a door: where it is, and who logs in there.
//!
//! ```text
//!   postgres://user:password@host:port/database
//!   mysql://…   mariadb://…   sqlserver://…   tds://…
//!   postgres://user@%2Fvar%2Frun%2Fpostgresql       the directory of its socket
//!   mysql://user@%2Frun%2Fmysqld%2Fmysqld.sock      its socket
//! ```
//!
//! # Invariants
//!
//! * No text shows the password.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(unix)]
use tokio_util::either::Either;
use url::Url;

use crate::principal::Principal;

/// How long the server behind may take to answer a dial.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// The protocol of a server behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BehindProtocol {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// SQL Server.
    Tds,
}

impl BehindProtocol {
    /// What a URL leaves out: scheme, port and user.
    fn custom(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Postgres => ("postgres", 5432, "postgres"),
            Self::Mysql => ("mysql", 3306, "root"),
            Self::Tds => ("sqlserver", 1433, "sa"),
        }
    }
}

/// A connection to a server behind.
#[cfg(unix)]
pub(crate) type BehindStream = Either<TcpStream, UnixStream>;
/// A connection to a server behind.
#[cfg(not(unix))]
pub(crate) type BehindStream = TcpStream;

/// A real server that sessions are relayed to.
#[derive(Debug, Clone)]
pub struct Behind {
    protocol: BehindProtocol,
    place: Place,
    user: String,
    password: Option<SecretString>,
    database: Option<String>,
}

/// Where a server behind listens.
#[derive(Debug, Clone)]
enum Place {
    Host(String, u16),
    Socket(PathBuf),
}

/// Why a text is not the URL of a server behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBehind {
    /// No URL at all, or with more in it than is understood.
    #[error("not a URL of the form `postgres://user:password@host:port/database`")]
    Form,
    /// Of no protocol that there is.
    #[error("`{0}` is none of postgres, mysql, mariadb, sqlserver and tds")]
    Scheme(String),
}

/// Why a session has no server behind it. Its text is what the app reads.
#[derive(Debug, thiserror::Error)]
#[error("azdb-emulator: the server behind ({behind}) {text}")]
pub(crate) struct BehindError {
    behind: String,
    text: String,
}

impl Behind {
    /// A server of this machine's own, which trusts `user` on this socket file.
    #[cfg(unix)]
    pub(crate) fn on_socket(protocol: BehindProtocol, socket: PathBuf, user: &str) -> Self {
        Self {
            protocol,
            place: Place::Socket(socket),
            user: user.to_owned(),
            password: None,
            database: None,
        }
    }

    /// Which protocol it speaks.
    #[must_use]
    pub fn protocol(&self) -> BehindProtocol {
        self.protocol
    }

    /// As whom `principal` is logged in.
    pub(crate) fn user_of<'a>(&'a self, principal: &'a Principal) -> &'a str {
        principal.database_role.as_deref().unwrap_or(&self.user)
    }

    /// The password of every login; `None` where the server trusts.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The database that a session works in when its app wishes for `wished`: that of the URL, if
    /// it names one.
    pub(crate) fn database<'a>(&'a self, wished: Option<&'a str>) -> Option<&'a str> {
        self.database.as_deref().or(wished)
    }

    /// Its name or address; `None` of a socket file.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Host(host, _) => Some(host),
            Place::Socket(_) => None,
        }
    }

    /// Dials it.
    pub(crate) async fn connect(&self) -> Result<BehindStream, BehindError> {
        self.limited(self.place.dial()).await
    }

    /// The same for a protocol that has no socket files.
    pub(crate) async fn connect_tcp(&self) -> Result<TcpStream, BehindError> {
        match &self.place {
            Place::Host(host, port) => self.limited(dial(host, *port)).await,
            Place::Socket(_) => Err(self.misunderstood("a socket file where it has none")),
        }
    }

    async fn limited<T>(
        &self,
        dialling: impl Future<Output = io::Result<T>>,
    ) -> Result<T, BehindError> {
        let dialled = tokio::time::timeout(DIAL_LIMIT, dialling).await;
        let dialled = dialled.unwrap_or_else(|late| Err(late.into()));
        dialled.map_err(|source| self.unreachable(source))
    }

    pub(crate) fn unreachable(&self, source: io::Error) -> BehindError {
        self.error(format!("cannot be reached: {source}"))
    }

    /// It would not have `user`, and said `text`.
    pub(crate) fn refused(&self, user: &str, text: impl fmt::Display) -> BehindError {
        self.error(format!("refused the login of `{user}`: {text}"))
    }

    /// It said something that its protocol has no place for, or that nothing here can answer.
    pub(crate) fn misunderstood(&self, text: impl fmt::Display) -> BehindError {
        self.error(format!("was not understood: {text}"))
    }

    fn error(&self, text: String) -> BehindError {
        let behind = self.to_string();
        BehindError { behind, text }
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.custom().0, self.place)
    }
}

impl Place {
    /// A host that begins with a slash is a socket file, or with PostgreSQL the directory of one.
    fn new(protocol: BehindProtocol, host: String, port: u16) -> Self {
        match protocol {
            _ if !host.starts_with('/') => Self::Host(host, port),
            BehindProtocol::Postgres => {
                Self::Socket(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
            }
            BehindProtocol::Mysql | BehindProtocol::Tds => Self::Socket(host.into()),
        }
    }

    #[cfg(unix)]
    async fn dial(&self) -> io::Result<BehindStream> {
        match self {
            Self::Host(host, port) => Ok(Either::Left(dial(host, *port).await?)),
            Self::Socket(path) => Ok(Either::Right(UnixStream::connect(path).await?)),
        }
    }

    #[cfg(not(unix))]
    async fn dial(&self) -> io::Result<BehindStream> {
        match self {
            Self::Host(host, port) => dial(host, *port).await,
            Self::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for Behind {
    type Err = NotBehind;

    fn from_str(text: &str) -> Result<Self, NotBehind> {
        let url = Url::parse(text).map_err(|_| NotBehind::Form)?;
        let protocol = match url.scheme() {
            "postgres" | "postgresql" => BehindProtocol::Postgres,
            "mysql" | "mariadb" => BehindProtocol::Mysql,
            "sqlserver" | "mssql" | "tds" => BehindProtocol::Tds,
            other => return Err(NotBehind::Scheme(other.to_owned())),
        };
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || url.query().is_some() || url.fragment().is_some() {
            return Err(NotBehind::Form);
        }
        let (_, port, user) = protocol.custom();
        let host = decoded(host.trim_matches(['[', ']']))?;
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            protocol,
            place: Place::new(protocol, host, url.port().unwrap_or(port)),
            user: filled(decoded(url.username())?).unwrap_or_else(|| user.to_owned()),
            password: url.password().map(decoded).transpose()?.map(Into::into),
            database: filled(decoded(url.path().trim_start_matches('/'))?),
        })
    }
}

fn decoded(text: &str) -> Result<String, NotBehind> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| NotBehind::Form)?.into_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests;
