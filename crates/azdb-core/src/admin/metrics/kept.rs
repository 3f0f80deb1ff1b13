//! Sessions that wait for apps.

use super::{Bureau, Family, labels, with};
use crate::kept::Kind;

pub(super) fn families(bureau: &Bureau) -> Vec<Family> {
    let mut opened = Family::counter(
        "sessions_opened",
        "Sessions that began, by how they came to their upstream",
    );
    let mut kept = Family::gauge("sessions_kept", "Sessions that wait for an app");
    let mut resets = Family::counter(
        "session_resets",
        "Sessions that were reset when their app had left, by outcome",
    );
    for reception in &bureau.receptions.with_gone() {
        let (labels, ledger) = (labels(reception), reception.ledger());
        for (beginning, histogram) in ledger.granted_by() {
            let labels = with(&labels, &[("way", beginning.name())]);
            opened.count(labels, histogram.count());
        }
        let waiting = reception.waiting();
        for kind in Kind::ALL {
            let count = waiting.iter().find(|(of, _)| *of == kind);
            let count = count.map_or(0, |(_, count)| *count);
            kept.state(
                with(&labels, &[("kind", kind.name())]),
                u64::try_from(count).unwrap_or(u64::MAX),
            );
        }
        for (outcome, count) in ledger.resets() {
            resets.count(with(&labels, &[("outcome", outcome.name())]), count);
        }
    }
    vec![opened, kept, resets]
}
