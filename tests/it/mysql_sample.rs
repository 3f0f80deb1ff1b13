//! The emulator's own sample for MySQL: what it knows is answered as MySQL would, the rest is refused.

use azdb_tests::{Emulated, MysqlApp, MysqlPeer, Proxy};

struct Sampled {
    _emulated: Emulated,
    proxy: Proxy,
}

impl Sampled {
    fn new() -> Self {
        let emulated = Emulated::new();
        let route = emulated.mysql_route() + "default_database = \"shop\"\n";
        let proxy = emulated.start(&route).start();
        Self {
            _emulated: emulated,
            proxy,
        }
    }

    fn app(&self) -> MysqlApp {
        self.proxy.mysql_app()
    }

    fn peer(&self) -> MysqlPeer<std::net::TcpStream> {
        MysqlPeer::log_in(self.proxy.address())
    }
}

/// Says a statement, and hears what it was answered with.
fn said(peer: &mut MysqlPeer<std::net::TcpStream>, sql: &str) -> Vec<u8> {
    say(peer, sql);
    peer.hear()
}

fn say(peer: &mut MysqlPeer<std::net::TcpStream>, sql: &str) {
    let length = u32::try_from(sql.len() + 1).unwrap().to_le_bytes();
    let [a, b, c, _] = length;
    peer.say_bytes(&[&[a, b, c, 0, 3], sql.as_bytes()].concat());
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn what_everyone_tries_first_is_answered() {
    let sampled = Sampled::new();
    let app = sampled.app();
    assert_eq!(app.query("show tables"), "customers\norders\nproducts");
    for (sql, answer) in [
        ("select 1 + 2, 'naïve'", "3\tnaïve"),
        (
            "SELECT name, price FROM products WHERE id = 4",
            "Wildflower honey\t9.80",
        ),
        ("select count(*) from orders", "8"),
        ("select current_user(), database()", "orders-app@%\tshop"),
        ("select @@version_comment limit 1", "azdb-emulator"),
        (
            "select @@autocommit; set autocommit = 0; select @@autocommit",
            "1\n0",
        ),
        ("set @mine = 7; select @mine, @other", "7\tNULL"),
        (
            "show variables like 'max_allowed_packet'",
            "max_allowed_packet\t67108864",
        ),
        ("show databases", "shop"),
    ] {
        assert_eq!(app.query(sql), answer, "{sql}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn transactions_end_as_they_were_told_in_every_spelling() {
    let sampled = Sampled::new();
    let app = sampled.app();
    let stock = || app.query("select stock from products where id = 1");
    let change = "update products set stock = stock - 20 where id = 1";
    for (begin, end, expected) in [
        ("begin", "rollback", "120"),
        ("START TRANSACTION", "ROLLBACK WORK", "120"),
        ("set autocommit = 0", "RollBack", "120"),
        ("BEGIN WORK", "commit", "100"),
        ("start transaction", "COMMIT WORK", "80"),
        ("SET AUTOCOMMIT = OFF", "Commit", "60"),
        // A new transaction ends the one before it.
        ("begin", "begin", "40"),
        // Who leaves takes nothing with him.
        ("begin", "select 1", "40"),
    ] {
        let ran = app.sql(&format!("{begin}; {change}; {end}"));
        let _ = ran.succeeded();
        assert_eq!(stock(), expected, "{begin} {end}");
    }
}

#[test]
fn a_second_writer_waits_for_the_first() {
    let sampled = Sampled::new();
    let (mut first, mut second) = (sampled.peer(), sampled.peer());
    let change = "update products set stock = stock + 1 where id = 1";
    assert_eq!(said(&mut first, "begin").first(), Some(&0));
    assert_eq!(said(&mut first, change).first(), Some(&0));
    say(&mut second, change);
    assert_eq!(said(&mut first, change).first(), Some(&0));
    assert_eq!(said(&mut first, "commit").first(), Some(&0));
    assert_eq!(second.hear().first(), Some(&0));
    let reset = b"\x01\0\0\0\x1f";
    second.say_bytes(reset);
    assert_eq!(second.hear().first(), Some(&0), "COM_RESET_CONNECTION");
    assert_eq!(
        said(&mut second, "select stock from products where id = 1"),
        [1]
    );
    let _ = (second.hear(), second.hear());
    assert_eq!(second.hear(), b"\x03123");
}

#[test]
fn a_reset_rolls_back_and_commands_that_are_not_known_are_refused() {
    let sampled = Sampled::new();
    let mut peer = sampled.peer();
    let change = "update products set stock = 0 where id = 1";
    assert_eq!(said(&mut peer, "begin").first(), Some(&0));
    assert_eq!(said(&mut peer, change).first(), Some(&0));
    peer.say_bytes(b"\x01\0\0\0\x1f");
    assert_eq!(peer.hear().first(), Some(&0));
    assert_eq!(
        said(&mut peer, "select stock from products where id = 1"),
        [1]
    );
    let _ = (peer.hear(), peer.hear());
    assert_eq!(peer.hear(), b"\x03120");
    let _ = peer.hear();
    // COM_PROCESS_KILL and COM_STATISTICS.
    for command in [&b"\x05\0\0\0\x0c\x01\0\0\0"[..], b"\x01\0\0\0\x09"] {
        peer.say_bytes(command);
        let error = peer.hear();
        let text = String::from_utf8_lossy(&error);
        assert!(text.contains("azdb-emulator: this sample"), "{text}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn what_is_not_known_is_refused_with_what_to_do() {
    let sampled = Sampled::new();
    for sql in [
        "select 1/0",
        "select 7 div 2",
        "select upper('a')",
        "grant all on *.* to nobody",
        "select * from products p join orders o on o.product_id = p.id",
        "describe products",
        "lock tables products write",
        "set sql_mode = 'ANSI_QUOTES'",
        "set global wait_timeout = 1",
        "set time_zone = '+05:00'",
        "select @@innodb_version",
        "show processlist",
        "savepoint a",
        "select /*!80000 1 + */ 1",
        "select * from products into outfile '/tmp/x'",
        "select name from products for update",
    ] {
        let ran = sampled
            .app()
            .mariadb("mariadb")
            .args(["--comments", "-e", sql])
            .run();
        let error = ran.failed();
        assert!(error.contains("ERROR 1235 (42000)"), "{sql}: {error}");
        assert!(
            error.contains("azdb-emulator: this sample"),
            "{sql}: {error}"
        );
        assert!(error.contains("--behind mysql://"), "{sql}: {error}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn faults_have_mysqls_numbers() {
    let sampled = Sampled::new();
    for (sql, error) in [
        (
            "select * from nowhere",
            "ERROR 1146 (42S02) at line 1: Table 'shop.nowhere' doesn't exist",
        ),
        (
            "select x from products",
            "ERROR 1054 (42S22) at line 1: Unknown column 'x'",
        ),
        (
            "insert into products values (1, 'x', 'y', 1, 1, false)",
            "ERROR 1062 (23000)",
        ),
        (
            "insert into products (name, category, price) values (null, 'y', 1)",
            "ERROR 1048 (23000)",
        ),
        ("insert into products values (1, 2)", "ERROR 1136 (21S01)"),
        ("delete from customers where id = 3", "ERROR 1451 (23000)"),
        (
            "insert into orders (customer_id, product_id, total) values (99, 1, 1)",
            "ERROR 1452 (23000)",
        ),
        (
            "update products set stock = 3000000000",
            "ERROR 1264 (22003)",
        ),
        ("create table orders (id int)", "ERROR 1050 (42S01)"),
    ] {
        let ran = sampled.app().sql(sql);
        assert!(ran.failed().contains(error), "{sql}: {ran:?}");
    }
}

#[test]
fn statements_in_one_write_are_read_as_they_were_sent() {
    let sampled = Sampled::new();
    let mut peer = sampled.peer();
    let packet = |number: u32| {
        let sql = format!("\x03select {number}");
        [&[u8::try_from(sql.len()).unwrap(), 0, 0, 0], sql.as_bytes()].concat()
    };
    let all: Vec<Vec<u8>> = (1000..1050).map(packet).collect();
    peer.say_bytes(&all.concat());
    for number in 1000..1050 {
        assert_eq!(peer.hear(), [1], "{number}");
        // The column, its end, the row, the end of the rows.
        let heard = [peer.hear(), peer.hear(), peer.hear(), peer.hear()];
        assert_eq!(heard[2], format!("\x04{number}").as_bytes());
    }
}
