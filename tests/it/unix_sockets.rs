//! Socket files, where the kernel says who comes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use azdb_tests::{App, Azure, Proxy};
use rustix::process::Signal;
use tempfile::TempDir;

fn proxy_in(azure: &Azure, directory: &Path, more: &str) -> Proxy {
    let listen = format!("listen = \"unix:{}/\"\n{more}", directory.display());
    let route = azure.route_without_listen() + &listen;
    azure.start(&route).start()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_finds_the_socket_in_its_directory() {
    let azure = Azure::new();
    let directory = TempDir::new().unwrap();
    let proxy = proxy_in(&azure, directory.path(), "");
    let file = directory.path().join(".s.PGSQL.5432");
    assert_eq!(proxy.door(), format!("unix:{}", file.display()));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let app = App::at(directory.path().to_str().unwrap(), 5432);
    assert_eq!(app.query("select current_user"), azure.role);
    assert_eq!(app.query("select repeat('x', 1000000)").len(), 1_000_000);

    assert_eq!(proxy.stop().code, Some(0));
    assert!(!file.exists(), "the file goes with the proxy");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn socket_of_a_killed_proxy_is_replaced() {
    let azure = Azure::new();
    let directory = TempDir::new().unwrap();
    let killed = proxy_in(&azure, directory.path(), "");
    killed.signal(Signal::KILL);
    assert_eq!(killed.wait().code, None);
    assert!(directory.path().join(".s.PGSQL.5432").exists());

    let _proxy = proxy_in(&azure, directory.path(), "");
    let app = App::at(directory.path().to_str().unwrap(), 5432);
    assert_eq!(app.query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn port_in_the_name_is_the_one_that_apps_name() {
    let azure = Azure::new();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(".s.PGSQL.6000");
    let route = format!(
        "{}listen = \"unix:{}\"\nunix_mode = 0o666\n",
        azure.route_without_listen(),
        file.display()
    );
    let _proxy = azure.start(&route).start();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    let app = App::at(directory.path().to_str().unwrap(), 6000);
    assert_eq!(app.query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn user_that_is_not_listed_is_not_admitted() {
    let azure = Azure::new();
    let directory = TempDir::new().unwrap();
    let uid = rustix::process::getuid().as_raw();
    let proxy = proxy_in(
        &azure,
        directory.path(),
        &format!("allow_uids = [{}]\n", uid + 1),
    );
    let app = App::at(directory.path().to_str().unwrap(), 5432);
    let told = app.sql("select 1");
    let cause = format!("no app may come from unix uid {uid}");
    assert!(told.failed().contains(&cause), "{told:?}");
    let line = proxy.log_until("no app may come from");
    assert!(line.contains(&format!("unix uid {uid}")), "{line}");
    drop(proxy);

    let _proxy = proxy_in(&azure, directory.path(), &format!("allow_uids = [{uid}]\n"));
    assert_eq!(app.query("select 1"), "1");
}
