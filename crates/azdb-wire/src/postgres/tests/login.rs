use crate::postgres::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const V: Version = Version::V3_0;

fn startup(payload: &[u8]) -> Startup<'_> {
    Startup::parse(V, payload).unwrap()
}

#[test]
fn a_database_that_repeats_the_user_counts_as_none() {
    assert_eq!(startup(b"user\0ann\0database\0ann\0\0").database(), None);
    assert_eq!(startup(b"user\0ann\0database\0\0\0").database(), None);
    assert_eq!(startup(b"user\0ann\0\0").database(), None);
    assert_eq!(
        startup(b"user\0ann\0database\0shop\0\0").database(),
        Some(&b"shop"[..])
    );
}

#[test]
fn only_user_and_database_change() {
    let app = startup(b"_pq_.x\0on\0user\0ann\0client_encoding\0'utf-8'\0options\0-c a=b\0\0");
    let packet = app.encode_as(b"My Identity", b"shop").unwrap();
    assert_eq!(
        &packet[8..],
        b"_pq_.x\0on\0user\0My Identity\0client_encoding\0'utf-8'\0options\0-c a=b\0database\0shop\0\0"
    );
    assert_eq!(&packet[4..8], &V.0.to_be_bytes());
}

#[test]
fn a_name_is_given_to_an_app_that_says_none() {
    for (app, named) in [
        (&b"user\0ann\0\0"[..], &b"label"[..]),
        (b"user\0ann\0application_name\0\0\0", b"label"),
        (b"user\0ann\0application_name\0psql\0\0", b"psql"),
    ] {
        let app = startup(app).named(b"label");
        assert_eq!(app.get(b"application_name"), Some(named));
        assert_eq!(app.user(), Some(&b"ann"[..]));
    }
    let app = startup(b"user\0ann\0\0").named(b"a\0b");
    assert_eq!(app.get(b"application_name"), None);
}

#[test]
fn a_second_user_cannot_slip_past_the_first() {
    let app = startup(b"user\0ann\0user\0postgres\0\0");
    let packet = app.encode_as(b"role", b"d").unwrap();
    assert_eq!(&packet[8..], b"user\0role\0user\0role\0database\0d\0\0");
}

#[test]
fn the_final_nul_is_demanded() {
    for payload in [
        &b""[..],
        b"user\0ann\0",
        b"user\0ann",
        b"user\0\0",
        b"\0\0\0",
    ] {
        assert_eq!(
            Startup::parse(V, payload),
            Err(FirstError::Malformed("StartupMessage"))
        );
    }
}

#[test]
fn a_rewrite_past_the_servers_limit_is_an_error() {
    let app = startup(b"user\0a\0\0");
    assert!(matches!(
        app.encode_as(b"r", &[b'd'; 9990]),
        Err(FirstError::Length(_))
    ));
    assert_eq!(
        app.encode_as(b"a\0b", b"d"),
        Err(FirstError::Malformed("name: it holds a NUL byte"))
    );
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(1..=255u8, 1..30)
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        minor in any::<u16>(),
        parameters in proptest::collection::vec((text(), text()), 0..12),
        user in text(),
        database in text(),
    ) {
        let app = Startup {
            version: Version((3 << 16) | u32::from(minor)),
            parameters: parameters.iter().map(|(n, v)| (&n[..], &v[..])).collect(),
        };
        let packet = app.encode_as(&user, &database).unwrap();
        let First::Startup(read) = First::parse(&packet).unwrap() else { panic!("not a startup") };
        prop_assert_eq!(read.version, app.version);
        prop_assert_eq!(read.get(b"database"), Some(&database[..]));
        for (before, after) in app.parameters.iter().zip(&read.parameters) {
            prop_assert_eq!(before.0, after.0);
            if before.0 != b"user" && before.0 != b"database" {
                prop_assert_eq!(before.1, after.1);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = First::parse(&bytes);
        let _ = Startup::parse(V, &bytes);
    }
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![text(), Just(b"database".to_vec()), Just(b"user".to_vec())]
}

proptest! {
    #[test]
    fn half_a_list_of_parameters_is_none(
        parameters in proptest::collection::vec((text(), text()), 1..6),
    ) {
        let mut payload = Vec::new();
        for (name, value) in &parameters {
            payload.extend([&name[..], &[0], value, &[0]].concat());
        }
        payload.push(0);
        let read = startup(&payload);
        prop_assert_eq!(read.parameters.len(), parameters.len());
        for length in 0..payload.len() {
            // Only a value that is empty looks like an end.
            if let Ok(read) = Startup::parse(V, &payload[..length]) {
                let known = parameters.iter().zip(read.parameters);
                prop_assert!(known.clone().all(|((name, _), read)| read.0 == name));
                prop_assert!(known.rev().skip(1).all(|((_, value), read)| read.1 == value));
            }
        }
    }

    #[test]
    fn the_server_hears_the_new_names_alone(
        mut parameters in proptest::collection::vec((name(), text()), 0..6),
        users in proptest::collection::vec(text(), 1..3),
        user in text(), database in text(),
    ) {
        parameters.extend(users.iter().map(|user| (b"user".to_vec(), user.clone())));
        let app = Startup {
            version: V,
            parameters: parameters.iter().map(|(name, value)| (&name[..], &value[..])).collect(),
        };
        let packet = app.encode_as(&user, &database).unwrap();
        let First::Startup(read) = First::parse(&packet).unwrap() else { panic!("not a startup") };
        prop_assert!(read.parameters.iter().all(|(name, value)| *name != b"user" || *value == user));
        prop_assert_eq!(read.user(), Some(&user[..]));
        prop_assert_eq!(app.user(), users.last().map(|user| &user[..]));
    }
}
