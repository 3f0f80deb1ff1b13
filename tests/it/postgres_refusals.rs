//! PostgreSQL's own refusals: in its words, and in their place.
//!
//! An error behind AuthenticationOk ends a login, one before it a try: libpq makes another without TLS (`sslmode=prefer`).

use azdb_tests::{Azure, Message, Program, RawApp, client_config, packets};
use serde_json::Value;

const NOWHERE: &str = "no such database";

/// Everything up to the error, which ends it.
fn until_the_error(app: &mut RawApp) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        messages.push(app.message());
        if messages.last().unwrap().tag == b'E' {
            return messages;
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn servers_own_errors_arrive_with_a_hint_of_ours_and_behind_its_ok() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let parameters = |user| [("user", user), ("database", NOWHERE)];

    let mut through = RawApp::connect(proxy.address());
    through.send(&packets::startup(0, &parameters("anyone")));
    let mut told = until_the_error(&mut through);
    let hint = told.last().unwrap().field('H').unwrap();
    assert!(hint.starts_with("azdb-proxy: name a database"), "{hint}");
    // It stands behind everything that the server said.
    let body = &mut told.last_mut().unwrap().body;
    body.truncate(body.len() - hint.len() - 3);
    body.push(0);

    let trusted = std::fs::read_to_string(&azure.server.ca_file).unwrap();
    let mut direct = RawApp::connect(([127, 0, 0, 1], azure.server.port).into());
    direct.send(&packets::SSL_REQUEST);
    assert_eq!(direct.byte(), Some(b'S'));
    let mut direct = direct.tls(client_config(&trusted, &[])).unwrap();
    direct.send(&packets::startup(0, &parameters(&azure.role)));
    assert_eq!(direct.message().tag, b'R', "the request for the token");
    direct.send(&packets::password(&azure.token));
    let said = until_the_error(&mut direct);

    assert_eq!(told, said, "byte for byte, but for the hint");
    assert_eq!(told.first().map(|ok| ok.tag), Some(b'R'));
    let error = told.last().unwrap();
    assert_eq!(error.field('C').as_deref(), Some("3D000"));

    // After the login nothing is touched either.
    let ran = proxy.app().sql("select 1 / 0");
    assert_eq!(ran.failed(), "ERROR:  division by zero");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_that_prefers_tls_logs_in_once_to_a_database_that_does_not_exist() {
    let azure = Azure::alone();
    let proxy = azure.proxy();
    let app = proxy.app().told("PGSSLMODE", "prefer");
    let ran = app.told("PGDATABASE", NOWHERE).sql("select 1");
    let text = format!("FATAL:  database \"{NOWHERE}\" does not exist");
    assert_eq!(ran.failed().matches(&text).count(), 1, "{ran:?}");
    assert_eq!(azure.server.log().matches(&text).count(), 1);
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no aiopg: see scripts/test"
)]
fn aiopg_hears_of_a_database_that_does_not_exist() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let seen = |app: Program| -> Value { serde_json::from_str(app.run().succeeded()).unwrap() };
    let app = proxy.app();
    let known = seen(app.python("with_aiopg.py"));
    assert_eq!(known["role"], azure.role.as_str());
    let lost = seen(app.told("PGDATABASE", NOWHERE).python("with_aiopg.py"));
    assert_eq!(lost["error"], "OperationalError", "{lost}");
    let text = lost["text"].as_str().unwrap();
    assert!(text.contains("does not exist"), "{text}");
}
