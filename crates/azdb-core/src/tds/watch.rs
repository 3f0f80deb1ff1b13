//! What the relay must know of SQL Server's protocol: whether the session may end now, and when it must.

use std::time::Duration;

use azdb_config::route::SessionAge;
use azdb_identity::Token;
use azdb_wire::tds::{Exchange, Width};
use tokio::time::Instant;

use crate::relay::{Cut, Watch};

/// A session ends this long before its token does.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);
/// But not earlier than this after its login: a pool that got a tired token would never come to rest.
const LEAST_AGE: Duration = Duration::from_secs(10 * 60);

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct TdsWatch {
    exchange: Exchange,
    /// Answers are in packets of SMP, each with a number in its own session.
    mars: bool,
    /// In which the app reads an error of ours.
    width: Width,
    retires_at: Option<Instant>,
    /// What the app leaves behind may be another's, once it has been reset.
    leaves_behind: bool,
}

impl TdsWatch {
    /// For a session that begins now.
    pub(super) fn new(mars: bool, width: Width, retires_at: Option<Instant>) -> Self {
        Self {
            exchange: Exchange::default(),
            mars,
            width,
            retires_at,
            leaves_behind: false,
        }
    }

    /// The same where the upstream is kept for another app, or is not.
    pub(super) fn leaving_behind(self, leaves_behind: bool) -> Self {
        Self {
            leaves_behind,
            ..self
        }
    }

    /// In which widths the app reads.
    pub(super) fn width(&self) -> Width {
        self.width
    }

    /// Whether the app would take an error for the answer that it waits for.
    pub(super) fn awaits_answer(&self) -> bool {
        !self.mars && self.exchange.awaits_answer()
    }
}

impl Watch for TdsWatch {
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

    fn retires_at(&self) -> Option<Instant> {
        self.retires_at
    }

    fn is_whole(&self) -> bool {
        self.leaves_behind && !self.mars && self.exchange.is_whole()
    }
}

/// How long a session may last that begins now, with this token if with any. Azure SQL looks at the token again during a session, and
/// fails whatever query comes then (error 37396).
pub(super) fn lasts(age: SessionAge, token: Option<&Token>) -> Option<Duration> {
    match (age, token) {
        (SessionAge::Unlimited, _) | (SessionAge::Token, None) => None,
        (SessionAge::After(after), _) => Some(after),
        (SessionAge::Token, Some(token)) => {
            Some(token.left().saturating_sub(BEFORE_EXPIRY).max(LEAST_AGE))
        }
    }
}
