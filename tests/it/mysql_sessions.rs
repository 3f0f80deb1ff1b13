//! What goes through a session of MySQL once it has begun.

use azdb_tests::{Account, MysqlPeer, Shop, Start};

/// COM_QUERY.
fn query(sql: &str) -> Vec<u8> {
    [b"\x03", sql.as_bytes()].concat()
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

/// The values of a text result of one column, up to its end.
#[track_caller]
fn rows(peer: &mut MysqlPeer<std::net::TcpStream>) -> Vec<String> {
    let columns = peer.hear();
    assert_eq!(columns, [1], "{}", String::from_utf8_lossy(&columns));
    let (mut rows, mut ends) = (Vec::new(), 0);
    while ends < 2 {
        let payload = peer.hear();
        match payload.as_slice() {
            [0xfe, ..] if payload.len() < 9 => ends += 1,
            [_, text @ ..] if ends == 1 => rows.push(String::from_utf8(text.to_vec()).unwrap()),
            _ => {}
        }
    }
    rows
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn commands_that_are_sent_together_are_answered_in_their_order() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let mut app = MysqlPeer::log_in(proxy.address());
    let change = b"\x11somebody\0\0\0";
    let bytes = [
        packet(0, &query("set @mine = 1")),
        packet(0, b"\x1f"),
        packet(0, &query("select ifnull(@mine, 'new')")),
    ]
    .concat();
    app.say_bytes(&bytes);
    assert_eq!(app.hear().first(), Some(&0));
    assert_eq!(app.hear().first(), Some(&0));
    assert_eq!(rows(&mut app), ["new"]);

    app.say_bytes(&packet(0, &query("set @mine = 1")));
    assert_eq!(app.hear().first(), Some(&0));
    // Behind the change of user lies the next command, in one write and cut in the middle of a header.
    let bytes = [
        packet(0, change),
        packet(0, &query("select ifnull(@mine, 'changed')")),
    ]
    .concat();
    let (now, later) = bytes.split_at(packet(0, change).len() + 2);
    app.say_bytes(now);
    assert_eq!(app.hear().first(), Some(&0));
    app.say_bytes(later);
    assert_eq!(rows(&mut app), ["changed"]);
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_thousand_queries_in_one_write_are_answered() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let mut app = MysqlPeer::log_in(proxy.address());
    let queries: Vec<Vec<u8>> = (0..1000)
        .map(|number| packet(0, &query(&format!("select {number}"))))
        .collect();
    app.say_bytes(&queries.concat());
    for number in 0..1000 {
        assert_eq!(rows(&mut app), [number.to_string()]);
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_dump_and_the_binary_log_come_through() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let app = proxy.mysql_app();
    // Where the binary log stands: what other tests have written may be hundreds of megabytes.
    let stands = || {
        let log = app.query("show master status");
        let mut fields = log.split('\t').map(str::to_owned);
        [fields.next(), fields.next()].map(Option::unwrap)
    };
    let [before, from] = stands();
    let _ = app.query(
        "create table items (id int primary key, name text); insert into items values (1, 'naïve')",
    );
    let dump = app
        .mariadb("mariadb-dump")
        .args(["--skip-lock-tables", &shop.database])
        .run();
    assert!(dump.succeeded().contains("(1,'naïve')"), "{dump:?}");

    let [file, to] = stands();
    // A file that others have filled meanwhile is read from its beginning.
    let from = if file == before { &from } else { "4" };
    let read = app
        .mariadb("mariadb-binlog")
        .args(["--read-from-remote-server", "--verbose"])
        .args(["--start-position", from, "--stop-position", &to, &file])
        .run();
    assert!(
        read.succeeded()
            .contains(&format!("INSERT INTO `{}`.`items`", shop.database)),
        "{read:?}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn files_are_not_asked_for_where_the_route_denies_it() {
    let shop = Shop::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1\n2\n").unwrap();
    for (denied, route) in [
        (false, shop.route()),
        (true, shop.route() + "local_infile = \"deny\"\n"),
    ] {
        let proxy = shop.start(&route).start();
        let sql = format!(
            "create or replace table numbers (n int); load data local infile '{}' into table numbers; \
             select sum(n) from numbers",
            file.path().display()
        );
        let ran = proxy
            .mysql_app()
            .mariadb("mariadb")
            .args(["-N", "-B", "--local-infile=1", "-e", &sql])
            .run();
        if denied {
            assert!(ran.failed().contains("ERROR 4166"), "{ran:?}");
        } else {
            assert_eq!(ran.succeeded(), "3");
        }
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_password_logs_in_to_a_development_server() {
    let shop = Shop::new();
    let user = format!("dev{}", shop.database);
    shop.server.add_user(&user, Account::Native, "geheim");
    shop.server
        .admin(&format!("grant all on {}.* to '{user}'@'%'", shop.database));
    let file = tempfile::NamedTempFile::new().unwrap();
    for (secret, tls) in [
        ("geheim", ""),
        ("geheim", "upstream_tls = \"off\"\n"),
        ("falsch", ""),
    ] {
        std::fs::write(file.path(), secret).unwrap();
        let mut route = shop.route_as(&user);
        if !tls.is_empty() {
            let ca = format!("upstream_ca_file = {:?}\n", shop.server.ca_file);
            route = route.replace(&ca, tls);
        }
        let mode = format!(
            "upstream_auth = \"password\"\nupstream_password_file = {:?}\n",
            file.path()
        );
        let proxy = Start::run_with(&(route + &mode)).start();
        let ran = proxy.mysql_app().sql("select current_user()");
        if secret == "geheim" {
            assert_eq!(ran.succeeded(), format!("{user}@%"));
        } else {
            // The server's own words.
            assert!(
                ran.failed()
                    .starts_with("ERROR 1045 (28000): Access denied for user"),
                "{ran:?}"
            );
        }
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn local_tls_is_there_for_apps_that_require_it() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let ca = proxy.directory().join("state/azdb-proxy/local-tls.pem");
    let verified = proxy
        .mysql_app()
        .mariadb("mariadb")
        .args(["-N", "-B", "--ssl", "--ssl-verify-server-cert", "-e", "\\s"])
        .arg(format!("--ssl-ca={}", ca.display()))
        .run();
    assert!(
        verified.succeeded().contains("Cipher in use is TLS_"),
        "{verified:?}"
    );
    let required = proxy
        .mysql_app()
        .mariadb("mariadb")
        .args(["-N", "-B", "--ssl", "-e", "select 1"])
        .run();
    assert_eq!(required.succeeded(), "1");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_token_that_is_replaced_logs_new_sessions_in() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
    // PAM compares: another token under the same user does not do.
    shop.server.change_token(&shop.user, "another token");
    let ran = proxy.mysql_app().sql("select 1");
    assert!(
        ran.failed()
            .contains("ERROR 1045 (28000): Access denied for user"),
        "{ran:?}"
    );
    shop.server.change_token(&shop.user, &shop.token);
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_statement_of_an_app_that_was_killed_ends_when_the_server_looks() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let mut holder = MysqlPeer::log_in(proxy.address());
    holder.say_bytes(&packet(0, &query("select get_lock('azdb', 0)")));
    assert_eq!(rows(&mut holder), ["1"]);
    for statement in ["select sleep(1000)", "select get_lock('azdb', 1000)"] {
        let running = format!(
            "select count(*) from information_schema.processlist where user = '{}' and info = \"{statement}\"",
            shop.user
        );
        let mut app = MysqlPeer::log_in(proxy.address());
        app.say_bytes(&packet(0, &query(statement)));
        shop.server.admin_until(&running, "1");
        // As the kernel closes for a process that was killed.
        drop(app);
        shop.server.admin_until(&running, "0");
    }
}
