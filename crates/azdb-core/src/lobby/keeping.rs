//! Sessions that wait for an app: taken, made ahead, and let go.
//!
//! ```text
//!   login --> its key --> one that waits? --yes--> in, from memory
//!                 |           '--no--> dialled
//!                 '--> learned --> made again in the background --> waits --> taken, or farewell
//! ```
//!
//! # Invariants
//!
//! * All who wait have places among the route's sessions, and give them up before an app is refused.
//! * None is made but for an app that has just come.
//! * None waits for this process's own apps, or for a login that is watched.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_config::Reuse;
use azdb_config::route::{Principal, Route};
use azdb_identity::Token;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Following, Lobby, Permit, Protocol, RouteState, moved};
use crate::anteroom::Place;
use crate::kept::{Found, Key, Kind, Seat, Waits, is_quiet, poll_stream_stirs};
use crate::ledger::Beginning;
use crate::parting::leave;
use crate::socket::Peer;
use crate::way::{Dial, Dialled, Stream};

/// A session is given to nobody any more so long before the end of the token that it was let in by.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);

/// The field of a key that says who comes.
const CALLER: &str = "caller";

/// A login that the upstream has granted and that no app has asked for yet.
pub(crate) struct Made<P: Protocol, S: Stream> {
    pub(crate) upstream: P::Upstream<S>,
    pub(crate) memory: P::Memory,
    pub(crate) dialled: Dialled,
    /// By which it was let in.
    pub(crate) token: Option<Token>,
}

/// What is to be known of a session that may be given to another app.
pub(crate) struct Keepsake<P: Protocol> {
    pub(crate) key: Arc<Key>,
    pub(crate) memory: P::Memory,
    pub(crate) dialled: Dialled,
    /// Under whose settings it was made: whatever they were, an app of others has no use for it.
    route: Arc<Route>,
    pub(super) since: Instant,
    /// When its token is over, but for [`BEFORE_EXPIRY`].
    pub(super) until: Option<Instant>,
}

/// A session that waits.
pub(crate) struct Spare<P: Protocol, S: Stream> {
    pub(crate) upstream: P::Upstream<S>,
    pub(crate) keepsake: Box<Keepsake<P>>,
    pub(crate) following: Option<Box<Following>>,
    pub(crate) permit: Permit,
}

/// Where one waits.
pub(crate) type SpareSeat<P, S> = Seat<Spare<P, S>>;

/// A session that has waited for the app that has it now.
pub(crate) struct Taken<P: Protocol, S: Stream> {
    pub(crate) spare: Spare<P, S>,
    pub(crate) beginning: Beginning,
}

impl<P: Protocol> Keepsake<P> {
    pub(super) fn of(
        key: Arc<Key>,
        memory: P::Memory,
        dialled: Dialled,
        token: Option<&Token>,
        route: &Arc<Route>,
    ) -> Self {
        let since = Instant::now();
        let left = token.map(|token| token.left().saturating_sub(BEFORE_EXPIRY));
        Self {
            key,
            memory,
            dialled,
            route: Arc::clone(route),
            since,
            until: left.map(|left| since + left),
        }
    }
}

impl<P: Protocol, S: Stream> Waits for Spare<P, S> {
    fn poll_stirs(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_stream_stirs(&mut self.upstream, cx)
    }
}

impl<P: Protocol, S: Stream> Spare<P, S> {
    /// Its place, and what is left to do: leaving the upstream as a client does. The place is free at once, as no app must be refused for
    /// a session that goes.
    fn part(self) -> (Permit, impl Future<Output = ()> + Send) {
        let Self {
            mut upstream,
            permit,
            ..
        } = self;
        let leaving = async move { leave(&mut upstream, P::GOODBYE, true).await };
        (permit, leaving)
    }

    /// Ends it.
    pub(super) async fn farewell(self) {
        let (permit, leaving) = self.part();
        drop(permit);
        leaving.await;
    }

    /// Ends it in the background.
    pub(super) fn begin_farewell(self) {
        drop(self.vacate());
    }

    /// The same, for an app that has its place.
    pub(crate) fn vacate(self) -> Permit {
        let (permit, leaving) = self.part();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(leaving);
        }
        permit
    }
}

impl<P: Protocol, S: Stream> RouteState<P, S> {
    /// The place of one that is being made, waits, or is being reset, for an app for which there is no other.
    pub(super) fn give_way(&self) -> Option<Permit> {
        let waiting = || Some(self.kept.stock.give_way()?.vacate());
        let place = self.making.give_way().or_else(waiting);
        place.or_else(|| self.resetting.give_way())
    }
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Whether sessions wait for apps like the one at `place`.
    pub(crate) fn keeps_for(&self, place: &Place) -> bool {
        let keeping = &self.route.keeping;
        let keeps = keeping.ready > 0 || keeping.reuse == Reuse::Reset;
        keeps && self.looks_ahead_for(place)
    }

    /// Whether these are the route's settings, and it goes on.
    pub(crate) fn is_in_force(&self) -> bool {
        !self.closing.is_cancelled() && self.state.kept.is_of(&self.route)
    }

    /// Whether anything is made ahead of apps like the one at `place`.
    pub(crate) fn looks_ahead_for(&self, place: &Place) -> bool {
        place.peer() != Peer::InProcess && place.watch().is_none() && self.is_in_force()
    }

    /// The beginning of the key of a login: who comes, and as whom it goes on. What leaks between apps that share a principal (seeds,
    /// links to other databases) stays with one of them.
    pub(crate) fn key_of(&self, place: &Place, user: Option<&[u8]>, principal: &Principal) -> Key {
        let peer = place.peer();
        let caller = match (peer.caller(), user) {
            (Some(caller), _) => caller.into_bytes(),
            (None, Some(user)) => [b"user ", user].concat(),
            (None, None) => peer.origin().into_bytes(),
        };
        let mut principals = self.route.principals.iter();
        let place = principals.position(|other| std::ptr::eq(&**other, principal));
        let principal = format!("{} {:?}", principal.user, place);
        Key::default()
            .with(CALLER, caller)
            .with("principal", principal)
    }

    /// Whether a login with this key may be that of whoever is at `place` and has not said who it is.
    pub(crate) fn may_be_of(&self, place: &Place, key: &Key) -> bool {
        let caller = key.field(CALLER).unwrap_or_default();
        match place.peer().caller() {
            Some(peer) => caller == peer.as_bytes(),
            None => caller.starts_with(b"user "),
        }
    }

    /// A session that waits for a login like this one. Writes down whether there was one.
    pub(crate) async fn take_kept(&self, key: &Key) -> Option<Taken<P, D::Stream>> {
        let taken = self.take_kept_where(|other| other == key).await;
        match &taken {
            Some(_) => self.note_found(Found::Hit),
            None => self.state.kept.missed(key),
        }
        taken
    }

    /// A session that waits for a login which is `wanted`, and is still good. Writes nothing down.
    pub(crate) async fn take_kept_where(
        &self,
        wanted: impl Fn(&Key) -> bool + Send,
    ) -> Option<Taken<P, D::Stream>> {
        if !self.is_in_force() {
            return None;
        }
        loop {
            let (_, kind, mut spare) = self.state.kept.stock.take(&wanted)?;
            let is_over = self.end_of(kind, &spare.keepsake) <= Instant::now();
            let is_ours = Arc::ptr_eq(&spare.keepsake.route, &self.route);
            let is_good = is_ours && !is_over && is_quiet(&mut spare).await;
            if !is_good || D::settle(P::connection(&mut spare.upstream)).is_err() {
                spare.begin_farewell();
                continue;
            }
            let beginning = beginning(kind);
            return Some(Taken { spare, beginning });
        }
    }

    /// A session that waits for a login which is `wanted`, what it looks like, and how one begins with it. It stays among those that
    /// wait, watched as they are, and gives way as they do.
    pub(crate) fn lend_kept_where<O>(
        &self,
        wanted: impl Fn(&Key) -> bool,
        look: impl Fn(&Keepsake<P>) -> O,
    ) -> Option<(SpareSeat<P, D::Stream>, Beginning, O)> {
        if !self.is_in_force() {
            return None;
        }
        let stock = &self.state.kept.stock;
        loop {
            let (kind, seat) = stock.lend(&wanted)?;
            match seat.look(|spare| look(&spare.keepsake)) {
                Some(looks) => return Some((seat, beginning(kind), looks)),
                // Whoever watches it was faster.
                None => stock.forget(&seat),
            }
        }
    }

    /// The session that was lent, for the app that it has greeted, if it has not had to go meanwhile.
    pub(crate) fn claim(&self, seat: &SpareSeat<P, D::Stream>) -> Option<Spare<P, D::Stream>> {
        let mut spare = self.state.kept.stock.claim(seat)?;
        if D::settle(P::connection(&mut spare.upstream)).is_err() {
            spare.begin_farewell();
            return None;
        }
        Some(spare)
    }

    /// Writes down what a login has found that waited for it.
    pub(crate) fn note_found(&self, found: Found) {
        self.state.kept.patterns().tally.note(found);
    }

    /// What it takes to give a session to another app when its own leaves; `None` where it ends with it.
    pub(crate) fn keepsake(
        &self,
        key: Arc<Key>,
        memory: P::Memory,
        dialled: Dialled,
        token: Option<&Token>,
    ) -> Option<Box<Keepsake<P>>> {
        let keeps = self.route.keeping.reuse == Reuse::Reset;
        keeps.then(|| Box::new(Keepsake::of(key, memory, dialled, token, &self.route)))
    }

    /// The same of a session that has waited.
    pub(crate) fn keepsake_again(&self, keepsake: Box<Keepsake<P>>) -> Option<Box<Keepsake<P>>> {
        (self.route.keeping.reuse == Reuse::Reset).then_some(keepsake)
    }

    /// Has a session wait for apps that come at `from` or later.
    pub(super) fn wait(&self, kind: Kind, spare: Spare<P, D::Stream>, from: Instant) {
        let keeping = &self.route.keeping;
        let most = match kind {
            Kind::Ready => keeping.ready,
            Kind::Reused => keeping.most,
        };
        let until = self.end_of(kind, &spare.keepsake);
        let until = until.min(Instant::now() + keeping.patience);
        let moves = spare.following.as_ref().map(|following| following.moves());
        let key = Arc::clone(&spare.keepsake.key);
        let state = Arc::clone(&self.state);
        match state.kept.stock.put(&key, kind, most, from, spare) {
            Ok(seat) => {
                let closing = self.closing.clone();
                let end = async move {
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => {}
                        () = closing.cancelled() => {}
                        () = moved(moves) => {}
                    }
                };
                self.tasks.spawn(watch(state, seat.clone(), end));
                // The settings may have changed since it was made.
                if !self.state.kept.is_of(&self.route)
                    && let Some(spare) = seat.take()
                {
                    self.state.kept.stock.forget(&seat);
                    spare.begin_farewell();
                }
            }
            Err(spare) => spare.begin_farewell(),
        }
    }

    /// Until when a session may be given to an app.
    pub(super) fn end_of(&self, kind: Kind, keepsake: &Keepsake<P>) -> Instant {
        let oldest = match kind {
            Kind::Ready => self.route.keeping.patience,
            Kind::Reused => self.route.keeping.age,
        };
        let oldest = keepsake.since + oldest;
        let ends = [keepsake.until, P::lent_until(&keepsake.memory)];
        ends.into_iter().flatten().fold(oldest, Instant::min)
    }
}

fn beginning(kind: Kind) -> Beginning {
    match kind {
        Kind::Ready => Beginning::Ready,
        Kind::Reused => Beginning::Reused,
    }
}

/// Watches over one that waits, and lets it go when it stirs or its time is over.
async fn watch<P: Protocol, S: Stream>(
    state: Arc<RouteState<P, S>>,
    seat: Seat<Spare<P, S>>,
    end: impl Future<Output = ()>,
) {
    if let Some(spare) = seat.watch(end).await {
        state.kept.stock.forget(&seat);
        spare.farewell().await;
    }
}
