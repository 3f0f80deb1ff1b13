//! The strings of `docs/connection-strings.md`, given to the drivers as they stand there, and once more with TLS.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use azdb_tests::{Program, tools};

use super::commands::Machine;
use super::page::Page;

/// How many products there are, in every database of the demo.
const PRODUCTS: &str = "8";

/// The texts in code of a cell, a line each.
fn codes(cell: &str) -> String {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

/// The page's strings.
pub(super) struct Strings(Page);

impl Strings {
    pub(super) fn new() -> Self {
        Self::of("docs/connection-strings.md")
    }

    /// Those of another page.
    pub(super) fn of(page: &str) -> Self {
        Self(Page::of(page))
    }

    /// The cells of the row that begins so, below this heading.
    #[track_caller]
    fn row(&self, heading: &str, who: &str) -> Vec<&str> {
        let (_, below) = self.0.text.split_once(&format!("# {heading}\n")).unwrap();
        let below = below.split("\n#").next().unwrap();
        let row = below
            .lines()
            .find(|line| line.starts_with(&format!("| {who}")));
        let row = row.unwrap_or_else(|| panic!("{heading} has no row for {who}"));
        assert!(row.contains('✓'), "{who} is tested, and not marked");
        row.split('|').skip(1).map(str::trim).collect()
    }

    /// What stands in code in a cell of that row, a line each.
    #[track_caller]
    pub(super) fn cell(&self, heading: &str, who: &str, column: usize) -> String {
        codes(self.row(heading, who).get(column).unwrap())
    }

    /// What an app has with the proxy.
    #[track_caller]
    pub(super) fn after(&self, heading: &str, who: &str) -> String {
        self.cell(heading, who, 2)
    }

    /// The same with what that column of the last table has for this driver, in place of what the first one has.
    #[track_caller]
    pub(super) fn with_tls(&self, heading: &str, who: &str, driver: &str, column: usize) -> String {
        let plain = self.after(heading, who);
        let row = self.row("TLS, driver by driver", driver);
        let (off, on) = (codes(row.get(1).unwrap()), codes(row.get(column).unwrap()));
        assert!(plain.contains(&off), "{off}: {plain}");
        plain.replace(&off, &on)
    }

    /// Without TLS, and with TLS that verifies nothing.
    #[track_caller]
    fn both(&self, heading: &str, who: &str, driver: &str) -> [String; 2] {
        let encrypted = self.with_tls(heading, who, driver, 2);
        [self.after(heading, who), encrypted]
    }
}

/// The values of settings in the form of Spring's properties, a line each.
fn properties(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("passwordless"));
    let values = lines.map(|line| line.split_once('=').unwrap().1);
    values.collect::<Vec<_>>().join("\n")
}

/// Where Java finds its drivers.
pub(super) fn archives() -> std::ffi::OsString {
    let archives = ["postgresql", "mysql-connector-j", "mssql-jdbc"];
    let archives = archives.map(|name| tools::installed(&format!("java/{name}.jar")));
    std::env::join_paths(archives).unwrap()
}

/// The demo on a machine of its own, where its doors are those of the page. Tests that run at the same time share one.
pub(super) fn demo() -> Arc<Machine> {
    static SHARED: Mutex<Weak<Machine>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(machine) = shared.upgrade() {
        return machine;
    }
    let mut machine = Machine::new();
    machine.beside("azdb-proxy demo", "ends the demo");
    let machine = Arc::new(machine);
    *shared = Arc::downgrade(&machine);
    machine
}

/// That a program reads what is in the databases, once for each of so many connections.
#[track_caller]
pub(super) fn assert_connects(program: Program, times: usize) {
    let ran = program.run();
    assert_eq!(ran.succeeded(), [PRODUCTS].repeat(times).join("\n"));
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_python)),
    ignore = "no drivers of Python, or not root: see scripts/test"
)]
fn drivers_of_python_take_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    let libpq = "libpq";
    let python = |driver: &str, settings: &str| {
        let python = demo.program(tools::installed("python/bin/python"));
        python
            .arg(tools::app("python/connects.py"))
            .args([driver, settings])
    };
    for driver in ["psycopg", "psycopg2"] {
        for settings in strings.both("PostgreSQL", "Python, psycopg", libpq) {
            assert_connects(python(driver, &settings), 1);
        }
    }
    let who = "Python, mysql-connector";
    for settings in strings.both("MySQL", who, "mysql-connector for Python") {
        assert_connects(python("mysql.connector", &settings), 1);
    }
    assert_connects(python("pymysql", &strings.after("MySQL", who)), 1);
    for heading in ["PostgreSQL", "MySQL"] {
        assert_connects(python("django", &strings.after(heading, "Django")), 1);
    }
    for settings in strings.both("Azure SQL", "Python, ODBC", "Microsoft's ODBC driver") {
        assert_connects(python("mssql_python", &settings), 1);
    }
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_node)),
    ignore = "no drivers of Node.js, or not root: see scripts/test"
)]
fn drivers_of_node_take_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    for (heading, who, driver, module) in [
        ("PostgreSQL", "Node.js, pg", "pg for Node.js", "pg"),
        ("MySQL", "Node.js, mysql2", "mysql2 for Node.js", "mysql2"),
        (
            "Azure SQL",
            "Node.js, mssql",
            "mssql for Node.js",
            "tedious",
        ),
    ] {
        for settings in strings.both(heading, who, driver) {
            let node = demo.program("node").arg(tools::app("node/connects.cjs"));
            let node = node.env("NODE_PATH", tools::installed("node/node_modules"));
            assert_connects(node.args([module, &settings]), 1);
        }
    }
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_java)),
    ignore = "no drivers of Java, or not root: see scripts/test"
)]
fn drivers_of_java_take_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    let mut urls = Vec::new();
    for (heading, driver) in [
        ("PostgreSQL", "pgjdbc"),
        ("MySQL", "Connector/J"),
        ("Azure SQL", "mssql-jdbc"),
    ] {
        urls.extend(strings.both(heading, "Java, JDBC", driver));
        urls.push(properties(&strings.after(heading, "Spring Boot")));
    }
    let java = demo.program("java").arg(tools::NO_TRACE);
    let java = java.arg("-cp").arg(archives());
    let times = urls.len();
    assert_connects(java.arg(tools::app("java/Connects.java")).args(urls), times);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_php)),
    ignore = "no mysqli, or not root: see scripts/test"
)]
fn mysqli_takes_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    for settings in strings.both("MySQL", "PHP, mysqli", "mysqli") {
        let php = demo.program("php").arg(tools::app("php/connects.php"));
        assert_connects(php.arg(settings), 1);
    }
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_go)),
    ignore = "no drivers of Go, or not root: see scripts/test"
)]
fn drivers_of_go_take_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    for (heading, who, driver, module) in [
        ("PostgreSQL", "Go, pq", "libpq", "postgres"),
        ("MySQL", "Go, go-sql-driver", "go-sql-driver", "mysql"),
    ] {
        for settings in strings.both(heading, who, driver) {
            let go = demo.program(tools::installed("go/with_go_mysql"));
            assert_connects(go.args([module, &settings]), 1);
        }
    }
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_go_mssql)),
    ignore = "no go-mssqldb, or not root: see scripts/test --all"
)]
fn go_mssqldb_takes_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    for settings in strings.both("Azure SQL", "Go, go-mssqldb", "go-mssqldb") {
        let settings = settings.lines().next().unwrap().to_owned();
        let go = demo.program(tools::installed("go_mssql/go_mssql"));
        assert_connects(go.arg(settings), 1);
    }
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_mono)),
    ignore = "no SqlClient under mono, or not root: see scripts/test --all"
)]
fn sqlclient_takes_the_strings_of_the_page() {
    let (demo, strings) = (demo(), Strings::new());
    for settings in strings.both("Azure SQL", ".NET, SqlClient", "SqlClient") {
        let mono = demo
            .program("mono")
            .arg(tools::installed("dotnet/dotnet.exe"));
        assert_connects(mono.arg(settings), 1);
    }
}
