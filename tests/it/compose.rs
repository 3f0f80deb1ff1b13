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
    emulator: u16,
    identity: u16,
    proxy: u16,
}

impl Place {
    fn new() -> Self {
        Self {
            shared: TempDir::new().unwrap(),
            emulator: closed_port(),
            identity: closed_port(),
            proxy: closed_port(),
        }
    }

    /// A word of the file, for this machine.
    fn here(&self, word: &str) -> String {
        let shared = self.shared.path().to_str().unwrap();
        word.replace("/shared", shared)
            .replace("0.0.0.0:5432", &format!("127.0.0.1:{}", self.emulator))
            .replace("0.0.0.0:8080", &format!("127.0.0.1:{}", self.identity))
            .replace("127.0.0.1:5432", &format!("127.0.0.1:{}", self.proxy))
            .replace("emulator:5432", &format!("localhost:{}", self.emulator))
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

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psql or PyYAML: see scripts/test"
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
    assert_eq!(proxy.address().port(), place.proxy);

    let psql = variables(&services["psql"]);
    let app = App::at(psql["PGHOST"], place.proxy).told("PGUSER", psql["PGUSER"]);
    let command = services["psql"]["command"].as_array().unwrap();
    let command: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
    let (program, args) = command.split_first().unwrap();
    let ran = app.program(program).args(args).run();
    assert!(ran.succeeded().contains("rows)"), "{ran:?}");
}
