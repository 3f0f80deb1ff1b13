//! The strings of `docs/sql-server.md` for old clients of SQL Server, given to the drivers as they stand there.

use azdb_tests::tools;

use super::connection_strings::{Strings, assert_connects, demo};
use super::page::Page;

/// The string of this row.
#[track_caller]
fn string_of(who: &str) -> String {
    let page = Strings::of("docs/sql-server.md");
    let codes = page.cell("Connection strings of old clients", who, 1);
    codes.lines().next().unwrap().to_owned()
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_python)),
    ignore = "no pymssql, or not root: see scripts/test"
)]
fn pymssql_takes_the_string_of_the_page() {
    let demo = demo();
    let string = string_of("Python, pymssql");
    let settings = string.strip_prefix("pymssql.connect(").unwrap();
    let settings = settings.strip_suffix(')').unwrap();
    let python = demo.program(tools::installed("python/bin/python"));
    let python = python.arg(tools::app("python/connects.py"));
    assert_connects(python.args(["pymssql", settings]), 1);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_jtds)),
    ignore = "no jTDS, or not root: see scripts/test"
)]
fn jtds_takes_the_string_of_the_page() {
    let demo = demo();
    let java = demo.program("java").arg(tools::NO_TRACE);
    let java = java.arg("-cp").arg(tools::installed("jtds/jtds.jar"));
    let java = java.arg(tools::app("java/Connects.java"));
    assert_connects(java.arg(string_of("Java, jTDS")), 1);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_php_dblib)),
    ignore = "no PDO dblib, or not root: see scripts/test --all"
)]
fn pdo_dblib_takes_the_string_of_the_page() {
    let demo = demo();
    let counts = "$pdo = new PDO($argv[1], 'any', 'any'); \
                  echo $pdo->query('select count(*) from products')->fetchColumn(), \"\\n\";";
    let php = demo.program("php").args(["-r", counts, "--"]);
    assert_connects(php.arg(string_of("PHP: PDO dblib")), 1);
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_mariadb, has_perl_sybase)),
    ignore = "no DBD::Sybase, or not root: see scripts/test --all"
)]
fn dbd_sybase_takes_the_string_and_the_file_of_the_page() {
    let demo = demo();
    let blocks = Page::of("docs/sql-server.md").blocks();
    let file = blocks.iter().find(|block| block.language == "ini").unwrap();
    let conf = demo.directory().join("freetds.conf");
    std::fs::write(&conf, &file.text).unwrap();
    let counts = "print DBI->connect($ARGV[0], 'any', 'any')\
                  ->selectrow_array('select count(*) from products'), \"\\n\"";
    let perl = demo.program("perl").args(["-MDBI", "-e", counts]);
    let perl = perl.env("FREETDSCONF", &conf);
    assert_connects(perl.arg(string_of("Perl: DBD::Sybase")), 1);
}
