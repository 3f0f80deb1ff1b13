//! A real PostgreSQL server that demands TLS, and from the roles of identities the token as their password.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::authority::{Authority, documented_certificate};
use crate::process::{Process, Program, Ran, tools};

/// Ends the server and removes its files when its standard input closes, which it does with the test process, whatever
/// ends that.
const LEASH: &str = r#"
directory=$1; shift
"$@" </dev/null & server=$!
trap 'kill -INT $server' INT TERM
while read -r _; do :; done
kill -INT $server
wait $server
rm -rf "$directory"
"#;

/// Whose certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// One for localhost and 127.0.0.1, signed by an authority of its own.
    Signed,
    /// The self-signed one for localhost of PostgreSQL's documentation.
    Documented,
    /// None: the server has `ssl = off`.
    Absent,
}

/// How the server wants a password from a role. The word is that of `pg_hba.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In the clear, as Azure wants a token: over TLS alone.
    Token,
    /// In the clear, with or without TLS.
    Password,
    /// As an MD5 hash.
    Md5,
    /// By SCRAM.
    ScramSha256,
}

impl Method {
    const ALL: [Self; 4] = [Self::Token, Self::Password, Self::Md5, Self::ScramSha256];

    /// The role whose members log in so.
    fn group(self) -> &'static str {
        match self {
            Self::Token => "identities",
            Self::Password => "by_password",
            Self::Md5 => "by_md5",
            Self::ScramSha256 => "by_scram",
        }
    }
}

/// A running server.
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// What to trust, to trust its certificate.
    pub ca_file: PathBuf,
    sockets: PathBuf,
    process: Process,
}

impl Server {
    /// The server that all tests share. Each makes roles and databases of its own in it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Certificate::Signed))
    }

    /// Another server.
    #[must_use]
    pub fn start(certificate: Certificate) -> Self {
        let directory = TempDir::with_prefix("azdb-postgres-").unwrap().keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let sockets = directory.join("sockets");
        let data = directory.join("data");
        for made in [&sockets, &data] {
            fs::create_dir(made).unwrap();
            fs::set_permissions(made, fs::Permissions::from_mode(0o700)).unwrap();
            give_to_server(made);
        }
        let initialised = as_server(&tools::postgres("initdb"))
            .args(["-D", data.to_str().unwrap(), "-U", "postgres"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync", "--auth=trust"])
            .run();
        let _ = initialised.succeeded();

        let ca_file = directory.join("ca.pem");
        let port = free_port();
        let mut settings = settings(port, &sockets);
        if let Some((certificate, key)) = certify(certificate, &directory, &ca_file) {
            give_to_server(&key);
            let _ = write!(
                settings,
                "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
                certificate.display(),
                key.display()
            );
        }
        append(&data.join("postgresql.conf"), &settings);
        fs::write(data.join("pg_hba.conf"), admission()).unwrap();
        let server = Self {
            port,
            ca_file,
            process: launch(&directory, &data),
            sockets,
        };
        server
            .process
            .stderr_until(|log| log.contains("ready to accept connections").then_some(()));
        for method in Method::ALL {
            server.admin(&format!("create role {}", method.group()));
        }
        server
    }

    /// Runs SQL as the superuser, in database `postgres`, and returns what it answers: unaligned, without headings.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        self.admin_in("postgres", sql)
    }

    /// Runs SQL as the superuser.
    #[track_caller]
    pub fn admin_in(&self, database: &str, sql: &str) -> String {
        let ran = Program::new("psql")
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"])
            .env("PGHOST", &self.sockets)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", database)
            .stdin(sql)
            .run();
        ran.succeeded().to_owned()
    }

    /// Makes a role that logs in with `secret`. `name` is as it shall be, without quotes.
    #[track_caller]
    pub fn add_role(&self, name: &str, method: Method, secret: &str) {
        let encryption = match method {
            Method::Md5 => "md5",
            _ => "scram-sha-256",
        };
        self.admin(&format!(
            "set password_encryption = '{encryption}';
             create role \"{name}\" login replication password '{secret}' in role {}",
            method.group()
        ));
    }

    /// Gives a role another secret.
    #[track_caller]
    pub fn change_secret(&self, role: &str, secret: &str) {
        self.admin(&format!("alter role \"{role}\" password '{secret}'"));
    }

    /// Makes a database that `owner` owns.
    #[track_caller]
    pub fn add_database(&self, name: &str, owner: &str) {
        self.admin(&format!("create database \"{name}\" owner \"{owner}\""));
    }

    /// Waits until the superuser's query answers `t`.
    #[track_caller]
    pub fn admin_until(&self, condition: &str) {
        let until = std::time::Instant::now() + crate::PATIENCE;
        while self.admin(&format!("select {condition}")) != "t" {
            assert!(std::time::Instant::now() < until, "never true: {condition}");
        }
    }

    /// psql straight at the server, with its certificate verified: what the proxy's answers are compared with.
    #[must_use]
    pub fn direct(&self, user: &str, secret: &str, database: &str, sql: &str) -> Ran {
        Program::new("psql")
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .env("PGHOST", "localhost")
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.ca_file)
            .env("PGUSER", user)
            .env("PGPASSWORD", secret)
            .env("PGDATABASE", database)
            .run()
    }

    /// A number that no other test of this process has, for names.
    #[must_use]
    pub fn number() -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// The server refuses to run as root; then it runs as its package's user.
fn as_server(program: &Path) -> Program {
    as_user("postgres", program)
}

/// A program that runs as `user` when the tests run as root.
pub(crate) fn as_user(user: &str, program: &Path) -> Program {
    if rustix::process::geteuid().is_root() {
        let ids = [format!("--reuid={user}"), format!("--regid={user}")];
        Program::new("setpriv")
            .args(ids)
            .arg("--clear-groups")
            .arg(program)
            .directory(Path::new("/"))
    } else {
        Program::new(program)
    }
}

fn give_to_server(path: &Path) {
    give_to("postgres", path);
}

/// Makes `user` the owner of a file when the tests run as root.
pub(crate) fn give_to(user: &str, path: &Path) {
    if rustix::process::geteuid().is_root() {
        let id = |flag| {
            let ran = Program::new("id").args([flag, user]).run();
            ran.succeeded().parse().unwrap()
        };
        chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
    }
}

fn launch(directory: &Path, data: &Path) -> Process {
    let mut command: Vec<PathBuf> = Vec::new();
    if rustix::process::geteuid().is_root() {
        let words = [
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
        ];
        command.extend(words.map(PathBuf::from));
    }
    command.extend([tools::postgres("postgres"), "-D".into(), data.to_owned()]);
    Program::new("sh")
        .args(["-c", LEASH, "leash"])
        .arg(directory)
        .args(command)
        .directory(Path::new("/"))
        .interactive()
        .start()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn settings(port: u16, sockets: &Path) -> String {
    format!(
        "listen_addresses = '127.0.0.1'
         port = {port}
         unix_socket_directories = '{}'
         fsync = off
         full_page_writes = off
         wal_level = logical
         max_connections = 200
         max_wal_senders = 10
         lc_messages = 'C'
         client_connection_check_interval = '100ms'
         ",
        sockets.display()
    )
}

/// The certificate and the key of a server. Writes what clients are to trust to `ca_file`.
fn certify(kind: Certificate, directory: &Path, ca_file: &Path) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
    match kind {
        Certificate::Absent => {
            fs::write(ca_file, Authority::default().ca_pem()).unwrap();
            return None;
        }
        Certificate::Documented => {
            let _ = documented_certificate(directory);
            fs::copy(&certificate, ca_file).unwrap();
        }
        Certificate::Signed => {
            let authority = Authority::default();
            let (certificate_pem, key_pem) = authority.issue(&["localhost", "127.0.0.1"]);
            fs::write(&certificate, certificate_pem).unwrap();
            fs::write(&key, key_pem).unwrap();
            fs::write(ca_file, authority.ca_pem()).unwrap();
        }
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    Some((certificate, key))
}

/// `pg_hba.conf`: tokens over TLS alone, as in Azure; roles of development servers as they like.
fn admission() -> String {
    let mut lines = "local all postgres trust\n".to_owned();
    for method in Method::ALL {
        let (kind, word) = match method {
            Method::Token => ("hostssl", "password"),
            Method::Password => ("host", "password"),
            Method::Md5 => ("host", "md5"),
            Method::ScramSha256 => ("host", "scram-sha-256"),
        };
        for database in ["all", "replication"] {
            let group = method.group();
            let _ = writeln!(lines, "{kind} {database} +{group} 127.0.0.1/32 {word}");
        }
    }
    lines.push_str("hostnossl all all 127.0.0.1/32 reject\n");
    lines
}

fn append(file: &Path, text: &str) {
    let before = fs::read_to_string(file).unwrap();
    fs::write(file, before + "\n" + text).unwrap();
}
