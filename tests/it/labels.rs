//! Apps that do not name themselves, as whoever looks at the database's sessions sees them (`label_sessions`).

use azdb_tests::{Azure, MariaDb, MysqlPeer, RawApp, Shop, packets};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn postgresql_shows_user_and_address_of_an_app_without_a_name() {
    let azure = Azure::new();
    let role = &azure.role;
    let seen = || {
        let sql = format!(
            "select application_name from pg_stat_activity where usename = '{role}' and backend_type = 'client backend'"
        );
        azure.server.admin(&sql)
    };
    for (more, nameless) in [
        ("", ""),
        ("label_sessions = true\n", "legacy app@127.0.0.1:"),
    ] {
        let proxy = azure.start(&(azure.route() + more)).start();
        let mut app = RawApp::connect(proxy.address());
        let user = &[("user", "legacy app")];
        app.send(&packets::startup(0, user));
        app.until(b'Z');
        let label = seen();
        assert!(
            label.starts_with(nameless) && label.is_empty() == nameless.is_empty(),
            "{label}"
        );
        drop(app);
        let own = "select application_name from pg_stat_activity where pid = pg_backend_pid()";
        assert_eq!(proxy.app().query(own), "psql");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn mysql_shows_user_and_address_of_an_app_without_a_name() {
    let shop = Shop::on(MariaDb::with(&["--performance-schema=ON"]));
    let route = shop.route() + "label_sessions = true\n";
    let proxy = shop.start(&route).start();
    let seen = || {
        let sql = format!(
            "select attr_value from performance_schema.session_connect_attrs a join information_schema.processlist p \
             on p.id = a.processlist_id where attr_name = 'program_name' and p.user = '{}'",
            shop.user
        );
        shop.server.admin(&sql)
    };
    let app = MysqlPeer::log_in(proxy.address());
    let label = seen();
    assert!(label.starts_with("anyone@127.0.0.1:"), "{label}");
    drop(app);
    shop.server.admin(&format!(
        "grant select on performance_schema.* to '{}'@'%'",
        shop.user
    ));
    let own = "select attr_value from performance_schema.session_connect_attrs where attr_name = 'program_name' \
        and processlist_id = connection_id()";
    assert_eq!(proxy.mysql_app().query(own), "mysql");
}
