//! Says whether `psql` is there, so that a test without it counts as ignored, with the reason.
//!
//! With `AZDB_TESTS_REQUIRED` set nothing is ignored: the test then fails.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_psql)");
    println!("cargo::rerun-if-env-changed=AZDB_TESTS_REQUIRED");
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|directory| directory.join("psql").is_file());
    if found || env::var_os("AZDB_TESTS_REQUIRED").is_some() {
        println!("cargo::rustc-cfg=has_psql");
    }
}
