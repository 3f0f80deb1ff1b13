//! What each engine's SQL is made from, and the one place that knows which engines there are.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use azdb_config::route::ProtocolName;

use super::grantee::Known;
use super::mysql::Mysql;
use super::postgres::Postgres;
use super::script::Script;
use super::sql_server::SqlServer;
use super::unfit::Unfit;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Rows are read.
    ReadOnly,
    /// Rows are read and changed.
    ReadWrite,
    /// Tables are made, too.
    Owner,
}

impl Level {
    /// For a remark: what it comes to, and which flags say otherwise.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::ReadOnly => "reads (--read-write and --owner may more)",
            Self::ReadWrite => "reads and writes rows (--read-only may less, --owner more)",
            Self::Owner => "all, with tables of its own (--read-only and --read-write may less)",
        }
    }
}

/// The line that has a client take a token, from this variable, for the password.
pub(super) fn token_in(variable: &str) -> String {
    format!(
        "  export {variable}=$(az account get-access-token --resource-type oss-rdbms \\\n    --query accessToken --output tsv)"
    )
}

/// Whom to grant what, and where.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The command line that asks for it.
    pub(super) command: String,
    /// The route.
    pub(super) route: String,
    /// The server's name.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Who may have signed its certificate, where the route says it.
    pub(super) ca_file: Option<PathBuf>,
    /// What the database calls the principal.
    pub(super) principal: String,
    /// Whom it stands for.
    pub(super) identity: Known,
    /// The app's database.
    pub(super) database: String,
    /// The schemas in it; none stands for what is usual.
    pub(super) schemas: Vec<String>,
    /// Roles whose future tables count, too, besides those of whoever runs the SQL.
    pub(super) creators: Vec<String>,
    pub(super) level: Level,
    /// Whether the principal is there already, and is to be given to the identity.
    pub(super) exists: bool,
    /// Whether SQL Server is told its id, and looks nobody up. The others always are.
    pub(super) by_id: bool,
    /// Whether it is to be proved whose a principal is that is there already. Needs the id that the server would know it by.
    pub(super) is_proved: bool,
}

impl Wanted {
    /// The file by which a client that has no roots of its own verifies the server's certificate.
    pub(super) fn roots(&self) -> Cow<'_, str> {
        const DEBIAN: &str = "/etc/ssl/certs/ca-certificates.crt";
        let file = self.ca_file.as_deref();
        file.map_or(DEBIAN.into(), Path::to_string_lossy)
    }
}

/// How one kind of server is told.
pub(super) trait Engine {
    /// What an identity is called there that a route does not name: `None` where routes name it.
    fn own_name<'a>(&self, identity: &'a Known) -> Option<Result<&'a str, Unfit>>;

    /// Whether what is known of an identity is enough to create its principal, where SQL Server needs an id as the others do or needs none.
    fn knows_enough(&self, identity: &Known, needs_id: bool) -> bool;

    /// The principal, and what it may do.
    fn grant(&self, wanted: &Wanted) -> Result<Script, Unfit>;

    /// The end of both.
    fn undo(&self, wanted: &Wanted) -> Result<Script, Unfit>;
}

/// The engine of a protocol.
pub(super) fn of(protocol: ProtocolName) -> &'static dyn Engine {
    match protocol {
        ProtocolName::Postgres => &Postgres,
        ProtocolName::Mysql => &Mysql,
        ProtocolName::Tds => &SqlServer,
    }
}

/// A name that an engine takes whole. One with a control character in it would not survive the programs that SQL is piped to: a line of
/// sqlcmd that says `go` ends a batch, within quotes, too.
pub(super) fn fit<'n>(
    name: &'n str,
    what: &'static str,
    length: usize,
    limit: usize,
) -> Result<&'n str, Unfit> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Unfit::Name {
            what,
            name: name.to_owned(),
            why: "is empty, or has control characters in it".to_owned(),
        });
    }
    if length > limit {
        return Err(Unfit::Name {
            what,
            name: name.to_owned(),
            why: format!("is longer than the {limit} that the server takes"),
        });
    }
    Ok(name)
}

/// The head that all have: what it is and for whom.
pub(super) fn head(wanted: &Wanted, names: &str) -> Vec<String> {
    let Wanted {
        route,
        host,
        port,
        principal,
        identity,
        database,
        level,
        ..
    } = wanted;
    vec![
        format!("azdb-proxy grant, route {route:?}"),
        String::new(),
        format!("  server    {host}:{port}, database {database:?}"),
        format!("  {names}{principal:?}"),
        format!("  for       {identity}"),
        format!("  may       {}", level.in_words()),
        String::new(),
    ]
}

/// The same for the way back.
pub(super) fn head_of_undo(wanted: &Wanted) -> Vec<String> {
    let Wanted {
        route,
        host,
        port,
        principal,
        database,
        ..
    } = wanted;
    vec![
        format!("azdb-proxy grant, route {route:?}, undone"),
        String::new(),
        format!("  server    {host}:{port}, database {database:?}"),
        format!("  ends      {principal:?}"),
    ]
}
