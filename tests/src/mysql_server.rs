//! A real MySQL over TLS, whose users log in with passwords, which `scripts/test --all` unpacks where Debian's unstable has it.
//!
//! There is no plugin in it that would take a token: the emulator's door before it does.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use azdb_emulator::{ChangesOfUser, EmulatorOptions};

use crate::azure::Emulated;
use crate::mariadb::{LEASH, READY, admin, admin_until, certify};
use crate::ports::closed_port;
use crate::process::{Process, Program, tools};
use crate::scratch;
use crate::server::Server;

/// Every user's password.
const PASSWORD: &str = "a password";

/// A running server.
pub struct MySql {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// What to trust, to trust its certificate.
    pub ca_file: PathBuf,
    directory: PathBuf,
    process: Mutex<Process>,
}

/// A database of it with a table `product` of three rows, and a user of the database's name with the default role of the name `NAME_default` and with
/// another, `NAME_other`.
pub struct MySqlShop {
    /// Where the database is.
    pub server: &'static MySql,
    /// Of the database and of its user.
    pub name: String,
}

impl MySql {
    /// The server that tests share. Each makes users and databases of its own in it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MySql> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of its own. It ends with the test process, as the shared one does.
    #[must_use]
    pub fn another() -> &'static Self {
        Box::leak(Box::new(Self::start()))
    }

    fn start() -> Self {
        let directory = scratch::named("azdb-mysql-").keep();
        let initialised = program(&directory).arg("--initialize-insecure").run();
        let _ = initialised.succeeded();
        let ca_file = certify(&directory);
        let port = closed_port();
        let process = launch(&directory, port);
        process.stderr_until(|log| log.contains(READY).then_some(()));
        Self {
            port,
            ca_file,
            directory,
            process: Mutex::new(process),
        }
    }

    /// Stops it and starts it, and waits until it takes connections again.
    #[track_caller]
    pub fn restart(&self) {
        self.process.lock().unwrap().start_again(READY);
    }

    /// Runs SQL as the superuser, and returns what it answers: values between tabs, without headings.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        admin(&socket(&self.directory), sql)
    }

    /// Waits until this SQL answers so.
    #[track_caller]
    pub fn admin_until(&self, sql: &str, answer: &str) {
        admin_until(&socket(&self.directory), sql, answer);
    }

    /// A database and its user.
    #[must_use]
    #[track_caller]
    pub fn shop(&'static self) -> MySqlShop {
        let name = format!("shop{}", Server::number());
        self.admin(&format!(
            "create database {name}; create database {name}_2; create role {name}_default, {name}_other;
             create user {name} identified by '{PASSWORD}'; grant {name}_default, {name}_other to {name};
             set default role {name}_default to {name};
             grant all on {name}.* to {name}; grant all on {name}_2.* to {name}; grant select on performance_schema.* to {name};
             grant process, session_variables_admin, backup_admin, reload, xa_recover_admin on *.* to {name};
             create table {name}.product (id int auto_increment primary key, price int);
             insert into {name}.product (price) values (1), (2), (3)"
        ));
        MySqlShop { server: self, name }
    }
}

impl MySqlShop {
    /// The route to the database with the user's password, on a free port.
    #[must_use]
    pub fn route(&self) -> String {
        let (port, ca_file, name) = (self.server.port, &self.server.ca_file, &self.name);
        let password = self.server.directory.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        format!(
            "[[route]]\nname = \"shop\"\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca_file:?}\nupstream_user = {name:?}\n\
             upstream_auth = \"password\"\nupstream_password_file = {password:?}\ndefault_database = {name:?}\n"
        )
    }

    /// An emulated Azure whose door stands before it.
    #[must_use]
    #[track_caller]
    pub fn in_azure(&self, changes_of_user: ChangesOfUser) -> Emulated {
        let (name, port) = (&self.name, self.server.port);
        let password = PASSWORD.replace(' ', "%20");
        let behind = format!("mysql://{name}:{password}@127.0.0.1:{port}");
        let mut options = EmulatorOptions::default();
        options.mysql.behind = Some(behind.parse().unwrap());
        options.mysql.changes_of_user = changes_of_user;
        Emulated::with(options)
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("socket")
}

/// The server, told where its data is.
fn program(directory: &Path) -> Program {
    with_place(Program::new(tools::installed("mysql_9/mysqld")), directory)
}

fn with_place(program: Program, directory: &Path) -> Program {
    // The user counts where this is root's.
    program
        .args(["--user=root", "--mysqlx=OFF"])
        .arg(format!("--datadir={}", directory.join("data").display()))
        .directory(Path::new("/"))
}

fn launch(directory: &Path, port: u16) -> Process {
    let at = |name: &str| directory.join(name).display().to_string();
    let leashed = Program::new("sh")
        .args(["-c", LEASH, "leash"])
        .args([at(""), at("no service")])
        .arg(tools::installed("mysql_9/mysqld"));
    with_place(leashed, directory)
        .args(["--bind-address=127.0.0.1", "--secure-file-priv="])
        .arg(format!("--port={port}"))
        .arg(format!("--socket={}", socket(directory).display()))
        .arg(format!("--pid-file={}", at("pid")))
        .arg(format!("--ssl-cert={}", at("server.pem")))
        .arg(format!("--ssl-key={}", at("server.key")))
        .arg("--innodb-flush-log-at-trx-commit=0")
        .interactive()
        .start()
}
