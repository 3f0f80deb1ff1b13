//! The session of an app that has left: reset, and kept for the next app with the same login.
//!
//! ```text
//!   app leaves --> fit? --> reset, 2 s --> its answer, compared --> quiet? --> waits
//!                   |          |                  |                   |
//!                   '----------+------------------+---- closed <------'
//! ```
//!
//! # Invariants
//!
//! * Anything that is not as it must be closes the session.
//! * No app is refused for a session that is being reset: its place is the app's, and it ends.
//! * The reset begins at once: what the app holds in the database is free again as soon as if its session had ended.

use std::time::Duration;

use azdb_config::Reuse;
use tokio::time::Instant;

use super::{Following, Keepsake, Lobby, Permit, Protocol, Spare};
use crate::kept::{Kind, is_quiet};
use crate::ledger::Reset;
use crate::parting::{leave, see_off};
use crate::way::{BreakOff, Dial, Stream};

/// How long a reset may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an app has left behind.
pub(crate) struct Left<P: Protocol, S: Stream> {
    pub(crate) upstream: P::Upstream<S>,
    pub(crate) watch: P::Watch,
    pub(crate) following: Option<Box<Following>>,
    pub(crate) permit: Permit,
    pub(crate) keepsake: Box<Keepsake<P>>,
    /// Whether it has said that it leaves, which the upstream has not heard.
    pub(crate) said_goodbye: bool,
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Keeps what an app has left behind, or ends it, in the background.
    pub(crate) fn give_back(&self, left: Left<P, D::Stream>) {
        let lobby = self.clone();
        self.tasks.spawn(async move { lobby.keep(left).await });
    }

    async fn keep(&self, left: Left<P, D::Stream>) {
        let said_goodbye = left.said_goodbye;
        let Left {
            upstream,
            watch,
            following,
            permit,
            keepsake,
            ..
        } = left;
        let mut spare = Spare {
            upstream,
            keepsake,
            following,
            permit,
        };
        if !self.is_fit(&spare) || !is_quiet(&mut spare).await {
            drop(watch);
            let goodbye = said_goodbye.then_some(P::GOODBYE);
            return end(spare.upstream, Some(spare.permit), goodbye).await;
        }
        let Spare {
            mut upstream,
            keepsake,
            following,
            permit,
        } = spare;
        let holder = self.state.resetting.hold(permit);
        let resetting = P::reset(&mut upstream, &keepsake.memory, watch, self);
        let resetting = tokio::time::timeout(PATIENCE, Box::pin(resetting));
        let outcome = holder.stop.run_until_cancelled(resetting).await;
        let outcome = outcome.map(|outcome| outcome.unwrap_or(Reset::Late));
        if let Some(outcome) = outcome {
            self.state.ledger.reset(outcome);
            tracing::debug!(route = %self.route.name, outcome = outcome.name(), "a session was reset");
        }
        let permit = match (outcome, holder.place()) {
            (Some(Reset::Clean), Some(permit)) => permit,
            // Only whoever has answered in order hears a goodbye: elsewhere nobody knows what it would be taken for.
            (outcome, place) => {
                let hears = said_goodbye && matches!(outcome, Some(Reset::Clean | Reset::Refused));
                return end(upstream, place, hears.then_some(P::GOODBYE)).await;
            }
        };
        let mut spare = Spare {
            upstream,
            keepsake,
            following,
            permit,
        };
        // Meanwhile its place may be another app's.
        let from = Instant::now() + P::QUARANTINE;
        match self.is_fit(&spare) && is_quiet(&mut spare).await {
            true => self.wait(Kind::Reused, spare, from),
            false => spare.farewell().await,
        }
    }

    /// Whether a session may be given to another app, as far as the route and its clocks have a say.
    fn is_fit(&self, spare: &Spare<P, D::Stream>) -> bool {
        let (kept, keeping) = (&self.state.kept, &self.route.keeping);
        let moved = spare.following.as_ref();
        let moved = moved.is_some_and(|following| following.moved_from().is_some());
        let reused = kept.stock.count(|kind, _| kind == Kind::Reused);
        keeping.reuse == Reuse::Reset
            && self.is_in_force()
            && !moved
            && reused < keeping.most
            && self.end_of(Kind::Reused, &spare.keepsake) > Instant::now()
    }
}

/// Ends a session as its app has: with its goodbye, or as of an app that was killed. Its place, if it has one still, is free after it.
async fn end<S: Stream + BreakOff>(mut upstream: S, place: Option<Permit>, goodbye: Option<&[u8]>) {
    match goodbye {
        Some(goodbye) => leave(&mut upstream, goodbye, true).await,
        None => {
            upstream.break_off();
            see_off(&mut upstream, b"").await;
        }
    }
    drop(place);
}
