//! Upstreams that wait behind TLS and have said nothing: with no key set.

use std::time::Instant;

use azdb_tests::{PATIENCE, Server};

use super::{Keeping, on_real_servers};

on_real_servers!(
    an_app_soon_after_another_finds_its_upstream_prepared,
    a_prepared_upstream_is_no_session_of_the_database,
);

fn an_app_soon_after_another_finds_its_upstream_prepared(server: &'static Server) {
    let keeping = Keeping::with(server, "");
    let until = Instant::now() + PATIENCE;
    // Each comes right behind the one before.
    while keeping.opened("prepared") < 3 {
        assert!(Instant::now() < until, "{}", keeping.proxy.log());
        let _ = keeping.pid();
    }
    assert!(keeping.proxy.log().contains("way=prepared"));
    // The key is its server's own: nothing is kept here.
    let _ = keeping.app();
}

fn a_prepared_upstream_is_no_session_of_the_database(server: &'static Server) {
    let keeping = Keeping::with(server, "max_connections = 1");
    for _ in 0..4 {
        let _ = keeping.pid();
    }
    keeping.until_none_upstream();
    assert_eq!(keeping.opened("ready") + keeping.opened("reused"), 0);
}
