//! `azdb-proxy grant` before real servers: what it prints is run, and the principal logs in to see what it may do.

mod apply;
mod by_hand;
mod mysql;
mod sql_server;

use azdb_tests::{
    Azure, Method, Program, Proxy, Ran, Server, Start, binary, every_piece_of, find_leak, token_of,
};

/// A database of the real server whose principal is still to be made, and Azure's functions as the server of a test can have them.
struct Bare {
    azure: Azure,
    admin: String,
    admin_token: String,
    schema: String,
    /// The role that the route logs in as.
    role: String,
}

impl Bare {
    fn new() -> Self {
        Self::of(&format!("dba{}@contoso.com", Server::number()))
    }

    fn of(admin: &str) -> Self {
        let azure = Azure::new();
        let number = Server::number();
        let bare = Self {
            admin: admin.to_owned(),
            // Another identity's.
            admin_token: token_of(1900),
            schema: format!("pgaadauth{number}"),
            role: format!("it's \"{number}\" \\ é"),
            azure,
        };
        bare.make_admin();
        bare
    }

    /// An administrator who owns tables in the app's database, and for whom `pgaadauth_…` are there.
    fn make_admin(&self) {
        let Self {
            azure,
            admin,
            schema,
            ..
        } = self;
        let server = azure.server;
        server.add_role(admin, Method::Token, &self.admin_token);
        server.admin(&format!(
            "alter role \"{admin}\" createrole;
             grant {group} to \"{admin}\" with admin option;
             alter database \"{database}\" owner to \"{admin}\";
             create schema {schema} authorization \"{admin}\";
             alter role \"{admin}\" in database postgres set search_path = {schema}, public;
             create table {schema}.principals (rolename text, principaltype text, objectid text);
             grant all on {schema}.principals to \"{admin}\";
             create function {schema}.pgaadauth_create_principal_with_oid(role text, oid text, kind text, admin bool, mfa bool)
               returns text language plpgsql as $f$ begin
                 execute format('create role %I login password %L in role {group}', role, '{token}');
                 insert into {schema}.principals values (role, kind, oid);
                 return 'Created role for ' || role;
               end $f$;
             create function {schema}.pgaadauth_list_principals(admins bool)
               returns table (rolename text, principaltype text, objectid text, tenantid text, ismfa int, isadmin int)
               language sql as $f$ select *, 'tenant', 0, 0 from {schema}.principals $f$",
            group = Method::Token.group(),
            database = azure.database,
            token = azure.token,
        ));
        self.as_admin(
            "create table products (id serial primary key, name text); insert into products (name) values ('oil');
             create schema other; create table other.secrets (it text)",
        );
    }

    #[track_caller]
    fn as_admin(&self, sql: &str) {
        let Self { azure, admin, .. } = self;
        let database = &azure.database;
        let ran = azure.server.direct(admin, &self.admin_token, database, sql);
        let _ = ran.succeeded();
    }

    fn route(&self) -> String {
        let Azure { role, .. } = &self.azure;
        let route = self.azure.route();
        route.replace(
            &format!("upstream_user = {role:?}"),
            &format!("upstream_user = {:?}", self.role),
        )
    }

    /// What is printed.
    fn grant(&self, words: &[&str]) -> Ran {
        let start = Start::command("grant", &self.route()).args(words);
        start.envs(self.azure.identity.environment()).run()
    }

    /// Runs what is printed as psql runs it, as the administrator.
    #[track_caller]
    fn run(&self, words: &[&str]) {
        let printed = self.grant(words);
        let ran = Program::new("psql")
            .args(["-X", "-A", "-t", "-q"])
            .env("PGHOST", "localhost")
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGPORT", self.azure.server.port.to_string())
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.azure.server.ca_file)
            .env("PGUSER", &self.admin)
            .env("PGPASSWORD", &self.admin_token)
            .env("PGDATABASE", "postgres")
            // A script says itself what its bytes are.
            .env("PGCLIENTENCODING", "LATIN1")
            .stdin(printed.succeeded())
            .run();
        let _ = ran.succeeded();
    }

    fn proxy(&self) -> Proxy {
        self.azure.start(&self.route()).start()
    }
}

/// Runs SQL as the app.
#[track_caller]
fn may(proxy: &Proxy, sql: &str) -> String {
    proxy.app().query(sql)
}

/// There is no such role, so the server has no way for it to log in.
#[track_caller]
fn is_nobody(proxy: &Proxy) {
    let refused = proxy.app().sql("select 1");
    assert!(
        refused.failed().contains("no pg_hba.conf entry"),
        "{refused:?}"
    );
}

#[track_caller]
fn may_not(proxy: &Proxy, sql: &str) {
    let ran = proxy.app().sql(sql);
    assert!(ran.failed().contains("permission denied"), "{sql}: {ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_reads_and_writes_rows_of_tables_that_are_there_and_to_come() {
    let bare = Bare::new();
    let proxy = bare.proxy();
    is_nobody(&proxy);
    // Whatever it was before, it is the same afterwards.
    bare.run(&["--read-only"]);
    bare.run(&[]);
    bare.run(&["--read-write"]);
    may(&proxy, "insert into products (name) values ('salt')");
    assert_eq!(
        may(
            &proxy,
            "select string_agg(name, ' ' order by id) from products"
        ),
        "oil salt"
    );
    may(
        &proxy,
        "update products set name = 'pepper' where id = 2; delete from products where id = 1",
    );
    bare.as_admin("create table later (id serial, it text)");
    may(&proxy, "insert into later (it) values ('x')");
    may_not(&proxy, "create table mine (it text)");
    may_not(&proxy, "select * from other.secrets");
    may_not(&proxy, "truncate products");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_that_only_reads_changes_nothing() {
    let bare = Bare::new();
    bare.run(&["--read-only", "--schema", "public", "--schema", "other"]);
    let proxy = bare.proxy();
    assert_eq!(may(&proxy, "select name from products"), "oil");
    assert_eq!(may(&proxy, "select count(*) from other.secrets"), "0");
    may_not(&proxy, "insert into products (name) values ('salt')");
    may_not(&proxy, "select nextval('products_id_seq')");
    may_not(&proxy, "delete from products");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_app_that_migrates_makes_tables_until_that_is_undone() {
    let bare = Bare::new();
    bare.run(&["--owner"]);
    let proxy = bare.proxy();
    may(
        &proxy,
        "create table mine (it text); truncate products; drop table mine",
    );
    let refused = proxy.app().sql("drop table products");
    assert!(refused.failed().contains("must be owner"), "{refused:?}");
    bare.run(&["--owner", "--undo"]);
    is_nobody(&proxy);
}

/// Comments say how to run it, with the route's own certificate authority, as a shell and psql read them.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn the_line_that_is_printed_runs_as_it_stands() {
    let bare = Bare::new();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("it's \\ a \"ca\".pem");
    std::fs::copy(&bare.azure.server.ca_file, &ca_file).unwrap();
    let usual = format!("upstream_ca_file = {:?}", bare.azure.server.ca_file);
    let route = bare
        .route()
        .replace(&usual, &format!("upstream_ca_file = {ca_file:?}"));
    std::fs::write(directory.path().join("proxy.toml"), route).unwrap();
    let shell = |script: &str| {
        let mut shell = Program::new("sh")
            .args(["-e", "-c", script])
            .directory(directory.path())
            .env("PGPASSWORD", &bare.admin_token);
        for (name, value) in bare.azure.identity.environment() {
            shell = shell.env(name, value);
        }
        shell.run()
    };
    let command = format!("{} grant", binary("azdb-proxy").display());
    let printed = shell(&format!("{command} --config proxy.toml"));
    let mut lines = printed
        .succeeded()
        .lines()
        .filter_map(|line| line.strip_prefix("-- "));
    let line = lines
        .find(|line| line.contains("azdb-proxy grant "))
        .unwrap();
    let rest = lines.next().unwrap();
    let script = format!("{line}\n{rest}")
        .replace("azdb-proxy grant", &command)
        .replace("ADMIN", &bare.admin);
    let ran = shell(&script);
    assert!(ran.succeeded().contains("GRANT"), "{script}\n{ran:?}");
    let _ = may(&bare.proxy(), "insert into products (name) values ('salt')");
}

/// Rights go to the role of the route, and ids come from its token.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn ids_are_those_of_the_token_and_nothing_else_of_it_is_printed() {
    let bare = Bare::new();
    let printed = bare.grant(&[]);
    let text = printed.succeeded();
    assert!(
        text.contains("for       identity \"an identity of the tests\", object id "),
        "{text}"
    );
    let pieces = every_piece_of(&bare.azure.token);
    assert_eq!(find_leak(text, &pieces), None, "{text}");
}
