//! `azdb-proxy grant --apply` before a real MariaDB behind the emulated Azure, which knows `create aaduser`.

use std::sync::OnceLock;

use azdb_emulator::{
    DEFAULT_ROLE, EmulatorOptions, ManagedIdentity, OSSRDBMS_AUDIENCE, Principal, Shape,
};
use azdb_tests::{Account, Emulated, MariaDb, Proxy, Ran, Server, Start};

const PASSWORD: &str = "of everybody behind";
/// Where MariaDB keeps the note of a client id, and where Azure shows it.
const AS_AZURE_SHOWS_USERS: &str = "create or replace view mysql.user as select Host, User, \
    if(instr(Priv, 'AADApp:'), 'aad_auth', json_value(Priv, '$.plugin')) as plugin, \
    if(instr(Priv, 'AADApp:'), json_value(Priv, '$.auth_or[1].authentication_string'), '') as authentication_string \
    from mysql.global_priv";

/// A server whose users of identities are still to be made.
struct Bare {
    emulated: Emulated,
    server: &'static MariaDb,
    /// Of the app, in the database.
    user: String,
    admin_token: String,
}

/// The server of these tests, which shows its users in another way than the others'.
fn server() -> &'static MariaDb {
    static SERVER: OnceLock<&MariaDb> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = MariaDb::with(&[]);
        server.add_user("dba", Account::Native, PASSWORD);
        server.admin(&format!(
            "grant all on *.* to 'dba'@'%' with grant option; {AS_AZURE_SHOWS_USERS}; \
             create database my_shop; create table my_shop.products (id int primary key, name text); \
             insert into my_shop.products values (1, 'oil'); \
             create database myXshop; create table myXshop.secrets (it text)"
        ));
        server
    })
}

impl Bare {
    fn new() -> Self {
        let (server, number) = (server(), Server::number());
        let user = format!(r#"it's "{number}" \ é"#);
        let mut options = EmulatorOptions::default();
        let behind = format!(
            "mysql://dba:{}@127.0.0.1:{}",
            PASSWORD.replace(' ', "%20"),
            server.port
        );
        options.mysql.behind = Some(behind.parse().unwrap());
        let dba = ManagedIdentity::user_assigned("dba");
        let [app] = &options.identities[..] else {
            panic!("one identity");
        };
        let app = Principal {
            name: user.clone(),
            ..Principal::of(app)
        };
        options.principals = vec![app.behind_as(&user), Principal::of(&dba)];
        let emulated = Emulated::with(options);
        let issuer = emulated.azure.issuer();
        let token = issuer.issue_as(&dba, OSSRDBMS_AUDIENCE, Shape::default());
        Self {
            admin_token: token.unwrap().access_token,
            server,
            user,
            emulated,
        }
    }

    fn route(&self) -> String {
        let (usual, ours) = (format!("{DEFAULT_ROLE:?}"), format!("{:?}", self.user));
        let route = self.emulated.mysql_route().replace(&usual, &ours);
        format!("{route}default_database = \"my_shop\"\n")
    }

    fn proxy(&self) -> Proxy {
        self.emulated.start(&self.route()).start()
    }

    fn apply(&self, words: &[&str]) -> Ran {
        let start = Start::command("grant", &self.route());
        let file = start.directory().join("admin.token");
        std::fs::write(&file, &self.admin_token).unwrap();
        start
            .args(&["--apply", "--yes", "--as", "dba", "--token-file"])
            .arg(file.to_str().unwrap())
            .args(words)
            .envs(self.emulated.environment())
            .run()
    }
}

#[track_caller]
fn may_not(proxy: &Proxy, sql: &str) {
    let ran = proxy.mysql_app().sql(sql);
    assert!(ran.failed().contains("denied"), "{sql}: {ran:?}");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn a_user_may_what_its_level_says_in_its_database_alone() {
    let bare = Bare::new();
    let proxy = bare.proxy();
    may_not(&proxy, "select 1");

    let first = bare.apply(&["--read-only"]);
    let said = first.succeeded();
    assert!(
        said.contains("set aad_auth_validate_oids_in_tenant = OFF;\n-- => done\n"),
        "{said}"
    );
    assert!(said.contains("-- => made\n"), "{said}");
    let app = proxy.mysql_app();
    assert_eq!(app.query("select name from products"), "oil");
    may_not(&proxy, "insert into products values (2, 'salt')");
    may_not(&proxy, "select * from myXshop.secrets");

    let again = bare.apply(&["--read-write"]);
    assert!(
        again.succeeded().contains("-- => it is there already\n"),
        "{again:?}"
    );
    let _ = app.query("insert into products values (2, 'salt'); delete from products where id = 1");
    bare.server.admin("create table my_shop.later (it text)");
    let _ = app.query("insert into later values ('x')");
    may_not(&proxy, "create table mine (it text)");

    let owner = bare.apply(&["--owner"]);
    assert!(
        owner
            .succeeded()
            .contains("GRANT ALL PRIVILEGES ON `my\\_shop`.*"),
        "{owner:?}"
    );
    let _ = app.query("create table mine (it text)");

    let _ = bare.apply(&["--undo"]).succeeded();
    let _ = bare.apply(&["--undo"]).succeeded();
    may_not(&proxy, "select 1");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn a_user_with_a_password_is_given_nothing() {
    let bare = Bare::new();
    let user = bare.user.replace('\\', "\\\\").replace('\'', "''");
    bare.server
        .admin(&format!("create user '{user}'@'%' identified by 'x'"));
    let refused = bare.apply(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("is there already, and is not known by 7d1c1b3c-"),
        "{refused:?}"
    );
    let granted = bare.server.admin(&format!("show grants for '{user}'@'%'"));
    assert!(
        !granted.contains("my\\\\_shop") && !granted.contains("SELECT"),
        "{granted}"
    );
}
