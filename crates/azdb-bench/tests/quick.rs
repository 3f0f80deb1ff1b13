//! The program as a whole, in its quick form.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The proxy of this tree, in the profile that the tests have.
fn proxy() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "-p", "azdb-proxy"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_azdb-bench")).with_file_name("azdb-proxy")
}

/// The bench, whose files lie in `dir`.
fn bench(protocol: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azdb-bench"));
    command
        .arg(protocol)
        .arg("--proxy")
        .arg(proxy())
        .env("TMPDIR", dir);
    command
}

/// Processes that were started with a file of `dir`.
fn processes_of(dir: &Path) -> usize {
    let dir = dir.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap();
    let command_lines =
        processes.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok());
    command_lines.filter(|line| line.contains(dir)).count()
}

#[test]
fn a_quick_run_measures_everything_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let output = bench("postgres", dir.path())
        .arg("--quick")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");

    let report = String::from_utf8(output.stdout).unwrap();
    for row in [
        "| CPU, COPY to the app, s/GB | - |",
        "| connects, 8 at a time, 1/s |",
        "| memory per session of a crowd, COPY both ways done, KiB | - |",
        "| CPU, connect with a crowd open, ms | - |",
        "| connect to the first row, upstream 20 ms away, ms |",
    ] {
        assert!(report.contains(row), "{row} is missing in:\n{report}");
    }
    let negotiated =
        "TLS with the upstream, all peers: TLSv1_3, TLS13_AES_256_GCM_SHA384, X25519; two RSA-2048";
    assert!(report.contains(negotiated), "{report}");
    assert_eq!(processes_of(dir.path()), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_quick_run_of_tds_measures_both_ways_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_azdb-bench"))
        .args(["tds", "--quick", "--proxy"])
        .arg(proxy())
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let report = String::from_utf8(output.stdout).unwrap();
    for row in [
        "| | direct | azdb-proxy | proxy / direct |",
        "| CPU, rows to the app, s/GB | - | ",
        "| connects, one after the other, 1/s | ",
    ] {
        assert!(report.contains(row), "{row} is missing in:\n{report}");
    }
    assert_eq!(processes_of(dir.path()), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_interrupted_run_ends_its_peers() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = bench("postgres", dir.path())
        .arg("--rounds=1000")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(run.stderr.take().unwrap()).lines();
    assert_eq!(progress.next().unwrap().unwrap(), "round 1 of 1000");
    assert!(processes_of(dir.path()) > 0);

    let id = nix::unistd::Pid::from_raw(run.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(!run.wait().unwrap().success());
    // A process that has been killed may be seen for another moment.
    while processes_of(dir.path()) > 0 {}
}

#[test]
fn a_quick_run_of_mysql_has_the_proxy_beside_a_direct_connection() {
    let dir = tempfile::tempdir().unwrap();
    let output = bench("mysql", dir.path()).arg("--quick").output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("| | direct | azdb-proxy |"), "{report}");
    for row in [
        "COPY to the app",
        "prepared selects",
        "connects",
        "memory per idle session",
    ] {
        assert!(report.contains(row), "{row}: {report}");
    }
}

#[test]
fn a_quick_run_of_kept_sessions_measures_every_way_of_every_protocol() {
    let dir = tempfile::tempdir().unwrap();
    // Started by root, PostgreSQL becomes somebody else, who removes a directory of its own there.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let output = bench("kept", dir.path())
        .args(["--quick", "--away=1"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let report = String::from_utf8(output.stdout).unwrap();
    for (row, protocols) in [
        ("| direct |", 3),
        ("| azdb-proxy, dialled |", 3),
        ("| azdb-proxy, prepared |", 1),
        ("| azdb-proxy, `ready_sessions = 10` |", 3),
        ("| azdb-proxy, `session_reuse = \"reset\"` |", 3),
    ] {
        assert_eq!(report.matches(row).count(), protocols, "{row}: {report}");
    }
    assert_eq!(processes_of(dir.path()), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
