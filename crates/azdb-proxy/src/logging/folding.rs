//! Warnings that come over and over again are shown once and then counted.
//!
//! A pool whose login is refused tries again at once, and a scanner never gets tired: the same line hundreds of times a second
//! hides all others.
//!
//! ```text
//!   a warning ----> shown at once
//!   the same again, within its second ----> held back ----> one line at the end of the second, with their number
//!   the same again, later ----> shown at once
//! ```
//!
//! # Invariants
//!
//! * A warning has one line in a second, in full or with the number of those that were held back.
//! * What is held back is told of at the end of its second, and of the process.
//! * Whatever strangers do, [`KINDS`] warnings are told apart at most, and of those beyond a second has one line.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit, display};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Kinds that are told apart. Of those beyond, which a stranger's words may have made, none is shown.
const KINDS: usize = 64;

/// How often a warning has a line.
const SECOND: Duration = Duration::from_secs(1);

/// Seconds after which a kind that has not come again is forgotten.
const FORGOTTEN: u32 = 10;

/// What differs between warnings of one kind.
const WHO: &str = "peer";

/// Marks the lines that tell a number.
const TELLING: &str = "azdb_proxy::told";

/// The warnings of the last seconds.
#[derive(Default)]
pub(super) struct Folding {
    counts: Mutex<Counts>,
    /// There is something to count.
    began: Notify,
    /// Set while every line is shown.
    rests: AtomicBool,
}

#[derive(Default)]
struct Counts {
    kinds: HashMap<Kind, Count>,
    /// Warnings of kinds beyond [`KINDS`], since the last second.
    others: u64,
}

/// Where it was said, on behalf of which route, and in which words.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    place: Identifier,
    route: Option<Route>,
    words: Words,
}

/// How often, in the second that goes on.
#[derive(Debug, Default)]
struct Count {
    /// It has had its line.
    spoke: bool,
    held: u64,
    /// Seconds before in which it did not come.
    quiet: u32,
}

/// The route of a session's span.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Route(String);

impl Folding {
    /// Whether warnings are folded from now on.
    pub(super) fn folds(&self, folds: bool) {
        self.rests.store(!folds, Ordering::Relaxed);
    }

    /// Tells the numbers at the end of each second, for the life of the process.
    pub(super) async fn tell_forever(&self) {
        loop {
            self.began.notified().await;
            while !self.is_quiet() {
                tokio::time::sleep(SECOND).await;
                self.tell();
            }
        }
    }

    /// Ends the second.
    pub(super) fn tell(&self) {
        let mut counts = self.counts();
        let mut told = Vec::new();
        counts.kinds.retain(|kind, count| {
            let held = std::mem::take(&mut count.held);
            count.spoke = held > 0;
            count.quiet = if held > 0 { 0 } else { count.quiet + 1 };
            if held > 0 {
                told.push((held, kind.route.clone(), kind.words.clone()));
            }
            count.quiet < FORGOTTEN
        });
        let others = std::mem::take(&mut counts.others);
        // Whoever tells comes by here again.
        drop(counts);
        for (times, route, words) in told {
            words.tell(times, route.as_ref());
        }
        if others > 0 {
            tracing::warn!(target: TELLING, times = others, "more warnings, each in other words");
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
        count.quiet = 0;
        let shows = !std::mem::replace(&mut count.spoke, true);
        count.held += u64::from(!shows);
        shows
    }

    fn is_quiet(&self) -> bool {
        let counts = self.counts();
        counts.kinds.is_empty() && counts.others == 0
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
        let mut words = Words::default();
        event.record(&mut words);
        self.shows(Kind {
            place: metadata.callsite(),
            route,
            words,
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

/// What an event says, but for whom it says it of. What refusals have in common is told in fields of the same names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Words {
    message: String,
    error: Option<String>,
    cause: Option<String>,
    kind: Option<String>,
    remedy: Option<String>,
    /// In one.
    rest: String,
}

impl Words {
    fn tell(&self, times: u64, route: Option<&Route>) {
        let Self { message, rest, .. } = self;
        let gap = if rest.is_empty() { "" } else { " " };
        let field = |text: &Option<String>| text.clone().map(display);
        tracing::warn!(
            target: TELLING,
            error = field(&self.error),
            cause = field(&self.cause),
            kind = field(&self.kind),
            remedy = self.remedy.as_deref(),
            times,
            route = route.map(|Route(name)| display(name)),
            "the same again: {message}{gap}{rest}"
        );
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        let place = match field.name() {
            WHO => return,
            "message" => {
                self.message = text;
                return;
            }
            "error" => &mut self.error,
            "cause" => &mut self.cause,
            "kind" => &mut self.kind,
            "remedy" => &mut self.remedy,
            name => {
                let gap = if self.rest.is_empty() { "" } else { " " };
                let _ = write!(self.rest, "{gap}{name}={text}");
                return;
            }
        };
        *place = Some(text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
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
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::logging::lines_of;

    /// What a log says while `act` runs.
    fn log_of(act: impl FnOnce(&Folding)) -> String {
        let folding: &'static Folding = Box::leak(Box::default());
        let lines = tracing_subscriber::fmt::layer().with_ansi(false);
        lines_of(
            |writer| lines.with_writer(writer).and_then(folding).boxed(),
            || act(folding),
        )
    }

    #[test]
    fn routes_and_words_are_told_apart_and_peers_are_not() {
        let log = log_of(|folding| {
            for route in ["orders", "stock"] {
                let span = tracing::error_span!("session", %route);
                for peer in 0..7 {
                    span.in_scope(|| {
                        tracing::warn!(peer, error = "no token", remedy = "pray", "refused")
                    });
                }
            }
            folding.tell();
        });
        assert_eq!(log.matches(": refused").count(), 2 + 2, "{log}");
        for route in ["orders", "stock"] {
            let told = format!(
                "the same again: refused error=no token remedy=\"pray\" times=6 route={route}"
            );
            assert!(log.contains(&told), "{log}");
        }
    }

    #[test]
    fn a_storm_is_one_line_in_a_second_and_what_comes_later_is_shown_again() {
        let refuse = || tracing::warn!(error = "no", "refused");
        let seconds = |counts: &[u64]| {
            log_of(|folding| {
                for count in counts {
                    (0..*count).for_each(|_| refuse());
                    folding.tell();
                }
            })
        };
        let storm = seconds(&[100, 200, 300, 0]);
        let told: Vec<_> = storm
            .lines()
            .filter(|line| line.contains("times="))
            .collect();
        assert_eq!(told.len(), 3, "{storm}");
        assert_eq!(storm.lines().count(), 1 + 3, "{storm}");
        for times in ["times=99\n", "times=200\n", "times=300\n"] {
            assert!(storm.contains(times), "{storm}");
        }
        let drizzle = seconds(&[1, 0, 1, 0, 1]);
        assert_eq!(drizzle.matches(": refused").count(), 3, "{drizzle}");
        assert!(!drizzle.contains("times="), "{drizzle}");
    }

    #[test]
    fn words_that_never_come_again_fill_no_log() {
        let log = log_of(|folding| {
            for user in 0..1000 {
                tracing::warn!(user, "refused");
                tracing::info!(user, "a session began");
            }
            folding.tell();
            for _ in 0..FORGOTTEN {
                folding.tell();
            }
            tracing::warn!(user = 0, "refused");
        });
        assert_eq!(log.matches(": refused").count(), KINDS + 1, "{log}");
        assert_eq!(log.matches("a session began").count(), 1000);
        let others = format!("more warnings, each in other words times={}", 1000 - KINDS);
        assert!(log.contains(&others), "{log}");
    }
}
