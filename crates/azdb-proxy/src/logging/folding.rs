//! Warnings that come over and over again are shown a few times and then counted.
//!
//! A pool whose login is refused tries again at once, and a scanner never gets tired: the same line hundreds of times a second
//! hides all others.
//!
//! # Invariants
//!
//! * What is left out is told of within [`WINDOW`], with its number.
//! * Whatever strangers do, the warnings of a window are at most [`KINDS`] times [`SHOWN`], and one line more for each kind.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Warnings of one kind that are shown within a window.
const SHOWN: u64 = 5;

/// Kinds that are told apart within a window. Of those beyond, which a stranger's words may have made, none is shown.
const KINDS: usize = 64;

/// How long warnings are counted before their number is told.
const WINDOW: Duration = Duration::from_secs(10);

/// What differs between warnings of one kind.
const WHO: &str = "peer";

/// Marks the lines that tell a number.
const TELLING: &str = "azdb_proxy::told";

/// The warnings of the window.
#[derive(Default)]
pub(super) struct Folding {
    counts: Mutex<Counts>,
    /// A window has begun.
    began: Notify,
    /// Set while every line is shown.
    rests: AtomicBool,
}

#[derive(Default)]
struct Counts {
    kinds: HashMap<Kind, u64>,
    /// Warnings of kinds beyond [`KINDS`].
    others: u64,
}

/// Where it was said, on behalf of which route, and in which words.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    place: Identifier,
    route: Option<Route>,
    text: String,
}

/// The route of a session's span.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Route(String);

impl Folding {
    /// Whether warnings are folded from now on.
    pub(super) fn folds(&self, folds: bool) {
        self.rests.store(!folds, Ordering::Relaxed);
    }

    /// Tells the numbers at the end of each window, for the life of the process.
    pub(super) async fn tell_forever(&self) {
        loop {
            self.began.notified().await;
            tokio::time::sleep(WINDOW).await;
            self.tell();
        }
    }

    /// Ends the window.
    pub(super) fn tell(&self) {
        let Counts { kinds, others } = std::mem::take(&mut *self.counts());
        for (Kind { route, text, .. }, count) in kinds {
            let Some(times) = count.checked_sub(SHOWN).filter(|times| *times > 0) else {
                continue;
            };
            let route = route.map(|Route(name)| name);
            tracing::warn!(target: TELLING, times, route, within = ?WINDOW, "the same again: {text}");
        }
        if others > 0 {
            tracing::warn!(target: TELLING, times = others, within = ?WINDOW, "more warnings, each in other words");
        }
    }

    /// Whether one more of this kind is shown.
    fn shows(&self, kind: Kind) -> bool {
        let mut counts = self.counts();
        if counts.kinds.is_empty() {
            self.began.notify_one();
        }
        if counts.kinds.len() >= KINDS && !counts.kinds.contains_key(&kind) {
            counts.others += 1;
            return false;
        }
        let count = counts.kinds.entry(kind).or_default();
        *count += 1;
        *count <= SHOWN
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for &'static Folding {
    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let is_told = *metadata.level() > Level::WARN || metadata.target() == TELLING;
        if is_told || self.rests.load(Ordering::Relaxed) {
            return true;
        }
        let span = context.lookup_current();
        let route = span.and_then(|span| span.extensions().get::<Route>().cloned());
        let mut words = Words(String::new());
        event.record(&mut words);
        self.shows(Kind {
            place: metadata.callsite(),
            route,
            text: words.0,
        })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut route = RouteOf(None);
        attributes.record(&mut route);
        if let (Some(route), Some(span)) = (route.0, context.span(id)) {
            span.extensions_mut().insert(Route(route));
        }
    }
}

/// What an event says, but for whom it says it of.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let gap = if self.0.is_empty() { "" } else { " " };
        let _ = match field.name() {
            WHO => Ok(()),
            "message" => write!(self.0, "{gap}{value:?}"),
            name => write!(self.0, "{gap}{name}={value:?}"),
        };
    }
}

struct RouteOf(Option<String>);

impl Visit for RouteOf {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "route" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use tracing_subscriber::prelude::*;

    use super::*;

    /// What a log says while `act` runs.
    fn log_of(act: impl FnOnce(&Folding)) -> String {
        let folding: &'static Folding = Box::leak(Box::default());
        let log = Arc::new(Mutex::new(Vec::new()));
        let out = Arc::clone(&log);
        let writer = move || Lines(Arc::clone(&out));
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer);
        let subscriber = tracing_subscriber::registry().with(folding).with(lines);
        tracing::subscriber::with_default(subscriber, || act(folding));
        let log = log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            log.extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn routes_and_words_are_told_apart_and_peers_are_not() {
        let log = log_of(|folding| {
            for route in ["orders", "stock"] {
                let span = tracing::info_span!("session", %route);
                for peer in 0..7 {
                    span.in_scope(|| tracing::warn!(peer, error = "no token", "refused"));
                }
            }
            folding.tell();
        });
        assert_eq!(log.matches(": refused").count(), 2 * 5 + 2, "{log}");
        for route in ["orders", "stock"] {
            let told =
                format!("the same again: refused error=\"no token\" times=2 route={route:?}");
            assert!(log.contains(&told), "{log}");
        }
    }

    #[test]
    fn words_that_never_come_again_fill_no_log() {
        let log = log_of(|folding| {
            for user in 0..1000 {
                tracing::warn!(user, "refused");
                tracing::info!(user, "a session began");
            }
            folding.tell();
            tracing::warn!(user = 0, "refused");
        });
        assert_eq!(log.matches(": refused").count(), KINDS + 1, "{log}");
        assert_eq!(log.matches("a session began").count(), 1000);
        let others = format!("more warnings, each in other words times={}", 1000 - KINDS);
        assert!(log.contains(&others), "{log}");
    }
}
