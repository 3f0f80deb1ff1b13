//! The proxy's certificate, as drivers see it that look at it: refused in the words of `docs/troubleshooting.md`, and verified with what
//! `docs/connection-strings.md` has for it.

use azdb_tests::{Program, tools};

use super::commands::Machine;
use super::connection_strings::{Strings, archives, assert_connects, demo};
use super::page::Page;

#[test]
#[cfg_attr(
    not(all(
        has_namespaces,
        has_postgres,
        has_mariadb,
        has_python,
        has_node,
        has_java,
        has_go
    )),
    ignore = "no drivers, or not root: see scripts/test"
)]
fn drivers_say_of_a_certificate_that_they_do_not_trust_what_the_page_has() {
    let (demo, strings) = (demo(), Strings::new());
    let page = Page::of("docs/troubleshooting.md").text;
    let node = demo.program("node").arg(tools::app("node/connects.cjs"));
    let node = node.env("NODE_PATH", tools::installed("node/node_modules"));
    let settings = strings.after("PostgreSQL", "Node.js, pg");
    let node = node.args(["pg", &settings.replace("ssl: false", "ssl: true")]);
    let java = demo.program("java").args([tools::NO_TRACE, "-cp"]);
    let java = java.arg(archives()).arg(tools::app("java/Connects.java"));
    let settings = strings.after("Azure SQL", "Java, JDBC");
    let java = java.arg(settings.replace("encrypt=false;", ""));
    let go = demo.program(tools::installed("go/with_go_mysql"));
    let settings = strings.after("MySQL", "Go, go-sql-driver");
    let go = go.args(["mysql", &settings.replace("tls=false", "tls=true")]);
    let odbc = demo.program(tools::installed("python/bin/python"));
    let odbc = odbc.arg(tools::app("python/connects.py"));
    let settings = strings.after("Azure SQL", "Python, ODBC");
    let odbc = odbc.args(["mssql_python", &settings.replace("Encrypt=no;", "")]);
    let psql = demo.program("psql");
    let psql = psql.arg("host=127.0.0.1 user=any dbname=orders sslmode=verify-full");
    let mariadb = demo
        .program("mariadb")
        .args(["--no-defaults", "--host=127.0.0.1"]);
    let mariadb = mariadb.args(["--user=any", "--password=any", "--ssl-verify-server-cert"]);
    let signed = "self-signed certificate in certificate chain";
    for (program, words) in [
        (node, signed),
        (mariadb, signed),
        (odbc, signed),
        (java, "PKIX path building failed"),
        (go, "certificate signed by unknown authority"),
        (psql, "root certificate file … does not exist"),
    ] {
        assert!(page.contains(&format!("\"{words}\"")), "{words}");
        let ran = program.run();
        assert_ne!(ran.code, Some(0), "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let mut parts = words.split('…');
        assert!(parts.all(|part| said.contains(part)), "{words}: {said}");
    }
}

/// A machine with a proxy whose authority is in `ca.pem`, before an emulated Azure.
fn with_authority() -> Machine {
    let mut machine = Machine::new();
    let ports = "--postgres 127.0.0.1:5442 --mysql 127.0.0.1:3316 --tds 127.0.0.1:1443";
    machine.beside(
        &format!("azdb-emulator --ca-file azure.pem {ports}"),
        "TDSSERVER=",
    );
    let urls = [
        "postgres://orders-app@localhost:5442",
        "mysql://orders-app@localhost:3316",
        "tds://localhost:1443",
    ];
    let urls = urls.map(|url| format!("'{url}/orders?upstream_ca_file=azure.pem'"));
    machine.beside(&format!("azdb-proxy run {}", urls.join(" ")), "token ready");
    let _ = machine.sh("azdb-proxy ca > ca.pem").run().succeeded();
    machine
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_python, has_node, has_java)),
    ignore = "no drivers, or not root: see scripts/test"
)]
fn drivers_that_verify_the_proxy_take_the_strings_of_the_page() {
    let (machine, strings) = (with_authority(), Strings::new());
    let inside = |program: Program| program.directory(machine.directory());
    for (heading, who, driver, module) in [
        ("PostgreSQL", "Python, psycopg", "libpq", "psycopg"),
        (
            "MySQL",
            "Python, mysql-connector",
            "mysql-connector for Python",
            "mysql.connector",
        ),
    ] {
        let python = machine.program(tools::installed("python/bin/python"));
        let python = python.arg(tools::app("python/connects.py")).arg(module);
        let settings = strings.with_tls(heading, who, driver, 3);
        assert_connects(inside(python.arg(settings)), 1);
    }
    for (heading, who, driver, module) in [
        ("PostgreSQL", "Node.js, pg", "pg for Node.js", "pg"),
        ("MySQL", "Node.js, mysql2", "mysql2 for Node.js", "mysql2"),
    ] {
        let node = machine.program("node").arg(tools::app("node/connects.cjs"));
        let node = node.env("NODE_PATH", tools::installed("node/node_modules"));
        let settings = strings.with_tls(heading, who, driver, 3);
        assert_connects(inside(node.args([module, &settings])), 1);
    }
    let java = machine.program("java").args([tools::NO_TRACE, "-cp"]);
    let java = java.arg(archives()).arg(tools::app("java/Connects.java"));
    let settings = strings.with_tls("PostgreSQL", "Java, JDBC", "pgjdbc", 3);
    assert_connects(inside(java.arg(settings)), 1);
}
