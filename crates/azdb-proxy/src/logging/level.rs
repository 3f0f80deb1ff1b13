//! What is logged at all, and may be changed while it runs.
//!
//! A layer of `tracing_subscriber::reload` takes a lock for each step into and out of a span, and a login takes dozens. A callsite
//! asks this one only when it is met for the first time, and after a change.

use std::sync::{PoisonError, RwLock};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::Context;

/// Libraries that tell of every token request; what matters of it, our own lines say. At debug they may speak.
const QUIET: &str = "azure_core=warn,azure_identity=warn,typespec_client_core=warn,";

/// The level that holds.
#[derive(Default)]
pub(super) struct Levels(RwLock<Targets>);

impl Levels {
    /// Logs at `level` from now on: `info`, or with some modules' own `warn,azdb_core=debug`.
    ///
    /// # Errors
    ///
    /// When it is none; what held before goes on.
    pub(super) fn set(&self, level: &str) -> Result<(), ParseError> {
        let targets = if is_verbose(level) {
            level.parse()?
        } else {
            format!("{QUIET}{level}").parse()?
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = targets;
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    fn ask<T>(&self, question: impl FnOnce(&Targets) -> T) -> T {
        question(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for &'static Levels {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.ask(|targets| Layer::<S>::register_callsite(targets, metadata))
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.ask(|targets| targets.enabled(metadata, context))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.ask(Layer::<S>::max_level_hint)
    }
}

/// Whether everything is to be seen.
pub(super) fn is_verbose(level: &str) -> bool {
    matches!(level, "debug" | "trace")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::logging::lines_of;

    #[test]
    fn a_level_holds_until_the_next_one_and_a_bad_one_changes_nothing() {
        let levels: &'static Levels = Box::leak(Box::default());
        let speak = |step: u8| {
            tracing::info!(step, "info");
            tracing::debug!(step, "debug");
            tracing::info!(target: "azure_identity", step, "library");
        };
        levels.set("info").unwrap();
        let lines = tracing_subscriber::fmt::layer().with_ansi(false);
        let log = lines_of(
            |writer| levels.and_then(lines.with_writer(writer)).boxed(),
            || {
                speak(1);
                levels.set("debug").unwrap();
                speak(2);
                levels.set("azdb_proxy=loud").unwrap_err();
                speak(3);
                levels.set("off").unwrap();
                speak(4);
            },
        );
        let said = |words: &str| log.contains(words);
        assert!(said("info step=1") && !said("debug step=1") && !said("library step=1"));
        for step in [2, 3] {
            for word in ["info", "debug", "library"] {
                assert!(said(&format!("{word} step={step}")), "{log}");
            }
        }
        assert!(!said("step=4"), "{log}");
    }
}
