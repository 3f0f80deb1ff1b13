//! Where a program runs: a database, the proxy before it, and both of them started again when the program says so.

use std::path::{Path, PathBuf};

use azdb_tests::{
    Authority, Azure, AzureSql, MariaDb, Metrics, MySql, MySqlShop, Process, Program, Proxy,
    Server, Shop, Start, block_on, closed_port, tools,
};

use crate::row::Protocol;

/// The databases of one thread, each there from the first row on that needs it.
#[derive(Default)]
pub(crate) struct Databases {
    postgres: Option<Azure>,
    postgres_18: Option<Azure>,
    mariadb: Option<Shop>,
    mysql: Option<MySqlShop>,
    sql_server: Option<AzureSql>,
    home: Home,
}

/// What the proxy logs of each session.
const BEGINS: &str = "session begins";

/// A proxy that is told to end takes leave of idle apps at once, and it counts its sessions for whoever asks.
const PROCESS: &str = "[process]\ndrain_idle = \"now\"\nmax_sigterm_delay = \"1s\"\n\n[health]\nlisten = \"127.0.0.1:0\"\n";

/// The directory of the proxy's state: its authority is made once.
struct Home(PathBuf);

impl Default for Home {
    fn default() -> Self {
        Self(azdb_tests::lasting_directory("azdb-matrix-"))
    }
}

/// Which database a program is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Postgres,
    Postgres18,
    MariaDb,
    MySql,
    SqlServer,
}

impl Which {
    /// Those that each row of this protocol is run against: the first in all ways, others as the driver comes.
    pub(crate) fn of(protocol: Protocol) -> &'static [Self] {
        match protocol {
            Protocol::Postgres => &[Self::Postgres, Self::Postgres18],
            Protocol::Mysql => &[Self::MariaDb, Self::MySql],
            Protocol::Tds => &[Self::SqlServer],
        }
    }

    /// Whether it can be had: Debian has PostgreSQL 18 and MySQL nowhere or in places that move.
    pub(crate) fn is_there(self) -> bool {
        let is_installed = |name: &str| tools::installed(name).join("complete").exists();
        match self {
            Self::Postgres18 => is_installed("postgres_18"),
            Self::MySql => is_installed("mysql_9"),
            Self::Postgres | Self::MariaDb | Self::SqlServer => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "the installed PostgreSQL",
            Self::Postgres18 => "PostgreSQL 18",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL 9",
            Self::SqlServer => "the emulated Azure SQL",
        }
    }
}

/// A database and a proxy before it.
pub(crate) struct Place<'a> {
    database: Database<'a>,
    home: &'a Path,
    port: u16,
    proxy: Option<Proxy>,
}

enum Database<'a> {
    Postgres(&'a Azure),
    MariaDb(&'a Shop),
    MySql(&'a MySqlShop),
    Tds(&'a AzureSql),
}

impl Databases {
    /// The place with this database. Its proxy is there.
    pub(crate) fn place(&mut self, which: Which) -> Place<'_> {
        let leaked = |server| &*Box::leak(Box::new(server));
        let database = match which {
            Which::Postgres => Database::Postgres(self.postgres.get_or_insert_with(Azure::alone)),
            Which::Postgres18 => Database::Postgres(
                self.postgres_18
                    .get_or_insert_with(|| Azure::at(leaked(Server::start_eighteen()))),
            ),
            Which::MariaDb => Database::MariaDb(
                self.mariadb
                    .get_or_insert_with(|| Shop::on(MariaDb::with(&[]))),
            ),
            Which::MySql => {
                Database::MySql(self.mysql.get_or_insert_with(|| MySql::another().shop()))
            }
            Which::SqlServer => Database::Tds(self.sql_server.get_or_insert_with(AzureSql::new)),
        };
        let (home, port) = (self.home.0.as_path(), closed_port());
        let mut place = Place {
            database,
            home,
            port,
            proxy: None,
        };
        place.start_proxy();
        place
    }
}

impl Place<'_> {
    fn start_proxy(&mut self) {
        let (route, environment) = match &self.database {
            Database::Postgres(azure) => (azure.route(), azure.identity.environment().to_vec()),
            Database::MariaDb(shop) => (shop.route(), shop.identity.environment().to_vec()),
            // With a password: it has nothing that would take a token.
            Database::MySql(shop) => (shop.route(), Vec::new()),
            Database::Tds(azure) => (azure.route(), azure.environment().to_vec()),
        };
        let route = route.replace("127.0.0.1:0", &format!("127.0.0.1:{}", self.port));
        let start = Start::run_with(&format!("{route}{PROCESS}")).envs(environment);
        self.proxy = Some(
            start
                .env("XDG_STATE_HOME", self.home.to_str().unwrap())
                .start(),
        );
    }

    /// The proxy ends as its service manager ends it, and is there again.
    pub(crate) fn restart_proxy(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            let _ = proxy.stop();
        }
        self.start_proxy();
    }

    /// The database ends all sessions, and is there again.
    pub(crate) fn restart_upstream(&self) {
        match &self.database {
            Database::Postgres(azure) => azure.server.restart(),
            Database::MariaDb(shop) => shop.server.restart(),
            Database::MySql(shop) => shop.server.restart(),
            Database::Tds(azure) => block_on(azure.azure.tds().break_off()),
        }
    }

    /// The file with the proxy's authority, as `azdb-proxy ca` prints it.
    pub(crate) fn ca_file(&self) -> PathBuf {
        let file = self.home.join("ca.pem");
        if !file.exists() {
            let ca = Start::new(&["ca"])
                .env("XDG_STATE_HOME", self.home.to_str().unwrap())
                .run();
            std::fs::write(&file, ca.succeeded()).unwrap();
        }
        file
    }

    /// What an app is told of it.
    pub(crate) fn told(&self, program: Program) -> Program {
        let database = match &self.database {
            Database::Postgres(azure) => &azure.database,
            Database::MariaDb(shop) => &shop.database,
            Database::MySql(shop) => &shop.name,
            Database::Tds(_) => "shop",
        };
        program
            .env("DB_PORT", self.port.to_string())
            .env("DB_USER", "anyone")
            .env("DB_PASSWORD", "any password")
            .env("DB_NAME", database)
    }

    /// A text with the usual port and file in the place of this place's.
    pub(crate) fn as_usual(&self, text: &str) -> String {
        let usual = match &self.database {
            Database::Postgres(_) => "5432",
            Database::MariaDb(_) | Database::MySql(_) => "3306",
            Database::Tds(_) => "1433",
        };
        let file = self.home.join("ca.pem");
        text.replace(&self.port.to_string(), usual)
            .replace(file.to_str().unwrap(), "ca.pem")
    }

    /// The authority of somebody else.
    pub(crate) fn foreign_ca_file(&self) -> PathBuf {
        let directory = self.home.join("foreign");
        let file = directory.join("ca.pem");
        if !file.exists() {
            std::fs::create_dir_all(&directory).unwrap();
            let _ = Authority::default().write(&directory);
        }
        file
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap()
    }

    /// How many sessions have begun in this proxy.
    pub(crate) fn begun(&self) -> usize {
        let page = Metrics::scrape(self.proxy().endpoint("Health"));
        page.sum("azdb_proxy_sessions_total", &[]) as usize
    }

    /// Which of the sessions came over TLS that have begun since there were so many. Lines of the log come a little later.
    pub(crate) fn over_tls(&self, before: usize) -> Vec<bool> {
        self.proxy().log_until_times(self.begun(), BEGINS);
        let log = self.log();
        let sessions = log.lines().filter(|line| line.contains(BEGINS));
        let sessions = sessions.skip(before);
        sessions.map(|line| line.contains("app_tls=true")).collect()
    }

    /// What the proxy has logged.
    pub(crate) fn log(&self) -> String {
        self.proxy().log()
    }
}

/// Has the programs of a place do what it asks for.
pub(crate) fn obey(place: &mut Place<'_>, process: &mut Process, wish: &str) {
    match wish {
        "proxy restarts" => place.restart_proxy(),
        "upstream restarts" => place.restart_upstream(),
        other => panic!("nobody knows what this is: {other}"),
    }
    process.type_line("done");
}
