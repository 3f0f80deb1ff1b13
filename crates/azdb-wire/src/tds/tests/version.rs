use crate::tds::*;
use proptest::prelude::*;

const KNOWN: [Version; 8] = [
    Version::V7_0,
    Version::V7_1_RTM,
    Version::V7_1,
    Version::V7_2,
    Version::V7_3A,
    Version::V7_3B,
    Version::V7_4,
    Version::V8_0,
];

#[test]
fn both_spellings_of_the_old_versions_are_one() {
    assert_eq!(Version::from_login(0x0100_0071), Version::V7_1);
    assert_eq!(Version::from_login(0x0000_0071), Version::V7_1_RTM);
    assert_eq!(Version::from_login(0x0000_0070), Version::V7_0);
    assert_eq!(Version::from_login(0x7400_0004), Version::V7_4);
}

#[test]
fn the_oldest_are_granted_in_a_spelling_of_their_own() {
    assert_eq!(Version::V7_0.to_ack(), [7, 0, 0, 0]);
    assert_eq!(Version::V7_1_RTM.to_ack(), [7, 1, 0, 0]);
    assert_eq!(Version::V7_1.to_ack(), [0x71, 0, 0, 1]);
    assert_eq!(Version::V7_2.to_ack(), [0x72, 9, 0, 2]);
    assert_eq!(Version::V7_3A.to_ack(), [0x73, 0x0a, 0, 3]);
    assert_eq!(Version::V7_3B.to_ack(), [0x73, 0x0b, 0, 3]);
    assert_eq!(Version::V8_0.to_ack(), [8, 0, 0, 0]);
}

#[test]
fn fields_grew_with_7_2() {
    for narrow in [Version::V7_0, Version::V7_1_RTM, Version::V7_1] {
        assert_eq!(narrow.width(), Width::Narrow);
    }
    for wide in [Version::V7_2, Version::V7_3A, Version::V7_4, Version::V8_0] {
        assert_eq!(wide.width(), Width::Wide);
    }
}

#[test]
fn a_token_goes_up_at_7_4_and_a_password_in_the_version_of_its_app() {
    for known in KNOWN {
        assert_eq!(known.upstream(true), Version::V7_4);
    }
    assert_eq!(Version::V7_1.upstream(false), Version::V7_1);
    assert_eq!(Version::V7_3B.upstream(false), Version::V7_3B);
    assert_eq!(Version::V8_0.upstream(false), Version::V7_4);
}

#[test]
fn between_7_3b_and_7_4_lies_nothing_and_below_it_a_dialect() {
    let between = |app| Dialect::between(app, Version::V7_4);
    assert_eq!(between(Version::V7_0), Some(Dialect::V7_0));
    assert_eq!(between(Version::V7_1_RTM), Some(Dialect::V7_1));
    assert_eq!(between(Version::V7_1), Some(Dialect::V7_1Rev1));
    assert_eq!(between(Version::V7_2), Some(Dialect::V7_2));
    assert_eq!(between(Version::V7_3A), Some(Dialect::V7_3A));
    for same in [Version::V7_3B, Version::V7_4, Version::V8_0] {
        assert_eq!(between(same), None, "{same}");
    }
    // An older server speaks the version of its app by itself.
    assert_eq!(Dialect::between(Version::V7_1, Version::V7_1), None);
    assert_eq!(Dialect::between(Version::V7_3A, Version::V7_2), None);
    assert_eq!(
        Dialect::between(Version::V7_1, Version::V7_2),
        Some(Dialect::V7_1Rev1)
    );
}

proptest! {
    /// Whatever number a driver invents, it is one that we know, or none at all.
    #[test]
    fn every_number_is_a_version_or_none(word: u32) {
        let version = Version::from_login(word);
        prop_assert_eq!(Version::from_login(version.to_login()), version);
        prop_assert_eq!(version.is_known(), KNOWN.contains(&version));
        if version.is_known() {
            prop_assert_eq!(Version::from_ack(version.to_ack()), version);
        }
    }
}
