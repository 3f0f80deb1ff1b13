//! What every login of a route shares.
//!
//! ```text
//!   settings   route, TLS on both sides, tokens, dialler     made anew when the configuration changes
//!   state      permits, ledger, what the protocol keeps      lives as long as the route
//! ```

mod credential;
mod follow;
mod giving_back;
mod hold;
mod keeping;
mod label;
mod making;
mod permits;
mod protocol;
mod turns;
mod underway;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use azdb_config::route::{PlainApps, Principal, Route};
use azdb_identity::Tokens;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use credential::{AWAITING_LOGIN, Attempt, Credential, Life, Password, log_in, ready};
pub(crate) use follow::{Following, moved};
pub(crate) use giving_back::Left;
pub(crate) use hold::{Tracks, Try, persist};
pub(crate) use keeping::{Keepsake, Made, Spare, Taken};
pub(crate) use label::Labels;
pub(crate) use permits::Permit;
pub(crate) use protocol::{Entrant, Legs, Login, Number, Protocol, Session};

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::Cause;
use crate::gate::{Asked, Gate, Throttle};
use crate::kept::Kept;
use crate::ledger::Ledger;
use crate::phases::Phase;
use crate::socket::Peer;
use crate::tls::{AppTlsConfig, UpstreamTlsConfig};
use crate::way::{Dial, Home, Refuge, Stream};
use follow::Followers;
use permits::Permits;
use turns::Turns;
use underway::Underway;

/// A route, and everything a login of it needs.
pub(crate) struct Lobby<P: Protocol, D: Dial> {
    pub(crate) route: Arc<Route>,
    /// `None` when the route goes upstream without TLS.
    pub(crate) upstream_tls: Option<Arc<UpstreamTlsConfig>>,
    /// `None` when apps are offered none.
    pub(crate) app_tls: Option<AppTlsConfig>,
    /// By which passwords apps come in.
    pub(crate) gate: Arc<Gate>,
    pub(crate) tokens: Tokens,
    pub(crate) dialler: D,
    /// Where apps come in, here and by other routes.
    pub(crate) home: Arc<Home>,
    /// Set when no new session may begin.
    pub(crate) closing: CancellationToken,
    /// Set when logins that wait are to end.
    pub(crate) goodbye: CancellationToken,
    /// What the end of the process waits for.
    pub(crate) tasks: TaskTracker,
    pub(crate) state: Arc<RouteState<P, D::Stream>>,
}

/// The same lobby for what is done beside a login.
impl<P: Protocol, D: Dial> Clone for Lobby<P, D> {
    fn clone(&self) -> Self {
        Self {
            route: Arc::clone(&self.route),
            upstream_tls: self.upstream_tls.clone(),
            app_tls: self.app_tls.clone(),
            gate: Arc::clone(&self.gate),
            tokens: self.tokens.clone(),
            dialler: self.dialler.clone(),
            home: Arc::clone(&self.home),
            closing: self.closing.clone(),
            goodbye: self.goodbye.clone(),
            tasks: self.tasks.clone(),
            state: Arc::clone(&self.state),
        }
    }
}

/// What changes while a route is served.
pub(crate) struct RouteState<P: Protocol, S: Stream> {
    /// `max_connections` of them.
    permits: Arc<Permits>,
    pub(crate) ledger: Ledger,
    /// Who has said wrong passwords.
    throttle: Throttle,
    /// Where to go while the first upstream does not answer.
    refuge: Refuge,
    /// Whose turn it is to try again.
    turns: Turns,
    /// Where its sessions are.
    followers: Arc<Followers>,
    /// Whether a header of the PROXY protocol has come from where none may, which is told once.
    pub(crate) has_met_headers: AtomicBool,
    /// Sessions that wait for apps.
    pub(crate) kept: Kept<Spare<P, S>, P::Pattern>,
    /// Sessions that are made ahead of apps.
    making: Underway,
    /// Sessions that apps have left, until they are as new.
    resetting: Underway,
    /// What the protocol keeps between logins.
    pub(crate) own: P::State<S>,
}

impl<P: Protocol, S: Stream> RouteState<P, S> {
    /// The state of a route that nobody has come to.
    pub(crate) fn new(route: &Arc<Route>) -> Self {
        Self {
            kept: Kept::of(route),
            permits: Permits::new(route.max_connections),
            ledger: Ledger::default(),
            throttle: Throttle::default(),
            refuge: Refuge::default(),
            turns: Turns::default(),
            followers: Arc::default(),
            has_met_headers: AtomicBool::new(false),
            making: Underway::default(),
            resetting: Underway::default(),
            own: P::State::default(),
        }
    }

    /// Goes on under the settings of `route`, which were those of `before`.
    pub(crate) fn go_on_under(&self, route: &Arc<Route>, before: &Route) {
        self.permits.set_limit(route.max_connections);
        self.begin_anew(Some(route));
        let goes_elsewhere =
            (&route.upstream, &route.connect_to) != (&before.upstream, &before.connect_to);
        if goes_elsewhere {
            self.refuge.leave();
            P::goes_elsewhere(&self.own);
        }
    }
}

impl<P: Protocol, S: Stream> RouteState<P, S> {
    /// Lets go of what was opened under other settings than these; of everything where there are none any more.
    pub(crate) fn begin_anew(&self, route: Option<&Arc<Route>>) {
        for spare in self.kept.go_on_under(route) {
            spare.begin_farewell();
        }
        P::begins_anew(&self.own);
    }
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Whom an app becomes that calls itself `user`.
    ///
    /// # Errors
    ///
    /// [`Cause::UnknownUser`].
    pub(crate) fn principal(&self, user: &[u8]) -> Result<&Principal, Cause> {
        let unknown = || Cause::UnknownUser {
            user: user.to_vec(),
        };
        let principal = self.route.principal(user).ok_or_else(unknown)?;
        Ok(principal)
    }

    /// Whether an app may come at all from where it comes from.
    ///
    /// # Errors
    ///
    /// [`Cause::NotAdmitted`], [`Cause::NotAnnounced`].
    pub(crate) fn admit(&self, place: &Place) -> Result<(), Cause> {
        let (peer, admission) = (place.peer(), &self.route.admission);
        let listed = |uid| {
            let uids = admission.uids.as_ref();
            uids.is_none_or(|uids| uids.contains(&uid))
        };
        let is_admitted = match peer {
            // Where users are listed, one of this machine whose user nobody knows is not of them.
            Peer::Tcp(addr) => {
                let ip = addr.ip().to_canonical();
                admission.admits(ip) && (admission.uids.is_none() || !ip.is_loopback())
            }
            Peer::Local(addr, uid) => admission.admits(addr.ip()) && listed(uid),
            // A balancer's word makes nobody one of this machine.
            Peer::Announced(addr) => admission.lists(addr.ip()),
            Peer::Unannounced(_) => {
                let balancer = peer.origin();
                return Err(Cause::NotAnnounced { balancer });
            }
            Peer::Unix(uid) => listed(uid),
            // Windows has asked the pipe's own list.
            Peer::Pipe { .. } | Peer::InProcess => true,
        };
        let peer = peer.origin();
        is_admitted.then_some(()).ok_or(Cause::NotAdmitted { peer })
    }

    /// Whether an app at `place` may say what it wants over a connection that `is_tls`, or is not. A socket file and this process are
    /// no network.
    ///
    /// # Errors
    ///
    /// [`Cause::AppWithoutTls`].
    pub(crate) fn admit_without_tls(&self, place: &Place, is_tls: bool) -> Result<(), Cause> {
        match self.route.plain_apps {
            PlainApps::Refused if !is_tls && place.peer().addr().is_some() => {
                Err(Cause::AppWithoutTls)
            }
            _ => Ok(()),
        }
    }

    /// The passwords that an app is asked for; `None` where it comes in without.
    pub(crate) fn asks(&self, peer: Peer) -> Option<Asked<'_>> {
        self.gate.asks(peer, &self.route)
    }

    /// Looks at an app's proof that it knows the password of `user`, when it is its turn.
    ///
    /// # Errors
    ///
    /// [`Cause::WrongPassword`], [`Cause::TooManyWrong`], and those of a login that has no more time.
    pub(crate) async fn judge<T>(
        &self,
        peer: Peer,
        user: &[u8],
        deadline: &Deadline,
        look: impl FnOnce() -> Option<T>,
    ) -> Result<T, Cause> {
        let throttle = &self.state.throttle;
        let turn = throttle.turn(peer);
        deadline
            .run(Phase::Queue, "letting wrong passwords wait", turn)
            .await?;
        look().ok_or_else(|| {
            throttle.wrong(peer);
            Cause::WrongPassword {
                user: user.to_vec(),
            }
        })
    }

    /// A place among the route's sessions for an app that has said whom it wants to be: it leaves the anteroom.
    ///
    /// # Errors
    ///
    /// As those of [`Lobby::permit`]. Whoever is refused stays in the anteroom for its last words.
    pub(crate) fn enter(&self, place: &Place) -> Result<Permit, Cause> {
        let permit = self.permit()?;
        place.leave();
        Ok(permit)
    }

    /// The clock of a login that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.route.login_timeout).or(&self.goodbye)
    }

    /// The same for the app at `place`: one that may not come has no longer than it takes to tell it so.
    pub(crate) fn deadline_of(&self, place: &Place) -> Deadline {
        const TO_BE_TOLD: Duration = Duration::from_secs(2);
        let deadline = match self.admit(place) {
            Ok(()) => self.deadline(),
            Err(_) => {
                let limit = self.route.login_timeout.min(TO_BE_TOLD);
                Deadline::after(limit).or(&self.goodbye)
            }
        };
        match place.watch() {
            Some(phases) => deadline.by(phases),
            None => deadline,
        }
    }

    /// Whether there is a place for one more session now.
    ///
    /// # Errors
    ///
    /// [`Cause::ShuttingDown`] and [`Cause::TooMany`].
    pub(crate) fn room(&self) -> Result<(), Cause> {
        if self.closing.is_cancelled() {
            return Err(Cause::ShuttingDown);
        }
        let are_gone = self.state.permits.are_gone();
        let state = &self.state;
        let are_underway = !state.making.are_none() || !state.resetting.are_none();
        let gives_way = are_underway || state.kept.stock.count(|_, _| true) > 0;
        match are_gone && !gives_way {
            true => Err(self.too_many()),
            false => Ok(()),
        }
    }

    /// A place among the route's sessions.
    ///
    /// # Errors
    ///
    /// [`Cause::ShuttingDown`] and [`Cause::TooMany`].
    pub(crate) fn permit(&self) -> Result<Permit, Cause> {
        if self.closing.is_cancelled() {
            return Err(Cause::ShuttingDown);
        }
        let permit = self.state.permits.take();
        let permit = permit.or_else(|| self.state.give_way());
        permit.ok_or_else(|| self.too_many())
    }

    fn too_many(&self) -> Cause {
        let limit = self.state.permits.limit();
        Cause::TooMany { limit }
    }
}

#[cfg(test)]
mod tests;
