//! Stores below a directory, with stand-ins for the system's tools.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use azdb_core::{LocalAuthority, ToTrust};

use super::anchors::Anchors;
use super::keychain::Keychain;
use super::{Held, Store, hex};
use crate::args::Scope;

/// A system of its own.
struct System(tempfile::TempDir);

impl System {
    fn new(directories: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in directories {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        Self(root)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// A program that writes down what it is told, and then does as `script` says.
    fn tool(&self, path: &str, script: &str) {
        let (path, log) = (self.path(path), self.path("told"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let log = log.display();
        fs::write(
            &path,
            format!("#!/bin/sh\necho \"$*\" >>'{log}'\n{script}\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the tools were told, a line each.
    fn told(&self) -> String {
        fs::read_to_string(self.path("told")).unwrap_or_default()
    }

    fn anchors(&self) -> Result<Anchors, String> {
        Anchors::below(self.0.path())
    }
}

fn certificate() -> ToTrust {
    let authority = LocalAuthority::load_or_make(None).unwrap();
    ToTrust::in_pem(authority.ca_pem()).unwrap()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn each_family_has_its_directory_and_its_tool() {
    for (directory, tool, added, removed) in [
        (
            "usr/local/share/ca-certificates",
            "usr/sbin/update-ca-certificates",
            "",
            "--fresh",
        ),
        (
            "etc/pki/ca-trust/source/anchors",
            "usr/bin/update-ca-trust",
            "extract",
            "extract",
        ),
        (
            "etc/pki/trust/anchors",
            "usr/sbin/update-ca-certificates",
            "",
            "--fresh",
        ),
        (
            "etc/ca-certificates/trust-source/anchors",
            "usr/bin/update-ca-trust",
            "",
            "",
        ),
    ] {
        let system = System::new(&[directory]);
        system.tool(tool, "");
        let (store, certificate) = (system.anchors().unwrap(), certificate());
        assert_eq!(store.held().unwrap(), []);
        store.can_add().unwrap();
        store.add(&certificate).unwrap();
        let held = Held {
            fingerprint: certificate.fingerprint,
            is_ours: true,
        };
        assert_eq!(store.held().unwrap(), std::slice::from_ref(&held));
        let beginning = hex(&certificate.fingerprint[..8], "").to_lowercase();
        let name = format!("azdb-proxy-{beginning}.crt");
        assert_eq!(files(&system.path(directory)), std::slice::from_ref(&name));
        let file = system.path(directory).join(name);
        assert_eq!(fs::read_to_string(&file).unwrap(), certificate.pem);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o644
        );
        store.remove(&held).unwrap();
        assert_eq!(files(&system.path(directory)), [""; 0]);
        assert_eq!(
            system.told(),
            format!("{added}\n{removed}\n"),
            "{directory}"
        );
    }
}

#[test]
fn what_somebody_else_has_put_there_stays() {
    let directory = "usr/local/share/ca-certificates";
    let system = System::new(&[directory]);
    system.tool("usr/sbin/update-ca-certificates", "");
    let (store, [theirs, ours]) = (system.anchors().unwrap(), [certificate(), certificate()]);
    for (name, text) in [("house.crt", &*theirs.pem), ("notes.txt", "none")] {
        fs::write(system.path(directory).join(name), text).unwrap();
    }
    store.add(&ours).unwrap();
    let held = store.held().unwrap();
    let of = |of: &ToTrust| held.iter().find(|held| held.fingerprint == of.fingerprint);
    assert!(of(&ours).unwrap().is_ours);
    assert!(!of(&theirs).unwrap().is_ours);
    let why = store.remove(of(&theirs).unwrap()).unwrap_err();
    assert!(why.contains("by another name"), "{why}");
    store.remove(of(&ours).unwrap()).unwrap();
    let mut left = files(&system.path(directory));
    left.sort();
    assert_eq!(left, ["house.crt", "notes.txt"]);
}

#[test]
fn a_system_without_a_place_or_its_tool_says_what_to_install() {
    let why = System::new(&[]).anchors().err().unwrap();
    for part in [
        "usr/local/share/ca-certificates",
        "install the package ca-certificates",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let without = System::new(&["etc/pki/ca-trust/source/anchors"]);
    let why = without.anchors().err().unwrap();
    assert!(
        why.contains("not the tool that reads it, update-ca-trust"),
        "{why}"
    );
}

#[test]
fn a_tool_that_fails_is_quoted_and_leaves_nothing_behind() {
    let directory = "usr/local/share/ca-certificates";
    let system = System::new(&[directory]);
    system.tool(
        "usr/sbin/update-ca-certificates",
        "echo 'no openssl here' >&2; exit 3",
    );
    let why = system.anchors().unwrap().add(&certificate()).unwrap_err();
    for part in [
        "update-ca-certificates ended with exit status: 3",
        "no openssl here",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(files(&system.path(directory)), [""; 0]);
}

#[test]
fn a_keychain_is_told_by_the_systems_own_program() {
    let system = System::new(&[]);
    let (ours, theirs) = (certificate(), certificate());
    let [ours_hash, theirs_hash] = [&ours, &theirs].map(|of| hex(&of.fingerprint, ""));
    system.tool(
        "usr/bin/security",
        &format!(
            "case \"$*\" in\n*'-c azdb-proxy on this machine'*) echo 'SHA-256 hash: {ours_hash}' ;;\n\
             find-certificate*) printf 'SHA-256 hash: %s\\nSHA-1 hash: 00\\n' {ours_hash} {theirs_hash} ;;\nesac"
        ),
    );
    let store = Keychain::of(Scope::Machine, system.0.path()).unwrap();
    let held = store.held().unwrap();
    assert_eq!(
        held,
        [(&ours, true), (&theirs, false)].map(|(of, is_ours)| Held {
            fingerprint: of.fingerprint,
            is_ours
        })
    );
    store.add(&ours).unwrap();
    store.remove(held.first().unwrap()).unwrap();
    let told = system.told();
    let keychain = system.path("Library/Keychains/System.keychain");
    let keychain = keychain.display();
    for part in [
        format!("add-trusted-cert -d -r trustRoot -p ssl -k {keychain} /"),
        format!("delete-certificate -Z {ours_hash} -t {keychain}\n"),
    ] {
        assert!(told.contains(&part), "{part}: {told}");
    }
}
