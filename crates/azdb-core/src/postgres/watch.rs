//! What the relay must know of PostgreSQL: whether a word of ours may be said now.

use azdb_wire::postgres::Exchange;

use super::cancel::Registration;
use crate::relay::{Cut, Watch};

/// A session's conversation.
pub(crate) struct PostgresWatch {
    exchange: Exchange,
    /// The session can be cancelled for as long as it lives.
    _cancel: Option<Registration>,
}

impl PostgresWatch {
    pub(super) fn new(cancel: Option<Registration>) -> Self {
        Self {
            exchange: Exchange::default(),
            _cancel: cancel,
        }
    }
}

impl PostgresWatch {
    /// Whether the app would take an error for one of its server's.
    pub(super) fn hears_errors(&self) -> bool {
        self.exchange.hears_errors()
    }

    /// Whether the upstream would take Terminate for that.
    pub(super) fn takes_message(&self) -> bool {
        self.exchange.takes_message()
    }
}

impl Watch for PostgresWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        self.exchange.app_sent(bytes);
        Cut::Through
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        self.exchange.upstream_sent(bytes);
    }

    fn at_rest(&self) -> bool {
        self.exchange.at_rest()
    }

    fn is_idle(&self) -> bool {
        self.exchange.is_idle()
    }

    fn app_left(&self) -> bool {
        self.exchange.app_left()
    }
}
