//! What stands in `deploy/`, and in the pages for the reader to copy: the real `check` reads every configuration of it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use azdb_tests::{Program, Ran, Start, tools};
use serde_json::Value;

/// Everything that `deploy/` runs the proxy with, as a Python program reads it out of manifests, charts and Bicep.
fn proxies() -> Vec<Value> {
    let ran = Program::new(tools::installed("deploy/bin/python"))
        .arg(tools::app("deploy/proxies.py"))
        .run();
    serde_json::from_str(ran.succeeded()).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

fn table(object: &Value) -> BTreeMap<&str, &str> {
    let pairs = object.as_object().unwrap().iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

/// The files of a container, in a directory of the test's.
struct Files(Vec<(String, PathBuf)>);

impl Files {
    fn new(root: &Path, files: &BTreeMap<&str, &str>) -> Self {
        let here = |path: &str| root.join(path.trim_start_matches('/'));
        let named = |path: &&str| (path.to_string(), here(path));
        let all = Self(files.keys().map(named).collect());
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        for (path, text) in files {
            let file = here(path);
            let text = match *text {
                "CERT" => &certified.cert.pem(),
                "KEY" => &certified.signing_key.serialize_pem(),
                text => text,
            };
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, all.here(text)).unwrap();
            // As Kubernetes and Compose hand secrets out; a configuration is nobody's secret.
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o440)).unwrap();
        }
        all
    }

    /// A text that names them, for this machine.
    fn here(&self, text: &str) -> String {
        let all = self.0.iter();
        all.fold(text.to_owned(), |text, (path, file)| {
            text.replace(path, file.to_str().unwrap())
        })
    }
}

/// `azdb-proxy check` with what a place would have `run` or `exec` read.
fn checked(proxy: &Value) -> Ran {
    let mut start = Start::new(&["check"]);
    let files = Files::new(&start.directory(), &table(&proxy["files"]));
    let args = texts(&proxy["args"]);
    let own = args.iter().take_while(|arg| **arg != "--");
    for arg in own.filter(|arg| !["run", "exec"].contains(arg)) {
        start = start.arg(&files.here(arg));
    }
    for (name, value) in table(&proxy["env"]) {
        start = start.env(name, &files.here(value));
    }
    start.run()
}

/// What `check` may warn of: one compose file is for development, and says so.
fn is_meant(warning: &str) -> bool {
    warning.contains("upstream_tls = \"off\"") || warning.contains("upstream_tls")
}

#[test]
#[cfg_attr(not(has_deploy), ignore = "no linters: see scripts/test")]
fn every_configuration_in_deploy_and_in_the_pages_is_one() {
    let proxies = proxies();
    assert!(proxies.len() > 15, "too few: {proxies:?}");
    for proxy in &proxies {
        let place = &proxy["place"];
        let ran = checked(proxy);
        let summary = ran.succeeded();
        for warning in ran.stderr.lines().filter(|line| line.contains("warning")) {
            assert!(is_meant(warning), "{place}: {warning}");
        }
        for app in texts(&proxy["apps"]) {
            assert!(summary.contains(app), "{place}: nothing is at {app}");
        }
        for door in proxy["doors"].as_array().unwrap() {
            let door = format!("0.0.0.0:{door}");
            assert!(summary.contains(&door), "{place}: nothing is at {door}");
        }
    }
}
