//! `azdb-proxy demo`: what a person sees who tries it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use azdb_tests::{App, MysqlApp, Process, Start};
use rustix::process::Signal;

/// Demos want the same ports, so there is one at a time: who takes which port shall not depend on the order of tests.
fn alone() -> MutexGuard<'static, ()> {
    static DEMO: Mutex<()> = Mutex::new(());
    DEMO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The port of the command that the demo says to type.
fn port_to_type(demo: &Process) -> u16 {
    demo.stdout_until(|text| {
        let mut lines = text.lines();
        let line = lines.find(|line| line.contains("psql -h 127.0.0.1"))?;
        let port = line.split(" -p ").nth(1);
        let port = port.map_or("5432", |rest| rest.split(' ').next().unwrap());
        port.parse().ok()
    })
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn demo_answers_psql_and_ends_with_ctrl_c() {
    let _alone = alone();
    let (demo, _directory) = Start::new(&["demo"]).launch();
    let app = App::at("127.0.0.1", port_to_type(&demo)).told("PGDATABASE", "anydb");
    let rows = app.query("select * from products");
    assert!(rows.lines().count() >= 3, "{rows}");
    let without_password = app.clone().not_told("PGPASSWORD");
    assert_eq!(without_password.query("select 1 + 1"), "2");
    for command in ["\\dt", "\\d"] {
        let tables = app.query(command);
        assert!(tables.contains("products"), "{command}: {tables}");
    }
    let columns = app.query("\\d products");
    assert!(columns.contains("name"), "{columns}");

    demo.signal(Signal::INT);
    let ran = demo.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn demo_takes_another_port_when_the_usual_one_is_taken() {
    let _alone = alone();
    // If something else has it already, that is as good.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", 5432));
    let (demo, _directory) = Start::new(&["demo"]).launch();
    let port = port_to_type(&demo);
    assert_ne!(port, 5432);
    assert_eq!(App::at("127.0.0.1", port).query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn demo_answers_the_mariadb_client_too() {
    let _alone = alone();
    let (demo, _directory) = Start::new(&["demo"]).launch();
    let port: u16 = demo.stdout_until(|text| {
        let line = text
            .lines()
            .find(|line| line.contains("mysql -h 127.0.0.1"))?;
        let port = line.split(" -P ").nth(1);
        let port = port.map_or("3306", |rest| rest.split(' ').next().unwrap());
        port.parse().ok()
    });
    let app = MysqlApp::at(([127, 0, 0, 1], port).into());
    let rows = app.query("select id, name from products order by id");
    assert_eq!(rows.lines().nth(3), Some("4\tWildflower honey"), "{rows}");
    assert!(app.query("show tables").contains("products"));
}
