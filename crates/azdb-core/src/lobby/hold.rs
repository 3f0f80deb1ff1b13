//! Logins that are tried again: at the next upstream at once, and at one that is away for a moment when it is back.
//!
//! # Invariants
//!
//! * A login is held inside `login_timeout` only, and not past the end of the proxy or of its app.
//! * While an upstream is away one login of a route at a time asks for it, see [`Turns`](super::Turns).
//! * What a person must mend is never waited for: a wrong password, an unknown database, a certificate, a firewall.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use azdb_config::route::Endpoint;
use azdb_quote::{Chain, Spelled};
use tokio::time::Instant;

use super::making::is_full;
use super::turns::Turn;
use super::{Lobby, Protocol};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, OwnFault};
use crate::phases::Phase;
use crate::way::{Dial, Dialled, Opened, Search};

/// Something with an upstream that may be tried again.
pub(crate) trait Try: Send {
    /// What comes of it.
    type Granted: Send;
    /// What can go wrong in its protocol alone.
    type Fault: OwnFault;

    /// Tries.
    ///
    /// # Errors
    ///
    /// Why not.
    fn go(&mut self) -> impl Future<Output = Result<Self::Granted, Fault<Self::Fault>>> + Send;

    /// Where it has been. `None` for what cannot be tried anywhere else.
    fn tracks(&mut self) -> Option<&mut Tracks>;
}

/// Where a login has been.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    /// Addresses that are not tried again at once.
    pub(crate) passed_over: Vec<SocketAddr>,
    last: Option<SocketAddr>,
    others: usize,
    /// Whether the upstream has heard more than a hello.
    began: bool,
}

impl Tracks {
    /// Notes a way that is open, and takes it.
    pub(crate) fn follow<W>(&mut self, opened: &Opened<W>) {
        (self.last, self.others) = (Some(opened.dialled.addr), opened.others);
        self.began = false;
    }

    /// Notes that the upstream is being told who logs in.
    pub(crate) fn begin(&mut self) {
        self.began = true;
    }

    /// Whether the upstream is away for a moment, and whether another one may do better: what is lost behind the hello is neither.
    fn judge<F: OwnFault>(&self, fault: &Fault<F>) -> (bool, bool) {
        let is_hello = !self.began;
        let is_away = fault.is_away() || (is_hello && fault.is_hung_up());
        (is_away, is_away || (is_hello && fault.is_silence()))
    }

    /// Whether there is another upstream to go to at once.
    fn pass_over(&mut self) -> bool {
        let last = self.last.take();
        self.passed_over.extend(last);
        last.is_some() && self.others > 0
    }
}

/// What has become of a login so far.
#[derive(Default)]
struct Course {
    since: Option<Instant>,
    tries: u32,
    passed_over: Vec<String>,
}

impl Course {
    /// The fault, with what was tried before and for how long.
    fn end<F: OwnFault>(&self, fault: Fault<F>) -> Fault<F> {
        let mut notes = Vec::new();
        if !self.passed_over.is_empty() {
            notes.push(format!("before it: {}", self.passed_over.join(", ")));
        }
        if let Some(since) = self.since {
            let held = Spelled::measured(since.elapsed());
            notes.push(format!("held for {held} and tried {} times", self.tries));
        }
        if notes.is_empty() {
            return fault;
        }
        fault.with_note(notes.join("; "))
    }
}

/// Tries until it is granted, refused for good, or out of time. `left` completes when the app has gone, and is asked only while the
/// login is held.
///
/// # Errors
///
/// Why the upstream was not there, or would not.
pub(crate) async fn persist<P: Protocol, D: Dial, T: Try>(
    attempt: &mut T,
    lobby: &Lobby<P, D>,
    deadline: &Deadline,
    mut left: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<T::Granted, Fault<T::Fault>> {
    let turns = &lobby.state.turns;
    let mut course = Course::default();
    let (mut turn, mut was_away): (Option<Turn<'_>>, Option<Fault<T::Fault>>) = (None, None);
    let mut made_room = false;
    loop {
        course.tries += 1;
        let outcome = match was_away {
            // Boxed: before it comes to this, a login waits for its app, and many may wait.
            None => Box::pin(attempt.go()).await,
            Some(fault) => tokio::select! {
                biased;
                () = lobby.closing.cancelled() => return Err(Cause::ShuttingDown.into()),
                () = left.as_mut() => return Err(course.end(fault)),
                outcome = Box::pin(attempt.go()) => match outcome {
                    // What it was before says more than that the time is over.
                    Err(overdue) if overdue.is_overdue() => return Err(course.end(fault)),
                    outcome => outcome,
                }
            },
        };
        let fault = match outcome {
            Ok(granted) => {
                if let Some(away) = turns.back(turn.take()) {
                    tracing::info!(away_s = away.as_secs_f64(), "the upstream is back");
                }
                return Ok(granted);
            }
            Err(fault) => fault,
        };
        let Some(tracks) = attempt.tracks() else {
            return Err(course.end(fault));
        };
        let (is_away, goes_on) = tracks.judge(&fault);
        if goes_on && tracks.pass_over() {
            course.passed_over.push(fault.told());
            was_away = None;
            continue;
        }
        tracks.passed_over.clear();
        // Whoever waits for an app takes no place from one that is there.
        if is_full(&fault) && !std::mem::replace(&mut made_room, true) && lobby.make_room().await {
            was_away = None;
            continue;
        }
        if !(is_away && lobby.route.hold_logins) {
            return Err(course.end(fault));
        }
        course.since.get_or_insert_with(Instant::now);
        if turns.away(turn.take()) {
            tracing::warn!(error = %Chain(&fault), "the upstream is away, logins are held until it is back");
        }
        turn = Some(match lobby.turn(deadline, left.as_mut()).await {
            Ok(next) => next,
            Err(Held::Closing) => return Err(Cause::ShuttingDown.into()),
            Err(Held::InVain) => return Err(course.end(fault)),
        });
        was_away = Some(fault);
    }
}

/// Why a held login has no turn any more.
enum Held {
    /// The proxy comes to its end.
    Closing,
    /// Its app has left, or its time is over.
    InVain,
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Waits until it is a held login's turn to ask.
    async fn turn(
        &self,
        deadline: &Deadline,
        left: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<Turn<'_>, Held> {
        let _lap = deadline.phases().lap(Phase::Queue);
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(Held::Closing),
            () = left => Err(Held::InVain),
            turn = tokio::time::timeout(deadline.left(), self.state.turns.take()) => {
                turn.map_err(|_| Held::InVain)
            }
        }
    }

    /// Whether a search would begin where this leads.
    pub(crate) fn begins_at(&self, dialled: &Dialled) -> bool {
        let first = self.route.upstream.first();
        self.state.refuge.begins_at(dialled, first)
    }

    /// Somebody has found this one in place of those before it.
    #[cfg(test)]
    pub(crate) fn goes_to(&self, dialled: &Dialled) {
        self.state.refuge.found(dialled, false);
    }

    /// A search for the one place where an upstream has sent us on to.
    pub(crate) fn search_at<'a>(
        &'a self,
        target: &'a Endpoint,
        deadline: &'a Deadline,
    ) -> Search<'a, D> {
        Search {
            dialler: &self.dialler,
            upstreams: std::slice::from_ref(target),
            connect_to: None,
            refuge: None,
            passed_over: &[],
            deadline,
        }
    }

    /// A search for an upstream of the route.
    pub(crate) fn search<'a>(
        &'a self,
        passed_over: &'a [SocketAddr],
        deadline: &'a Deadline,
    ) -> Search<'a, D> {
        Search {
            dialler: &self.dialler,
            upstreams: &self.route.upstream,
            connect_to: self.route.connect_to.as_ref(),
            refuge: Some(&self.state.refuge),
            passed_over,
            deadline,
        }
    }
}
