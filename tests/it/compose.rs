//! docker-compose.yml, as far as it can be tried without containers: its services' commands and variables, run here.

use std::collections::HashMap;
use std::path::Path;

use azdb_tests::{App, Process, Program, Start, binary, closed_port, tools};
use serde_json::Value;
use tempfile::TempDir;

/// The file, checked and read by the Python program that scripts/check-compose runs.
fn compose() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let ran = Program::new(tools::installed("python/bin/python"))
        .arg(tools::app("python/check_compose.py"))
        .arg(file)
        .run();
    serde_json::from_str(ran.succeeded()).unwrap()
}

/// What stands in for the network and the volume of the containers.
struct Place {
    shared: TempDir,
    emulated: [u16; 3],
    identity: u16,
    proxy: [u16; 3],
}

impl Place {
    fn new() -> Self {
        Self {
            shared: TempDir::new().unwrap(),
            emulated: std::array::from_fn(|_| closed_port()),
            identity: closed_port(),
            proxy: std::array::from_fn(|_| closed_port()),
        }
    }

    /// A word of the file, for this machine.
    fn here(&self, word: &str) -> String {
        let shared = self.shared.path().to_str().unwrap();
        let mut here = word.replace("/shared", shared);
        for (port, emulated, proxy) in [
            ("5432", self.emulated[0], self.proxy[0]),
            ("3306", self.emulated[1], self.proxy[1]),
            ("1433", self.emulated[2], self.proxy[2]),
        ] {
            here = here
                .replace(&format!("0.0.0.0:{port}"), &format!("127.0.0.1:{emulated}"))
                .replace(
                    &format!("listen=127.0.0.1:{port}"),
                    &format!("listen=127.0.0.1:{proxy}"),
                )
                .replace(
                    &format!("emulator:{port}"),
                    &format!("localhost:{emulated}"),
                );
        }
        here.replace("0.0.0.0:8080", &format!("127.0.0.1:{}", self.identity))
            .replace("emulator:8080", &format!("localhost:{}", self.identity))
    }

    fn emulator(&self, service: &Value) -> Process {
        let words = service["command"].as_array().unwrap();
        let words = words.iter().map(|word| self.here(word.as_str().unwrap()));
        let emulator = Program::new(binary("azdb-emulator")).args(words).start();
        emulator.stdout_until(|text| text.contains("PGPORT=").then_some(()));
        emulator
    }
}

fn variables(service: &Value) -> HashMap<&str, &str> {
    let table = service["environment"].as_object().unwrap();
    let pairs = table.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

/// The program of a service, and its arguments.
fn command(service: &Value) -> (&str, Vec<&str>) {
    let words = service["command"].as_array().unwrap();
    let mut words = words.iter().map(|word| word.as_str().unwrap());
    (words.next().unwrap(), words.collect())
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb, has_python)),
    ignore = "no psql, mariadb or PyYAML: see scripts/test"
)]
fn services_of_the_compose_file_find_each_other() {
    let compose = compose();
    let services = &compose["services"];
    let place = Place::new();
    let _emulator = place.emulator(&services["emulator"]);
    let healthy = services["emulator"]["healthcheck"]["test"]
        .as_array()
        .unwrap();
    let healthy = healthy
        .iter()
        .skip(1)
        .map(|word| place.here(word.as_str().unwrap()));
    let words: Vec<String> = healthy.collect();
    let (program, args) = words.split_first().unwrap();
    assert_eq!(Program::new(program).args(args).run().code, Some(0));

    let mut start = Start::new(&["run"]);
    for (name, value) in variables(&services["proxy"]) {
        start = start.env(name, &place.here(value));
    }
    let proxy = start.start();
    assert_eq!(proxy.address().port(), place.proxy[0]);

    proxy.log_until(&format!("listen=127.0.0.1:{}", place.proxy[2]));

    let psql = variables(&services["psql"]);
    let app = App::at(psql["PGHOST"], place.proxy[0]).told("PGUSER", psql["PGUSER"]);
    let (program, args) = command(&services["psql"]);
    let ran = app.program(program).args(args).run();
    assert!(ran.succeeded().contains("rows)"), "{ran:?}");

    let (program, args) = command(&services["mariadb"]);
    let port = format!("--port={}", place.proxy[1]);
    let ran = Program::new(program).args(args).arg(port).run();
    assert!(ran.succeeded().lines().count() > 3, "{ran:?}");
}
