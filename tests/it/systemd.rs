//! The unit, under a real systemd: one is booted over a copy of this machine's file system, with the emulated Azure beside the
//! service (`tests/apps/systemd/boot`). What it says of the service, and what apps see, is looked at here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use azdb_tests::{Program, binary, tools};
use tempfile::TempDir;

/// The proxy's own log is shown with a failure.
struct Seen {
    answers: BTreeMap<String, String>,
    log: String,
}

impl Seen {
    #[track_caller]
    fn assert(&self, name: &str, value: &str) {
        let seen = self.answers.get(name).map(String::as_str);
        assert_eq!(
            seen,
            Some(value),
            "{name}: {:#?}\n{}",
            self.answers,
            self.log
        );
    }
}

const CONFIGURATION: &str = r#"
[[route]]
name = "orders"
protocol = "postgres"
listen = ["127.0.0.1:5432", "unix:/run/azdb-proxy/"]
unix_mode = "0666"
allow_uids = [0, 65534]
upstream = "localhost:15432"
connect_to = "127.0.0.1:15432"
upstream_user = "orders-app"
upstream_ca_file = "/run/ca.pem"
"#;

fn boot() -> Seen {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    for program in ["azdb-proxy", "azdb-emulator"] {
        fs::copy(binary(program), path.join(program)).unwrap();
    }
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    for unit in ["azdb-proxy.service", "examples/azdb-proxy.socket"] {
        let unit = units.join(unit);
        fs::copy(&unit, path.join(unit.file_name().unwrap())).unwrap();
    }
    fs::write(path.join("proxy.toml"), CONFIGURATION).unwrap();
    let ran = Program::new(tools::app("systemd/boot")).arg(path).run();
    let text = fs::read_to_string(path.join("check.log"))
        .unwrap_or_else(|error| panic!("systemd did not come so far: {error}: {ran:#?}"));
    let answers = text.lines().filter_map(|line| line.split_once(": "));
    Seen {
        answers: answers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        log: fs::read_to_string(path.join("proxy.log")).unwrap_or_default(),
    }
}

#[test]
#[cfg_attr(
    not(all(has_systemd, has_postgres)),
    ignore = "no systemd or psql, or not root: see scripts/test"
)]
fn service_works_confined_as_its_unit_says() {
    let seen = boot();
    seen.assert("started", "active success");
    let uids: Vec<_> = seen.answers["Uid"].split(' ').collect();
    assert!(
        uids.iter().all(|uid| *uid == uids[0] && *uid != "0"),
        "{uids:?}"
    );
    for (name, value) in [
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
        // Filtered.
        ("Seccomp", "2"),
        ("runtime", "755 600"),
        ("state", "700 600"),
    ] {
        seen.assert(name, value);
    }
    for app in ["tcp", "tls", "socket_of_root", "socket_of_nobody"] {
        seen.assert(app, "in");
    }
    let refused = &seen.answers["socket_of_daemon"];
    assert!(refused.starts_with("psql: error: "), "{refused}");
    seen.assert("health", "ok");

    seen.assert("after_reload", "in");
    seen.assert("restarts", "0");
    seen.assert("after_a_crash", "active 1");
    seen.assert("after_a_hang", "active 2");
    seen.assert("after_shutdown", "inactive success 0");
    seen.assert("after_stop", "inactive success");
    for app in ["first_to_come", "socket_of_the_group", "during_a_restart"] {
        seen.assert(app, "in");
    }
    let refused = &seen.answers["socket_of_no_group"];
    assert!(refused.contains("Permission denied"), "{refused}");
    seen.assert("wrong_configuration", "failed 78 0");
}
