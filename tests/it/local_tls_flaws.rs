//! What apps make of TLS with the proxy, as their own libraries say it: each cause is a line in the log with a remedy of its own.

use std::net::SocketAddr;

use azdb_tests::tools::{NO_TRACE, app, installed};
use azdb_tests::{Authority, AzureSql, Emulated, MysqlApp, Program, Proxy, Start};
use tempfile::TempDir;

/// How the log speaks of an app: its level, the cause and the remedy.
type Line = [&'static str; 3];

const UNKNOWN_AUTHORITY: Line = [
    " WARN ",
    "login refused error=no TLS with the app: the app does not trust the authority of our certificate: ",
    "let the app trust what `azdb-proxy ca` prints, or the authority of local_tls's cert_file",
];
const NOT_ACCEPTED: Line = [
    " WARN ",
    "login refused error=no TLS with the app: the app does not accept our certificate: ",
    "connect by a name that the certificate has (localhost, 127.0.0.1",
];
const EXPIRED: Line = [
    " WARN ",
    "login refused error=no TLS with the app: our certificate has expired for the app: ",
    "renew the certificate in local_tls's cert_file",
];
const OLD_VERSION: Line = [
    " WARN ",
    "login refused error=no TLS with the app: the app offers no TLS 1.2 or later: ",
    "local_tls = \\\"off\\\" for this route",
];
const NO_CIPHER: Line = [
    " WARN ",
    "login refused error=no TLS with the app: the app has no cipher in common with us: ",
    "AES-GCM",
];
const HUNG_UP: Line = [
    " WARN ",
    "login refused error=no TLS with the app: the app left when it had seen our certificate: ",
    "do not trust what `azdb-proxy ca` prints",
];
/// It may be a watch over certificates, too.
const LEFT: Line = [
    " INFO ",
    "left without a login error=no TLS with the app: the app left when it had seen our certificate: ",
    "ask for a name that the certificate has not",
];
const OTHER_PROTOCOL: Line = [
    " DEBUG ",
    "no login: TLS from the first byte that does not name this protocol by ALPN",
    "",
];

/// A proxy, and files of authorities.
struct Door {
    proxy: Proxy,
    /// Where it listens, too, and its certificate is for no such name.
    other_name: SocketAddr,
    directory: TempDir,
    /// What its log has said of apps.
    said: Vec<&'static str>,
}

impl Door {
    fn open(route: &str, environment: [(&'static str, String); 2]) -> Self {
        let both = "listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]";
        let route = route.replace("listen = \"127.0.0.1:0\"", both);
        let debug = "[process]\nlog_level = \"info,azdb_core=debug\"\n[admin]\nlisten = \"off\"\n";
        let proxy = Start::run_with(&(debug.to_owned() + &route))
            .envs(environment)
            .start();
        let line = proxy.log_until("listen=127.0.0.2:");
        let other_name = line.split("listen=").nth(1).unwrap();
        let other_name = other_name.split(' ').next().unwrap().parse().unwrap();
        let directory = TempDir::new().unwrap();
        let _ = Authority::default().write(directory.path());
        let state = proxy.directory().join("state");
        let ca = Start::new(&["ca"])
            .env("XDG_STATE_HOME", state.to_str().unwrap())
            .run();
        std::fs::write(directory.path().join("own.pem"), ca.succeeded()).unwrap();
        let said = Vec::new();
        Self {
            proxy,
            other_name,
            directory,
            said,
        }
    }

    fn port(&self) -> u16 {
        self.proxy.address().port()
    }

    /// The proxy's own authority.
    fn own(&self) -> String {
        self.directory.path().join("own.pem").display().to_string()
    }

    /// One that has not signed its certificate.
    fn strangers(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }

    /// Runs an app that does not get in, and looks for the line about it.
    #[track_caller]
    fn fails(&mut self, program: Program, line: Line) {
        let ran = program.run();
        assert!(
            ran.code != Some(0) || ran.stderr.contains("rror"),
            "{ran:?}"
        );
        self.says(line);
    }

    /// Looks for another line like this.
    #[track_caller]
    fn says(&mut self, [level, cause, remedy]: Line) {
        self.said.push(cause);
        let times = self.said.iter().filter(|said| **said == cause).count();
        self.proxy.log_until_times(times, cause);
        let log = self.proxy.log();
        let line = log.lines().rfind(|line| line.contains(cause)).unwrap();
        assert!(line.contains(level) && line.contains(remedy), "{line}");
        assert!(!line.contains("https://"), "{line}");
    }

    /// OpenSSL's own client, which trusts the proxy's authority if it is not told otherwise.
    fn openssl(&self, options: &str) -> Program {
        Program::new("openssl")
            .args([
                "s_client",
                "-connect",
                self.proxy.door(),
                "-CAfile",
                &self.own(),
            ])
            .args(options.split_whitespace())
    }
}

/// The Java program, with a driver's archive, at a URL.
fn java(archive: &str, url: &str) -> Program {
    Program::new("java")
        .arg(NO_TRACE)
        .arg("-cp")
        .arg(installed(&format!("java/{archive}.jar")))
        .arg(app("java/LogsIn.java"))
        .arg(url)
}

/// A Python program of one line.
fn python(line: &str) -> Program {
    Program::new(installed("python/bin/python")).args(["-c", line])
}

/// A Node program of one line.
fn node(line: &str) -> Program {
    Program::new("node")
        .env("NODE_PATH", installed("node/node_modules"))
        .args(["-e", line])
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no psql: see scripts/test")]
fn psql_and_openssl_say_what_they_think_of_our_certificate() {
    let emulated = Emulated::new();
    let mut door = Door::open(&emulated.route(), emulated.environment());
    let psql = |root: String, host: &str| {
        let app = door.proxy.app().told("PGSSLMODE", "verify-full");
        let app = app.told("PGSSLROOTCERT", root).told("PGHOST", host);
        app.told("PGHOSTADDR", "127.0.0.1")
            .psql()
            .args(["-c", "select 1"])
    };
    let of_a_stranger = psql(door.strangers(), "localhost");
    let by_another_name = psql(door.own(), "db.example.org");
    door.fails(of_a_stranger, UNKNOWN_AUTHORITY);
    door.fails(by_another_name, LEFT);
    for (options, line) in [
        (
            "-verify_return_error -verify_hostname db.example.org",
            NOT_ACCEPTED,
        ),
        ("-verify_return_error -attime 99999999999", EXPIRED),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", OLD_VERSION),
        ("-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", NO_CIPHER),
        ("-tls1_2 -cipher AES128-SHA", NO_CIPHER),
    ] {
        let program = door.openssl(&format!("-starttls postgres {options}"));
        door.fails(program, line);
    }
    // As PostgreSQL 17's clients begin, and as others might.
    let direct = door.openssl("-alpn postgresql -verify_return_error -verify_hostname x");
    door.fails(direct, NOT_ACCEPTED);
    // With TLS 1.3 it may be done before it hears that it is not wanted.
    let _ = door.openssl("").stdin("").run();
    door.says(OTHER_PROTOCOL);
}

#[test]
#[cfg_attr(
    not(all(has_python, has_node, has_java)),
    ignore = "no drivers: see scripts/test"
)]
fn drivers_of_postgresql_say_what_they_think_of_our_certificate() {
    let emulated = Emulated::new();
    let mut door = Door::open(&emulated.route(), emulated.environment());
    let (own, strangers, port) = (door.own(), door.strangers(), door.port());
    let pgjdbc = |at: String, root: &str| {
        let url = format!("jdbc:postgresql://{at}/x?sslmode=verify-full&sslrootcert={root}");
        java("postgresql", &url)
    };
    door.fails(
        pgjdbc(format!("localhost:{port}"), &strangers),
        NOT_ACCEPTED,
    );
    door.fails(pgjdbc(door.other_name.to_string(), &own), LEFT);
    let asyncpg = format!(
        "import asyncio, asyncpg, ssl; asyncio.run(asyncpg.connect(host='localhost', port={port}, user='x', password='y', \
         ssl=ssl.create_default_context(cafile='{strangers}')))"
    );
    door.fails(python(&asyncpg), HUNG_UP);
    let pg = format!(
        "new (require('pg').Client)({{ host: 'localhost', port: {port}, user: 'x', password: 'y', ssl: true }}).connect()"
    );
    door.fails(node(&pg), HUNG_UP);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no MariaDB client, or no JDBC drivers: see scripts/test"
)]
fn apps_of_mysql_say_what_they_think_of_our_certificate() {
    let emulated = Emulated::new();
    let mut door = Door::open(&emulated.mysql_route(), emulated.environment());
    let (own, strangers, port) = (door.own(), door.strangers(), door.port());
    let mariadb = |address: SocketAddr, root: &str| {
        let client = MysqlApp::at(address).mariadb("mariadb");
        let client = client.args(["--protocol=tcp", "--ssl-verify-server-cert"]);
        client
            .arg(format!("--ssl-ca={root}"))
            .args(["-e", "select 1"])
    };
    door.fails(mariadb(door.proxy.address(), &strangers), UNKNOWN_AUTHORITY);
    door.fails(mariadb(door.other_name, &own), LEFT);
    let connector_j = format!("jdbc:mysql://localhost:{port}/shop?sslMode=VERIFY_CA");
    door.fails(java("mysql-connector-j", &connector_j), NOT_ACCEPTED);
    let old = door.openssl("-starttls mysql -tls1_1 -cipher ALL:@SECLEVEL=0");
    door.fails(old, OLD_VERSION);
    let expired = door.openssl("-starttls mysql -verify_return_error -attime 99999999999");
    door.fails(expired, EXPIRED);
}

#[test]
#[cfg_attr(
    not(all(has_freetds, has_python, has_node, has_java)),
    ignore = "no apps of SQL Server: see scripts/test"
)]
fn apps_of_sql_server_say_what_they_think_of_our_certificate() {
    let sql = AzureSql::new();
    let mut door = Door::open(&sql.route(), sql.environment());
    let (own, strangers, port) = (door.own(), door.strangers(), door.port());
    // Inside packets TLS 1.2 is spoken, and most apps have no way to put an alert into one.
    let jdbc = format!("jdbc:sqlserver://localhost:{port};encrypt=");
    door.fails(java("mssql-jdbc", &format!("{jdbc}true")), HUNG_UP);
    door.fails(java("mssql-jdbc", &format!("{jdbc}strict")), NOT_ACCEPTED);
    let other = door.other_name;
    for (place, root) in [
        (format!("localhost,{port}"), &strangers),
        (format!("{},{}", other.ip(), other.port()), &own),
    ] {
        for encrypt in ["yes", "strict"] {
            let line = format!(
                "import mssql_python; mssql_python.connect('Server={place};Encrypt={encrypt};UID=x;PWD=y;')"
            );
            door.fails(python(&line).env("SSL_CERT_FILE", root), HUNG_UP);
        }
    }
    let pytds = format!(
        "import pytds; pytds.connect(dsn='localhost', port={port}, user='x', password='y', cafile='{strangers}')"
    );
    door.fails(python(&pytds), HUNG_UP);
    let conf = door.directory.path().join("freetds.conf");
    let told = format!(
        "[proxy]\nhost = 127.0.0.1\nport = {port}\nencryption = require\nca file = {strangers}\n"
    );
    std::fs::write(&conf, told).unwrap();
    let tsql = Program::new("tsql").args(["-S", "proxy", "-U", "x", "-P", "y"]);
    door.fails(tsql.env("FREETDSCONF", &conf), HUNG_UP);
    // It looks at the certificate when the handshake is over.
    let tedious = format!(
        "const connection = new (require('tedious').Connection)({{ server: 'localhost', options: {{ port: {port}, encrypt: true }}, \
         authentication: {{ type: 'default', options: {{ userName: 'x', password: 'y' }} }} }}); \
         connection.on('connect', (error) => console.error(error)); connection.connect()"
    );
    door.fails(node(&tedious), LEFT);
}
