use crate::tds::*;
use proptest::prelude::*;

#[test]
fn both_spellings_of_the_old_versions_are_one() {
    assert_eq!(Version::from_login(0x0100_0071), Version::V7_1);
    assert_eq!(Version::from_login(0x0000_0070), Version::V7_0);
    assert_eq!(Version::from_login(0x7400_0004), Version::V7_4);
}

#[test]
fn what_is_granted_differs_in_the_number_alone() {
    let granted = Version::granted;
    assert_eq!(granted(Version::V8_0), Some(Version::V8_0));
    assert_eq!(granted(Version::V7_4), Some(Version::V7_4));
    assert_eq!(granted(Version::V7_3B), Some(Version::V7_3B));
    assert_eq!(
        granted(Version::from_login(0x7500_0000)),
        Some(Version::V7_4)
    );
    for older in [
        Version::V7_3A,
        Version::V7_2,
        Version::V7_1,
        Version::V7_0,
        Version::from_login(0),
    ] {
        assert_eq!(granted(older), None, "{older}");
    }
}

#[test]
fn fields_grew_with_7_2() {
    assert_eq!(Version::V7_1.width(), Width::Narrow);
    assert_eq!(Version::V7_0.width(), Width::Narrow);
    assert_eq!(Version::V7_2.width(), Width::Wide);
    assert_eq!(Version::V8_0.width(), Width::Wide);
    assert_eq!(Version::V7_3B.to_ack(), [0x73, 0x0b, 0, 3]);
}

proptest! {
    /// A driver must be able to read on in what it is granted.
    #[test]
    fn nobody_is_granted_a_version_with_other_fields(word: u32) {
        let asked = Version::from_login(word);
        if let Some(granted) = asked.granted() {
            prop_assert_eq!(granted.width(), asked.width());
            prop_assert!(granted <= asked);
            prop_assert_eq!(granted.granted(), Some(granted));
        }
    }

    #[test]
    fn a_version_is_one_number_in_two_orders(word: u32) {
        let version = Version::from_login(word);
        prop_assert_eq!(Version::from_login(version.to_login()), version);
        prop_assert_eq!(u32::from_be_bytes(version.to_ack()), version.to_login());
    }
}
