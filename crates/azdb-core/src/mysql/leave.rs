//! For which apps an upstream is dialled before they have said a word.
//!
//! The server speaks first, so that whoever connects here and says nothing costs a connection there, and a goodbye ([`dismissal`]).
//! Probes connect and leave; a crowd connects and stays.
//!
//! # Invariants
//!
//! * While probes come, at most [`SEATS`] upstreams are dialled for apps that stay for less than [`GLANCE`].
//! * At most [`LOANS`] upstreams wait for apps to answer the greeting, however many apps do not.
//! * In a crowd none is dialled for whoever has said nothing, once an upstream has been met.
//!
//! [`dismissal`]: super::dismissal

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::anteroom::Place;

/// Apps at a time for which an upstream is dialled before they have stayed for [`GLANCE`].
const SEATS: usize = 2;
/// What has been here for so long is no probe that connects and leaves.
const GLANCE: Duration = Duration::from_millis(20);
/// How long after the last probe apps still take seats.
const WARY: Duration = Duration::from_secs(60);
/// An app that says nothing for so long leaves its seat to others.
const SEATED: Duration = Duration::from_millis(250);
/// Upstreams at a time that wait for apps to answer the greeting. Each is a connection of the server's.
pub(super) const LOANS: usize = 256;
/// So long an app waits for one of them. Then it is greeted from memory, and the upstream is dialled when it answers.
const PATIENCE: Duration = Duration::from_millis(750);

/// Who may have an upstream dialled.
pub(super) struct Leaves {
    seats: Arc<Semaphore>,
    loans: Arc<Semaphore>,
    last_probe: Mutex<Instant>,
}

/// Leave to have an upstream dialled, and to let it wait for the app's answer.
#[derive(Default)]
pub(super) struct Leave {
    seat: Option<OwnedSemaphorePermit>,
    _loan: Option<OwnedSemaphorePermit>,
}

impl Default for Leaves {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
            loans: Arc::new(Semaphore::new(LOANS)),
            // Whatever starts a process probes it.
            last_probe: Mutex::new(Instant::now()),
        }
    }
}

impl Leaves {
    /// Waits for leave. `None` for an app that has to do with what is remembered of an upstream, if one was `met`.
    pub(super) async fn ask(&self, place: &Place, met: impl Fn() -> bool) -> Option<Leave> {
        if place.is_crowded() && met() {
            return None;
        }
        let loan = loop {
            let loan = Arc::clone(&self.loans).acquire_owned();
            match tokio::time::timeout(PATIENCE, loan).await {
                // The semaphores are never closed.
                Ok(loan) => break loan.ok(),
                Err(_) if met() => return None,
                Err(_) => {}
            }
        };
        let seat = if self.last_probe().elapsed() > WARY {
            None
        } else {
            let seat = Arc::clone(&self.seats).acquire_owned();
            let seat = tokio::time::timeout(GLANCE, seat).await.map(Result::ok);
            seat.unwrap_or_default()
        };
        Some(Leave { seat, _loan: loan })
    }

    /// Something has connected and left without a login.
    pub(super) fn probed(&self) {
        *self.last_probe() = Instant::now();
    }

    fn last_probe(&self) -> MutexGuard<'_, Instant> {
        self.last_probe
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// Waits for an app's first byte, for a while with its seat.
    pub(super) async fn seated<O>(&mut self, first_byte: impl Future<Output = O>) -> O {
        let mut first_byte = pin!(first_byte);
        match tokio::time::timeout(SEATED, &mut first_byte).await {
            Ok(read) => read,
            Err(_) => {
                self.seat = None;
                first_byte.await
            }
        }
    }
}
