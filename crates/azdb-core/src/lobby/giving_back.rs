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
//! * The reset begins at once: what the app holds in the database is free again as soon as if its session had ended.

use std::time::Duration;

use azdb_config::Reuse;
use tokio::time::Instant;

use super::{Following, Keepsake, Lobby, Permit, Protocol, Spare};
use crate::kept::{Kind, is_quiet};
use crate::ledger::Reset;
use crate::parting::{leave, see_off};
use crate::way::{BreakOff as _, Dial, Stream};

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
            return end(spare, said_goodbye).await;
        }
        let resetting = P::reset(&mut spare.upstream, &spare.keepsake.memory, watch, self);
        let outcome = tokio::time::timeout(PATIENCE, Box::pin(resetting)).await;
        let outcome = outcome.unwrap_or(Reset::Late);
        self.state.ledger.reset(outcome);
        tracing::debug!(route = %self.route.name, outcome = outcome.name(), "a session was reset");
        if outcome != Reset::Clean {
            return end(spare, false).await;
        }
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

/// Ends a session as its app has: with its goodbye, or as of an app that was killed.
async fn end<P: Protocol, S: Stream>(spare: Spare<P, S>, said_goodbye: bool) {
    let Spare {
        mut upstream,
        permit,
        ..
    } = spare;
    match said_goodbye {
        true => leave(&mut upstream, P::GOODBYE, true).await,
        false => {
            upstream.break_off();
            see_off(&mut upstream, b"").await;
        }
    }
    drop(permit);
}
