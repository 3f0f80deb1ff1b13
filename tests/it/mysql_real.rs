//! Sessions of a real MySQL that wait for apps: by its own TLS with a password, and by a token behind the emulator's door.

use azdb_emulator::ChangesOfUser;
use azdb_tests::{MySql, MySqlShop, Proxy, Start};
use serde_json::Value;

use crate::mysql_kept::{HEALTH, opened, wait_for, wait_for_reused};

/// What apps say before they leave, and what nobody is to find of it.
const LEFT: [&[&str]; 10] = [
    &[
        "set @mine = 1, @other = 'left behind'",
        "set session sql_mode = 'ANSI', time_zone = '+05:00', autocommit = 0, transaction_isolation = 'SERIALIZABLE', lc_time_names = 'de_DE', \
         sql_select_limit = 2, group_concat_max_len = 5, timestamp = 1000, insert_id = 77, last_insert_id = 99, sort_buffer_size = 300000",
        "set names latin1",
        "create temporary table mine (a int)",
        "insert into mine values (1)",
        "prepare mine from 'select 1'",
        "handler product open as mine",
        "select get_lock(database(), 0)",
    ],
    &["set role @role", "use @2"],
    &[
        "set role none",
        "set transaction isolation level read uncommitted, read only",
    ],
    &[
        "begin",
        "update product set price = 9 where id = 1",
        "savepoint mine",
    ],
    &[
        "xa start 'mine'",
        "update product set price = 9 where id = 1",
        "xa end 'mine'",
    ],
    &["lock tables product write"],
    &["lock instance for backup"],
    &[
        "insert into product (price) values (4)",
        "delete from product where id > 3",
        "select 1/0",
    ],
    // These alone are what no reset of the server's own takes away, or what tells of it.
    &[
        "set profiling = 1, optimizer_trace = 'enabled=on'",
        "select price as 'left behind' from product where price = 4711",
    ],
    &[
        "set session session_track_gtids = OWN_GTID, session_track_state_change = 1, session_track_transaction_info = CHARACTERISTICS, \
         session_track_system_variables = '*'",
        "set autocommit = 0",
        "select price from product",
    ],
];

/// Apps of one database, and what they see.
struct Apps<'a> {
    proxy: &'a Proxy,
    shop: &'a MySqlShop,
}

impl Apps<'_> {
    /// What an app on this driver sees, which leaves so.
    #[track_caller]
    fn visit(&self, driver: &str, leaves: &[&str]) -> Value {
        let name = &self.shop.name;
        let leaves = leaves.iter().map(|statement| {
            let statement = statement.replace("@role", &format!("{name}_other"));
            statement.replace("@2", &format!("{name}_2"))
        });
        let app = self.proxy.mysql_app().told("DB_DATABASE", name);
        let ran = app
            .python("leaves_behind.py")
            .arg(driver)
            .args(leaves)
            .run();
        serde_json::from_str(ran.succeeded()).unwrap()
    }
}

/// The session's number, and all that else was seen.
fn apart(mut saw: Value) -> (Value, Value) {
    let id = saw.as_object_mut().unwrap().remove("id").unwrap();
    (id, saw)
}

/// Fails with what is not the same in both.
#[track_caller]
fn assert_like_new(saw: &Value, new: &Value, whose: &str) {
    let lines = |seen: &Value| -> Vec<String> {
        let named = seen.as_object().unwrap().iter();
        let each = named.flat_map(|(name, seen)| match seen {
            Value::Array(rows) if !rows.is_empty() => {
                rows.iter().map(|row| format!("{name}: {row}")).collect()
            }
            other => vec![format!("{name}: {other}")],
        });
        each.collect()
    };
    let (saw, new) = (lines(saw), lines(new));
    let more: Vec<_> = saw.iter().filter(|line| !new.contains(line)).collect();
    let less: Vec<_> = new.iter().filter(|line| !saw.contains(line)).collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "{whose}: {more:#?} and not {less:#?}"
    );
}

/// Has apps on all drivers leave things behind in sessions of a route that gives them on.
fn assert_nothing_is_left(fresh: &Proxy, keeping: &Proxy, shop: &MySqlShop) {
    let (fresh, apps) = (
        Apps { proxy: fresh, shop },
        Apps {
            proxy: keeping,
            shop,
        },
    );
    for driver in ["pymysql", "connector", "connector_pure", "mysqlclient"] {
        let (_, new) = apart(fresh.visit(driver, &[]));
        let before = opened(keeping, "reused");
        let (mut id, saw) = apart(apps.visit(driver, LEFT[0]));
        assert_like_new(&saw, &new, driver);
        // One of them tries everything, the others what drivers do in ways of their own.
        let left: &[&[&str]] = match driver {
            "pymysql" => &LEFT[1..],
            _ => &[LEFT[1], &["change_user @2", "set @mine = 1"]],
        };
        let mut mine = LEFT[0];
        for next in left.iter().copied().chain([&[][..]]) {
            wait_for_reused(keeping);
            let (another, saw) = apart(apps.visit(driver, next));
            assert_like_new(&saw, &new, &format!("{driver} after {mine:?}"));
            if mine == LEFT[0] {
                // Where another driver's login has differed, the session of that is what was waiting.
                id = another.clone();
            }
            assert_eq!(another, id, "{driver} after {mine:?}");
            mine = next;
        }
        wait_for_reused(keeping);
        let reused = opened(keeping, "reused") - before;
        assert!(reused >= left.len() as f64, "{driver} has found {reused}");
    }
    let untouched = format!(
        "select group_concat(price order by id) from {}.product",
        shop.name
    );
    assert_eq!(shop.server.admin(&untouched), "1,2,3");
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn nothing_of_an_app_is_in_the_session_of_the_next_by_a_password() {
    let shop = MySql::shared().shop();
    let fresh = Start::run_with(&shop.route()).start();
    let keeping = shop.route() + "session_reuse = \"reset\"\n" + HEALTH;
    let keeping = Start::run_with(&keeping).start();
    assert_nothing_is_left(&fresh, &keeping, &shop);
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn nor_by_a_token() {
    let shop = MySql::shared().shop();
    let emulated = shop.in_azure(ChangesOfUser::Accepted);
    let fresh = emulated.start(&emulated.mysql_route()).start();
    let keeping = emulated.mysql_route() + "session_reuse = \"reset\"\n" + HEALTH;
    let keeping = emulated.start(&keeping).start();
    assert_nothing_is_left(&fresh, &keeping, &shop);
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn nor_where_the_door_takes_no_change_of_user() {
    let shop = MySql::shared().shop();
    let emulated = shop.in_azure(ChangesOfUser::Refused);
    let fresh = emulated.start(&emulated.mysql_route()).start();
    let keeping = emulated.mysql_route() + "session_reuse = \"reset\"\n" + HEALTH;
    let keeping = emulated.start(&keeping).start();
    let (fresh, apps) = (
        Apps {
            proxy: &fresh,
            shop: &shop,
        },
        Apps {
            proxy: &keeping,
            shop: &shop,
        },
    );
    let (_, new) = apart(fresh.visit("pymysql", &[]));
    // The first that finds a session is refused on it.
    for left in [LEFT[0], LEFT[0]].into_iter().chain(LEFT) {
        let (_, saw) = apart(apps.visit("pymysql", left));
        assert_like_new(&saw, &new, "pymysql");
        wait_for_reused(&keeping);
    }
    assert_eq!(opened(&keeping, "dialled"), 2.0);
    assert_eq!(opened(&keeping, "reused"), LEFT.len() as f64);
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn a_session_that_has_waited_unused_is_like_any_new_one() {
    let shop = MySql::shared().shop();
    let fresh = Start::run_with(&shop.route()).start();
    let keeping = shop.route() + "ready_sessions = 2\n" + HEALTH;
    let keeping = Start::run_with(&keeping).start();
    for driver in ["pymysql", "connector", "mysqlclient"] {
        let apps = Apps {
            proxy: &keeping,
            shop: &shop,
        };
        let (_, new) = apart(
            Apps {
                proxy: &fresh,
                ..apps
            }
            .visit(driver, &[]),
        );
        // A login that has come twice is said again for the next.
        let mut seen: Vec<_> = [LEFT[0]; 2]
            .map(|left| apart(apps.visit(driver, left)).0)
            .into();
        for _ in 0..3 {
            wait_for(&keeping, "ready", 2.0);
            let (id, saw) = apart(apps.visit(driver, LEFT[0]));
            assert_like_new(&saw, &new, driver);
            assert!(!seen.contains(&id), "{driver}: it was somebody's before");
            seen.push(id);
        }
    }
    assert!(opened(&keeping, "ready") >= 7.0);
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn a_session_left_half_or_killed_while_it_waits_is_nobodys() {
    let shop = MySql::shared().shop();
    let keeping = shop.route() + "session_reuse = \"reset\"\n" + HEALTH;
    let keeping = Start::run_with(&keeping).start();
    let apps = Apps {
        proxy: &keeping,
        shop: &shop,
    };
    let (half, _) = apart(apps.visit("pymysql", &["half a result"]));
    let gone = |id: &Value| {
        let id = id[0][0].as_str().unwrap();
        let is_there =
            format!("select count(*) from information_schema.processlist where id = {id}");
        shop.server.admin_until(&is_there, "0");
    };
    gone(&half);
    let (first, _) = apart(apps.visit("pymysql", &[]));
    assert_ne!(first, half);
    wait_for_reused(&keeping);
    // A statement that is not there cannot be killed later, either.
    let id = first[0][0].as_str().unwrap();
    shop.server.admin(&format!("kill query {id}"));
    let (second, _) = apart(apps.visit("pymysql", &["select price from product"]));
    assert_eq!(second, first);
    wait_for_reused(&keeping);
    shop.server.admin(&format!("kill {id}"));
    gone(&first);
    let (third, _) = apart(apps.visit("pymysql", &[]));
    assert_ne!(third, first);
    assert_eq!(
        (opened(&keeping, "dialled"), opened(&keeping, "reused")),
        (3.0, 1.0)
    );
}

#[test]
#[cfg_attr(
    not(all(has_mysql_9, has_mariadb, has_python)),
    ignore = "no MySQL: see scripts/test --all"
)]
fn what_a_server_runs_for_whoever_logs_in_is_run_for_every_app_and_no_end_counts_as_broken_off() {
    let server = MySql::another();
    let shop = server.shop();
    let route = |lines: &str| shop.route() + lines + HEALTH;
    let reusing = Start::run_with(&route("session_reuse = \"reset\"\n")).start();
    let ready = Start::run_with(&route("ready_sessions = 2\n")).start();
    let ask = |proxy: &Proxy| {
        let app = proxy.mysql_app().told("DB_DATABASE", &shop.name);
        app.query("select ifnull(@greeting, 'none')")
    };
    assert_eq!(ask(&reusing), "none");
    wait_for_reused(&reusing);
    assert_eq!(ask(&reusing), "none");
    assert_eq!(opened(&reusing, "reused"), 1.0);
    wait_for_reused(&reusing);
    server.admin("set global init_connect = 'set @greeting = 1'");
    // This one has logged in before.
    assert_eq!(ask(&reusing), "none");
    reusing.log_until("no session is given to another app for an hour");
    for _ in 0..3 {
        assert_eq!(ask(&reusing), "1");
        assert_eq!(ask(&ready), "1");
    }
    assert_eq!(opened(&reusing, "reused"), 2.0);
    wait_for(&ready, "ready", 2.0);
    assert_eq!(ask(&ready), "1");
    assert!(opened(&ready, "ready") >= 1.0);
    for proxy in [reusing, ready] {
        let _ = proxy.stop();
    }
    let aborted = server.admin("show global status like 'Aborted%'");
    assert_eq!(aborted, "Aborted_clients\t0\nAborted_connects\t0");
}
