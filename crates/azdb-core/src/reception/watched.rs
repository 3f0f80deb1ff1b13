//! A login of this process, seen from beside it.

use std::sync::Arc;
use std::time::Duration;

use crate::phases::{Phase, Phases, Sights};

/// A login that is watched: what it meets, and what it spends its time on. It may be asked at any time.
#[derive(Debug, Clone)]
pub struct Watched(Arc<Phases>);

impl Watched {
    pub(super) fn of(phases: Arc<Phases>) -> Self {
        Self(phases)
    }

    /// What was spent on a phase so far; `None` where there was none.
    #[must_use]
    pub fn spent(&self, phase: Phase) -> Option<Duration> {
        self.0.spent(phase)
    }

    /// How far the way upstream was gone: of a login that was refused, the phase in which it was. `None` where it had not begun.
    #[must_use]
    pub fn came_to(&self) -> Option<Phase> {
        self.0.begun()
    }

    /// What it has met.
    #[must_use]
    pub fn sights(&self) -> Sights {
        self.0.sights()
    }
}
