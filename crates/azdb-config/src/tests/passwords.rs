//! Password mode, and files that hold secrets.

use secrecy::ExposeSecret;

use super::{Place, certificate, load, load_urls, mode, place, problems_of, route};
use crate::route::UpstreamAuth;

#[test]
fn a_password_comes_from_a_file_and_is_never_shown() {
    let place = place(
        "\"localhost:6432\"",
        "upstream_auth = \"password\"\nupstream_password_file = \"password\"",
    );
    assert_eq!(
        place.load().unwrap_err(),
        "proxy.toml:7: route \"a\": upstream_password_file: cannot read password: No such file or directory (os error 2)"
    );
    place.file("password", "s3cret\n");
    let config = place.load().unwrap();
    let UpstreamAuth::Password(password) = &config.routes[0].auth else {
        panic!("a password was expected")
    };
    assert_eq!(password.expose_secret(), "s3cret");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_for_passwords_and_what_is_for_tokens_do_not_mix() {
    assert_eq!(
        problems_of("upstream_password_file = \"x\""),
        "proxy.toml:5: route \"orders\": upstream_password_file: needs upstream_auth = \"password\""
    );
    let place = place(
        "\"db.example.org\"",
        "upstream_auth = \"password\"\naudience = \"x\"\ntoken_host = \"db.example.org\"\nidentity = \"x\"",
    );
    assert_eq!(
        place.load().unwrap_err(),
        "proxy.toml:1: route \"a\": upstream_password_file: is missing; upstream_auth = \"password\" needs it\n\
         proxy.toml:7: route \"a\": audience: is for tokens, and upstream_auth is \"password\"\n\
         proxy.toml:8: route \"a\": token_host: is for tokens, and upstream_auth is \"password\"\n\
         proxy.toml:9: route \"a\": identity: is for tokens, and upstream_auth is \"password\""
    );
}

#[test]
fn weaker_tls_is_for_passwords_and_warned_about_each_time() {
    for (tls, warning) in [
        (
            "off",
            "upstream_tls = \"off\": the login and all data cross the network in clear",
        ),
        (
            "unverified",
            "upstream_tls = \"unverified\": whoever sits on the way can pose as the database",
        ),
    ] {
        let more = format!(
            "upstream_auth = \"password\"\nupstream_password_file = \"password\"\nupstream_tls = \"{tls}\""
        );
        let place = place("\"localhost:6432\"", &more);
        place.file("password", "s3cret");
        let config = place.load().unwrap();
        let [only] = config.warnings.as_slice() else {
            panic!("{:?}", config.warnings)
        };
        assert!(
            only.ends_with(&format!("proxy.toml:8: route \"a\": {warning}")),
            "{only}"
        );

        place.file(
            "proxy.toml",
            &route(&format!(
                "{more}\nupstream_ca_file = \"ca.pem\"\nupstream_tls_name = \"x\""
            )),
        );
        assert_eq!(
            place.load().unwrap_err(),
            "proxy.toml:8: route \"orders\": upstream_ca_file: means nothing without upstream_tls = \"verify\"\n\
             proxy.toml:9: route \"orders\": upstream_tls_name: means nothing without upstream_tls = \"verify\""
        );
    }
    let problems = load(&route(
        "upstream_auth = \"password\"\nupstream_tls = \"off\"\nupstream_tls_first = true",
    ))
    .unwrap_err();
    assert!(
        problems.contains("upstream_tls_first: upstream_tls is \"off\""),
        "{problems}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_names_no_secret_and_no_command() {
    let secrets = "[identity]\ncommand = [\"x\"]\n[identities.a]\nclient_secret_file = \"x\"\n[identities.b]\ncertificate_file = \"x\"\n\
                   [identities.c]\ntoken_file = \"x\"\n";
    let more = "upstream_auth = \"password\"\nupstream_password_file = \"x\"\nlocal_tls = { cert_file = \"ca.pem\", key_file = \"ca.pem\" }";
    let place = Place::with(&format!("{secrets}{}", route(more)));
    place.file("ca.pem", &certificate());
    place.file("x", "s3cret");
    assert_eq!(place.load().err(), None);
    for bits in [0o620, 0o602, 0o666] {
        mode(&place.path().join("proxy.toml"), bits);
        let problems = place.load().unwrap_err();
        let keys: Vec<&str> = problems
            .lines()
            .filter_map(|line| line.split_once(": others may write "))
            .filter_map(|(start, _)| start.rsplit(": ").next())
            .collect();
        assert_eq!(
            keys,
            [
                "command",
                "client_secret_file",
                "certificate_file",
                "token_file",
                "upstream_password_file",
                "key_file"
            ]
        );
        assert!(problems.contains(&format!(
            "(mode 0{bits:o}), so it must not name a secret file or a command: chmod go-w "
        )));
        assert_eq!(problems.lines().count(), 6, "{problems}");
    }
    place.file("proxy.toml", &route(""));
    mode(&place.path().join("proxy.toml"), 0o666);
    assert_eq!(place.load().err(), None);
}

#[test]
fn a_url_may_name_secret_files_relative_to_the_working_directory() {
    let place = Place::with("");
    place.file("password", "s3cret");
    let path = place.path().join("password");
    let url = format!(
        "postgres://u@db.example.org?upstream_auth=password&upstream_password_file={}",
        path.display()
    );
    assert!(matches!(
        load_urls(&[&url], &[]).unwrap().routes[0].auth,
        UpstreamAuth::Password(_)
    ));
}
