use super::attributes::attributes;
use crate::mysql::*;
use alloc::vec::Vec;

fn login(attributes: &[u8]) -> Response<'_> {
    Response {
        capabilities: Capabilities(0x0fff_ffff),
        max_packet: 1 << 24,
        charset: 45,
        extended: 0,
        user: b"orders",
        auth: b"",
        database: Some(b"shop"),
        plugin: plugin::NATIVE,
        attributes,
        zstd_level: 0,
    }
}

/// All that two processes of one program have in common.
fn all(response: &Response<'_>) -> Vec<Part> {
    [response.lasting_parts(), response.passing_parts().unwrap()].concat()
}

/// In what two logins differ.
fn differ(one: &[Part], other: &[Part]) -> Vec<&'static str> {
    let pairs = one.iter().zip(other);
    let others = pairs.filter(|(one, other)| one.1 != other.1);
    others.map(|(one, _)| one.0).collect()
}

#[test]
fn processes_of_one_program_have_all_in_common() {
    let of = |pid: &[u8], thread: &[u8]| {
        let pairs: [(&[u8], &[u8]); 4] = [
            (b"_os", b"Linux"),
            (b"_pid", pid),
            (b"program_name", b"shop"),
            (b"_thread", thread),
        ];
        attributes(&pairs)
    };
    let (one, other) = (of(b"17", b"1"), of(b"18", b"200"));
    assert_ne!(one, other);
    assert_eq!(all(&login(&one)), all(&login(&other)));
}

#[test]
fn a_login_differs_in_what_it_says_by_the_name_of_that() {
    let (shop, cron) = (
        attributes(&[(b"program_name", b"shop")]),
        attributes(&[(b"program_name", b"cron")]),
    );
    let other_os = attributes(&[(b"program_name", b"shop"), (b"_os", b"OS/2")]);
    let one = login(&shop);
    let common = all(&one);
    let flag = |bit: u32| Capabilities(one.capabilities.0 & !(1 << bit));
    let cases = [
        (
            Response {
                database: Some(b"other"),
                ..one
            },
            "database",
        ),
        (
            Response {
                database: None,
                ..one
            },
            "database",
        ),
        (Response { charset: 33, ..one }, "character set"),
        (
            Response {
                max_packet: 1 << 30,
                ..one
            },
            "max_packet",
        ),
        (Response { extended: 1, ..one }, "extended capabilities"),
        (
            Response {
                capabilities: flag(1),
                ..one
            },
            "capabilities",
        ),
        (
            Response {
                attributes: &other_os,
                ..one
            },
            "connection attributes",
        ),
        (
            Response {
                attributes: &cron,
                ..one
            },
            "program_name",
        ),
    ];
    for (other, name) in cases {
        let differing = differ(&common, &all(&other));
        assert_eq!(differing.first(), Some(&name), "{other:?}");
    }
    let (unnamed, empty) = (
        Response {
            database: None,
            ..one
        },
        Response {
            database: Some(b""),
            ..one
        },
    );
    assert_eq!(differ(&all(&unnamed), &all(&empty))[0], "database");
    assert_eq!(
        login(b"\x09\x01").passing_parts(),
        None,
        "attributes that cannot be read"
    );
}

#[test]
fn what_a_change_of_user_carries_is_no_lasting_part_and_each_flag_of_the_conversation_is_one() {
    let none = attributes(&[]);
    let one = login(&none);
    let other = Response {
        database: None,
        charset: 255,
        user: b"cron",
        ..one
    };
    assert_eq!(one.lasting_parts(), other.lasting_parts());
    let lasting = [1, 2, 4, 6, 7, 8, 10, 13, 16, 17, 18, 20, 23, 24, 25, 27];
    for bit in 0..28 {
        let other = Response {
            capabilities: Capabilities(one.capabilities.0 & !(1 << bit)),
            ..one
        };
        let differing = differ(&one.lasting_parts(), &other.lasting_parts());
        // That attributes follow is said where there are some.
        let is_lasting = lasting.contains(&bit) && bit != 20;
        assert_eq!(
            differing,
            if is_lasting {
                &["capabilities"][..]
            } else {
                &[]
            },
            "{bit}"
        );
    }
    let without = Response {
        attributes: b"",
        ..one
    };
    assert_eq!(
        differ(&one.lasting_parts(), &without.lasting_parts()),
        ["capabilities"]
    );
    for (other, name) in [
        (
            Response {
                max_packet: 0,
                ..one
            },
            "max_packet",
        ),
        (Response { extended: 4, ..one }, "extended capabilities"),
    ] {
        assert_eq!(differ(&one.lasting_parts(), &other.lasting_parts()), [name]);
    }
}
