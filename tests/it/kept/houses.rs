//! A database of each protocol, and apps of it: one that connects anew for each visit, and one that stays.

use std::net::TcpStream;
use std::time::Instant;

use azdb_tests::{
    Account, Azure, AzureSql, Emulated, Encrypt, MariaDb, Method, MysqlApp, MysqlPeer, PATIENCE,
    Process, Proxy, Ran, RawApp, Server, Shop, SqlApp, packets,
};

/// Makes a test of each function for each database and each way of waiting that it has: MariaDB's sessions are made ahead alone.
macro_rules! in_each_house {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            use crate::kept::houses::House;
            use crate::kept::keeper::Level::{Ready, Reused};

            #[test]
            #[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
            fn of_postgres_ready() { super::$name(&House::postgres(), Ready) }

            #[test]
            #[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
            fn of_postgres_reused() { super::$name(&House::postgres(), Reused) }

            #[test]
            #[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
            fn of_mariadb_ready() { super::$name(&House::mariadb(), Ready) }

            #[test]
            #[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
            fn of_mysql_reused() { super::$name(&House::mysql(), Reused) }

            #[test]
            #[cfg_attr(not(all(has_python, has_freetds)), ignore = "no pymssql, no FreeTDS: see scripts/test")]
            fn of_sql_server_ready() { super::$name(&House::sql_server(), Ready) }

            #[test]
            #[cfg_attr(not(all(has_python, has_freetds)), ignore = "no pymssql, no FreeTDS: see scripts/test")]
            fn of_sql_server_reused() { super::$name(&House::sql_server(), Reused) }
        })*
    };
}
pub(crate) use in_each_house;

/// A database.
pub(crate) enum House {
    Postgres(Azure),
    /// A server of its own, which counts how its clients end.
    Mariadb(Shop),
    /// The sample, whose server says that it is MySQL.
    Mysql(Emulated),
    SqlServer(AzureSql),
}

impl House {
    pub(crate) fn postgres() -> Self {
        Self::Postgres(Azure::new())
    }

    pub(crate) fn mariadb() -> Self {
        Self::Mariadb(Shop::on(MariaDb::with(&[])))
    }

    pub(crate) fn mysql() -> Self {
        Self::Mysql(Emulated::new())
    }

    pub(crate) fn sql_server() -> Self {
        Self::SqlServer(AzureSql::new())
    }

    /// The route to it.
    pub(crate) fn route(&self) -> String {
        match self {
            Self::Postgres(azure) => azure.route(),
            Self::Mariadb(shop) => shop.route(),
            Self::Mysql(sample) => sample.mysql_route() + "default_database = \"shop\"\n",
            Self::SqlServer(azure) => azure.route() + "default_database = \"shop\"\n",
        }
    }

    /// A route in which apps become somebody else or come to another database, a question whose answer shows that, and that answer.
    pub(crate) fn other_route(&self) -> (String, &'static str, String) {
        let other = format!("other_{}", Server::number());
        match self {
            Self::Postgres(azure) => {
                azure.server.add_role(&other, Method::Token, &azure.token);
                let route = azure.route().replace(&azure.role, &other);
                (route, "select current_user", other)
            }
            Self::Mariadb(shop) => {
                shop.server.add_user(&other, Account::Token, &shop.token);
                let grant = format!("grant all on {}.* to '{other}'@'%'", shop.database);
                shop.server.admin(&grant);
                let answer = format!("{other}@%");
                (shop.route_as(&other), "select current_user()", answer)
            }
            Self::Mysql(_) => {
                let route = self.route().replace("\"shop\"", "\"stock\"");
                (route, "select database()", "stock".to_owned())
            }
            Self::SqlServer(_) => {
                let before = "default_database = \"shop\"";
                let route = self
                    .route()
                    .replace(before, "default_database = \"master\"");
                (route, "select db_name()", "\"master\"".to_owned())
            }
        }
    }

    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        match self {
            Self::Postgres(azure) => azure.identity.environment(),
            Self::Mariadb(shop) => shop.identity.environment(),
            Self::Mysql(sample) => sample.environment(),
            Self::SqlServer(azure) => azure.environment(),
        }
    }

    /// The address of the database.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Postgres(azure) => azure.server.port,
            Self::Mariadb(shop) => shop.server.port,
            Self::Mysql(sample) => sample.azure.mysql().address().port(),
            Self::SqlServer(azure) => azure.azure.tds().address().port(),
        }
    }

    /// An app connects to a proxy, asks this and leaves.
    #[track_caller]
    pub(crate) fn visit(&self, proxy: &Proxy, password: &str, question: &str) -> Ran {
        match self {
            Self::Postgres(_) => {
                let app = proxy.app().told("PGPASSWORD", password);
                app.sql(question)
            }
            Self::Mariadb(_) | Self::Mysql(_) => {
                let app = MysqlApp::at(proxy.address()).told("DB_PASSWORD", password);
                app.sql(question)
            }
            Self::SqlServer(_) => {
                let app = SqlApp::of(proxy, Encrypt::Off).told("TDS_PASSWORD", password);
                let program = app.told("TDS_DATABASE", "").python("visits_tds.py");
                program.arg(question).run()
            }
        }
    }

    /// An app of another kind that has come in and stays.
    #[track_caller]
    pub(crate) fn stay(&self, proxy: &Proxy) -> Staying {
        match self {
            Self::Postgres(_) => {
                let mut app = RawApp::connect(proxy.address());
                app.log_in("anyone");
                Staying::Postgres(app)
            }
            Self::Mariadb(_) | Self::Mysql(_) => Staying::Mysql(MysqlPeer::log_in(proxy.address())),
            Self::SqlServer(_) => {
                let app = SqlApp::of(proxy, Encrypt::Off);
                // Its output comes by the line, also into a pipe.
                let tsql = app.program("stdbuf").args(["-oL", "tsql", "-S", "proxy"]);
                let tsql = tsql.args(["-U", "anyone", "-P", "any password"]);
                let mut session = tsql.interactive().start();
                session.type_line("select 'here'\ngo");
                session.stdout_until(|out| out.contains("here").then_some(()));
                Staying::SqlServer(session, app)
            }
        }
    }

    /// What asks for the number that the upstream gives the session.
    pub(crate) fn number(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "select pg_backend_pid()",
            Self::Mariadb(_) | Self::Mysql(_) => "select connection_id()",
            Self::SqlServer(_) => "select @@spid",
        }
    }

    /// How many sessions the upstream has of the route.
    pub(crate) fn sessions(&self) -> usize {
        match self {
            Self::Postgres(azure) => {
                let all = "select count(*) from pg_stat_activity where usename";
                let counted = azure.server.admin(&format!("{all} = '{}'", azure.role));
                counted.parse().unwrap()
            }
            Self::Mariadb(shop) => {
                let all = "select count(*) from information_schema.processlist where user";
                let counted = shop.server.admin(&format!("{all} = '{}'", shop.user));
                counted.parse().unwrap()
            }
            Self::Mysql(sample) => sample.azure.mysql().sessions(),
            Self::SqlServer(azure) => azure.azure.tds().sessions(),
        }
    }

    /// What the upstream knows of the sessions of the route: their numbers, or how many logins it has seen.
    pub(crate) fn traces(&self) -> Vec<String> {
        let listed = match self {
            Self::Postgres(azure) => {
                let all = "select pid from pg_stat_activity where usename";
                azure
                    .server
                    .admin(&format!("{all} = '{}' order by 1", azure.role))
            }
            Self::Mariadb(shop) => {
                let all = "select id from information_schema.processlist where user";
                shop.server
                    .admin(&format!("{all} = '{}' order by 1", shop.user))
            }
            Self::Mysql(sample) => sample.azure.mysql().logins().len().to_string(),
            Self::SqlServer(azure) => azure.azure.tds().logins().len().to_string(),
        };
        listed.lines().map(ToOwned::to_owned).collect()
    }

    /// Waits until the upstream has so many sessions of the route.
    #[track_caller]
    pub(crate) fn until_sessions(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        loop {
            let sessions = self.sessions();
            if sessions == count {
                return;
            }
            assert!(Instant::now() < until, "{sessions} sessions, not {count}");
            std::thread::yield_now();
        }
    }

    /// Waits until it has none.
    #[track_caller]
    pub(crate) fn until_empty(&self) {
        self.until_sessions(0);
    }

    /// What the upstream counts of clients that have not ended as they should; empty where it counts none.
    pub(crate) fn aborted(&self) -> String {
        match self {
            Self::Mariadb(shop) => shop.server.admin("show global status like 'Aborted_c%'"),
            Self::SqlServer(azure) => format!("{:?}", azure.azure.tds().violations()),
            Self::Postgres(_) | Self::Mysql(_) => String::new(),
        }
    }
}

/// An app that stays.
pub(crate) enum Staying {
    Postgres(RawApp),
    Mysql(MysqlPeer<TcpStream>),
    /// A program, and where it has its settings.
    SqlServer(
        Process,
        #[expect(dead_code, reason = "its files stay for as long")] SqlApp,
    ),
}

impl Staying {
    /// It says goodbye.
    pub(crate) fn leave(&mut self) {
        match self {
            Self::Postgres(app) => app.send(&packets::TERMINATE),
            Self::Mysql(app) => app.command(&[1]),
            Self::SqlServer(session, _) => session.type_line("exit"),
        }
    }
}
