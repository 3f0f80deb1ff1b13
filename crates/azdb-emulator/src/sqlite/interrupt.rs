//! Ending a statement from outside, also one that only sleeps.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slept {
    /// The time is over.
    Through,
    /// Somebody interrupted it.
    Interrupted,
}

/// Why a statement has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Somebody asked for it.
    Request,
    /// It took too long.
    Timeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    /// End the running statement.
    Once(Reason),
    /// The session is over: end every statement.
    Forever,
}

/// Interrupts one connection's statements.
pub(crate) struct Interrupt {
    handle: InterruptHandle,
    asked: Mutex<Asked>,
    wake: Condvar,
}

impl Interrupt {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            handle: connection.get_interrupt_handle(),
            asked: Mutex::new(Asked::No),
            wake: Condvar::new(),
        }
    }

    /// A statement begins: what was asked while none ran is forgotten, as in the real servers.
    pub(crate) fn arm(&self) {
        self.ask(|asked| {
            if let Asked::Once(_) = asked {
                *asked = Asked::No;
            }
        });
    }

    /// Ends the running statement, if one runs.
    pub(crate) fn fire(&self, reason: Reason) {
        self.ask(|asked| {
            if *asked == Asked::No {
                *asked = Asked::Once(reason);
            }
        });
        self.handle.interrupt();
    }

    /// Whether the present statement took too long.
    pub(crate) fn timed_out(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked == Asked::Once(Reason::Timeout)
    }

    /// Ends the running statement and every later one.
    pub(crate) fn close(&self) {
        self.ask(|asked| *asked = Asked::Forever);
        self.handle.interrupt();
    }

    /// Sleeps on the thread that runs the statement.
    pub(crate) fn sleep(&self, time: Duration) -> Slept {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .wake
            .wait_timeout_while(asked, time, |asked| *asked == Asked::No);
        let (asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Asked::No => Slept::Through,
            Asked::Once(_) | Asked::Forever => Slept::Interrupted,
        }
    }

    fn ask(&self, change: impl FnOnce(&mut Asked)) {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }
}
