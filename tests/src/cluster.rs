//! The files of a PostgreSQL server, and its process.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::authority::{Authority, documented_certificate, first_version_certificate};
use crate::ports::closed_port;
use crate::process::{Process, Program, tools};
use crate::scratch;
use crate::server::{Certificate, Method};

/// Starts the server again for each line of its standard input. Ends it and removes its files when that closes, which it does with the
/// test process, whatever ends that.
const LEASH: &str = r#"
directory=$1; shift
"$@" </dev/null & server=$!
trap 'kill -INT $server' INT TERM
while read -r _; do
    kill -INT $server
    wait $server
    "$@" </dev/null & server=$!
done
kill -INT $server
wait $server
rm -rf "$directory"
"#;

/// What a server says that takes connections.
const READY: &str = "ready to accept connections";

/// Whose programs a server is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Release {
    /// The newest that is installed as a package.
    Installed,
    /// PostgreSQL 18.
    Eighteen,
}

impl Release {
    fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Installed => tools::postgres(name),
            Self::Eighteen => tools::postgres_18(name),
        }
    }
}

/// A data directory and the server on it, which ends with this process.
pub(crate) struct Cluster {
    pub(crate) port: u16,
    pub(crate) ca_file: PathBuf,
    /// The directory of its socket files.
    pub(crate) sockets: PathBuf,
    data: PathBuf,
    release: Release,
    process: Mutex<Process>,
}

impl Cluster {
    /// Makes everything, and waits until the server takes connections.
    pub(crate) fn start(release: Release, certificate: Certificate) -> Self {
        let directory = scratch::named("azdb-postgres-").keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let sockets = directory.join("sockets");
        let data = directory.join("data");
        for made in [&sockets, &data] {
            fs::create_dir(made).unwrap();
            fs::set_permissions(made, fs::Permissions::from_mode(0o700)).unwrap();
            give_to_server(made);
        }
        let initialised = as_server(&release.program("initdb"))
            .args(["-D", data.to_str().unwrap(), "-U", "postgres"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync", "--auth=trust"])
            .run();
        let _ = initialised.succeeded();

        let ca_file = directory.join("ca.pem");
        let port = closed_port();
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
        let process = launch(release, &directory, &data);
        process.stderr_until(|log| log.contains(READY).then_some(()));
        Self {
            port,
            ca_file,
            sockets,
            data,
            release,
            process: Mutex::new(process),
        }
    }

    /// Ends all sessions as a shutdown does, and waits until it takes connections again.
    #[track_caller]
    pub(crate) fn restart(&self) {
        self.process().start_again(READY);
    }

    /// Has `pg_ctl` do something with the server, and waits until it is done.
    #[track_caller]
    pub(crate) fn control(&self, words: &[&str]) {
        let ran = as_server(&self.release.program("pg_ctl"))
            .args(["-s", "-w", "-m", "fast", "-D"])
            .arg(&self.data)
            .arg("-l")
            .arg(self.data.join("again.log"))
            .args(words)
            .run();
        let _ = ran.succeeded();
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process().stderr()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap()
    }
}

impl Drop for Cluster {
    /// Lets go of the leash and waits: killed, it could end nothing.
    fn drop(&mut self) {
        self.process().end();
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

fn launch(release: Release, directory: &Path, data: &Path) -> Process {
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
    command.extend([release.program("postgres"), "-D".into(), data.to_owned()]);
    Program::new("sh")
        .args(["-c", LEASH, "leash"])
        .arg(directory)
        .args(command)
        .directory(Path::new("/"))
        .interactive()
        .start()
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
        Certificate::FirstVersion => {
            let (pem, key_pem) = first_version_certificate(directory);
            fs::write(&certificate, &pem).unwrap();
            fs::write(&key, key_pem).unwrap();
            fs::write(ca_file, pem).unwrap();
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
