//! A table of keys, whatever it was written in.
//!
//! A reader answers `Ok(None)` for a key that is absent and [`Reported`] for one that is wrong, so nobody takes a wrong value
//! for an absent one and complains about that too.

use std::cell::RefCell;

use super::keys::{Absent, Fact, Form, Inner, Key, Literal, TABLES, Table, ValueKind};
use super::names::{did_you_mean, shown};
use super::problems::{Checked, Findings, Reported, Spot, Written};
use super::upstream_auth::LoginWith;
use super::value::{Entries, Value, WrittenIn};
use super::watched::Files;

/// What says how a route logs in.
const LOGIN_KEYS: [&str; 4] = [
    "identity",
    "upstream_auth",
    "upstream_password_file",
    "user_map",
];

/// One table being read. Each key is taken out; [`finish`](Section::finish) refuses what nobody asked for.
pub(super) struct Section<'r> {
    report: &'r Findings,
    pub(super) source: &'r WrittenIn,
    table: &'static Table,
    /// `route "orders"`, `[identity]`; stands in each message.
    pub(super) context: String,
    /// Where the table begins.
    pub(super) spot: Spot,
    entries: Entries,
}

impl<'r> Section<'r> {
    pub(super) fn new(
        report: &'r Findings,
        source: &'r WrittenIn,
        table: &'static Table,
        context: &str,
        written: Written<Entries>,
    ) -> Self {
        Self {
            report,
            source,
            table,
            context: context.to_owned(),
            spot: written.spot,
            entries: written.value,
        }
    }

    /// A table inside this one; `key` stands in messages where it is none.
    pub(super) fn inner(
        &self,
        table: &'static Table,
        context: &str,
        key: &str,
        written: Written<Value>,
    ) -> Checked<Self> {
        let Written { value, spot } = written;
        match value {
            Value::Table(value) => {
                let written = Written { value, spot };
                Ok(Section::new(
                    self.report,
                    self.source,
                    table,
                    context,
                    written,
                ))
            }
            _ => Err(self.refuse(&spot, key, "must be a table")),
        }
    }

    /// The table under `key`, if it is given.
    pub(super) fn table(&mut self, key: &Key<Inner>) -> Checked<Option<Self>> {
        let context = format!("[{}]", key.about.name);
        let (report, source) = (self.report, self.source);
        let inner = |written| Section::new(report, source, key.kind.0, &context, written);
        Ok(self.read(key)?.map(inner))
    }

    /// A table inside this one that goes by the same name in messages.
    pub(super) fn nested(&self, table: &'static Table, written: Written<Entries>) -> Self {
        Section::new(self.report, self.source, table, &self.context, written)
    }

    /// A table that says nothing.
    pub(super) fn empty(&self, table: &'static Table) -> Self {
        let (value, spot) = (Entries::new(), self.spot.clone());
        Section::new(self.report, self.source, table, "", Written { value, spot })
    }

    /// Takes what is offered where nothing else is given. Whoever says how to log in says all of it.
    pub(super) fn offer(&mut self, entries: Entries) {
        let says_how = LOGIN_KEYS.iter().any(|key| self.entries.contains_key(*key));
        for (key, written) in entries {
            if !(says_how && LOGIN_KEYS.contains(&key.as_str())) {
                self.entries.entry(key).or_insert(written);
            }
        }
    }

    /// Whether `key` was given, right or wrong. Does not take it.
    pub(super) fn has<K>(&self, key: &Key<K>) -> bool {
        self.entries.contains_key(key.about.name)
    }

    /// Where `key` was given.
    pub(super) fn spot_of<K>(&self, key: &Key<K>) -> Option<Spot> {
        self.entries
            .get(key.about.name)
            .map(|written| written.spot.clone())
    }

    /// The text of `key` without taking it and without complaining.
    pub(super) fn peek_text<K>(&self, key: &Key<K>) -> Option<&str> {
        match &self.entries.get(key.about.name)?.value {
            Value::Text(text) => Some(text),
            Value::Words(words) => words.first().map(String::as_str),
            Value::List(items) => match items.first().map(|item| &item.value) {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// What `key` says, if it is given.
    pub(super) fn read<K: ValueKind>(
        &mut self,
        key: &Key<K>,
    ) -> Checked<Option<Written<K::Value>>> {
        let name = key.about.name;
        let Some(written) = self.entries.remove(name) else {
            return Ok(None);
        };
        let spot = written.spot.clone();
        let value = key.kind.read(self, name, written)?;
        Ok(Some(Written { value, spot }))
    }

    /// What `key` says, or what its absence means. Without a default its absence is a problem.
    pub(super) fn value<K: ValueKind>(&mut self, key: &Key<K>) -> Checked<K::Value> {
        if let Some(written) = self.read(key)? {
            return Ok(written.value);
        }
        match key.about.absent {
            Absent::Is(literal) => self.default(key, literal),
            Absent::Missing(more) => Err(self.missing(key, more)),
            Absent::Means(_) | Absent::ByLogin { .. } => Err(self.missing(key, "")),
        }
    }

    /// What `key` says, or what its absence means beside this login.
    pub(super) fn value_beside<K: ValueKind>(
        &mut self,
        key: &Key<K>,
        login: &Checked<LoginWith>,
    ) -> Checked<K::Value> {
        match key.about.absent {
            Absent::ByLogin { token, password } if !self.has(key) => {
                let literal = match (*login)? {
                    LoginWith::Token => token,
                    LoginWith::Password => password,
                };
                self.default(key, literal)
            }
            _ => self.value(key),
        }
    }

    fn default<K: ValueKind>(&self, key: &Key<K>, literal: Literal) -> Checked<K::Value> {
        let (value, spot) = (literal.value(), self.spot.clone());
        key.kind.read(self, key.about.name, Written { value, spot })
    }

    fn missing<K: ValueKind>(&self, key: &Key<K>, more: &str) -> Reported {
        let name = key.about.name;
        let words = match key.kind.form() {
            Form::Words(words) => format!("; it is one of {}", words.join(", ")),
            _ => String::new(),
        };
        self.refuse_all(format!("{name}: is missing{words}{more}"))
    }

    /// Takes out and refuses each key that has no effect beside `fact`. A default may be written out all the same, unless
    /// the key is not of this kind of table at all.
    pub(super) fn know(&mut self, fact: &Fact) {
        for row in self.table.rows() {
            let about = row.about();
            let unmet = about
                .needs
                .iter()
                .find_map(|needs| Some((needs, needs.unmet(fact)?)));
            let (Some((needs, why)), Some(written)) = (unmet, self.entries.get(about.name)) else {
                continue;
            };
            let is_default =
                matches!(about.absent, Absent::Is(literal) if literal.is(&written.value));
            if needs.is_kind_of_table() || !is_default {
                self.refuse(&written.spot, about.name, why);
                self.entries.remove(about.name);
            }
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

    /// What was read so far.
    pub(super) fn files(&self) -> &'r RefCell<Files> {
        self.report.files()
    }

    /// Reports what is allowed but unwise.
    pub(super) fn warn(&self, spot: &Spot, text: impl Into<String>) {
        self.report.warn(spot, &self.context, text);
    }

    /// Refuses every key that nobody has asked for. Readers ask for each key that they know, whatever is wrong with
    /// others: what is left over is wrong by itself.
    pub(super) fn finish(&mut self) {
        for (key, written) in std::mem::take(&mut self.entries) {
            self.refuse(&written.spot, &shown(&key), self.why_unread(&key));
        }
    }

    fn why_unread(&self, key: &str) -> String {
        if self.table.has(key) {
            return "has no effect here".to_owned();
        }
        let elsewhere: Vec<&str> = TABLES
            .iter()
            .filter(|table| table.has(key))
            .map(|table| table.title)
            .collect();
        if elsewhere.is_empty() {
            format!("unknown key{}", did_you_mean(key, self.table.names()))
        } else {
            format!("belongs into {}", elsewhere.join(" or "))
        }
    }
}
