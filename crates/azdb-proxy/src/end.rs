//! Why the process comes to its end, what signals mean then, and what its exit code says.

use std::fmt;
use std::time::Duration;

use azdb_config::Process;
use azdb_core::{Drain, LAST_WORDS};
use tokio::time::Instant;

use crate::exit::Exit;
use crate::logging;
use crate::run::LETTING_GO;
use crate::signals::Signal;

/// The same signal once more within this time is no second one: `timeout` and terminals send one to the program and to its group.
const ECHO: Duration = Duration::from_secs(1);

/// What an end may take behind its drain: goodbyes, whatever is let go, and the last lines of two logs.
const AFTERWARDS: Duration = {
    let millis =
        LAST_WORDS.as_millis() + LETTING_GO.as_millis() + 2 * logging::PATIENCE.as_millis();
    Duration::from_millis(millis as u64)
};

/// Why the process comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A signal came.
    Signal(Signal),
    /// Somebody has asked for it over HTTP.
    Asked,
    /// Nobody is there any more, see `exit_when_idle`.
    Idle,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => signal.fmt(f),
            Self::Asked => f.write_str("asked over HTTP"),
            Self::Idle => f.write_str("no session is left"),
        }
    }
}

/// What a signal is that comes during the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The first one again.
    TheSame,
    /// The first one: the end has come in another way.
    First,
    /// Whoever sent it does not want to wait.
    Second,
}

/// An end under way.
#[derive(Debug)]
pub(crate) struct End {
    why: Why,
    first: Option<(Signal, Instant)>,
}

impl End {
    /// It begins.
    pub(crate) fn because(why: Why) -> Self {
        let first = match why {
            Why::Signal(signal) => Some((signal, Instant::now())),
            Why::Asked | Why::Idle => None,
        };
        Self { why, first }
    }

    /// How much time there is.
    pub(crate) fn drain(&self, process: &Process) -> Drain {
        let delay = match self.why {
            Why::Signal(_) | Why::Asked => process.min_sigterm_delay,
            Why::Idle => Duration::ZERO,
        };
        let leaves = match self.why {
            Why::Signal(signal) => signal.leaves(),
            Why::Asked | Why::Idle => None,
        };
        let left = leaves.map(|leaves| leaves.saturating_sub(AFTERWARDS));
        // No new sessions for a moment: what there is of time is for those that run.
        let delay = left.map_or(delay, |_| Duration::ZERO);
        let patience = process.max_sigterm_delay;
        Drain {
            delay,
            patience: left.map_or(patience, |left| patience.min(left)),
            idle: process.drain_idle,
        }
    }

    /// A signal has come.
    pub(crate) fn hears(&mut self, signal: Signal) -> Heard {
        match self.first {
            None => {
                self.first = Some((signal, Instant::now()));
                Heard::First
            }
            Some((first, at)) if first == signal && at.elapsed() < ECHO => Heard::TheSame,
            Some(_) => Heard::Second,
        }
    }

    /// How the program ends whose sessions were cut, so many of them.
    pub(crate) fn exit(&self, cut: usize, process: &Process) -> Exit {
        match self.why {
            _ if cut == 0 || process.exit_zero_on_sigterm => Exit::Success,
            Why::Signal(signal) => Exit::Cut(signal),
            // As a service manager does.
            Why::Asked | Why::Idle => Exit::Cut(Signal::ASKED),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// What `[process]` says.
    fn process(more: &str) -> Process {
        let route = "postgres://u@orders.postgres.database.azure.com";
        let overrides = azdb_config::Overrides {
            urls: vec![route.to_owned()],
            exit_zero_on_sigterm: (more == "zero").then_some(true),
            ..azdb_config::Overrides::default()
        };
        let env = azdb_identity::Environment::default();
        azdb_config::load_without_search(&overrides, &env)
            .unwrap()
            .process
    }

    #[test]
    fn only_sessions_that_were_cut_make_an_end_a_failure() {
        let terminate = Exit::Cut(Signal::ASKED);
        for (why, code) in [
            (Why::Signal(Signal::Interrupt), Exit::Cut(Signal::Interrupt)),
            (Why::Signal(Signal::ASKED), terminate),
            (Why::Asked, terminate),
            (Why::Idle, terminate),
        ] {
            let end = End::because(why);
            assert_eq!(end.exit(0, &process("")), Exit::Success);
            for cut in [1, usize::MAX] {
                assert_eq!(end.exit(cut, &process("")), code);
                assert_eq!(end.exit(cut, &process("zero")), Exit::Success);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_signal_within_a_second_is_no_second_one() {
        let mut end = End::because(Why::Signal(Signal::ASKED));
        assert_eq!(end.hears(Signal::ASKED), Heard::TheSame);
        assert_eq!(end.hears(Signal::Interrupt), Heard::Second);
        tokio::time::advance(ECHO).await;
        assert_eq!(end.hears(Signal::ASKED), Heard::Second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_after_another_word_is_the_first_one() {
        let mut end = End::because(Why::Asked);
        assert_eq!(end.hears(Signal::ASKED), Heard::First);
        assert_eq!(end.hears(Signal::ASKED), Heard::TheSame);
        tokio::time::advance(ECHO).await;
        assert_eq!(end.hears(Signal::ASKED), Heard::Second);
    }

    /// Docker and Kubernetes kill whoever is still there 10 and 30 s after the signal.
    #[test]
    fn a_drain_is_over_well_before_docker_kills() {
        let process = process("");
        let longest = process.min_sigterm_delay + process.max_sigterm_delay + AFTERWARDS;
        #[cfg(feature = "otlp")]
        let longest = longest + crate::otlp::LAST;
        assert!(longest <= Duration::from_secs(9), "{longest:?}");
    }
}
