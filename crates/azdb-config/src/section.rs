//! A table of keys, whatever it was written in.
//!
//! A reader answers `Ok(None)` for a key that is absent and [`Reported`] for one that is wrong, so nobody takes a wrong value
//! for an absent one and complains about that too.

use super::names::{did_you_mean, shown};
use super::problems::{Report, Reported, Spot, Written};
use super::value::{Entries, Source, Value};

/// One table being read. Each key is taken out; [`finish`](Section::finish) refuses what nobody asked for.
pub(super) struct Section<'r> {
    report: &'r Report,
    pub(super) source: &'r Source,
    /// `route "orders"`, `[identity]`; stands in each message.
    pub(super) context: String,
    /// Where the table begins.
    pub(super) spot: Spot,
    entries: Entries,
    asked: Vec<&'static str>,
}

impl<'r> Section<'r> {
    pub(super) fn new(
        report: &'r Report,
        source: &'r Source,
        context: &str,
        spot: &Spot,
        entries: Entries,
    ) -> Self {
        Self {
            report,
            source,
            context: context.to_owned(),
            spot: spot.clone(),
            entries,
            asked: Vec::new(),
        }
    }

    /// A table inside this one.
    pub(super) fn inner(&self, context: &str, spot: &Spot, entries: Entries) -> Self {
        Section::new(self.report, self.source, context, spot, entries)
    }

    /// Whether `key` was given, right or wrong. Does not take it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where `key` was given.
    pub(super) fn spot_of(&self, key: &str) -> Option<Spot> {
        self.entries.get(key).map(|written| written.spot.clone())
    }

    /// The text of `key` without taking it and without complaining.
    pub(super) fn peek_text(&self, key: &str) -> Option<&str> {
        match &self.entries.get(key)?.value {
            Value::Text(text) => Some(text),
            Value::Words(words) => words.first().map(String::as_str),
            Value::List(items) => match items.first().map(|item| &item.value) {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Reports a problem of `key`.
    pub(super) fn refuse(&self, spot: &Spot, key: &str, text: impl AsRef<str>) -> Reported {
        self.report
            .problem(spot, &self.context, format!("{key}: {}", text.as_ref()))
    }

    /// Reports a problem of the whole table.
    pub(super) fn refuse_all(&self, text: impl Into<String>) -> Reported {
        self.report.problem(&self.spot, &self.context, text)
    }

    /// Reports what is allowed but unwise.
    pub(super) fn warn(&self, spot: &Spot, text: impl Into<String>) {
        self.report.warn(spot, &self.context, text);
    }

    /// The raw value of `key`.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Written<Value>> {
        self.asked.push(key);
        self.entries.remove(key)
    }

    /// Keys and values that are left.
    pub(super) fn drain(&mut self) -> Entries {
        std::mem::take(&mut self.entries)
    }

    /// Keys that the contract has and this version does not.
    pub(super) fn not_yet(&mut self, keys: &[&'static str]) {
        for key in keys {
            if let Some(written) = self.take(key) {
                self.refuse(&written.spot, key, "not supported by this version yet");
            }
        }
    }

    /// Refuses every key that nobody has asked for.
    pub(super) fn finish(&mut self) {
        for (key, written) in self.drain() {
            let hint = did_you_mean(&key, self.asked.iter().copied());
            self.refuse(&written.spot, &shown(&key), format!("unknown key{hint}"));
        }
    }
}
