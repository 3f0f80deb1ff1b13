//! Sessions made ahead of the apps that will want them.
//!
//! ```text
//!   a login --learned--> a pattern --a place, a login of ours--> waits
//!                                              '--the upstream is full--> all who wait go
//! ```

use std::sync::Arc;
use std::time::Duration;

use azdb_quote::Chain;
use tokio::time::Instant;

use super::{Keepsake, Lobby, Made, Permit, Protocol, Spare};
use crate::fault::{Explained as _, Fault, Kind as Whose, OwnFault};
use crate::kept::{Key, Kind, Pattern};
use crate::parting::leave;
use crate::way::Dial;

/// How long one that is being made has when the proxy comes to its end: a MySQL server counts a login that breaks off against the
/// machine (`Aborted_connects`), and nobody waits for one that is silent.
const AT_THE_END: Duration = Duration::from_secs(1);

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Remembers a login that was granted, and has sessions made for those that are like it.
    pub(crate) fn learn(&self, key: &Arc<Key>, says: impl FnOnce() -> P::Pattern) {
        let kept = &self.state.kept;
        if self.route.keeping.ready == 0 || !kept.is_of(&self.route) {
            return;
        }
        let gone = kept.patterns().learn(key, says);
        if let Some(gone) = gone {
            let unwanted = |kind, key: &Key| kind == Kind::Ready && *key == *gone;
            for spare in kept.stock.clear(unwanted) {
                spare.begin_farewell();
            }
        }
        self.make_ready();
    }

    /// A session of this login has found its app: another one is made in its place.
    pub(crate) fn make_another(&self, key: &Key) {
        self.state.kept.patterns().comes_again(key);
        self.make_ready();
    }

    /// Makes as many as may wait.
    fn make_ready(&self) {
        let kept = &self.state.kept;
        let stops = kept.patterns().stops();
        if let Some(why) = stops {
            tracing::info!(route = %self.route.name, most = %why, "no sessions are made ready: fewer than 5 of the last 20 logins would have found one");
        }
        let waiting = |key: &Key| {
            kept.stock
                .count(|kind, other| kind == Kind::Ready && other == key)
        };
        while !self.closing.is_cancelled() {
            let Some(pattern) = kept.patterns().next(self.route.keeping.ready, waiting) else {
                return;
            };
            let Some(permit) = self.state.permits.take() else {
                return kept.patterns().not_begun(&pattern.key);
            };
            let lobby = self.clone();
            let making = async move { lobby.make(pattern, permit).await };
            self.tasks.spawn(making);
        }
    }

    /// Makes one more.
    async fn make(self, Pattern { key, says }: Pattern<P::Pattern>, permit: Permit) {
        let kept = &self.state.kept;
        let holder = self.state.making.hold(permit);
        let deadline = self.deadline();
        let logging_in = Box::pin(P::log_in_again(&says, &self, &deadline));
        let logging_in = holder.stop.run_until_cancelled(logging_in);
        let cut = async {
            self.closing.cancelled().await;
            tokio::time::sleep(AT_THE_END).await;
        };
        let outcome = tokio::select! {
            outcome = logging_in => outcome,
            () = cut => None,
        };
        kept.patterns().made(&key, matches!(outcome, Some(Ok(_))));
        match outcome {
            Some(Ok(made)) => {
                let Made {
                    mut upstream,
                    memory,
                    dialled,
                    token,
                } = made;
                let Some(permit) = holder.place() else {
                    return leave(&mut upstream, P::GOODBYE, true).await;
                };
                let spare = Spare {
                    upstream,
                    following: self.follow(&dialled),
                    keepsake: Box::new(Keepsake::of(
                        key,
                        memory,
                        dialled,
                        token.as_ref(),
                        &self.route,
                    )),
                    permit,
                };
                // Its pattern may have had to go meanwhile.
                let is_known = kept.patterns().knows(&spare.keepsake.key);
                match is_known {
                    true => self.wait(Kind::Ready, spare, Instant::now()),
                    false => spare.begin_farewell(),
                }
            }
            Some(Err(fault)) => {
                tracing::debug!(route = %self.route.name, error = %Chain(&fault), "no session is ready for the next app");
                if is_full(&fault) {
                    kept.patterns().rest();
                }
            }
            None => {}
        }
    }

    /// Lets go of everybody who waits, because the upstream has no place left. Whether anybody did.
    pub(super) async fn make_room(&self) -> bool {
        let kept = &self.state.kept;
        kept.patterns().rest();
        let waiting = kept.stock.clear(|_, _| true);
        let farewells: Vec<_> = waiting
            .into_iter()
            .map(|spare| self.tasks.spawn(spare.farewell()))
            .collect();
        let some = !farewells.is_empty();
        for farewell in farewells {
            let _ = farewell.await;
        }
        some
    }
}

/// Whether the upstream has no place for one more.
pub(super) fn is_full<F: OwnFault>(fault: &Fault<F>) -> bool {
    fault.is_away() || fault.kind() == Whose::Limit
}
