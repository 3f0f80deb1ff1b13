//! Two clocks that must not be confused: the wall, by which tokens end, and the runtime's, by which we wait.
//!
//! The runtime's clock stands still while a machine sleeps and knows nothing of corrections to the wall clock. So
//! no wait is longer than 30 seconds at a time, and after each piece both clocks are compared.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

/// The longest piece of a wait: how late a jump of the wall clock is noticed.
const PIECE: Duration = Duration::from_secs(30);
/// Differences up to this are the scheduler's, not a jump.
const NOTICED: Duration = Duration::from_secs(15);

/// The wall clock, as tokens are judged by it.
#[derive(Clone, Debug)]
pub struct Clock(Wall);

#[derive(Clone, Debug)]
enum Wall {
    System,
    Simulated {
        started: Instant,
        at: Arc<Mutex<SystemTime>>,
    },
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woke {
    /// The time has passed.
    Due,
    /// The wall clock went on this much more than the time that we spent waiting: a suspended machine, or a corrected clock.
    ClockAhead(Duration),
    /// The wall clock was set back by this much.
    ClockBack(Duration),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Wall::System)
    }

    /// A clock for tests: it shows `start` now and moves with the runtime's clock, paused ones included.
    #[must_use]
    pub fn simulated(start: SystemTime) -> Self {
        Self(Wall::Simulated {
            started: Instant::now(),
            at: Arc::new(Mutex::new(start)),
        })
    }

    /// Lets the wall clock of a simulation go on without the runtime's, as a sleeping machine does. The system's clock stays as it is.
    pub fn suspend(&self, asleep: Duration) {
        if let Wall::Simulated { at, .. } = &self.0 {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += asleep;
        }
    }

    /// The time on the wall.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Wall::System => SystemTime::now(),
            Wall::Simulated { started, at } => {
                *at.lock().unwrap_or_else(PoisonError::into_inner) + started.elapsed()
            }
        }
    }

    /// How long until `moment`; zero when it has passed.
    pub(crate) fn until(&self, moment: SystemTime) -> Duration {
        moment.duration_since(self.now()).unwrap_or_default()
    }

    /// Waits, and comes back early when the wall clock jumps.
    pub(crate) async fn wait(&self, wanted: Duration) -> Woke {
        let due = Instant::now() + wanted;
        loop {
            let (wall, instant) = (self.now(), Instant::now());
            sleep(due.saturating_duration_since(instant).min(PIECE)).await;
            match jump(wall, self.now(), instant.elapsed()) {
                Woke::Due if Instant::now() < due => {}
                woke => return woke,
            }
        }
    }
}

/// Compares what the wall says with what was `waited`.
fn jump(before: SystemTime, after: SystemTime, waited: Duration) -> Woke {
    let expected = before + waited;
    match after.duration_since(expected) {
        Ok(ahead) if ahead > NOTICED => Woke::ClockAhead(ahead),
        Err(back) if back.duration() > NOTICED => Woke::ClockBack(back.duration()),
        _ => Woke::Due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_ends_when_it_is_due() {
        let clock = Clock::simulated(noon());
        let wanted = Duration::from_secs(7_205);
        assert_eq!(clock.wait(wanted).await, Woke::Due);
        assert_eq!(clock.now(), noon() + wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_machine_is_noticed_within_one_piece() {
        let clock = Clock::simulated(noon());
        let nap = Duration::from_secs(3 * 3600);
        let sleeper = clock.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(100)).await;
            sleeper.suspend(nap);
        });
        let started = Instant::now();
        let woke = clock.wait(Duration::from_secs(12 * 3600)).await;
        assert_eq!(woke, Woke::ClockAhead(nap));
        assert!(started.elapsed() <= Duration::from_secs(100) + PIECE);
    }

    #[test]
    fn a_clock_set_back_is_a_jump_and_a_late_wake_up_is_none() {
        let (waited, hour) = (Duration::from_secs(30), Duration::from_secs(3600));
        assert_eq!(
            jump(noon(), noon() + waited - hour, waited),
            Woke::ClockBack(hour)
        );
        assert_eq!(jump(noon(), noon() + waited + NOTICED, waited), Woke::Due);
        assert_eq!(jump(noon(), noon() + waited - NOTICED, waited), Woke::Due);
    }
}
