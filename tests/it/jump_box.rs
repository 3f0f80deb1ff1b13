//! A whole jump box: a proxy that other machines reach, with passwords, TLS and a certificate for its name, and apps beyond a wire.

use std::net::{Ipv4Addr, SocketAddr};

use azdb_tests::{
    ANYONE, App, Azure, AzureSql, Encrypt, MysqlApp, Network, Passwords, Place, Program, Proxy,
    Shop, SqlApp, Start,
};

/// The proxy's address on the wire, and its name.
const ADDRESS: &str = "10.9.0.1";
const NAME: &str = "jump.example.org";
/// Whom it lets in, and how.
const OPEN: &str = "allow = [\"10.9.0.0/24\"]\nlocal_tls = \"require\"\n\
                    local_tls_names = [\"jump.example.org\"]\n";
/// The same for others than those beyond the wire.
const OTHERS: &str = "allow = [\"10.8.0.0/24\"]\n";

/// A proxy at one end of a wire.
struct Jump {
    network: Network,
    proxy: Proxy,
}

impl Jump {
    /// Before the database of this route, which is on this machine.
    fn before(
        route: &str,
        environment: impl IntoIterator<Item = (&'static str, String)>,
        more: &str,
    ) -> Self {
        let network = Network::new();
        let (_, behind) = route.split_once("connect_to = \"127.0.0.1:").unwrap();
        let port: u16 = behind.split('"').next().unwrap().parse().unwrap();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let database = network.bridge(Place::Near, Place::Here, here);
        let route = route
            .replace(&here.to_string(), &database.to_string())
            .replace("127.0.0.1:0", "0.0.0.0:0");
        let passwords = Passwords::of(ANYONE);
        let route = format!("{route}{}{more}", passwords.line());
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name, network.bridged(&value)));
        let proxy = Start::run_within(&network.near(), &route)
            .envs(environment)
            .start();
        Self { network, proxy }
    }

    /// Where it is for those beyond the wire.
    fn wired(&self) -> SocketAddr {
        SocketAddr::new(ADDRESS.parse().unwrap(), self.proxy.address().port())
    }

    /// A program on the other machine, which knows the jump box by its name.
    fn far(&self, program: Program) -> Program {
        let hosts = format!("127.0.0.1 localhost\n{ADDRESS} {NAME}\n");
        program.beyond(&self.network.far(), &hosts)
    }

    /// The file of the authority that `azdb-proxy ca` prints.
    fn ca(&self) -> String {
        let state = self.proxy.directory().join("state");
        let ran = Start::new(&["ca"])
            .env("XDG_STATE_HOME", state.to_str().unwrap())
            .run();
        let file = self.proxy.directory().join("ca.pem");
        std::fs::write(&file, ran.succeeded()).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn psql_verifies_the_jump_box_by_its_name_and_comes_in_with_its_password() {
    let azure = Azure::new();
    let jump = Jump::before(&azure.route(), azure.identity.environment(), OPEN);
    let ca = jump.ca();
    let app = |host: &str, tls: &str| {
        App::at(host, jump.wired().port())
            .told("PGSSLMODE", tls)
            .told("PGSSLROOTCERT", &*ca)
    };
    let sql = |app: App| {
        let psql = app.psql().args(["-c", "select current_user"]);
        jump.far(psql).run()
    };
    for host in [NAME, ADDRESS] {
        let verified = app(host, "verify-full").told("PGCHANNELBINDING", "require");
        assert_eq!(sql(verified).succeeded(), azure.role, "{host}");
    }
    let plain = sql(app(ADDRESS, "disable"));
    assert!(
        plain.failed().contains("the app speaks without TLS"),
        "{plain:?}"
    );
    assert!(plain.stderr.contains("sslmode=require"), "{plain:?}");
    let wrong = sql(app(NAME, "require").told("PGPASSWORD", "wrong"));
    assert!(
        wrong.failed().contains("no app comes in as user"),
        "{wrong:?}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_mariadb)),
    ignore = "no MariaDB, or not root: see scripts/test"
)]
fn mariadb_verifies_the_jump_box_by_its_name_and_comes_in_with_its_password() {
    let shop = Shop::new();
    let jump = Jump::before(&shop.route(), shop.identity.environment(), OPEN);
    let ca = format!("--ssl-ca={}", jump.ca());
    let sql = |host: &str, password: &str, tls: &[&str]| {
        let app = MysqlApp::at(jump.wired())
            .told("DB_HOST", host)
            .told("DB_PASSWORD", password);
        let client = app.mariadb("mariadb").args(tls);
        jump.far(client.args(["-N", "-B", "-e", "select 1"])).run()
    };
    let verified = [&*ca, "--ssl-verify-server-cert"];
    for host in [NAME, ADDRESS] {
        let ran = sql(host, "any password", &verified);
        assert_eq!(ran.succeeded(), "1", "{host}");
    }
    let plain = sql(ADDRESS, "any password", &["--skip-ssl"]);
    assert!(plain.failed().contains("ERROR 3159"), "{plain:?}");
    assert!(
        plain.stderr.contains("the app speaks without TLS"),
        "{plain:?}"
    );
    let wrong = sql(NAME, "wrong", &verified);
    assert!(wrong.failed().contains("ERROR 1045 (28000)"), "{wrong:?}");
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_freetds)),
    ignore = "no FreeTDS, or not root: see scripts/test"
)]
fn tsql_comes_in_with_its_password_over_tls_alone() {
    let azure = AzureSql::new();
    let jump = Jump::before(&azure.route(), azure.environment(), OPEN);
    let tsql = |encrypt: &str, password: &str| {
        let app = SqlApp::of(&jump.proxy, Encrypt::Off).at(ADDRESS, encrypt);
        let script = "select name from products where id = 3\ngo\n";
        let tsql = app.program("tsql").stdin(script);
        jump.far(tsql.args(["-S", "proxy", "-U", "anyone", "-P", password]))
            .run()
    };
    // Whatever it would do by itself, it is told that TLS is wanted.
    for encrypt in ["require", "request", "off"] {
        let ran = tsql(encrypt, "any password");
        let log = jump.proxy.log();
        assert!(
            ran.stdout.contains("Aged pecorino"),
            "{encrypt}: {ran:?} {log}"
        );
    }
    let wrong = tsql("require", "wrong");
    assert!(wrong.stderr.contains("app_password_file"), "{wrong:?}");
    azure.assert_content();
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres, has_mariadb, has_freetds)),
    ignore = "no PostgreSQL, MariaDB or FreeTDS, or not root: see scripts/test"
)]
fn whoever_is_not_allowed_reads_so_in_its_own_words() {
    let cause = "no app may come from 10.9.0.2";
    let azure = Azure::new();
    let jump = Jump::before(&azure.route(), azure.identity.environment(), OTHERS);
    for tls in ["disable", "require"] {
        let app = App::at(ADDRESS, jump.wired().port()).told("PGSSLMODE", tls);
        let ran = jump.far(app.psql().args(["-c", "select 1"])).run();
        assert!(ran.failed().contains(cause), "{ran:?}");
    }
    jump.proxy.log_until(cause);

    let shop = Shop::new();
    let jump = Jump::before(&shop.route(), shop.identity.environment(), OTHERS);
    let client = MysqlApp::at(jump.wired()).mariadb("mariadb");
    let ran = jump.far(client.args(["-e", "select 1"])).run();
    assert!(ran.failed().contains("ERROR 1130 (HY000)"), "{ran:?}");
    assert!(ran.stderr.contains(cause), "{ran:?}");

    let azure = AzureSql::new();
    let jump = Jump::before(&azure.route(), azure.environment(), OTHERS);
    let app = SqlApp::of(&jump.proxy, Encrypt::Off).at(ADDRESS, "request");
    let ran = jump.far(app.freetds("tsql").stdin("select 1\ngo\n")).run();
    assert!(ran.stderr.contains(cause), "{ran:?}");
}
