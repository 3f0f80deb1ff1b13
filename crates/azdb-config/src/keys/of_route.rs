//! `[[route]]`, and the tables that stand in one.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::ServerName;

use super::group::Group;
use super::kinds::{
    Octal, Parsed, Path, Raw, SecretIn, SecretPath, Switch, TEXT, Time, Whole, Word, text,
};
use super::lists::{List, Wholes};
use super::{Form, Literal, Needs, Table, ValueKind as _, key, keys, of_identity};
use crate::address::server_name;
use crate::draft;
use crate::keeping::Reuse;
use crate::local_tls::LocalTlsKind;
use crate::pipe;
use crate::route::{LocalFiles, PipeUser, ProtocolName};
use crate::size::parse_size;
use crate::sql_server::Age;
use crate::upstream_auth::LoginWith;
use crate::upstream_tls::Strength;

/// `[[route]]`.
pub(crate) static TABLE: Table = Table {
    name: "route",
    title: "[[route]]",
    parts: &[
        PLACES,
        LOGIN,
        UPSTREAM_SIDE,
        APP_SIDE,
        LIMITS,
        KEPT,
        SQL_SERVER,
    ],
};

const MYSQL: Needs = Needs::Protocols(&[ProtocolName::Mysql]);
const LOCAL_FILES: Word<LocalFiles> =
    Word(
        &[LocalFiles::Allow, LocalFiles::Deny],
        |files| match files {
            LocalFiles::Allow => "allow",
            LocalFiles::Deny => "deny",
        },
    );
const TDS: Needs = Needs::Protocols(&[ProtocolName::Tds]);

keys! { PLACES {
    NAME: Parsed<String> = Parsed("up to 64 letters, digits, `.`, `_`, `-`", draft::checked_name),
        key("name", "stands in log lines, metrics and errors").or_else("the first label of the upstream's host, with a number when it is taken");
    PROTOCOL: Word<ProtocolName> = Word(&ProtocolName::ALL, ProtocolName::as_str),
        key("protocol", "PostgreSQL; MySQL and MariaDB; SQL Server and Azure SQL").required("");
    FROM_ENV: Parsed<String> = text("name of a variable, or what the names of several begin with"),
        key("from_env", "what the keys of this route that are absent say: a connection string, or variables like those of Azure Service Connector, under a name of your own; `\"ORDERS_DB\"` is `ORDERS_DB_HOST`, `ORDERS_DB_USER` … ([forms](service-connector.md)). Its secrets count, too")
            .in_files_only();
    LISTEN: List<String> = List(text("`address:port`, `localhost:port` (both loopback addresses), `unix:/path`, `pipe:NAME`")),
        key("listen", "where apps connect. Port 0: any free one").usual_port()
            .or_else("`127.0.0.1` and `[::1]` on the protocol's port");
    UPSTREAM: List<String> = List(text("`host:port`")),
        key("upstream", "databases, tried in this order. One that is silent uses up its share of `login_timeout`, and then the next is tried; so are all addresses of a name. Who answered in place of another is tried first for a minute").usual_port()
            .required("; it is the database's host:port");
    CONNECT_TO: Parsed<String> = text("`host:port`"),
        key("connect_to", "dialled in place of `upstream`, whose name TLS still verifies: private link without DNS. Without a port: the upstream's")
            .needs(&[Needs::OneUpstream]);
    DEFAULT_DATABASE: Parsed<String> = TEXT,
        key("default_database", "used when the app names no database; for `postgres` also when it names its own user as one, as libpq does")
            .or_else("what the app says");
    LABEL_SESSIONS: Switch = Switch,
        key("label_sessions", "an app that does not name itself (`application_name`, `program_name`, the LOGIN7's program) is named by its user and where it comes from, `legacy@10.1.2.3:50412`: for whoever looks at the database's sessions")
            .or(Literal::Bool(false));
    LOCAL_INFILE: Word<LocalFiles> = LOCAL_FILES,
        key("local_infile", "`\"deny\"` tells apps that the server has no LOAD DATA LOCAL, so it cannot ask them for files")
            .or(Literal::Text("allow")).needs(&[MYSQL]);
}}

keys! { LOGIN {
    UPSTREAM_USER: Parsed<String> = TEXT,
        key("upstream_user", "the database's name for the identity, case-sensitive. Every app becomes this one. Not for `tds` with a token: SQL Server takes the user from the token")
            .or_else("required without `user_map`").needs(&[Needs::UserName]);
    USER_MAP: Raw = Raw(|| Form::Map(Box::new(Form::Either(vec![Form::Text("principal"), Form::Table(&PRINCIPAL)])))),
        key("user_map", "the app's user decides, others are refused. `{ legacy = \"principal\", other = { user = \"p2\", identity = \"NAME\" } }`; for `tds` with a token `{ legacy = { identity = \"NAME\" } }`")
            .in_files_only();
    IDENTITY: Raw = Raw(|| Form::Either(vec![Form::Text("name of an `[identities.NAME]`"), Form::Table(&of_identity::TABLE)])),
        key("identity", "whose tokens").or_else("`[identity]`").needs(&[Needs::Tokens]);
    UPSTREAM_AUTH: Word<LoginWith> = LoginWith::WORDS,
        key("upstream_auth", "`\"password\"` is for a development server").or(Literal::Text("token"));
    UPSTREAM_PASSWORD_FILE: SecretIn = SecretIn,
        key("upstream_password_file", "file with the password; one line break at its end is cut off")
            .or_else("required with a password").needs(&[Needs::Password]);
    AUDIENCE: Parsed<String> = TEXT,
        key("audience", "what the token is for, with or without `/.default`")
            .or_else("that of the protocol's service in the route's cloud; PostgreSQL and MySQL have one together").needs(&[Needs::Tokens]);
}}

keys! { UPSTREAM_SIDE {
    UPSTREAM_TLS: Word<Strength> = Strength::WORDS,
        key("upstream_tls", "less than `\"verify\"` needs `upstream_auth = \"password\"` and is warned about at every start").or(Literal::Text("verify"));
    UPSTREAM_PASSWORD_IN_CLEAR: Switch = Switch,
        key("upstream_password_in_clear", "the password may be told as it is to a server that nobody has verified (`\"unverified\"`, `\"off\"`), where it asks for that; warned about at every start. Without it only proofs of the password go there (SCRAM, MD5, `mysql_native_password`, the fast answer of `caching_sha2_password`), and SQL Server knows none")
            .or(Literal::Bool(false)).needs(&[Needs::Password, Needs::LessThanVerifiedTls]);
    UPSTREAM_TLS_FIRST: Switch = Switch,
        key("upstream_tls_first", "TLS from the first byte, without asking: PostgreSQL 17 and later, and TDS 8.0 (Azure SQL, SQL Server 2022)")
            .or(Literal::Bool(false)).needs(&[Needs::Protocols(&[ProtocolName::Postgres, ProtocolName::Tds]), Needs::SomeTls]);
    UPSTREAM_CA_FILE: Path = Path,
        key("upstream_ca_file", "PEM file: only these may have signed. A server's own certificate may stand here")
            .or_else("the platform's roots").needs(&[Needs::VerifiedTls]);
    UPSTREAM_TLS_NAME: Parsed<ServerName<'static>> = Parsed("name", server_name),
        key("upstream_tls_name", "the name to ask for and to verify").or_else("the host of `upstream`").needs(&[Needs::VerifiedTls]);
    TOKEN_HOST: List<String> = List(text("names")),
        key("token_host", "names that may see a token although Azure does not hand them out, see below")
            .needs(&[Needs::Tokens, Needs::PlatformRoots]);
}}

keys! { APP_SIDE {
    ALLOW: List<IpNet> = List(Parsed("networks like `\"10.1.0.0/16\"`, or addresses", network)),
        key("allow", "who may come besides loopback, which always may. Required when `listen` has an address beyond loopback, and with it `app_password_file` or `trust_network`")
            .needs(&[Needs::OtherMachines]);
    APP_PASSWORD_FILE: SecretPath = SecretPath,
        key("app_password_file", "file with the passwords by which apps come in, loopback and sockets included: lines `user:password`, `:password` for any other user, hashed forms too, see below. Nobody but its owner, who must be root or the proxy's own user, and its group may read it")
            .or_else("apps come in without");
    TRUST_NETWORK: Switch = Switch,
        key("trust_network", "apps on other machines come in without a password: with `allow` those of its networks, without it everybody who can reach the port, which is warned about at every start")
            .or(Literal::Bool(false)).needs(&[Needs::OtherMachines]);
    PROXY_PROTOCOL_FROM: List<IpNet> = List(Parsed("networks, or addresses", network)),
        key("proxy_protocol_from", "load balancers: what comes from there begins with a header of the PROXY protocol, version 1 or 2, that says who comes, and `allow` is asked of that one. From anybody else a header is refused. Not for a Standard Load Balancer of Azure, which sends none and keeps the address")
            .needs(&[Needs::Port]);
    ALLOW_UIDS: Wholes = Wholes(Whole(0, u32::MAX)),
        key("allow_uids", "user ids that may come from this machine: over a unix socket, and on Linux over TCP, too, where the kernel is asked whose connection it is")
            .or_else("all, as far as `unix_mode` lets them").needs(&[Needs::KnownUsers]);
    UNIX_MODE: Octal = Octal,
        key("unix_mode", "mode of unix sockets, in octal").or_else("`0600`, with `unix_group` `0660`").needs(&[Needs::UnixSocket]);
    UNIX_GROUP: Group = Group,
        key("unix_group", "the group that unix sockets are given to; the user that runs the proxy must be in it").or_else("that of the process")
            .needs(&[Needs::UnixSocket]);
    PIPE_USERS: List<PipeUser> = List(Parsed("names like `\"DOMAIN\\\\group\"`, or SIDs", pipe::user)),
        key("pipe_users", "users and groups of Windows that may open the named pipes, besides the user that runs the proxy")
            .or_else("nobody else").needs(&[Needs::Pipe]);
    LOCAL_TLS: LocalTlsKind = LocalTlsKind,
        key("local_tls", "TLS for apps that ask for it. `\"auto\"`: with a certificate that the proxy makes, see `azdb-proxy ca`, but not offered before a MySQL older than 8.0.4, where Connector/J before 5.1.48 and 8.0.19 insists on TLS 1.0 or 1.1. `\"always\"`: there, too. `\"require\"`: as `\"always\"`, and apps that come over TCP without TLS are refused. A table: with yours, both PEM; `require = true` in it refuses apps without TLS, too")
            .or(Literal::Text("auto"));
    LOCAL_TLS_NAMES: List<String> = List(Parsed("names and addresses", own_name)),
        key("local_tls_names", "names by which apps know this machine, for the certificate that the proxy makes. It has `localhost`, `127.0.0.1` and `::1`, and where `listen` has an address beyond loopback this machine's name and those addresses, too. When one is missing in the certificate that was kept, certificate and authority are made anew")
            .needs(&[Needs::OwnCertificate]);
}}

keys! { LIMITS {
    MAX_CONNECTIONS: Whole = Whole(1, 100_000),
        key("max_connections", "sessions at a time, logins included").or(Literal::Number(1000));
    // Less is no time for a TLS handshake, and more is longer than any app waits.
    LOGIN_TIMEOUT: Time = Time(Duration::from_millis(100), Duration::from_secs(600)),
        key("login_timeout", "from the app's first byte to the database's \"ready\". Drivers give up after 10 to 15 s").or(Literal::Text("9s"));
    // Less, and one lost packet ends a session; more, and nobody who waits is left to be told.
    UPSTREAM_TIMEOUT: Time = Time(Duration::from_secs(2), Duration::from_secs(3600)),
        key("upstream_timeout", "a database, or an app, whose machine answers no packet for so long has vanished: its session ends with an error. One that only does not read, or takes long over a query, has not. On other systems than Linux this holds for connections at rest, and the system's own patience for others")
            .or(Literal::Text("30s"));
    // Less, and a pool's ordinary pause ends its sessions.
    IDLE_TIMEOUT: Time = Time(Duration::from_secs(1), Duration::from_secs(30 * 24 * 3600)),
        key("idle_timeout", "a session in which nothing has been said for so long ends, in an open transaction, too; not while its app waits for an answer. One that waits for notifications (LISTEN) says nothing either")
            .or_else("sessions may be idle for ever");
    HOLD_LOGINS: Switch = Switch,
        key("hold_logins", "a login waits inside `login_timeout` while its database is away for a moment: refused, reset before the login, starting, full. Turn it off where a health check wants a quick no")
            .or(Literal::Bool(true));
    FOLLOW_DNS: Switch = Switch,
        key("follow_dns", "when the upstream's name has moved to another address (a planned failover), sessions at the old one end as soon as they are idle, as with `drain_idle = \"now\"`. The name is looked up every 11 to 19 s while there are sessions or connections that wait for them, and twice without the address means moved. Not for names that show a few of many addresses at a time")
            .or(Literal::Bool(false));
}}

const REUSE: Word<Reuse> = Word(&[Reuse::Off, Reuse::Reset], |reuse| match reuse {
    Reuse::Off => "off",
    Reuse::Reset => "reset",
});

keys! { KEPT {
    READY_SESSIONS: Whole = Whole(0, 100),
        key("ready_sessions", "logged-in sessions that nobody has used, waiting for the next app that logs in as the last ones did. They count among `max_connections`").or(Literal::Number(0));
    SESSION_REUSE: Word<Reuse> = REUSE,
        key("session_reuse", "`\"reset\"`: an app's session is reset when it leaves, and given to the next app that logs in just like it").or(Literal::Text("off"));
    KEPT_SESSIONS: Whole = Whole(1, 1000),
        key("kept_sessions", "how many sessions of apps that left may wait. They count among `max_connections`").or(Literal::Number(10)).needs(&[Needs::Reuse]);
    // Less, and nobody comes in time; more, and it is a pool, which databases have of their own.
    KEPT_FOR: Time = Time(Duration::from_secs(1), Duration::from_secs(600)),
        key("kept_for", "how long a session of either kind waits for an app").or(Literal::Text("60s")).needs(&[Needs::Keeping]);
    KEPT_AGE: Time = Time(Duration::from_secs(1), Duration::from_secs(24 * 3600)),
        key("kept_age", "how old a session may be that is given to another app, and never older than 5 minutes before its token's end").or(Literal::Text("10m")).needs(&[Needs::Reuse]);
}}

keys! { SQL_SERVER {
    ROUTING_SUFFIXES: List<String> = List(Parsed("domains", domain)),
        key("routing_suffixes", "Azure SQL answers a login with \"log in over there\", and the proxy goes on only to names under these, in whole labels, and never to an address. Without the key the ports are 1433 and 11000 to 11999; with it any")
            .or_else("the upstream's own service").needs(&[TDS]);
    SQL_BROWSER: Switch = Switch,
        key("sql_browser", "answers SQL Server Browser on UDP port 1434 of loopback, so that apps find `localhost\\INSTANCE`. The instance is the route's name; a single such route answers to every name")
            .or(Literal::Bool(false)).needs(&[TDS, Needs::Port]);
    // Younger sessions would be in the way of every pool; older ones may as well be as old as they like.
    MAX_SESSION_AGE: Age = Age(Time(Duration::from_secs(60), Duration::from_secs(30 * 24 * 3600))),
        key("max_session_age", "`\"token\"`: a session ends between two requests 5 minutes before its token does, but not within 10 minutes of its login. Azure SQL looks at the token again during long sessions and fails the query that comes then")
            .or_by_login(Literal::Text("token"), Literal::Text("off")).needs(&[TDS]);
    TRANSLATE_LIMIT: Parsed<usize> = Parsed("a size", parse_size),
        key("translate_limit", "memory that a session of an app of TDS 7.1 or older may take for one value. Such apps hear how long a value is before it comes; where the database does not say that first (XML, values that it computes), the proxy keeps the value until it is whole, and for a moment a second time as it leaves. A longer one becomes an error in the app")
            .or(Literal::Text("64MiB")).needs(&[TDS]);
}}

/// An entry of `user_map`.
pub(crate) static PRINCIPAL: Table = Table {
    name: "principal",
    title: "an entry of user_map",
    parts: &[PRINCIPAL_KEYS],
};

keys! { PRINCIPAL_KEYS {
    USER: Parsed<String> = TEXT,
        key("user", "the database's name for the identity").or_else("required, but not for `tds` with a token").needs(&[Needs::UserName]);
    OWN_IDENTITY: Raw = Raw(|| IDENTITY.kind.form()),
        key("identity", "whose tokens").or_else("the route's").needs(&[Needs::Tokens]);
}}

/// `local_tls` with a certificate of one's own.
pub(crate) static LOCAL_TLS_FILES: Table = Table {
    name: "local_tls",
    title: "local_tls",
    parts: &[LOCAL_TLS_KEYS],
};

keys! { LOCAL_TLS_KEYS {
    CERT_FILE: Path = Path, key("cert_file", "PEM, leaf first").required("");
    KEY_FILE: SecretPath = SecretPath, key("key_file", "PEM, its private key").required("");
    REQUIRE: Switch = Switch, key("require", "as `\"require\"`: apps without TLS are refused").or(Literal::Bool(false));
}}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is not a network, for example \"10.1.0.0/16\""))?;
    // Written by somebody who meant one machine, it would open the door to all of its network.
    match network.addr() == network.network() {
        true => Ok(network),
        false => Err(format!(
            "{text:?} is an address within a network: write \"{}\" for that one, or \"{}\" for all of them",
            network.addr(),
            network.trunc()
        )),
    }
}

/// A name or an address, as a certificate has them.
fn own_name(text: &str) -> Result<String, String> {
    server_name(text).map(|_| text.to_ascii_lowercase())
}

/// A domain, with or without a dot in front.
fn domain(text: &str) -> Result<String, String> {
    let suffix = text.strip_prefix('.').unwrap_or(text);
    if suffix.parse::<IpAddr>().is_ok() {
        return Err(format!(
            "{text:?} is an address: an upstream is followed to names only"
        ));
    }
    server_name(suffix).map(|_| suffix.to_ascii_lowercase())
}
