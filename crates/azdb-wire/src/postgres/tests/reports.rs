use crate::postgres::*;
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn report(name: &str, value: &str) -> Vec<u8> {
    message(
        b'S',
        &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat(),
    )
}

#[test]
fn a_setting_that_goes_back_is_as_it_was() {
    let login = [
        message(b'R', &[0; 4]),
        report("TimeZone", "UTC"),
        report("application_name", "a"),
        message(b'Z', b"I"),
    ];
    let login = Reports::of(&login.concat());
    let mut watch = ReportWatch::default();
    watch.follow(&message(b'D', b"a row"));
    assert_eq!(login.then(watch.changes().unwrap()), login);
    watch.follow(&report("TimeZone", "CET"));
    assert_ne!(login.then(watch.changes().unwrap()), login);
    watch.follow(&report("TimeZone", "UTC"));
    assert_eq!(login.then(watch.changes().unwrap()), login);
    watch.follow(&report("is_superuser", "off"));
    assert_ne!(login.then(watch.changes().unwrap()), login, "a new one");
}

#[test]
fn what_is_no_report_leaves_nothing_known() {
    for lost in [
        message(b'S', b"no end"),
        message(b'S', b"name\0value\0more"),
        message(b'S', &[b'a'; 5000]),
        b"S\0\0\0\x01".to_vec(),
        (0..65u8)
            .flat_map(|n| report(&format!("{n}"), ""))
            .collect(),
    ] {
        let mut watch = ReportWatch::default();
        watch.follow(&lost);
        assert!(watch.changes().is_none());
    }
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        ("[a-c]", "[a-z]{0,9}").prop_map(|(name, value)| report(&name, &value)),
        (
            prop::sample::select(b"DCZT".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..40)
        )
            .prop_map(|(tag, body)| message(tag, &body)),
    ]
}

proptest! {
    #[test]
    fn how_reads_cut_the_bytes_makes_no_difference(
        messages in proptest::collection::vec(any_message(), 0..12),
        cuts in proptest::collection::vec(1..9usize, 1..40),
    ) {
        let bytes = messages.concat();
        let (mut watch, mut rest) = (ReportWatch::default(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            let (now, behind) = rest.split_at((*cut).min(rest.len()));
            watch.follow(now);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(watch.changes(), Some(&Reports::of(&bytes)));
    }

    #[test]
    fn any_bytes_are_followed(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        ReportWatch::default().follow(&bytes);
        Reports::of(&bytes);
    }
}
