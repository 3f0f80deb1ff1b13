//! TLS for apps that ask for it, with the certificate that the proxy makes and keeps.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use azdb_tests::{App, Authority, Azure, Proxy, Start};

/// `azdb-proxy ca`, with the state directory of a proxy.
fn printed_ca(proxy: &Proxy) -> String {
    let home = proxy.directory().join("state");
    let ran = Start::new(&["ca"])
        .env("XDG_STATE_HOME", home.to_str().unwrap())
        .run();
    ran.succeeded().to_owned()
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
