//! The emulator's door before a real PostgreSQL, with the proxy before the door: what an app sees is the real server.

use azdb_emulator::{EmulatorOptions, Flaw, PostgresOptions, Principal};
use azdb_tests::{Emulated, Method, Program, Proxy, RawApp, Server, closed_port, packets};
use rustix::process::Signal;
use serde_json::{Value, json};

const PASSWORD: &str = "geheim & mehr";

/// A door before a database of the shared server, whose owner is `role`.
struct Gate {
    emulated: Emulated,
    role: String,
    database: String,
}

impl Gate {
    fn new(method: Method) -> Self {
        let (server, number) = (Server::shared(), Server::number());
        let (role, database) = (format!("Behind {number}"), format!("Gated {number}"));
        server.add_role(&role, method, PASSWORD);
        server.add_database(&database, &role);
        let user = role.replace(' ', "%20");
        let behind = format!("{user}:geheim%20%26%20mehr@127.0.0.1:{}", server.port);
        Self {
            emulated: before(&behind),
            role,
            database,
        }
    }

    fn proxy(&self) -> Proxy {
        let route = self.emulated.route();
        let route = format!("{route}default_database = {:?}\n", self.database);
        self.emulated.start(&route).start()
    }

    /// Waits until a session of the role sleeps.
    fn until_asleep(&self) {
        Server::shared().admin_until(&format!(
            "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
            self.role
        ));
    }

    /// Runs a program of `tests/apps`, whose user and database are those behind.
    #[track_caller]
    fn seen(&self, program: Program, expected: &Value) {
        let ran = program.run();
        let seen: Value = serde_json::from_str(ran.succeeded()).unwrap();
        assert_eq!(seen["role"], json!(self.role), "{seen}");
        assert_eq!(seen["database"], json!(self.database), "{seen}");
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&seen[name], value, "{name} of {seen}");
        }
    }
}

fn before(behind: &str) -> Emulated {
    Emulated::with(EmulatorOptions {
        postgres: PostgresOptions {
            behind: Some(format!("postgres://{behind}").parse().unwrap()),
            ..PostgresOptions::default()
        },
        ..EmulatorOptions::default()
    })
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_is_in_a_session_of_the_real_server() {
    for method in [Method::ScramSha256, Method::Md5, Method::Password] {
        let gate = Gate::new(method);
        let proxy = gate.proxy();
        let app = proxy
            .app()
            .told("PGAPPNAME", "an old app")
            .told("PGOPTIONS", "-c work_mem=12345kB");
        let sql = "select current_user, current_database(), current_setting('application_name'), \
                   current_setting('work_mem'), current_setting('server_version'), 7 / 2";
        let version = Server::shared().admin("show server_version");
        assert_eq!(
            app.query(sql),
            format!(
                "{}|{}|an old app|12345kB|{version}|3",
                gate.role, gate.database
            )
        );
        // What the client library was told at login, which no query asks for.
        let told = app.psql().stdin("\\echo :SERVER_VERSION_NUM").run();
        assert_eq!(
            told.succeeded(),
            Server::shared().admin("show server_version_num")
        );
        assert_eq!(gate.emulated.azure.postgres().logins().len(), 2);
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn copy_and_large_objects_come_through_the_door() {
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    let rows: String = (0..50_000)
        .map(|n| format!("{n}\tthe name of {n}\n"))
        .collect();
    let directory = proxy.directory();
    std::fs::write(directory.join("in.tsv"), &rows).unwrap();
    let script = "create table items (id int primary key, name text);
                  \\copy items from 'in.tsv'
                  \\copy (select * from items order by id) to 'out.tsv'
                  \\lo_import in.tsv
                  \\lo_export :LASTOID out.lo
                  select count(*) from items;";
    let ran = proxy.app().psql().directory(directory).stdin(script).run();
    assert!(ran.succeeded().ends_with("50000"), "{ran:?}");
    for copy in ["out.tsv", "out.lo"] {
        assert!(
            std::fs::read_to_string(directory.join(copy)).unwrap() == rows,
            "{copy}"
        );
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn cancel_request_finds_the_session_behind_the_door() {
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    for mode in ["disable", "require"] {
        let psql = proxy.app().told("PGSSLMODE", mode).psql();
        let psql = psql.args(["-c", "select pg_sleep(600)"]).start();
        gate.until_asleep();
        psql.signal(Signal::INT);
        let ran = psql.wait();
        assert!(
            ran.failed()
                .contains("canceling statement due to user request"),
            "{ran:?}"
        );
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_behind_ends_with_the_apps() {
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app.send(&packets::query("select 1"));
    app.until(b'Z');
    let sessions = format!(
        "count(*) from pg_stat_activity where usename = '{}'",
        gate.role
    );
    assert_eq!(Server::shared().admin(&format!("select {sessions}")), "1");
    drop(app);
    Server::shared().admin_until(&format!("(select {sessions}) = 0"));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psycopg: see scripts/test"
)]
fn python_drivers_work_through_the_door() {
    let expected = json!({
        "parameters": 3,
        "copied": true,
        "server_side_cursor": 10_000,
        "notified": "hello",
        "error": ["22012", "division by zero"],
    });
    for file in ["with_psycopg3.py", "with_asyncpg.py"] {
        let gate = Gate::new(Method::ScramSha256);
        let proxy = gate.proxy();
        gate.seen(proxy.app().python(file), &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_node)),
    ignore = "no node-postgres: see scripts/test"
)]
fn node_postgres_works_through_the_door() {
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    let expected = json!({"prepared": [0, 2, 4, 6, 8], "copied": true, "notified": "hello"});
    gate.seen(proxy.app().node("with_pg.cjs").arg("plain"), &expected);
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_java)),
    ignore = "no pgjdbc: see scripts/test"
)]
fn pgjdbc_works_through_the_door() {
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    let expected =
        json!({"prepared": "55", "copied": "true", "large_object": "true", "cancelled": "57014"});
    gate.seen(proxy.app().java("WithPgjdbc.java"), &expected);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn principals_have_roles_of_their_own_behind() {
    let server = Server::shared();
    let role = format!("Other {}", Server::number());
    server.add_role(&role, Method::ScramSha256, "secret");
    let mut options = EmulatorOptions::default();
    let principal = Principal::of(&options.identities[0]).behind_as(&role);
    options.principals = vec![principal];
    let behind = format!(
        "postgres://nobody:secret@127.0.0.1:{}/postgres",
        server.port
    );
    options.postgres.behind = Some(behind.parse().unwrap());
    let emulated = Emulated::with(options);
    // The database of the URL is the one, whatever the app names.
    let app = emulated
        .proxy()
        .app()
        .told("PGDATABASE", "anydb")
        .query("select current_user, current_database()");
    assert_eq!(app, format!("{role}|postgres"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn what_the_server_behind_refuses_is_told() {
    let port = Server::shared().port;
    let emulated = before(&format!("stranger:wrong@127.0.0.1:{port}"));
    let refused = emulated.proxy().app().sql("select 1");
    let text = format!(
        "azdb-emulator: the server behind (postgres://127.0.0.1:{port}) refused the login of `stranger`: "
    );
    assert!(refused.failed().contains(&text), "{refused:?}");

    // That the database is missing is the app's matter, and the server's own word.
    let gate = Gate::new(Method::ScramSha256);
    let proxy = gate.proxy();
    let app = proxy.app().told("PGSSLMODE", "prefer");
    let refused = app.told("PGDATABASE", "nowhere").sql("select 1");
    let text = "FATAL:  database \"nowhere\" does not exist";
    assert_eq!(refused.failed().matches(text).count(), 1, "{refused:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no psql: see scripts/test")]
fn server_behind_that_is_down_is_told_to_those_who_may_come_in() {
    let port = closed_port();
    let emulated = before(&format!("postgres@127.0.0.1:{port}"));
    let proxy = emulated.proxy();
    let refused = proxy.app().sql("select 1");
    let text = format!(
        "azdb-emulator: the server behind (postgres://127.0.0.1:{port}) cannot be reached: "
    );
    assert!(refused.failed().contains(&text), "{refused:?}");

    for (flaw, words) in [
        (Flaw::Expired, "The access token has expired."),
        (
            Flaw::ForeignSignature,
            "An error occurred while validating the access token.",
        ),
    ] {
        let emulated = before(&format!("postgres@127.0.0.1:{port}"));
        emulated.azure.issuer().set_default(flaw);
        let refused = emulated.proxy().app().sql("select 1");
        assert!(refused.failed().contains(words), "{refused:?}");
    }
    let proxy = emulated.start(&emulated.route_as("nobody")).start();
    let refused = proxy.app().sql("select 1");
    assert!(!refused.failed().contains("azdb-emulator"), "{refused:?}");
}
