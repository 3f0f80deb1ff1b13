//! Apps that come in with a password: unmodified clients and drivers, right ones and wrong ones.

use azdb_tests::{ANYONE, App, Azure, Passwords, Program, Proxy, Ran};

/// A proxy of `azure` whose apps have these passwords.
fn proxy(azure: &Azure, text: &str) -> Proxy {
    let passwords = Passwords::of(text);
    azure.start(&(azure.route() + &passwords.line())).start()
}

/// What no app may come in with.
fn wrong(app: App) -> [App; 3] {
    [
        app.clone().told("PGPASSWORD", "another password"),
        app.clone().told("PGUSER", "nobody"),
        app.told("PGPASSWORD", "ANY PASSWORD"),
    ]
}

#[track_caller]
fn assert_refused(ran: &Ran) {
    let shown = ran.failed();
    assert!(shown.contains("no app comes in as user"), "{ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_comes_in_by_scram_with_and_without_tls_and_with_channel_binding() {
    let azure = Azure::new();
    let proxy = proxy(&azure, &format!("# apps\n{ANYONE}"));
    for (tls, binding) in [
        ("disable", "disable"),
        ("disable", "prefer"),
        ("require", "disable"),
        ("require", "prefer"),
        ("require", "require"),
    ] {
        let app = proxy
            .app()
            .told("PGSSLMODE", tls)
            .told("PGCHANNELBINDING", binding);
        assert_eq!(
            app.query("select current_user"),
            azure.role,
            "{tls} {binding}"
        );
    }
    // Without TLS there is nothing to bind to: libpq says so itself.
    let unbound = proxy
        .app()
        .told("PGSSLMODE", "disable")
        .told("PGCHANNELBINDING", "require");
    assert!(unbound.sql("select 1").failed().contains("channel binding"));
    for app in wrong(proxy.app()) {
        for tls in ["disable", "require"] {
            let ran = app.clone().told("PGSSLMODE", tls).sql("select 1");
            assert_refused(&ran);
            assert!(
                ran.stderr
                    .contains("HINT:  give the app a user and a password"),
                "{ran:?}"
            );
        }
    }
    let none = proxy.app().not_told("PGPASSWORD");
    let ran = none.psql().arg("-w").args(["-c", "select 1"]).run();
    assert!(ran.failed().contains("no password supplied"), "{ran:?}");
    proxy.log_until("the app left when it was asked for a password");
    let log = proxy.log();
    for secret in ["any password", "another password"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn what_postgresql_keeps_of_a_password_is_enough() {
    let azure = Azure::new();
    let keep = |method: &str| {
        let role = format!("app_{}", azdb_tests::Server::number());
        let sql = format!(
            "set password_encryption = '{method}'; create role {role} password 'any password'"
        );
        azure.server.admin(&sql);
        let kept = azure.server.admin(&format!(
            "select rolpassword from pg_authid where rolname = '{role}'"
        ));
        (role, kept)
    };
    for method in ["scram-sha-256", "md5"] {
        let (role, kept) = keep(method);
        let proxy = proxy(&azure, &format!("{role}:{kept}\n"));
        let app = proxy.app().told("PGUSER", &role);
        assert_eq!(app.query("select current_user"), azure.role);
        let bound = app.clone().told("PGSSLMODE", "require");
        assert_eq!(bound.query("select 1"), "1");
        assert_refused(&app.clone().told("PGPASSWORD", "x").sql("select 1"));
        assert_refused(&app.told("PGPASSWORD", kept).sql("select 1"));
    }
}

/// Runs a driver's whole program with the right password, and sees it refused with wrong ones.
#[track_caller]
fn driver(azure: &Azure, proxy: &Proxy, program: impl Fn(App) -> Program) {
    let ran = program(proxy.app()).run();
    assert!(ran.succeeded().contains(&azure.role), "{ran:?}");
    for app in wrong(proxy.app()).into_iter().take(2) {
        let ran = program(app).run();
        assert_ne!(ran.code, Some(0), "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("no app comes in as user"), "{ran:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psycopg: see scripts/test"
)]
fn psycopg_and_asyncpg_come_in() {
    let azure = Azure::new();
    let proxy = proxy(&azure, ANYONE);
    driver(&azure, &proxy, |app| app.python("with_psycopg2.py"));
    driver(&azure, &proxy, |app| app.python("with_asyncpg.py"));
    // libpq 18, the newest protocol, whose version is negotiated behind the proof.
    for settings in [
        "max_protocol_version=latest",
        "sslmode=require channel_binding=require",
        "sslmode=require sslnegotiation=direct channel_binding=require",
    ] {
        let ran = proxy.app().python("with_psycopg3.py").arg(settings).run();
        assert!(ran.succeeded().contains(&azure.role), "{ran:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_node)),
    ignore = "no node-postgres: see scripts/test"
)]
fn node_postgres_comes_in() {
    let azure = Azure::new();
    let proxy = proxy(&azure, ANYONE);
    for mode in ["plain", "tls"] {
        driver(&azure, &proxy, |app| app.node("with_pg.cjs").arg(mode));
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_java)),
    ignore = "no pgjdbc: see scripts/test"
)]
fn pgjdbc_comes_in() {
    let azure = Azure::new();
    let proxy = proxy(&azure, ANYONE);
    driver(&azure, &proxy, |app| app.java("WithPgjdbc.java"));
}
