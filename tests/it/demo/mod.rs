//! `azdb-proxy demo`: what a person sees who tries it.

mod endings;
mod running;
mod sharing;

use std::fs;

use azdb_tests::{Program, Start};
use tempfile::TempDir;

use running::{Demo, alone, open_to_all};

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no PostgreSQL or MariaDB: see scripts/test"
)]
fn demo_shows_what_there_is_and_what_to_type() {
    let _alone = alone();
    let demo = Demo::start(&[]);
    for line in demo.text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(
        demo.row("PostgreSQL").1.starts_with("PostgreSQL 1"),
        "{}",
        demo.text
    );
    assert!(
        demo.row("MySQL").1.starts_with("MariaDB 1"),
        "{}",
        demo.text
    );
    assert_eq!(demo.row("SQL Server").1, "a small sample");
    for (program, more) in [
        ("psql -h", ""),
        ("mysql -h", ""),
        ("psql \"host=", "-c 'select * from products'"),
    ] {
        let ran = demo.typed(program, more);
        assert!(ran.succeeded().contains("Wildflower honey"), "{ran:?}");
    }
    let encrypted = "-c 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'";
    assert!(
        demo.typed("psql \"host=", encrypted)
            .succeeded()
            .contains("(1 row)")
    );
}

/// What a script may do that a sample can't.
const SCRIPT: &str = r#"
create table notes (id bigserial primary key, text text not null, at timestamptz default now());
create index on notes (lower(text));
create function shout(text) returns text language sql immutable as $$ select upper($1) || '!' $$;
create function halve(n int) returns int language plpgsql as $$ begin return n / 2; end $$;
insert into notes (text) select 'note ' || n from generate_series(1, 3) n;
begin;
delete from notes;
rollback;
begin;
savepoint here;
delete from orders;
rollback to here;
COMMIT;
select count(*), shout(max(text)), halve(9) from notes;
select p.category, sum(o.total) from orders o join products p on p.id = o.product_id group by 1 order by 2 desc limit 1;
\d+ notes
\df shout
"#;

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn demo_runs_an_ordinary_script_of_psql() {
    let _alone = alone();
    let demo = Demo::start(&[]);
    let psql = || {
        demo.psql()
            .program("psql")
            .args(["-X", "-v", "ON_ERROR_STOP=1"])
    };
    let ran = psql().args(["-f", "-"]).stdin(SCRIPT).run();
    let shown = ran.succeeded();
    for wanted in [
        " 3 | NOTE 3! |",
        "nextval('notes_id_seq'",
        "\"notes_lower_idx\"",
        "| shout |",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert_eq!(demo.psql().query("select count(*) from products"), "8");
    let ran = psql().args(["-c", "select 1/0"]).run();
    assert_eq!(ran.failed(), "ERROR:  division by zero");
    let ran = psql().args(["-c", "copy (select 1) to program 'id'"]).run();
    assert!(
        ran.failed().contains("pg_execute_server_program"),
        "{ran:?}"
    );
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn demo_takes_a_dump_of_mysql() {
    let _alone = alone();
    let demo = Demo::start(&[]);
    let app = demo.mysql();
    let dumped = app
        .mariadb("mariadb-dump")
        .args(["--routines", "orders"])
        .run();
    let dump = dumped.succeeded();
    let sql = |sql: &str| app.sql(&format!("use orders; {sql}"));
    let _ = sql("drop table orders, products, customers").succeeded();
    let _ = app
        .mariadb("mariadb")
        .arg("orders")
        .stdin(dump)
        .run()
        .succeeded();
    assert_eq!(
        sql("begin; delete from orders; rollback; select count(*) from orders").succeeded(),
        "8"
    );
    assert_eq!(
        sql("select name from customers where id = 4").succeeded(),
        "Deniz Yıldız"
    );
    let function =
        "create function half(n int) returns int deterministic return n / 2; select half(8)";
    assert_eq!(sql(function).succeeded(), "4");
    let _ = sql("select * from mysql.global_priv").failed();
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn demo_answers_tsql() {
    let _alone = alone();
    let demo = Demo::start(&["--sample"]);
    let port = demo.row("SQL Server").0.to_string();
    let ran = Program::new("tsql")
        .args(["-H", "127.0.0.1", "-p", &port, "-U", "anyone", "-P", "any"])
        .stdin("select name from products where id = 3\ngo\n")
        .run();
    assert!(ran.succeeded().contains("Aged pecorino"), "{ran:?}");
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no psql or mariadb: see scripts/test"
)]
fn demo_of_the_sample_alone_starts_nothing_and_answers() {
    let _alone = alone();
    let demo = Demo::start(&["--sample"]);
    assert_eq!(demo.descendants().len(), 1);
    let psql = demo.psql();
    for (command, wanted) in [
        ("\\dt", "products"),
        ("\\d", "orders"),
        ("\\d products", "name"),
        ("\\l", "orders"),
    ] {
        let shown = psql.query(command);
        assert!(shown.contains(wanted), "{command}: {shown}");
    }
    let script =
        "begin;\ndelete from orders where id = 4;\nrollback;\nselect count(*) from orders;\n";
    let ran = psql.psql().stdin(script).run();
    assert_eq!(ran.succeeded(), "8");
    let mysql = demo.mysql();
    let ran = mysql
        .mariadb("mariadb")
        .args(["-N", "-B", "orders"])
        .stdin(script)
        .run();
    assert_eq!(ran.succeeded(), "8");
    assert!(mysql.query("show tables").contains("products"));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no PostgreSQL or MariaDB: see scripts/test"
)]
fn demo_says_why_a_server_did_not_start_and_goes_on_without() {
    let _alone = alone();
    let place = TempDir::with_prefix("azdb-test-").unwrap();
    open_to_all(&place);
    // No socket can have so long a path.
    let long = place.path().join("long".repeat(30));
    fs::create_dir(&long).unwrap();
    let demo = Demo::of(Start::new(&["demo"]).env("TMPDIR", long.to_str().unwrap()));
    for protocol in ["PostgreSQL", "MySQL"] {
        assert_eq!(demo.row(protocol).1, "a small sample");
        let why = format!("\n  {protocol} is a sample: it did not start: ");
        assert!(demo.text.contains(&why), "{}", demo.text);
    }
    assert_eq!(demo.psql().query("select count(*) from products"), "8");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn two_demos_run_side_by_side() {
    let _alone = alone();
    let (one, other) = (Demo::start(&[]), Demo::start(&[]));
    assert_ne!(one.row("PostgreSQL").0, other.row("PostgreSQL").0);
    let _ = one.psql().query("delete from orders");
    assert_eq!(other.psql().query("select count(*) from orders"), "8");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn demo_takes_another_port_when_the_usual_one_is_taken() {
    let _alone = alone();
    // If something else has it already, that is as good.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", 5432));
    let demo = Demo::start(&["--sample"]);
    assert_ne!(demo.row("PostgreSQL").0, 5432);
    assert!(
        demo.text
            .contains(&format!(" -p {} ", demo.row("PostgreSQL").0))
    );
    assert_eq!(demo.psql().query("select 1"), "1");
}
