//! What is left of a demo that has ended: nothing.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use azdb_tests::{PATIENCE, Start};
use rustix::process::Signal;
use tempfile::TempDir;

use super::running::{Demo, alone, open_to_all, processes};

/// The directories that demos have left behind, or use.
fn directories(place: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Waits for what must come.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no PostgreSQL or MariaDB: see scripts/test"
)]
fn nothing_is_left_of_a_demo_whatever_ended_it() {
    let _alone = alone();
    for (signal, code) in [
        (Signal::INT, Some(0)),
        (Signal::TERM, Some(0)),
        (Signal::KILL, None),
    ] {
        let place = TempDir::with_prefix("azdb-test-").unwrap();
        open_to_all(&place);
        let temporary = place.path().to_str().unwrap();
        let mut demo = Demo::of(Start::new(&["demo"]).env("TMPDIR", temporary));
        let started = demo.descendants();
        // Itself, and for each server the leash and at least the server.
        assert!(started.len() >= 5, "{started:?}");
        // Someone is still in.
        let mut session = demo
            .psql()
            .psql()
            .args(["-c", "select pg_sleep(3600)"])
            .start();
        assert_eq!(demo.psql().query("select 1"), "1");

        let ran = demo.end_with(signal);
        assert_eq!(ran.code, code, "{ran:?}");
        until("the end of all processes", || {
            !processes().any(|(pid, _)| started.contains(&pid))
        });
        if signal == Signal::KILL {
            let of_servers = || {
                directories(&place)
                    .into_iter()
                    .filter(|one| one.join("data").exists())
            };
            until("the end of all data", || of_servers().next().is_none());
        } else {
            assert_eq!(directories(&place), Vec::<PathBuf>::new());
        }
        until("the end of the session", || !session.is_running());
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no PostgreSQL or MariaDB: see scripts/test"
)]
fn nothing_is_left_of_a_demo_that_ends_while_it_starts() {
    let _alone = alone();
    let place = TempDir::with_prefix("azdb-test-").unwrap();
    open_to_all(&place);
    let temporary = place.path().to_str().unwrap();
    let (process, _directory) = Start::new(&["demo"]).env("TMPDIR", temporary).launch();
    let is_at_work = |one: &PathBuf| one.join("data").exists();
    until("files of a server", || {
        directories(&place).iter().any(is_at_work)
    });
    process.signal(Signal::INT);
    assert_eq!(process.wait().code, Some(0));
    until("the end of all data", || directories(&place).is_empty());
    let mentions = |(pid, _)| {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains(temporary))
    };
    until("the end of all processes", || !processes().any(mentions));
}
