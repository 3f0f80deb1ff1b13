//! What an app reads of each fault.

use super::*;
use crate::fault::Explained as _;
use crate::rig::{Spoken as _, every_cause};

#[tokio::test]
async fn every_fault_is_told_with_its_remedy() {
    let own = Postgres::own_faults().into_iter().map(Fault::Own);
    for fault in every_cause().into_iter().map(Fault::Shared).chain(own) {
        let (_, text) = Postgres::notice(&fault);
        if let Fault::Own(PostgresFault::Refused { .. }) = fault {
            assert_eq!(text, "no such role ", "the upstream's own words");
            continue;
        }
        let expected = format!("azdb-proxy: {} {}", fault.told(), fault.remedy());
        assert_eq!(text, expected);
    }
}

#[test]
fn no_word_from_before_tls_is_told() {
    for fault in Postgres::own_faults() {
        let is_unvouched = matches!(fault, PostgresFault::TlsAnswer { .. });
        assert_eq!(fault.to_string().contains("HTTP/1.1 400"), is_unvouched);
        assert!(!Postgres::notice(&fault.into()).1.contains("HTTP/1.1 400"));
    }
}

/// Class 08 is a connection that failed, 28 a login, 53 and 57 go over, 0A and XX are bugs.
#[tokio::test]
async fn every_cause_has_its_sqlstate() {
    let expected = [
        "28000", "28000", "28P01", "57P03", "28000", "57P03", "57P03", "XX000", "28000", "28000",
        "28000", "28000", "08001", "57P03", "57P03", "08001", "08001", "08006", "08006", "08006",
        "08006", "08006", "08006", "08006", "08006", "08006", "08006", "08006", "08006", "08006",
        "08P01", "57P03", "57P03", "57P03", "57P03", "57P03", "28000", "57P03", "57P03", "08006",
    ];
    let codes = every_cause()
        .into_iter()
        .map(|cause| Postgres::notice(&cause.into()).0);
    let expected = expected.map(|code| u32::from_str_radix(code, 36).unwrap());
    assert_eq!(codes.collect::<Vec<_>>(), expected);
}
