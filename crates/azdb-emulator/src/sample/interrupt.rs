//! Ending a statement from outside, also one that only waits.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

use super::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    /// End the running statement.
    Once,
    /// The session is over: end every statement.
    Forever,
}

/// Interrupts one session's statements.
pub(crate) struct Interrupt {
    handle: InterruptHandle,
    asked: Mutex<Asked>,
    wake: Condvar,
}

impl Interrupt {
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            handle: connection.get_interrupt_handle(),
            asked: Mutex::new(Asked::No),
            wake: Condvar::new(),
        }
    }

    /// A statement begins: what was asked while none ran is forgotten, as in the real servers.
    pub(super) fn arm(&self) {
        self.ask(|asked| {
            if *asked == Asked::Once {
                *asked = Asked::No;
            }
        });
    }

    /// Ends the running statement, if one runs.
    pub(crate) fn fire(&self) {
        self.ask(|asked| {
            if *asked == Asked::No {
                *asked = Asked::Once;
            }
        });
        self.handle.interrupt();
    }

    /// Ends the running statement and every later one.
    pub(crate) fn close(&self) {
        self.ask(|asked| *asked = Asked::Forever);
        self.handle.interrupt();
    }

    /// Waits on the thread that runs the statement.
    pub(super) fn wait(&self, time: Duration) -> Result<(), Fault> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .wake
            .wait_timeout_while(asked, time, |asked| *asked == Asked::No);
        let (asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Asked::No => Ok(()),
            Asked::Once | Asked::Forever => Err(Fault::Cancelled),
        }
    }

    fn ask(&self, change: impl FnOnce(&mut Asked)) {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }
}
