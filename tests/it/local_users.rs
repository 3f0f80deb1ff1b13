//! Users of this machine who come over TCP: the kernel says who they are.

use azdb_tests::{App, Azure, Program};

/// Nobody's, on Debian.
const NOBODY: u32 = 65_534;

/// psql as the user `nobody`.
fn as_nobody(app: &App) -> Program {
    let user = NOBODY.to_string();
    app.program("setpriv")
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["psql", "-X", "-A", "-t", "-c", "select 1"])
}

#[test]
#[cfg_attr(
    not(all(has_namespaces, has_postgres)),
    ignore = "no PostgreSQL, or not root: see scripts/test"
)]
fn user_that_is_not_listed_is_not_admitted_over_tcp() {
    let azure = Azure::new();
    let us = rustix::process::getuid().as_raw();
    let start = |uid: u32| azure.start(&format!("{}allow_uids = [{uid}]\n", azure.route()));
    let proxy = start(us).start();
    assert_eq!(proxy.app().query("select 1"), "1");
    let ran = as_nobody(&proxy.app()).run();
    let told = format!("no app may come from 127.0.0.1 uid {NOBODY}");
    assert!(ran.failed().contains(&told), "{ran:?}");
    let line = proxy.log_until("no app may come from");
    assert!(line.contains(&format!("uid {NOBODY}")), "{line}");
    drop(proxy);

    let proxy = start(NOBODY).start();
    assert_eq!(as_nobody(&proxy.app()).run().succeeded().trim(), "1");
    let _ = proxy.app().sql("select 1").failed();
}
