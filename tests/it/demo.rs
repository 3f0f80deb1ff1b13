//! `azdb-proxy demo`: what a person sees who tries it.

use azdb_tests::{App, Start};
use rustix::process::Signal;

#[test]
fn demo_answers_psql_and_ends_with_ctrl_c() {
    let (demo, _directory) = Start::new(&["demo"]).launch();
    // What it says to type is what this test types.
    let port = demo.stdout_until(|text| {
        let line = text
            .lines()
            .find(|line| line.contains("psql -h 127.0.0.1"))?;
        let port = line.split(" -p ").nth(1);
        Some(
            port.map_or("5432", |rest| rest.split(' ').next().unwrap())
                .to_owned(),
        )
    });
    let app = App::at("127.0.0.1", port.parse().unwrap()).told("PGDATABASE", "anydb");
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
