//! The last logins of a route, and why they found no session that waited.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use azdb_quote::Quoted;

/// So many logins are remembered.
pub(crate) const LAST: usize = 20;
/// With fewer hits than this among them nothing is made ahead any more.
pub(crate) const FEW: usize = 5;

/// What a login found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A session that waited for it.
    Hit,
    /// None waited, though others had logged in just like it.
    NoneLeft,
    /// Nobody had logged in like it: this field was another one.
    Differs(Box<[u8]>),
    /// Nobody had logged in before.
    First,
    /// It is of a kind for which none waits, and why.
    Never(&'static str),
}

/// For a person. A field's name may be an app's word.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit => f.write_str("found one"),
            Self::NoneLeft => f.write_str("came when none was left"),
            Self::Differs(field) => write!(f, "differs in {}", Quoted(field).first_line()),
            Self::First => f.write_str("came before any other like it"),
            Self::Never(what) => write!(f, "never finds one: {what}"),
        }
    }
}

/// The last logins, the newest at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    last: VecDeque<Found>,
}

impl Tally {
    pub(crate) fn note(&mut self, found: Found) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(found);
    }

    fn count(&self, of: impl Fn(&Found) -> bool) -> usize {
        self.last.iter().filter(|found| of(found)).count()
    }

    /// How many there are.
    pub(crate) fn logins(&self) -> usize {
        self.last.len()
    }

    /// How many of them found a session.
    pub(crate) fn hits(&self) -> usize {
        self.count(|found| *found == Found::Hit)
    }

    /// Whether to make sessions ahead is in vain. Those that came when none was left are no sign of that: the next has one.
    pub(crate) fn is_in_vain(&self) -> bool {
        let served = self.count(|found| matches!(found, Found::Hit | Found::NoneLeft));
        self.last.len() == LAST && served < FEW
    }

    /// Why logins found none, the most frequent reason first, and how often.
    pub(crate) fn reasons(&self) -> Vec<(Found, usize)> {
        let mut counts: BTreeMap<String, (Found, usize)> = BTreeMap::new();
        for found in self.last.iter().filter(|found| **found != Found::Hit) {
            let entry = counts.entry(format!("{found:?}"));
            entry.or_insert((found.clone(), 0)).1 += 1;
        }
        let mut reasons: Vec<_> = counts.into_values().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_make_sessions_that_few_take_is_in_vain() {
        let mut tally = Tally::default();
        for _ in 0..LAST - FEW {
            tally.note(Found::Differs((*b"application_name").into()));
            assert!(!tally.is_in_vain(), "too few to say");
        }
        for _ in 1..FEW {
            tally.note(Found::Hit);
        }
        assert!(!tally.is_in_vain());
        tally.note(Found::First);
        assert!(tally.is_in_vain());
        tally.note(Found::NoneLeft);
        assert!(!tally.is_in_vain(), "one of them would have been served");
        assert_eq!((tally.logins(), tally.hits()), (LAST, FEW - 1));
        let reasons = tally.reasons();
        let most = reasons.first().map(|(found, _)| found.clone());
        assert_eq!(most, Some(Found::Differs((*b"application_name").into())));
    }
}
