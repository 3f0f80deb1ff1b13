use std::fs;
use std::path::PathBuf;

use azdb_identity::Environment;

#[cfg(unix)]
use super::mode;
use super::{Place, absolute, certificate, route};
use crate::load::load_from;
use crate::{Origin, Overrides};

/// What is said of a file that is not there.
fn not_read(path: &str) -> String {
    format!("cannot read {path}: {}", fs::metadata(path).unwrap_err())
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let key = absolute("/no/key");
    let place = Place::with(&format!(
        "[process]\nstate_dir = \"state\"\n{}",
        route(&format!(
            "local_tls = {{ cert_file = \"tls/c.pem\", key_file = \"{key}\" }}"
        ))
    ));
    fs::create_dir(place.path().join("tls")).unwrap();
    place.file("tls/c.pem", &certificate());
    assert_eq!(
        place.load().unwrap_err(),
        format!(
            "proxy.toml:7: route \"orders\": local_tls: key_file: {}",
            not_read(&key)
        )
    );
    place.file(
        "proxy.toml",
        &format!("[process]\nstate_dir = \"state\"\n{}", route("")),
    );
    assert_eq!(
        place.load().unwrap().process.state_dir,
        Some(place.path().join("state"))
    );
}

#[test]
fn the_first_file_that_is_there_is_the_configuration() {
    let (first, second) = (
        Place::with(&route("name = \"first\"")),
        Place::with(&route("name = \"second\"")),
    );
    let places = [
        first.path().join("proxy.toml"),
        second.path().join("proxy.toml"),
    ];
    let load = || load_from(&Overrides::default(), &Environment::default(), &places).unwrap();
    assert_eq!(load().routes[0].name, "first");
    fs::remove_file(&places[0]).unwrap();
    let config = load();
    assert_eq!(config.routes[0].name, "second");
    assert_eq!(config.origin, Origin::File(places[1].clone()));
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let place = Place::with(&route(""));
    let missing = Overrides {
        config: Some(PathBuf::from("/no/such/proxy.toml")),
        ..Overrides::default()
    };
    assert_eq!(
        place.load_with(&missing, &[]).unwrap_err(),
        not_read("/no/such/proxy.toml")
    );
    assert_eq!(
        place
            .load_with(
                &Overrides::default(),
                &[("AZDB_PROXY_CONFIG", "/no/such/other.toml")]
            )
            .unwrap_err(),
        not_read("/no/such/other.toml")
    );
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_is_not_passed_over() {
    let place = Place::with("");
    let path = place.path().join("proxy.toml");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    // EISDIR; Windows does not open one as a file.
    let code = if cfg!(windows) { 5 } else { 21 };
    let refused = std::io::Error::from_raw_os_error(code);
    assert_eq!(
        place.load().unwrap_err(),
        format!("cannot read proxy.toml: {refused}")
    );
    fs::remove_dir(&path).unwrap();
    fs::write(&path, [b'#'; (1 << 20) + 1]).unwrap();
    assert_eq!(
        place.load().unwrap_err(),
        "cannot read proxy.toml: longer than 1048576 bytes"
    );
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(place.load().unwrap_err(), "proxy.toml is not UTF-8");
}

#[test]
fn a_byte_order_mark_in_front_of_the_configuration_does_not_matter() {
    let place = Place::with("");
    place.file("proxy.toml", &format!("\u{feff}{}", route("")));
    assert_eq!(place.load().unwrap().routes.len(), 1);
}

/// Opening one would wait for a writer, at every start.
#[cfg(unix)]
#[test]
fn a_fifo_in_place_of_a_file_is_refused_at_once() {
    let place = Place::with("");
    let fifo = |name: &str| {
        let mut mkfifo = std::process::Command::new("mkfifo");
        let made = mkfifo.arg(place.path().join(name)).status();
        assert!(made.unwrap().success());
    };
    fifo("waits");
    for keys in [
        "upstream_ca_file = \"waits\"",
        "upstream_auth = \"password\"\nupstream_password_file = \"waits\"",
        "local_tls = { cert_file = \"waits\", key_file = \"waits\" }",
        "identity = { client_secret_file = \"waits\" }",
        "identity = { certificate_file = \"waits\" }",
    ] {
        place.file("proxy.toml", &route(keys));
        let refusal = place.load().unwrap_err();
        let said = "cannot read waits: it is no regular file";
        assert!(refusal.contains(said), "{keys}: {refusal}");
    }
    fs::remove_file(place.path().join("proxy.toml")).unwrap();
    fifo("proxy.toml");
    let refusal = place.load().unwrap_err();
    assert!(refusal.contains("it is no regular file"), "{refusal}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_have_put_there_is_read_only_when_it_is_named() {
    let place = Place::with(&route(""));
    let path = place.path().join("proxy.toml");
    let named = Overrides {
        config: Some(path.clone()),
        ..Overrides::default()
    };
    let refused = |why: &str| {
        format!(
            "cannot read proxy.toml: {why}; if it is meant all the same, name it: --config proxy.toml"
        )
    };
    mode(&path, 0o646);
    let open = refused("others may write it (mode 0646)");
    assert_eq!(place.load().unwrap_err(), open);
    assert!(place.load_with(&named, &[]).is_ok());
    mode(&path, 0o644);
    mode(place.path(), 0o777);
    let around = refused("others may write its directory (mode 0777)");
    assert_eq!(place.load().unwrap_err(), around);
    mode(place.path(), 0o755);
    assert!(place.load().is_ok());
    // Only root can give a file away.
    if std::os::unix::fs::chown(&path, Some(4711), None).is_ok() {
        let foreign = refused("it belongs to user 4711");
        assert_eq!(place.load().unwrap_err(), foreign);
        assert!(place.load_with(&named, &[]).is_ok());
    }
}
