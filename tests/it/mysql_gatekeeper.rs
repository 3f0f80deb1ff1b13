//! The emulator's door before a real MariaDB, with the proxy before the door: what an app sees is the real server.

use std::sync::atomic::{AtomicU32, Ordering};

use azdb_emulator::{ChangesOfUser, EmulatorOptions, Flaw, Principal};
use azdb_tests::{Account, Emulated, MariaDb, Program, Proxy, closed_port};
use serde_json::{Value, json};

const PASSWORD: &str = "geheim";

/// A door before a database of the shared server, whose user is `role`.
struct Gate {
    emulated: Emulated,
    role: String,
    database: String,
    /// `user:password@host:port` of the server behind.
    behind: String,
}

impl Gate {
    fn new() -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let server = MariaDb::shared();
        let (role, database) = (format!("behind{number}"), format!("gated{number}"));
        server.add_user(&role, Account::Native, PASSWORD);
        server.admin(&format!(
            "create database {database}; grant all on {database}.* to '{role}'@'%'; \
             grant process, connection admin on *.* to '{role}'@'%'"
        ));
        let behind = format!("{role}:{PASSWORD}@127.0.0.1:{}", server.port);
        Self {
            emulated: before(&behind, |_| ()),
            role,
            database,
            behind,
        }
    }

    fn proxy(&self) -> Proxy {
        let route = self.emulated.mysql_route();
        let route = format!("{route}default_database = {:?}\n", self.database);
        self.emulated.start(&route).start()
    }

    /// Runs a program of `tests/apps`, whose user and database are those behind.
    #[track_caller]
    fn seen(&self, program: Program, expected: &Value) {
        let ran = program.run();
        let seen: Value = serde_json::from_str(ran.succeeded()).unwrap();
        assert_eq!(seen["user"], json!(format!("{}@%", self.role)), "{seen}");
        assert_eq!(seen["database"], json!(self.database), "{seen}");
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&seen[name], value, "{name} of {seen}");
        }
    }
}

fn before(behind: &str, more: impl FnOnce(&mut EmulatorOptions)) -> Emulated {
    let mut options = EmulatorOptions::default();
    options.mysql.behind = Some(format!("mysql://{behind}").parse().unwrap());
    more(&mut options);
    Emulated::with(options)
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn an_app_is_in_a_session_of_the_real_server() {
    let gate = Gate::new();
    let app = gate.proxy();
    let app = app.mysql_app();
    let server = MariaDb::shared().admin("select version()");
    assert_eq!(
        app.query("select version(), current_user(), database(), 'naïve', 1/0, power(2, 10)"),
        format!(
            "{server}\t{}@%\t{}\tnaïve\tNULL\t1024",
            gate.role, gate.database
        )
    );
    let status = app.mariadb("mariadb").args(["-e", "\\s"]).run();
    assert!(status.succeeded().contains(&server), "{status:?}");
    let refused = app.sql("select * from nowhere");
    assert!(
        refused.failed().contains("ERROR 1146 (42S02)"),
        "{refused:?}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no PyMySQL: see scripts/test"
)]
fn long_packets_and_files_and_kills_by_thread_come_through_the_door() {
    let gate = Gate::new();
    let proxy = gate.proxy();
    let expected = json!({
        "parameters": [3, "naïve"],
        "own_thread": true,
        "long_query": 40 << 20,
        "long_row": 20 << 20,
        "loaded": [12 << 20, 1],
        "killed": 1317,
        "error": 1146,
    });
    gate.seen(proxy.mysql_app().python("with_pymysql.py"), &expected);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no Connector/J: see scripts/test"
)]
fn both_connector_js_batch_through_the_door() {
    for (scheme, driver) in [
        ("mariadb", "mariadb-java-client"),
        ("mysql", "mysql-connector-j"),
    ] {
        let gate = Gate::new();
        let proxy = gate.proxy();
        let program = proxy.mysql_app().java("WithMysql.java", driver);
        let expected = json!({"prepared": 3, "batch": 1000, "timed_out": true, "error": 1146});
        gate.seen(program.arg(scheme), &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mariadb: see scripts/test"
)]
fn node_mariadb_reads_the_servers_own_flags() {
    let gate = Gate::new();
    let proxy = gate.proxy();
    let app = proxy.mysql_app().told("DB_NAME", &gate.database);
    let expected = json!({
        "prepared": [3, "naïve"],
        "changed": true,
        "pipelined": [1, 2, 3, 4, 5],
        "batch": 1000,
    });
    gate.seen(app.node("with_mariadb.cjs"), &expected);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn a_change_of_user_is_judged_at_the_door_and_made_behind() {
    let gate = Gate::new();
    let proxy = gate.proxy();
    let program = proxy.mysql_app().python("with_mysqlclient.py");
    let expected = json!({"changed": true, "database_again": gate.database});
    gate.seen(program, &expected);
    let logins = gate.emulated.azure.mysql().logins();
    let change = logins.iter().find(|login| login.is_change).unwrap();
    assert_eq!(change.refusal, None);
    assert!(change.token_bytes > Some(1000), "{change:?}");

    let refusing = before(&gate.behind, |options| {
        options.mysql.changes_of_user = ChangesOfUser::Refused;
    });
    let route = refusing.mysql_route() + "default_database = \"" + &gate.database + "\"\n";
    let proxy = refusing.start(&route).start();
    let program = proxy.mysql_app().python("with_mysqlclient.py");
    gate.seen(program, &json!({"database_again": gate.database}));
    proxy.log_until("this route resets its sessions from now on");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn principal_has_a_role_of_its_own_behind() {
    let gate = Gate::new();
    let other = format!("other{}", gate.role);
    let server = MariaDb::shared();
    server.add_user(&other, Account::Native, PASSWORD);
    // One that is there: for a user that is not, MariaDB asks by the plugin of any other account.
    let locked = format!("locked{}", gate.role);
    server.add_user(&locked, Account::Native, "another password");
    let identity = EmulatorOptions::default().identities.remove(0);
    let principals = |role: &str| vec![Principal::of(&identity).behind_as(role)];
    for (role, answer) in [
        (other.as_str(), Some(format!("{other}@%"))),
        (locked.as_str(), None),
    ] {
        let emulated = before(&gate.behind, |options| {
            options.principals = principals(role)
        });
        let proxy = emulated.start(&emulated.mysql_route()).start();
        let ran = proxy.mysql_app().sql("select current_user()");
        match answer {
            Some(answer) => assert_eq!(ran.succeeded(), answer),
            None => {
                let told = format!(
                    "azdb-emulator: the server behind (mysql://127.0.0.1:{}) refused the login of `{locked}`: Access denied",
                    server.port
                );
                assert!(ran.failed().contains("ERROR 1045 (28000)"), "{ran:?}");
                assert!(ran.failed().contains(&told), "{ran:?}");
            }
        }
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn nobody_comes_to_the_server_behind_with_a_wrong_token() {
    let gate = Gate::new();
    gate.emulated
        .azure
        .issuer()
        .set_default(Flaw::ForeignSignature);
    let proxy = gate.proxy();
    let ran = proxy.mysql_app().sql("select 1");
    assert!(ran.failed().contains("using password: YES"), "{ran:?}");
    assert_eq!(gate.emulated.azure.mysql().sessions(), 0);
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn database_that_is_not_there_behind_is_the_servers_own_word() {
    let gate = Gate::new();
    let proxy = gate.proxy();
    let app = proxy.mysql_app();
    let ran = app
        .mariadb("mariadb")
        .args(["-e", "select 1", "nowhere"])
        .run();
    assert!(
        ran.failed()
            .starts_with("ERROR 1044 (42000): Access denied for user"),
        "{ran:?}"
    );
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn server_behind_that_is_down_is_named_after_the_login() {
    let port = closed_port();
    let emulated = before(&format!("127.0.0.1:{port}"), |_| ());
    let proxy = emulated.start(&emulated.mysql_route()).start();
    let ran = proxy.mysql_app().sql("select 1");
    let told = format!(
        "azdb-emulator: the server behind (mysql://127.0.0.1:{port}) cannot be reached: Connection refused"
    );
    assert!(ran.failed().contains("ERROR 1105 (08S01)"), "{ran:?}");
    assert!(ran.failed().contains(&told), "{ran:?}");
}
