//! TLS for apps that ask for it, with the certificate that the proxy makes and keeps.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use azdb_tests::{App, Authority, Azure, Emulated, Proxy, Ran, Start};

/// `azdb-proxy ca` in the environment of a proxy.
fn ca(proxy: &Proxy, words: &[&str]) -> Ran {
    let home = proxy.directory().join("state");
    let start = Start::new(&["ca"]).args(words);
    start.env("XDG_STATE_HOME", home.to_str().unwrap()).run()
}

fn printed_ca(proxy: &Proxy) -> String {
    ca(proxy, &[]).succeeded().to_owned()
}

/// An app that trusts the certificates of `pem`, and nothing less.
fn verifying(app: App, directory: &Path, pem: &str) -> App {
    let file = directory.join("trusted.pem");
    std::fs::write(&file, pem).unwrap();
    app.told("PGSSLMODE", "verify-full")
        .told("PGSSLROOTCERT", file.to_str().unwrap())
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn app_with_sslmode_require_works_unmodified() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let app = proxy.app().told("PGSSLMODE", "require");
    let ran = app.psql().stdin("\\conninfo\nselect current_user;\n").run();
    assert!(
        ran.succeeded()
            .contains("SSL connection (protocol: TLSv1.3")
    );
    assert!(ran.succeeded().ends_with(&azure.role));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn printed_authority_makes_verify_full_work_by_every_name() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let ca = printed_ca(&proxy);
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!ca.contains("PRIVATE"));
    for name in ["127.0.0.1", "localhost"] {
        let app = verifying(proxy.app(), proxy.directory(), &ca)
            .told("PGHOST", name)
            .told("PGHOSTADDR", "127.0.0.1");
        assert_eq!(app.query("select current_user"), azure.role);
    }
    let other = Authority::default();
    let stranger = verifying(proxy.app(), proxy.directory(), other.ca_pem());
    let refused = stranger.sql("select 1");
    assert!(refused.failed().contains("certificate verify failed"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn certificate_is_kept_over_restarts_for_its_owner_alone() {
    let azure = Azure::new();
    let home = tempfile::TempDir::new().unwrap();
    let start = || {
        azure
            .start(&azure.route())
            .env("XDG_STATE_HOME", home.path().to_str().unwrap())
            .start()
    };
    let file = home.path().join("azdb-proxy/local-tls.pem");
    let proxy = start();
    let kept = std::fs::read_to_string(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(proxy.stop().code, Some(0));

    let proxy = start();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    // Leaf first, then the authority; an app that trusts what was printed before the restart still does.
    let authority = kept.split_inclusive("-----END CERTIFICATE-----\n").nth(1);
    let app = verifying(proxy.app(), home.path(), authority.unwrap());
    assert_eq!(app.query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn state_directory_that_cannot_be_written_costs_one_warning() {
    let azure = Azure::new();
    let proxy = azure
        .start(&azure.route())
        .arg("--state-dir=/proc/azdb-proxy")
        .start();
    let app = proxy.app().told("PGSSLMODE", "require");
    assert_eq!(app.query("select 1"), "1");
    let log = proxy.log();
    let warnings = log.lines().filter(|line| line.contains("cannot keep"));
    assert_eq!(warnings.count(), 1, "{log}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn own_certificate_is_shown_to_apps() {
    let azure = Azure::new();
    let directory = tempfile::TempDir::new().unwrap();
    let authority = Authority::default();
    let (certificate, key) = authority.issue(&["localhost"]);
    let (cert_file, key_file) = (
        directory.path().join("c.pem"),
        directory.path().join("k.pem"),
    );
    std::fs::write(&cert_file, certificate).unwrap();
    std::fs::write(&key_file, key).unwrap();
    std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
    let files = format!("local_tls = {{ cert_file = {cert_file:?}, key_file = {key_file:?} }}\n");
    let proxy = azure.start(&(azure.route() + &files)).start();
    let app = verifying(proxy.app(), directory.path(), authority.ca_pem())
        .told("PGHOST", "localhost")
        .told("PGHOSTADDR", "127.0.0.1");
    assert_eq!(app.query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn without_local_tls_apps_that_demand_it_are_told_so() {
    let azure = Azure::new();
    let route = azure.route() + "local_tls = \"off\"\n";
    let proxy = azure.start(&route).start();
    let refused = proxy.app().told("PGSSLMODE", "require").sql("select 1");
    assert!(refused.failed().contains("does not support SSL"));
    let prefers = proxy.app().told("PGSSLMODE", "prefer");
    assert_eq!(prefers.query("select 1"), "1");
}

/// Whoever has another HOME, or another state directory, is told of what the proxy shows.
#[test]
fn the_proxy_that_runs_is_asked_for_its_authority_and_none_is_made() {
    let emulated = Emulated::new();
    let authority = Authority::default();
    let directory = tempfile::TempDir::new().unwrap();
    let (leaf, key) = authority.issue(&["localhost"]);
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    let (chain, key) = (
        file("chain.pem", &(leaf.clone() + authority.ca_pem())),
        file("key.pem", &key),
    );
    let leaf = file("leaf.pem", &leaf);
    let route = |name: &str, local_tls: &str| {
        let route = emulated.route().replace("\"orders\"", &format!("{name:?}"));
        format!("{route}local_tls = {local_tls}\n")
    };
    let files = |cert: &Path| format!("{{ cert_file = {cert:?}, key_file = {key:?} }}");
    let configuration = [
        route("orders", "\"auto\""),
        route("own", &files(&chain)),
        route("leaf", &files(&leaf)),
        route("off", "\"off\""),
    ];
    let proxy = emulated.start(&configuration.concat()).start();
    let kept = proxy.directory().join("state/azdb-proxy/local-tls.pem");
    let kept_text = std::fs::read_to_string(&kept).unwrap();

    let orders = ca(&proxy, &["orders"]);
    assert!(kept_text.contains(orders.succeeded()), "{orders:?}");
    assert!(
        orders
            .stderr
            .contains(&format!("route \"orders\": from {}", kept.display()))
    );
    let own = ca(&proxy, &["own"]);
    assert_eq!(own.succeeded(), authority.ca_pem().trim_end());
    assert!(own.stderr.contains("chain.pem"), "{own:?}");
    for (words, why) in [
        (&["leaf"][..], "whose own the proxy does not have"),
        (&["off"], "offers apps no TLS"),
        (&["nosuch"], "no route is called \"nosuch\""),
        (&[], "say which route: \"orders\""),
    ] {
        let ran = ca(&proxy, words);
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(1), ""),
            "{words:?}: {ran:?}"
        );
        assert!(ran.stderr.contains(why), "{words:?}: {ran:?}");
    }
    // From elsewhere, where the environment is another one.
    let socket = proxy.directory().join("state/azdb-proxy/admin.sock");
    let at = format!("--at=unix:{}", socket.display());
    let elsewhere = Start::new(&["ca", "orders", &at]).run();
    assert_eq!(elsewhere.succeeded(), orders.succeeded());
    let nobody = Start::new(&["ca"]).run();
    assert_eq!((nobody.code, &*nobody.stdout), (Some(1), ""), "{nobody:?}");
    for part in ["no azdb-proxy answers at", "has none yet"] {
        assert!(nobody.stderr.contains(part), "{part}: {nobody:?}");
    }

    // What it has kept is what the next one shows.
    let home = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(home.path().join("azdb-proxy")).unwrap();
    std::fs::copy(&kept, home.path().join("azdb-proxy/local-tls.pem")).unwrap();
    assert_eq!(proxy.stop().code, Some(0));
    let later = Start::new(&["ca"])
        .env("XDG_STATE_HOME", home.path().to_str().unwrap())
        .run();
    assert_eq!(later.succeeded(), orders.succeeded());
    let warning =
        "azdb-proxy ca: warning: no proxy was asked, so this is the certificate in the files";
    assert!(later.stderr.starts_with(warning), "{later:?}");
    // Which one that runs does not need.
    assert!(
        orders.stderr.starts_with("azdb-proxy ca: route "),
        "{orders:?}"
    );
}
