//! The task behind a keeper.
//!
//! ```text
//!   fetch --> good --> publish, plan the next one --.
//!     ^  '--> bad ---> publish, complain ----------- rest
//!     |                                               |  due | the clock jumped | somebody waits and may
//!     '-----------------------------------------------'
//! ```
//!
//! It alone writes what is known; keepers and logins read it through the watch channel, and leave wishes. Times between fetches
//! come from `schedule`, which is pure; here is what they are measured against.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::answer::Grant;
use crate::clock::{Clock, Woke};
use crate::fault::first_line;
use crate::keeper::{Failure, Kept, Known, Wishes};
use crate::schedule::{self, Jitter};
use crate::source::TokenSource;
use crate::{Audience, Token, TokenError};

/// The task: fetch, publish, wait, again.
pub(crate) struct Round {
    pub(crate) source: Box<dyn TokenSource>,
    /// What it is asked for, and what its tokens must say that they are for.
    pub(crate) audience: Audience,
    pub(crate) clock: Clock,
    pub(crate) jitter: Jitter,
    pub(crate) publish: watch::Sender<Known>,
    pub(crate) wishes: Arc<Wishes>,
    /// Whether the fetch under way is owed to a database's word alone.
    pub(crate) forced: bool,
    /// When the last warning was written.
    pub(crate) warned: Option<Instant>,
}

/// How often a fault that lasts is warned of again while there is no token.
const WARN_AGAIN: Duration = Duration::from_secs(30);

impl Round {
    /// Never ends by itself: the keeper aborts the task when nobody wants the token any more.
    pub(crate) async fn run(mut self) {
        loop {
            let started = Instant::now();
            // Nobody waits for that.
            self.publish.send_if_modified(|known| {
                known.under_way = Some(started);
                false
            });
            let outcome = self.source.fetch(&self.audience).await;
            let took = started.elapsed();
            let wait = match outcome {
                Ok(grant) => self.good(grant, took),
                Err(error) => self.bad(error, took),
            };
            self.rest(wait).await;
        }
    }

    /// Publishes a token; says how long it is good without another look.
    fn good(&mut self, grant: Grant, took: Duration) -> Duration {
        let now = self.clock.now();
        let life = grant.token.left();
        let wait = schedule::refresh(life, grant.refresh_in, &mut self.jitter);
        self.report(&grant.token, life, wait);
        let forced = std::mem::take(&mut self.forced);
        self.publish.send_modify(|known| {
            known.under_way = None;
            known.source = Some(self.source.kind());
            known.token = Some(Kept {
                token: grant.token,
                fetched_at: now,
                refresh_at: now + wait,
            });
            known.failure = None;
            known.tally.good += 1;
            known.tally.last_took = took;
            known.tally.note_forced(forced);
        });
        wait
    }

    /// One line at info when it works again after it did not; whose token it is at debug, as the token says it.
    fn report(&self, token: &Token, life: Duration, wait: Duration) {
        let source = self.source.kind();
        let recovered = self.publish.borrow().failure.is_some();
        let (life_s, next_s) = (life.as_secs(), wait.as_secs());
        if recovered {
            info!(%source, audience = %self.audience, life_s, next_s, "token fetched again");
        } else {
            debug!(%source, audience = %self.audience, life_s, next_s, "token fetched");
        }
        if let Some(claims) = token.claims() {
            let aud = claims.audiences().map(first_line).collect::<Vec<_>>();
            let [oid, appid, xms_mirid] = [&claims.oid, &claims.appid, &claims.xms_mirid]
                .map(|claim| claim.as_deref().map(first_line));
            debug!(
                %source, aud = aud.join(" "), oid, appid, exp = claims.exp, xms_mirid,
                "unverified claims of the token"
            );
        }
    }

    /// Publishes an error; says how long to leave the source alone.
    fn bad(&mut self, error: TokenError, took: Duration) -> Duration {
        let (now, ended) = (self.clock.now(), Instant::now());
        let before = self.publish.borrow();
        let in_a_row = before
            .failure
            .as_ref()
            .map_or(0, |failure| failure.in_a_row)
            + 1;
        let left = before
            .usable()
            .map(|kept| kept.token.left().saturating_sub(schedule::FLOOR));
        drop(before);
        let wait = schedule::retry(in_a_row, &error, left, &mut self.jitter);
        let source = self.source.kind();
        self.complain(&error, in_a_row, left, wait);
        let forced = std::mem::take(&mut self.forced);
        self.publish.send_modify(|known| {
            known.under_way = None;
            known.source = Some(source);
            if left.is_none() {
                known.token = None;
            }
            let tally = &mut known.tally;
            *match error.is_transient() {
                true => &mut tally.transient,
                false => &mut tally.permanent,
            } += 1;
            let not_before = ended + schedule::not_before(&error, wait);
            let not_before_without = ended + schedule::hurried(&error, wait);
            tally.last_took = took;
            tally.note_forced(forced);
            known.last_error = Some((error.clone(), now));
            known.failure = Some(Failure {
                error,
                in_a_row,
                not_before,
                not_before_without,
            });
        });
        wait
    }

    /// Warns once of a fault, and from time to time while there is no token; logins that wait make it come often.
    fn complain(
        &mut self,
        error: &TokenError,
        in_a_row: u32,
        left: Option<Duration>,
        wait: Duration,
    ) {
        let (source, cause) = (self.source.kind(), error.cause());
        let (left_s, next_s) = (left.unwrap_or_default().as_secs(), wait.as_secs());
        let long_ago = self.warned.is_none_or(|at| at.elapsed() >= WARN_AGAIN);
        if in_a_row == 1 || (left.is_none() && long_ago) {
            self.warned = Some(Instant::now());
            warn!(
                %source, audience = %self.audience, %cause, remedy = error.remedy(), left_s, next_s, in_a_row,
                "no new token"
            );
        } else {
            debug!(%source, audience = %self.audience, %cause, left_s, next_s, in_a_row, "still no new token");
        }
    }

    /// Waits until the next fetch is due or wanted.
    async fn rest(&mut self, wait: Duration) {
        let due = Instant::now() + wait;
        loop {
            let next = self.hurried(due);
            let left = next.saturating_duration_since(Instant::now());
            let woke = tokio::select! {
                woke = self.clock.wait(left) => woke,
                () = self.wishes.look_again.notified() => {
                    if self.is_wanted() {
                        return;
                    }
                    continue;
                }
            };
            let source = self.source.kind();
            match woke {
                Woke::Due if next == due || self.is_wanted() => return,
                // Whoever waited has gone.
                Woke::Due => {}
                // A machine that slept may have a stale token, and its throttling is over.
                Woke::ClockAhead(by) => {
                    info!(%source, by_s = by.as_secs(), "the clock jumped ahead, or this machine was suspended");
                    return;
                }
                // The token lasts longer than we thought.
                Woke::ClockBack(by) => {
                    debug!(%source, by_s = by.as_secs(), "the clock was set back")
                }
            }
        }
    }

    /// When to look again: when it is due, or earlier because somebody waits.
    fn hurried(&self, due: Instant) -> Instant {
        let known = self.publish.borrow();
        match &known.failure {
            Some(failure) if self.wishes.somebody_waits() && known.usable().is_none() => {
                due.min(failure.not_before_without)
            }
            _ => due,
        }
    }

    /// Whether somebody's wish is reason enough for a fetch now.
    fn is_wanted(&mut self) -> bool {
        let known = self.publish.borrow();
        let may = |earliest: fn(&Failure) -> Instant| {
            let failure = known.failure.as_ref();
            failure.is_none_or(|failure| Instant::now() >= earliest(failure))
        };
        if self.wishes.mended.swap(false, Ordering::Relaxed) && known.failure.is_some() {
            return true;
        }
        let may_replace = may(|failure| failure.not_before);
        if may_replace
            && self.wishes.forced.swap(false, Ordering::Relaxed)
            && !known.tally.was_forced()
        {
            self.forced = true;
            return true;
        }
        match known.usable() {
            None => self.wishes.somebody_waits() && may(|failure| failure.not_before_without),
            Some(kept) => may_replace && self.clock.until(kept.refresh_at).is_zero(),
        }
    }
}
