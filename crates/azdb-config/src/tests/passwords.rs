//! Password mode, and files that hold secrets.

use secrecy::ExposeSecret;

use super::{Place, load, load_urls, no_such_file, place, problems_of, route};
#[cfg(unix)]
use super::{certificate, mode};
#[cfg(unix)]
use crate::Overrides;
use crate::route::{PlainPassword, UpstreamAuth};

#[test]
fn a_password_comes_from_a_file_and_is_never_shown() {
    let place = place(
        "\"localhost:6432\"",
        "upstream_auth = \"password\"\nupstream_password_file = \"password\"",
    );
    assert_eq!(
        place.load().unwrap_err(),
        format!(
            "proxy.toml:7: route \"a\": upstream_password_file: cannot read password: {}",
            no_such_file()
        )
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
    let named = Overrides {
        config: Some(place.path().join("proxy.toml")),
        ..Overrides::default()
    };
    let load = || place.load_with(&named, &[]);
    assert_eq!(load().err(), None);
    for bits in [0o620, 0o602, 0o666] {
        mode(&place.path().join("proxy.toml"), bits);
        let problems = load().unwrap_err();
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
            "(mode 0{bits:o}), so it must not name a secret file, a command or an authority: chmod go-w "
        )));
        assert_eq!(problems.lines().count(), 6, "{problems}");
    }
    place.file("proxy.toml", &route(""));
    mode(&place.path().join("proxy.toml"), 0o666);
    assert_eq!(load().err(), None);
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

#[test]
fn a_password_is_told_to_anybody_only_where_that_is_written_out() {
    let place = |protocol: &str, more: &str| {
        let place = Place::with(&format!(
            "[[route]]\nname = \"a\"\nprotocol = \"{protocol}\"\nupstream = \"localhost:6432\"\nupstream_user = \"u\"\n\
             upstream_auth = \"password\"\nupstream_password_file = \"password\"\n{more}\n"
        ));
        place.file("password", "s3cret");
        place
    };
    for protocol in ["postgres", "mysql", "tds"] {
        for tls in ["unverified", "off"] {
            let written = format!("upstream_tls = \"{tls}\"\nupstream_password_in_clear = true");
            let config = place(protocol, &written).load().unwrap();
            assert_eq!(config.routes[0].plain_password, PlainPassword::ToAnybody);
            let warns = |part: &str| config.warnings.iter().any(|warning| warning.contains(part));
            assert!(warns("is told the password"), "{:?}", config.warnings);

            let silent = place(protocol, &format!("upstream_tls = \"{tls}\"")).load();
            if protocol == "tds" {
                let problem = silent.unwrap_err();
                assert!(
                    problem.starts_with(
                        "proxy.toml:8: route \"a\": upstream_tls: SQL Server's login has the password in it"
                    ),
                    "{problem}"
                );
                assert!(
                    problem.contains("upstream_password_in_clear = true"),
                    "{problem}"
                );
            } else {
                let plain = silent.unwrap().routes[0].plain_password;
                assert_eq!(plain, PlainPassword::ToVerified);
            }
        }
        let verified = place(protocol, "upstream_password_in_clear = true");
        assert_eq!(
            verified.load().unwrap_err(),
            "proxy.toml:8: route \"a\": upstream_password_in_clear: means nothing with upstream_tls = \"verify\": a verified server may be told"
        );
    }
    assert_eq!(
        problems_of("upstream_password_in_clear = true"),
        "proxy.toml:5: route \"orders\": upstream_password_in_clear: needs upstream_auth = \"password\""
    );
}
