//! What an app reads of each fault.

use azdb_wire::tds::Version;

use super::super::notice::notice;
use super::database::app_login;
use super::*;
use crate::fault::Explained as _;
use crate::rig::{Spoken as _, every_cause};

#[tokio::test]
async fn every_fault_is_told_with_its_remedy() {
    let own = Tds::own_faults().into_iter().map(Fault::Own);
    for fault in every_cause().into_iter().map(Fault::Shared).chain(own) {
        let (number, text) = Tds::notice(&fault);
        if let Fault::Own(TdsFault::Refused { .. }) = fault {
            assert_eq!((number, text.as_str()), (40_615, "Cannot open server"));
            continue;
        }
        let (told, remedy) = (fault.told(), fault.remedy());
        assert_eq!(text, format!("azdb-proxy: {told}. What to do: {remedy}"));
    }
}

#[tokio::test]
async fn every_version_reads_every_fault() {
    for version in [Version::V7_0, Version::V7_1, Version::V7_2, Version::V7_4] {
        let mut login = app_login("sa", "orders");
        let place = login.get_mut(4..8).unwrap();
        let bits = match version {
            Version::V7_0 => 0x7000_0000u32,
            Version::V7_1 => 0x7100_0001,
            Version::V7_2 => 0x7209_0002,
            _ => 0x7400_0004,
        };
        place.copy_from_slice(&bits.to_le_bytes());
        let manner = Manner::of(&Login7::parse(&login).unwrap());
        for cause in every_cause() {
            let remedy = utf16(&cause.remedy());
            let answer = notice(&cause.into(), &manner, "orders");
            assert!(answer.windows(remedy.len()).any(|window| window == remedy));
        }
    }
}

/// 18456 is "login failed", which nobody tries again; 40613 is "not available now", which drivers do try again.
#[tokio::test]
async fn every_cause_has_its_number() {
    let again = [
        false, false, false, true, false, true, true, false, false, false, false, false, false,
        true, true, false, false, false,
        // Of the flaws of TLS a broken connection alone is gone when the network is well.
        false, false, false, false, false, false, false, false, false, true, false, false, false,
        true, true, true, true, true, false, true, true, false,
    ];
    let numbers = every_cause()
        .into_iter()
        .map(|cause| Tds::notice(&cause.into()).0);
    let expected = again.map(|again| if again { 40_613 } else { 18_456 });
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
}
