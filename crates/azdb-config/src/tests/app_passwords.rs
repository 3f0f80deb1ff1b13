//! By which passwords apps come in.

use secrecy::ExposeSecret;

#[cfg(unix)]
use super::mode;
use super::{Place, route};
use crate::route::ProtocolName;
use crate::{AppPasswords, AppSecret};

/// PostgreSQL's for the password "pencil", with the salt and the rounds of RFC 7677.
const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const NATIVE: &str = "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9";
const MD5: &str = "md53175bce1d3201d16594cebf9d7eb3f9d";

fn parsed(text: &str, protocol: ProtocolName) -> AppPasswords {
    AppPasswords::parse(text, protocol).unwrap()
}

fn plain<'a>(passwords: &'a AppPasswords, user: &str) -> Option<&'a str> {
    match passwords.of(user.as_bytes()) {
        Some(AppSecret::Plain(secret)) => Some(secret.expose_secret()),
        _ => None,
    }
}

fn place(content: &str, more: &str) -> Place {
    let place = Place::with(&route(&format!("app_password_file = \"apps\"\n{more}")));
    place.file("apps", content);
    place
}

#[test]
fn a_line_is_a_user_and_a_password_and_one_may_be_for_any_user() {
    let text = "\u{feff}# who may come\n\nann:se:cret \r\n  # indented\nbj\u{f6}rn:\u{6f22}\u{5b57}\n:the rest\n";
    let place = place(text, "");
    let config = place.load().unwrap();
    let passwords = config.routes[0].app_passwords.as_ref().unwrap();
    assert_eq!(plain(passwords, "ann"), Some("se:cret "));
    assert_eq!(plain(passwords, "bj\u{f6}rn"), Some("\u{6f22}\u{5b57}"));
    for other in ["Ann", "ann ", ""] {
        assert_eq!(plain(passwords, other), Some("the rest"), "{other:?}");
    }
    let shown = format!("{config:?}");
    for secret in ["se:cret", "ann", "rest"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(plain(&parsed("ann:x", ProtocolName::Postgres), "bob").is_none());
}

#[test]
fn hashes_are_known_by_their_form_and_go_with_the_protocols_that_can_check_them() {
    use ProtocolName::{Mysql, Postgres, Tds};
    for (secret, fits, what) in [
        (VERIFIER, &[Postgres, Mysql, Tds][..], ""),
        (NATIVE, &[Mysql, Tds], "is a hash of MySQL's"),
        (MD5, &[Postgres], "is an MD5 hash of PostgreSQL's"),
    ] {
        for protocol in ProtocolName::ALL {
            let read = AppPasswords::parse(&format!("\nann:{secret}"), protocol);
            match read {
                Ok(read) => {
                    assert!(fits.contains(&protocol), "{secret} {protocol}");
                    assert!(!matches!(read.of(b"ann"), Some(AppSecret::Plain(_))));
                }
                Err((line, problem)) => {
                    assert!(!fits.contains(&protocol), "{secret} {protocol}");
                    assert_eq!(line, 2);
                    assert!(problem.starts_with(what), "{problem}");
                }
            }
        }
    }
    let read = parsed(&format!("ann:{VERIFIER}"), Postgres);
    let Some(AppSecret::Scram(verifier)) = read.of(b"ann") else {
        panic!("a verifier")
    };
    assert_eq!((verifier.iterations, verifier.salt.len()), (4096, 16));
    let read = parsed(&format!("ann:{NATIVE}"), Mysql);
    let Some(AppSecret::Native(twice)) = read.of(b"ann") else {
        panic!("a hash")
    };
    assert_eq!((twice[0], twice[19]), (0x6b, 0xd9));
    // What only looks like one is a password.
    for password in [
        "*6BB4837E",
        "md5",
        "*",
        "md5zz75bce1d3201d16594cebf9d7eb3f9d",
    ] {
        let read = parsed(&format!("ann:{password}"), Postgres);
        assert_eq!(plain(&read, "ann"), Some(password));
    }
}

#[test]
fn what_is_wrong_is_told_with_file_and_line_and_without_the_line() {
    for (text, line, problem) in [
        ("ann:x\nbob\n", 2, "is no user:password"),
        ("s3cret", 1, "is no user:password"),
        ("ann:", 1, "has no password behind the colon"),
        (
            "ann:s3cret\nann:s3cret2",
            2,
            "is the second one for its user",
        ),
        (":s3cret\n:s3cret2", 2, "is the second one for any user"),
        ("ann:s3cret\0", 1, "contains a NUL byte"),
        ("ann:SCRAM-SHA-256$s3cret", 1, "is no verifier"),
        ("ann:SCRAM-SHA-256$0:AAAA$AAAA:AAAA", 1, "is no verifier"),
        (
            &VERIFIER
                .replacen("SCRAM", "ann:SCRAM", 1)
                .replace("4096", "100001"),
            1,
            "is no verifier",
        ),
        (
            &format!(":{MD5}"),
            1,
            "is a hash with the user's name in it",
        ),
        ("# nobody\n\n", 1, "holds no line user:password"),
        (
            &(0..1001)
                .map(|n| format!("u{n}:s3cret\n"))
                .collect::<String>(),
            1001,
            "more than 1000 passwords",
        ),
    ] {
        let problems = place(text, "").load().unwrap_err();
        let expected = format!("route \"orders\": app_password_file: apps:{line}: {problem}");
        assert!(problems.contains(&expected), "{problems}");
        for secret in ["s3cret", "ann", "bob"] {
            assert!(!problems.contains(secret), "{problems}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_have_read_or_written_names_nobody() {
    let place = place("ann:s3cret", "");
    let file = place.path().join("apps");
    for (bits, what) in [
        (0o604, "others may read it (mode 0604): chmod 600 it"),
        (0o644, "others may read it (mode 0644)"),
        (0o660, "others may write it (mode 0660)"),
        (0o602, "others may write it (mode 0602)"),
    ] {
        mode(&file, bits);
        let problems = place.load().unwrap_err();
        let expected = format!("app_password_file: apps: {what}");
        assert!(problems.contains(&expected), "{problems}");
        assert!(!problems.contains("s3cret"));
    }
    for bits in [0o400, 0o600, 0o640, 0o440] {
        mode(&file, bits);
        place.load().unwrap();
    }
    if std::os::unix::fs::chown(&file, Some(4711), None).is_ok() {
        let problems = place.load().unwrap_err();
        assert!(problems.contains("it belongs to user 4711"), "{problems}");
    }
}

#[test]
fn other_machines_come_with_a_password_or_by_a_word_that_none_is_needed() {
    const ALLOW: &str = "allow = [\"10.0.0.0/8\"]\n";
    const TRUST: &str = "trust_network = true\n";
    const OPEN: &str = "listen = \"0.0.0.0:1\"\n";
    let place = |more: &str| place("ann:x", &format!("{OPEN}{more}"));
    let without = |more: &str| super::load(&route(&format!("{OPEN}{more}")));
    let sealed = |allow: &str| {
        place(&format!("{allow}local_tls = \"require\"\n"))
            .load()
            .unwrap()
    };
    let fine = sealed(ALLOW);
    assert_eq!(fine.warnings, [""; 0]);
    let open = sealed("allow = [\"0.0.0.0/0\"]\n");
    assert_eq!(open.warnings, [""; 0]);
    let trusted = without(&format!("{ALLOW}{TRUST}")).unwrap();
    assert_eq!(trusted.warnings, [""; 0]);
    assert!(!trusted.routes[0].admission.admits([11, 0, 0, 1].into()));
    for (problems, expected) in [
        (
            without(""),
            "allow = [\"10.1.0.0/16\"], and app_password_file",
        ),
        (
            without(ALLOW),
            "say with which password apps come in (app_password_file), or that allow is enough (trust_network = true)",
        ),
        (
            place("").load(),
            "say who may come, for example allow = [\"10.1.0.0/16\"]",
        ),
        (
            place(TRUST).load(),
            "trust_network: lets apps in without a password, and app_password_file asks for one",
        ),
        (place(&format!("{ALLOW}{TRUST}")).load(), "leave one out"),
    ] {
        let problems = problems.unwrap_err();
        assert!(problems.contains(expected), "{problems}");
    }
}
