//! Another PostgreSQL that comes through the proxy, by postgres_fdw.

use azdb_tests::{Azure, Method, Server};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn foreign_tables_work_without_a_password_and_are_cancelled() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let server = azure.server;
    let far = |sql: &str| server.admin_in(&azure.database, sql);
    far("create table items as select 7 as id; grant select on items to public;
         create view sleeping as select 1 as one from pg_sleep(600); grant select on sleeping to public");

    let number = Server::number();
    let (user, near) = (format!("reader{number}"), format!("near{number}"));
    server.add_role(&user, Method::Token, "its own");
    server.add_database(&near, &user);
    server.admin_in(
        &near,
        &format!(
            "create extension postgres_fdw;
             create server far foreign data wrapper postgres_fdw
                 options (host '127.0.0.1', port '{}', dbname '{}');
             create user mapping for {user} server far options (user 'anyone', password 'any');
             create foreign table items (id int) server far;
             create foreign table sleeping (one int) server far;
             grant select on items, sleeping to {user}",
            proxy.address().port(),
            azure.database
        ),
    );
    let select = |sql: &str| server.direct(&user, "its own", &near, sql);
    // Who is no superuser must have a password, and it must be asked for: the proxy lets everyone in.
    let refused = select("select id from items");
    assert!(
        refused.failed().contains("password is required"),
        "{refused:?}"
    );
    let allow =
        format!("alter user mapping for {user} server far options (add password_required 'false')");
    server.admin_in(&near, &allow);
    assert_eq!(select("select id from items").succeeded(), "7");

    let cancelled = select("set statement_timeout = '500ms'; select one from sleeping");
    assert!(
        cancelled.failed().contains("statement timeout"),
        "{cancelled:?}"
    );
    server.admin_until(&format!(
        "not exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        azure.role
    ));
}
