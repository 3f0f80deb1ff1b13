//! A real MariaDB over TLS, whose users of identities log in with the token, in the clear, through PAM.
//!
//! PAM sees the first 511 bytes of what it is given; the server's `pam_exec` compares those with the token's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::authority::Authority;
use crate::cluster::{as_user, give_to};
use crate::identity::{Identity, token_of};
use crate::ports::closed_port;
use crate::process::{Process, Program, Ran};
use crate::proxy::Proxy;
use crate::scratch;
use crate::server::Server;
use crate::start::Start;

/// Starts the server again for each line of its standard input. Ends it and removes its files when that closes, which it does with the test
/// process. Nobody waits for its farewell then: its data goes with it, and a MySQL that was asked to end in the middle of its work was seen to go on for ever.
pub(crate) const LEASH: &str = r#"
directory=$1; service=$2; shift 2
"$@" </dev/null & server=$!
trap 'kill -KILL $server' INT TERM
while read -r _; do
    kill -TERM $server
    wait $server
    "$@" </dev/null & server=$!
done
kill -KILL $server
wait $server
rm -rf "$directory" "$service"
"#;

/// What a server says that takes connections.
pub(crate) const READY: &str = "ready for connections";

/// Compares what PAM was given with the file of the user's name.
const COMPARE: &str = r#"#!/bin/sh
given=$(head -c 511 | tr -d '\0')
[ -n "$given" ] && [ "$given" = "$(head -c 511 "$(dirname "$0")/tokens/$PAM_USER")" ]
"#;

/// How a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// With a token, in the clear and over TLS alone, as an Entra user of Azure.
    Token,
    /// With a password, by `mysql_native_password`.
    Native,
}

/// A running server.
pub struct MariaDb {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// What to trust, to trust its certificate.
    pub ca_file: PathBuf,
    directory: PathBuf,
    service: String,
    process: Mutex<Process>,
}

impl MariaDb {
    /// The server that all tests share. Each makes users and databases of its own in it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// A server of its own with these options. It ends with the test process, as the shared one does.
    #[must_use]
    pub fn with(options: &[&str]) -> &'static Self {
        Box::leak(Box::new(Self::start(options)))
    }

    fn start(options: &[&str]) -> Self {
        let directory = scratch::named("azdb-mariadb-").keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        // In a place of its own for temporary tables: a server that starts removes those of all others there.
        let [data, temporary, tokens] =
            ["data", "temporary", "tokens"].map(|name| directory.join(name));
        for made in [&data, &temporary, &tokens] {
            fs::create_dir(made).unwrap();
        }
        give_to("mysql", &data);
        give_to("mysql", &temporary);
        let initialised = as_user("mysql", Path::new("mariadb-install-db"))
            .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
            .arg("--auth-root-authentication-method=normal")
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--tmpdir={}", temporary.display()))
            .run();
        let _ = initialised.succeeded();

        let compare = directory.join("compare");
        fs::write(&compare, COMPARE).unwrap();
        fs::set_permissions(&compare, fs::Permissions::from_mode(0o755)).unwrap();
        let port = closed_port();
        let service = format!("azdb-tests-{port}");
        let services = PathBuf::from("/etc/pam.d").join(&service);
        let rules = format!(
            "auth required pam_exec.so expose_authtok quiet {}\naccount required pam_permit.so\n",
            compare.display()
        );
        fs::write(&services, rules).unwrap();

        let ca_file = certify(&directory);
        let process = launch(&directory, port, &services, options);
        process.stderr_until(|log| log.contains(READY).then_some(()));
        let server = Self {
            port,
            ca_file,
            directory,
            service,
            process: Mutex::new(process),
        };
        // It shadows every user that may come from anywhere.
        server.admin("delete from mysql.global_priv where User = ''; flush privileges");
        server
    }

    /// Stops it and starts it, and waits until it takes connections again.
    #[track_caller]
    pub fn restart(&self) {
        self.process.lock().unwrap().start_again(READY);
    }

    /// Runs SQL as the superuser, and returns what it answers: values between tabs, without headings.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        admin(&self.socket(), sql)
    }

    /// Waits until this SQL answers so.
    #[track_caller]
    pub fn admin_until(&self, sql: &str, answer: &str) {
        admin_until(&self.socket(), sql, answer);
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("data/socket")
    }

    /// Makes a user. `name` is as it shall be, without quotes.
    #[track_caller]
    pub fn add_user(&self, name: &str, account: Account, secret: &str) {
        let how = match account {
            Account::Token => {
                self.change_token(name, secret);
                format!("identified via pam using '{}' require ssl", self.service)
            }
            Account::Native => format!("identified by '{secret}'"),
        };
        self.admin(&format!("create user '{name}'@'%' {how}"));
    }

    /// Gives a user another token.
    pub fn change_token(&self, name: &str, token: &str) {
        let file = self.directory.join("tokens").join(name);
        fs::write(&file, token).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// Writes the server's certificate and key, and what to trust.
pub(crate) fn certify(directory: &Path) -> PathBuf {
    let authority = Authority::default();
    let (certificate, key) = authority.issue(&["localhost", "127.0.0.1"]);
    fs::write(directory.join("server.pem"), certificate).unwrap();
    let key_file = directory.join("server.key");
    fs::write(&key_file, key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    give_to("mysql", &key_file);
    authority.write(directory)
}

/// Runs SQL as the superuser of the server at this socket.
#[track_caller]
pub(crate) fn admin(socket: &Path, sql: &str) -> String {
    let ran = Program::new("mariadb")
        .args(["--no-defaults", "--skip-ssl", "-N", "-B", "-u", "root"])
        .arg(format!("--socket={}", socket.display()))
        .stdin(sql)
        .run();
    ran.succeeded().to_owned()
}

/// Waits until SQL of the superuser answers so.
#[track_caller]
pub(crate) fn admin_until(socket: &Path, sql: &str, answer: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let said = admin(socket, sql);
        if said == answer {
            return;
        }
        assert!(Instant::now() < until, "{sql}: {said}, not {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn launch(directory: &Path, port: u16, service: &Path, options: &[&str]) -> Process {
    let at = |name: &str| directory.join(name).display().to_string();
    Program::new("sh")
        .args(["-c", LEASH, "leash"])
        .args([directory, service])
        .args([
            "setpriv",
            "--reuid=mysql",
            "--regid=mysql",
            "--clear-groups",
        ])
        .args(["mariadbd", "--no-defaults", "--bind-address=127.0.0.1"])
        .arg(format!("--datadir={}", at("data")))
        .arg(format!("--tmpdir={}", at("temporary")))
        .arg(format!("--socket={}", at("data/socket")))
        .arg(format!("--pid-file={}", at("data/pid")))
        .arg(format!("--port={port}"))
        .arg(format!("--ssl-cert={}", at("server.pem")))
        .arg(format!("--ssl-key={}", at("server.key")))
        .args(["--plugin-maturity=unknown", "--plugin-load-add=auth_pam"])
        .args(["--pam-use-cleartext-plugin=ON", "--skip-name-resolve"])
        .args(["--local-infile=ON", "--max-allowed-packet=128M"])
        .args(["--character-set-server=utf8mb4", "--max-connections=500"])
        .args(["--log-bin=binlog", "--server-id=1", "--binlog-format=ROW"])
        .args([
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=256M",
        ])
        .args(options)
        .directory(Path::new("/"))
        .interactive()
        .start()
}

/// A database of the real server, its user, and the identity endpoint that gives the user's token.
pub struct Shop {
    /// Where the database is.
    pub server: &'static MariaDb,
    /// The user. Its name has a space and capitals.
    pub user: String,
    /// The database that it owns.
    pub database: String,
    /// The token.
    pub token: String,
    /// What gives the token.
    pub identity: Identity,
}

impl Shop {
    /// With a token of the size that managed identities have.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::on(MariaDb::shared())
    }

    /// On this server.
    #[must_use]
    #[track_caller]
    pub fn on(server: &'static MariaDb) -> Self {
        let number = Server::number();
        let (user, database) = (format!("My Identity {number}"), format!("shop{number}"));
        let token = token_of(2000);
        server.add_user(&user, Account::Token, &token);
        server.admin(&format!(
            "create database {database}; grant all on {database}.* to '{user}'@'%'; \
             grant process, reload, replication slave, binlog monitor, connection admin on *.* to '{user}'@'%'"
        ));
        Self {
            server,
            user,
            database,
            identity: Identity::giving(&token),
            token,
        }
    }

    /// The route to the database, on a free port.
    #[must_use]
    pub fn route(&self) -> String {
        self.route_as(&self.user)
    }

    /// The route to the database as another user.
    #[must_use]
    pub fn route_as(&self, user: &str) -> String {
        format!(
            "[[route]]\nname = \"shop\"\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\n\
             upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\n\
             upstream_user = {user:?}\ndefault_database = {database:?}\n",
            port = self.server.port,
            ca = self.server.ca_file,
            database = self.database,
        )
    }

    /// A proxy with [`Shop::route`].
    #[must_use]
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        self.start(&self.route()).start()
    }

    /// A proxy with this configuration, where the identity endpoint is.
    #[must_use]
    pub fn start(&self, configuration: &str) -> Start {
        Start::run_with(configuration).envs(self.identity.environment())
    }

    /// The mariadb client straight at the server, with its certificate verified.
    #[must_use]
    pub fn direct(&self, user: &str, secret: &str, sql: &str) -> Ran {
        Program::new("mariadb")
            .args([
                "--no-defaults",
                "-N",
                "-B",
                "-h",
                "localhost",
                "--protocol=tcp",
            ])
            .args(["--ssl", "--ssl-verify-server-cert"])
            .arg(format!("--ssl-ca={}", self.server.ca_file.display()))
            .arg(format!("--port={}", self.server.port))
            .arg(format!("--user={user}"))
            .arg(format!("--password={secret}"))
            .args(["-e", sql])
            .run()
    }
}

impl Default for Shop {
    fn default() -> Self {
        Self::new()
    }
}
