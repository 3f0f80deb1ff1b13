//! ParameterStatus: what a server says of its session's settings, at the login and whenever one changes.
//!
//! ```text
//!   S | length: 4 | name, NUL | value, NUL
//! ```
//!
//! A session that was reset has the settings of its login again, and its server says so of each that goes back: so those of a login, with
//! all that was said since, are those of the login again.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::frame::{Header, Next, next_message, tag};
use crate::reader::Reader;

/// Longest report that is followed. Values are names and numbers.
const MAX_REPORT: usize = 4096;
/// Most settings of which changes are followed. Servers report about fifteen.
const MAX_CHANGES: usize = 64;

/// Settings as they were reported last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Reports {
    /// What is reported in whole messages, among others.
    pub fn of(mut messages: &[u8]) -> Self {
        let mut reports = Self::default();
        while let Ok(Next::Message { tag, body, raw }) = next_message(messages) {
            if tag == tag::PARAMETER_STATUS {
                reports.take(body);
            }
            messages = messages.get(raw.len()..).unwrap_or_default();
        }
        reports
    }

    /// Takes the body of one report. Whether it was one.
    pub fn take(&mut self, body: &[u8]) -> bool {
        let mut reader = Reader::new(body);
        let (Some(name), Some(value), true) =
            (reader.cstring(), reader.cstring(), reader.is_empty())
        else {
            return false;
        };
        self.values.insert(name.to_vec(), value.to_vec());
        true
    }

    /// These, and behind them the others.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        let mut values = self.values.clone();
        let later = later.values.iter();
        values.extend(later.map(|(name, value)| (name.clone(), value.clone())));
        Self { values }
    }
}

/// Follows reports on their way to an app, cut anywhere.
#[derive(Debug, Default)]
pub struct ReportWatch {
    changes: Reports,
    header: Vec<u8>,
    /// Bytes of the message that are still to come.
    body: usize,
    /// Those of a report that have come.
    report: Option<Vec<u8>>,
    lost: bool,
}

impl ReportWatch {
    /// Follows bytes of the upstream.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.lost {
            bytes = match self.body {
                0 => self.begin(bytes),
                _ => self.go_on(bytes),
            };
        }
    }

    /// What has changed since it began; `None` where that is not known.
    pub fn changes(&self) -> Option<&Reports> {
        (!self.lost).then_some(&self.changes)
    }

    fn begin<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let lacking = Header::LEN.saturating_sub(self.header.len());
        let (now, behind) = bytes.split_at_checked(lacking).unwrap_or((bytes, &[]));
        self.header.extend_from_slice(now);
        if let Some(header) = self.header.first_chunk() {
            match Header::parse(*header) {
                Ok(Header { tag, body }) => {
                    let is_report = tag == tag::PARAMETER_STATUS;
                    self.lost |= is_report && body > MAX_REPORT;
                    self.report = is_report.then(Vec::new);
                    self.body = body;
                }
                Err(_) => self.lost = true,
            }
            self.header.clear();
        }
        behind
    }

    fn go_on<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, behind) = bytes.split_at_checked(self.body).unwrap_or((bytes, &[]));
        self.body = self.body.saturating_sub(now.len());
        if let Some(report) = &mut self.report {
            report.extend_from_slice(now);
            if self.body == 0 {
                self.lost |= !self.changes.take(report) || self.changes.values.len() > MAX_CHANGES;
                self.report = None;
            }
        }
        behind
    }
}
