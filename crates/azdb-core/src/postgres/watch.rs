//! What the relay must know of PostgreSQL: whether a word of ours may be said now, and whether an app leaves a session that another one may
//! have.

use azdb_wire::postgres::{Exchange, ReportWatch, Reports, TERMINATE};

use super::cancel::Registration;
use crate::relay::{Cut, Watch};

/// A session's conversation.
pub(crate) struct PostgresWatch {
    exchange: Exchange,
    /// The session can be cancelled for as long as it lives.
    cancel: Option<Registration>,
    /// What its settings have become, of one that may be given to another app.
    reports: Option<Box<ReportWatch>>,
    held: Held,
}

/// What of the app's goodbye is held back.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    /// What may become one.
    Beginning,
    Goodbye,
}

/// Whether a session may be given to another app when its own leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    Ends,
    Reset,
}

impl PostgresWatch {
    pub(super) fn new(cancel: Option<Registration>, afterwards: Afterwards) -> Self {
        let is_reset = afterwards == Afterwards::Reset;
        Self {
            exchange: Exchange::default(),
            cancel,
            reports: is_reset.then(Box::default),
            held: Held::Nothing,
        }
    }

    /// Whether the app would take an error for one of its server's.
    pub(super) fn hears_errors(&self) -> bool {
        self.exchange.hears_errors()
    }

    /// Whether the upstream would take Terminate for that.
    pub(super) fn takes_message(&self) -> bool {
        self.exchange.takes_message()
    }

    /// The settings that have changed in a session which is whole; nobody can cancel anything in it any more. `None` where something has
    /// come between.
    pub(super) fn let_go(self) -> Option<Reports> {
        let is_left_alone = self.cancel.is_none_or(Registration::end);
        let is_whole = self.exchange.is_whole() && self.held != Held::Beginning;
        let changes = self.reports?.changes().cloned();
        changes.filter(|_| is_left_alone && is_whole)
    }
}

impl Watch for PostgresWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        self.held = Held::Nothing;
        if bytes.first() == TERMINATE.first() && self.is_whole() {
            self.held = match TERMINATE.strip_prefix(bytes) {
                Some([]) => Held::Goodbye,
                Some(_) => Held::Beginning,
                None => Held::Nothing,
            };
        }
        match self.held {
            Held::Nothing => {
                self.exchange.app_sent(bytes);
                Cut::Through
            }
            Held::Beginning => Cut::Hold(0),
            Held::Goodbye => Cut::Pause(0),
        }
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        self.exchange.upstream_sent(bytes);
        if let Some(reports) = &mut self.reports {
            reports.follow(bytes);
        }
    }

    fn at_rest(&self) -> bool {
        self.exchange.at_rest() && self.held == Held::Nothing
    }

    fn is_idle(&self) -> bool {
        self.exchange.is_idle() && self.held == Held::Nothing
    }

    fn is_whole(&self) -> bool {
        let is_left_alone = self.cancel.as_ref().is_none_or(Registration::is_left_alone);
        let knows = self
            .reports
            .as_ref()
            .is_some_and(|reports| reports.changes().is_some());
        knows && self.held == Held::Nothing && self.exchange.is_whole() && is_left_alone
    }

    fn app_left(&self) -> bool {
        self.exchange.app_left() || self.held == Held::Goodbye
    }
}
