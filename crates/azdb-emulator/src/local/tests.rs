#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::leash::{Leash, Program};
use super::place::Place;
use super::{LocalError, programs};

/// A server, as far as its leash knows.
fn program(script: &'static str) -> Program {
    Program {
        script,
        variables: vec![("tail", PathBuf::from("tail"))],
        signal: "QUIT",
        ready: "I am ready",
    }
}

/// Starts it, and tells its directory and the process that it has written down there.
async fn started(script: &'static str) -> (Leash, PathBuf, Pid) {
    let place = Place::new("nobody").unwrap();
    let directory = place.path().to_owned();
    let leash = Leash::start(place, &program(script)).await.unwrap();
    let pid = fs::read_to_string(directory.join("pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap());
    assert_eq!(kill(pid, None), Ok(()));
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    (leash, directory, pid)
}

#[tokio::test]
async fn server_and_directory_go_however_a_leash_is_let_go() {
    let server = r#"echo $$ >"$directory/pid"; echo "I am ready" >&2; exec "$tail" -f /dev/null"#;
    let deaf = r#"trap "" QUIT; echo $$ >"$directory/pid"; echo "I am ready" >&2; exec "$tail" -f /dev/null"#;
    // A step that comes before the server.
    let step = r#"sh -c 'echo $$ >"$directory/pid"; echo "I am ready" >&2; exec "$tail" -f /dev/null'; echo next"#;
    for script in [server, deaf, step] {
        for is_released in [true, false] {
            let (leash, directory, pid) = started(script).await;
            if is_released {
                leash.release().await;
                assert!(!directory.exists(), "{script}");
            } else {
                drop(leash);
            }
            while directory.exists() || kill(pid, None).is_ok() {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_gives_up_says_why_and_leaves_nothing() {
    for (script, why) in [
        (
            "echo first >&2; echo 'FATAL:  no room' >&2; echo after >&2; exit 1",
            "FATAL:  no room",
        ),
        ("echo first >&2; echo last >&2; echo >&2", "last"),
        // What came before does not make it good.
        (
            "echo 'ERROR: 1064' >&2; echo 'I am ready' >&2",
            "ERROR: 1064",
        ),
    ] {
        let place = Place::new("nobody").unwrap();
        let directory = place.path().to_owned();
        let error = Leash::start(place, &program(script)).await.err().unwrap();
        assert!(
            matches!(&error, LocalError::Ended(text) if text == why),
            "{error}"
        );
        assert!(!directory.exists());
    }
}

#[test]
fn the_newest_version_comes_first() {
    let place = tempfile::tempdir().unwrap();
    for version in ["9.6", "17", "15"] {
        let directory = place.path().join(format!("pg-{version}/bin"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("a server"), "").unwrap();
    }
    fs::write(place.path().join("pg-15/bin/a tool"), "").unwrap();
    let places = format!("{}/pg-*/bin", place.path().display());
    let found = |wanted: &[&str]| programs::directory_of(wanted, &[&places]);
    assert_eq!(found(&["a server"]), Some(place.path().join("pg-17/bin")));
    assert_eq!(
        found(&["a server", "a tool"]),
        Some(place.path().join("pg-15/bin"))
    );
    assert_eq!(found(&["a server", "nothing"]), None);
}
