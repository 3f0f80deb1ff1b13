use crate::mysql::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

const DRAWN: [u8; NONCE] = *b"00112233445566778899aabbccddeeff";
const PLAIN_OK: &[u8] = b"\0\0\0\x02\0\0\0";
const EOF: &[u8] = b"\xfe\0\0\x02\0";
const END_OK: &[u8] = b"\xfe\0\0\x02\0\0\0";

/// Of a server that does nothing at logins.
const NOTHING: &[u8] = b"\0\x010";
const CLEAN: Result<Proved, Dirty> = Ok(Proved::Whole(AtLogin {
    runs: false,
    all_roles: false,
}));

/// The definition of a column of text, as MySQL 8 sends it.
fn column(name: &[u8]) -> Vec<u8> {
    let mut out = b"\x03def\0\0\0".to_vec();
    out.push(u8::try_from(name.len()).unwrap());
    out.extend_from_slice(name);
    out.extend_from_slice(b"\0\x0c\xff\0\x80\0\0\0\xfd\x01\0\x1f\0\0");
    out
}

fn row(at_login: &[u8]) -> Vec<u8> {
    let mut out = vec![32];
    out.extend_from_slice(&DRAWN);
    out.extend_from_slice(at_login);
    out
}

/// The right answer in a session with these flags.
fn answer(flags: Capabilities, at_login: &[u8]) -> Vec<Vec<u8>> {
    let head = match flags.has(Capabilities::OPTIONAL_METADATA) {
        true => vec![3, 1],
        false => vec![3],
    };
    let mut all = vec![
        head,
        column(b"nonce"),
        column(b"init_connect"),
        column(b"all_roles"),
    ];
    if flags.has(Capabilities::DEPRECATE_EOF) {
        all.extend([row(at_login), END_OK.to_vec()]);
    } else {
        all.extend([EOF.to_vec(), row(at_login), EOF.to_vec()]);
    }
    all
}

/// What is made of packets that are numbered from 1: what the last means, if all are taken.
fn heard(flags: Capabilities, packets: &[Vec<u8>]) -> Result<Proved, Dirty> {
    let mut proof = Proof::new(DRAWN, flags, 0);
    let mut last = Ok(Proved::NotYet);
    for (number, packet) in (1..).zip(packets) {
        last = Ok(proof.hear(number, packet)?);
    }
    last
}

const FORMS: [Capabilities; 4] = [
    Capabilities::MYSQL,
    Capabilities(Capabilities::MYSQL.0 | Capabilities::DEPRECATE_EOF.0),
    Capabilities(Capabilities::MYSQL.0 | Capabilities::OPTIONAL_METADATA.0),
    Capabilities(
        Capabilities::MYSQL.0
            | Capabilities::OPTIONAL_METADATA.0
            | Capabilities::DEPRECATE_EOF.0
            | Capabilities::SESSION_TRACK.0
            | Capabilities::QUERY_ATTRIBUTES.0,
    ),
];

#[test]
fn the_number_that_was_drawn_proves_a_session_in_every_form_of_a_result_set() {
    for flags in FORMS {
        let right = answer(flags, NOTHING);
        let proved: Vec<_> = (1..=right.len())
            .map(|end| heard(flags, &right[..end]))
            .collect();
        let (last, before) = proved.split_last().unwrap();
        assert_eq!(*last, CLEAN, "{flags:?}");
        assert!(before.iter().all(|proved| *proved == Ok(Proved::NotYet)));
    }
}

#[test]
fn what_a_server_does_at_logins_is_told_with_it() {
    let whole = |runs, all_roles| Ok(Proved::Whole(AtLogin { runs, all_roles }));
    for flags in FORMS {
        let proved = |at_login| heard(flags, &answer(flags, at_login));
        assert_eq!(proved(b"\xfb\x010"), CLEAN, "NULL");
        assert_eq!(proved(b"\x12set autocommit = 0\x010"), whole(true, false));
        assert_eq!(proved(b"\0\x011"), whole(false, true));
        for nonsense in [&b"\0\xfb"[..], b"\0\x012", b"\0\0", b"\0\x010\0", b"\0"] {
            assert!(proved(nonsense).is_err(), "{nonsense:?}");
        }
    }
}

#[test]
fn the_question_has_the_form_that_the_session_has_agreed_on() {
    const TEXT: &[u8] =
        b"select '00112233445566778899aabbccddeeff' as nonce, @@global.init_connect as init_connect, @@global.activate_all_roles_on_login as all_roles";
    let question = |flags| Proof::new(DRAWN, flags, 0).question();
    assert_eq!(question(FORMS[0]), [b"\x03", TEXT].concat());
    assert_eq!(question(FORMS[3]), [b"\x03\0\x01", TEXT].concat());
}

#[test]
fn a_packet_more_or_less_or_twice_or_out_of_order_proves_nothing() {
    for flags in FORMS {
        let right = answer(flags, NOTHING);
        let is_dirty = |packets: &[Vec<u8>]| heard(flags, packets).is_err();
        assert!(
            is_dirty(&[&right[..], &[PLAIN_OK.to_vec()]].concat()),
            "one behind it"
        );
        for place in 0..right.len() {
            let mut other = right.clone();
            other.insert(place, right[place].clone());
            // A second definition of a column is none of the other column's.
            assert!(is_dirty(&other), "{flags:?}: {place} twice");
            other.drain(place..=place + 1);
            let proved = heard(flags, &other);
            assert!(
                !matches!(proved, Ok(Proved::Whole(_))),
                "{flags:?}: without {place}"
            );
        }
        let mut proof = Proof::new(DRAWN, flags, 0);
        assert!(proof.hear(2, &right[0]).is_err(), "{flags:?}");
    }
}

#[test]
fn an_error_or_the_rest_of_another_answer_proves_nothing() {
    for flags in FORMS {
        let rests: [&[u8]; 4] = [b"\xff\x7a\x04#42S02no such table", PLAIN_OK, EOF, b"\x01"];
        for rest in rests {
            assert!(heard(flags, &[rest.to_vec()]).is_err());
        }
    }
}

#[test]
fn an_ok_is_plain_or_no_proof() {
    let track = Capabilities::MYSQL | Capabilities::SESSION_TRACK;
    let good: [(Capabilities, &[u8]); 4] = [
        (Capabilities::MYSQL, PLAIN_OK),
        (track, PLAIN_OK),
        (track, b"\0\0\0\x02\0\0\0\0"),
        (track, b"\0\0\0\x02\x40\0\0\0\x03\x02\x01\x31"),
    ];
    for (flags, payload) in good {
        assert_eq!(read_plain_ok(1, payload, flags), Ok(()), "{payload:?}");
        assert_eq!(read_forgotten(1, payload, flags), Ok(()), "{payload:?}");
        for number in [0, 2, 255] {
            assert!(read_plain_ok(number, payload, flags).is_err());
        }
    }
    let bad: [&[u8]; 11] = [
        b"",
        b"\0",
        b"\0\x01\0\x02\0\0\0",
        b"\0\0\x01\x02\0\0\0",
        b"\0\0\0\x02\0\x01\0",
        b"\0\0\0\x03\0\0\0",
        b"\0\0\0\x0a\0\0\0",
        b"\0\0\0\x42\0\0\0",
        b"\0\0\0\x02\0\0\0\x05info",
        b"\xfe\0\0\x02\0\0\0",
        b"\xff\x17\x04#08S01unknown command",
    ];
    for payload in bad {
        for flags in [Capabilities::MYSQL, track] {
            assert!(read_plain_ok(1, payload, flags).is_err(), "{payload:?}");
            assert!(read_forgotten(1, payload, flags).is_err(), "{payload:?}");
        }
    }
    // Without traces there is nothing to forget.
    let unknown = b"\xff\xa9\x04#HY000Unknown system variable 'optimizer_trace_offset'";
    assert_eq!(read_forgotten(1, unknown, track), Ok(()));
    assert!(read_forgotten(2, unknown, track).is_err());
    assert!(read_plain_ok(1, unknown, track).is_err());
}

proptest! {
    /// The looks of a column are the server's own, and so are marks of a status that begin nothing.
    #[test]
    fn a_byte_that_is_another_proves_nothing(
        form in 0..FORMS.len(), place in any::<prop::sample::Index>(), other in 1..=255u8,
    ) {
        let flags = FORMS[form];
        let mut packets = answer(flags, NOTHING);
        let lengths: Vec<_> = packets.iter().map(Vec::len).collect();
        let mut at = place.index(lengths.iter().sum());
        let mut packet = 0;
        while at >= lengths[packet] {
            at -= lengths[packet];
            packet += 1;
        }
        packets[packet][at] ^= other;
        let looks = packets[packet].len().saturating_sub(12);
        let is_free = match packet {
            1..=3 => (looks..looks + 10).contains(&at),
            _ if packets[packet][0] == 0xfe => (3..5).contains(&at),
            // All roles, and NULL in the place of the empty `init_connect`.
            _ if packets[packet][0] == 32 => packets[packet].ends_with(b"\x011") || packets[packet].get(33) == Some(&0xfb),
            _ => false,
        };
        let proved = heard(flags, &packets);
        prop_assert!(is_free || !matches!(proved, Ok(Proved::Whole(_))), "{packets:?}");
    }

    #[test]
    fn no_bytes_make_it_panic(form in 0..FORMS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let packets: Vec<_> = bytes.chunks(7).map(<[u8]>::to_vec).collect();
        let _ = heard(FORMS[form], &packets);
        let _ = read_plain_ok(1, &bytes, FORMS[form]);
    }
}
