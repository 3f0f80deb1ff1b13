//! A route that takes apps in, whatever it speaks: the one place that knows which protocols there are.

mod present;
mod watched;

use std::any::Any;
use std::io;
use std::sync::Arc;

use azdb_config::route::{ListenAddr, ProtocolName, Route};
use azdb_identity::Tokens;
use azdb_names::Names;
use azdb_quote::Chain;
use tokio::io::DuplexStream;

pub(crate) use present::Receptions;
pub use watched::Watched;

use crate::anteroom::Place;
use crate::ending::Ending;
use crate::gate::Gate;
use crate::kept::{Kind, Tally};
use crate::ledger::{Ledger, Refusal};
use crate::lobby::{Lobby, Protocol, RouteState};
use crate::mysql::Mysql;
use crate::phases::Phases;
use crate::postgres::Postgres;
use crate::session::{self, Guest};
use crate::socket::{AppSocket, Peer, Travelling};
use crate::tds::{self, Tds};
use crate::tls::{
    AppTlsConfig, AppTrust, LocalAuthority, LocalTlsError, PlatformRoots, TlsConfigError,
    UpstreamTlsConfig,
};
use crate::way::{Dial, Home, Tcp};

/// Bytes that an app in this process may have written before it must wait.
const PIPE: usize = 64 * 1024;

/// What the routes of a process share.
pub struct Resources<'a> {
    /// Where tokens come from.
    pub tokens: &'a Tokens,
    /// Who knows the names of upstreams.
    pub names: Names,
    /// What is ours, and never an upstream.
    pub home: Arc<Home>,
    /// For upstreams whose authorities the platform knows.
    pub roots: PlatformRoots,
    /// Makes the certificate of `local_tls = "auto"`; asked only where a route needs it.
    pub authority: &'a dyn Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
}

/// Why a route cannot take anybody in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceptionError {
    /// The certificate for apps cannot be used.
    #[error("local_tls")]
    AppTls(#[from] LocalTlsError),
    /// The roots for an upstream cannot be used.
    #[error("upstream TLS")]
    UpstreamTls(#[from] TlsConfigError),
}

/// A route, ready to take apps in: from a door, or from within this process.
#[derive(Clone)]
pub struct Reception {
    lobby: Arc<dyn TakesIn>,
    ending: Arc<Ending>,
    app_trust: Arc<AppTrust>,
}

impl Reception {
    /// Makes what the logins of `route` need. Opens no door and connects to nobody.
    ///
    /// # Errors
    ///
    /// [`ReceptionError`].
    pub fn new(route: &Arc<Route>, resources: &Resources<'_>) -> Result<Self, ReceptionError> {
        Self::after(None, Ending::default(), route, resources)
    }

    /// As [`Reception::new`], for a process that comes to an end with `ending`; around the state of `before`, where that is of the same
    /// protocol. Nobody notices before it [takes over](Self::take_over).
    pub(crate) fn after(
        before: Option<&Self>,
        ending: Ending,
        route: &Arc<Route>,
        resources: &Resources<'_>,
    ) -> Result<Self, ReceptionError> {
        match route.protocol {
            ProtocolName::Postgres => Self::of::<Postgres>(before, ending, route, resources),
            ProtocolName::Mysql => Self::of::<Mysql>(before, ending, route, resources),
            ProtocolName::Tds => Self::of::<Tds>(before, ending, route, resources),
        }
    }

    fn of<P: Protocol>(
        before: Option<&Self>,
        ending: Ending,
        route: &Arc<Route>,
        resources: &Resources<'_>,
    ) -> Result<Self, ReceptionError> {
        let state = before.and_then(|before| before.lobby.state().downcast().ok());
        let state: Arc<RouteState<P, _>> =
            state.unwrap_or_else(|| Arc::new(RouteState::new(route)));
        let upstream_tls = UpstreamTlsConfig::of(route, &P::TLS, &resources.roots)?;
        let handshakes = &state.ledger.handshakes;
        let lobby: Lobby<P, Tcp> = Lobby {
            upstream_tls: upstream_tls.map(|tls| Arc::new(tls.counted_in(handshakes))),
            app_tls: AppTlsConfig::of(&route.local_tls, &P::TLS, resources.authority)?,
            gate: Arc::new(Gate::of(route)),
            tokens: resources.tokens.clone(),
            dialler: Tcp {
                names: resources.names.clone(),
                home: Arc::clone(&resources.home),
                upstream_timeout: route.upstream_timeout,
            },
            home: Arc::clone(&resources.home),
            closing: ending.closing.clone(),
            goodbye: ending.goodbye.clone(),
            tasks: ending.tasks.clone(),
            state,
            route: Arc::clone(route),
        };
        let app_trust = AppTrust::of(&route.local_tls, resources.authority)?;
        Ok(Self {
            app_trust: Arc::new(app_trust),
            ..Self::in_front_of(lobby, ending)
        })
    }

    /// Takes apps into `lobby`.
    pub(crate) fn in_front_of<P: Protocol, D: Dial>(lobby: Lobby<P, D>, ending: Ending) -> Self {
        Self {
            lobby: Arc::new(lobby),
            ending: Arc::new(ending),
            app_trust: Arc::new(AppTrust::NoTls),
        }
    }

    /// From now on its route is as it has it, and not as `before` had it any more. What they share goes on.
    pub(crate) fn take_over(&self, before: &Self) {
        if self.shares_state_with(before) {
            self.lobby.take_over(before.route());
        }
    }

    /// No configuration has its route any more. Its sessions go on, and nothing waits for others.
    pub(crate) fn retire(&self) {
        self.lobby.retire();
    }

    /// Whether both are of one route.
    pub(crate) fn shares_state_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lobby.state(), &other.lobby.state())
    }

    /// Takes in an app of this process, and returns its end of the connection. What it says and hears is what any app would.
    pub fn connect(&self) -> DuplexStream {
        self.connect_at(Place::outside())
    }

    fn connect_at(&self, place: Place) -> DuplexStream {
        let (app, ours) = tokio::io::duplex(PIPE);
        let (socket, peer) = (AppSocket::InProcess(ours), Peer::InProcess);
        self.take_in(socket, peer, place);
        app
    }

    /// The same for somebody who watches its login.
    pub fn connect_watched(&self) -> (DuplexStream, Watched) {
        let phases = Arc::new(Phases::watched());
        let place = Place::outside().watched(Arc::clone(&phases));
        (self.connect_at(place), Watched::of(phases))
    }

    /// The route.
    pub fn route(&self) -> &Arc<Route> {
        self.lobby.route()
    }

    /// The login that was refused last, of whomever.
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.ledger().last_refusal()
    }

    /// What its apps must trust.
    pub(crate) fn app_trust(&self) -> &AppTrust {
        &self.app_trust
    }

    /// What it has done.
    pub(crate) fn ledger(&self) -> &Ledger {
        self.lobby.ledger()
    }

    /// How many sessions of each kind wait for an app.
    pub(crate) fn waiting(&self) -> [(Kind, usize); 2] {
        self.lobby.waiting()
    }

    /// What its last logins found that waited for them.
    pub(crate) fn tally(&self) -> Tally {
        self.lobby.tally()
    }

    /// Does something for an app as a task of its own, for which the end of the process waits.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.ending.spawn(task);
    }

    /// Serves an app as a task of its own, which holds `place` until the app has said what it wants, or is gone.
    pub(crate) fn take_in(&self, socket: AppSocket, peer: Peer, place: Place) {
        let lobby = Arc::clone(&self.lobby);
        lobby.take_in(socket, peer, place, &self.ending);
    }
}

/// What a protocol has besides its doors: SQL Server Browser, for the routes that want it.
#[derive(Default)]
pub(crate) struct Beside(tds::Browser);

impl Beside {
    /// Opens what these doors want, and closes what they do not want any more. An SQL Server on this machine has a browser of its own,
    /// so that a taken port is a warning.
    pub(crate) async fn open_for(&mut self, addresses: &[(Arc<Route>, ListenAddr)]) {
        self.0.open_for(addresses).await;
    }
}

/// A lobby without its types.
trait TakesIn: Send + Sync {
    fn route(&self) -> &Arc<Route>;

    fn ledger(&self) -> &Ledger;

    fn waiting(&self) -> [(Kind, usize); 2];

    fn tally(&self) -> Tally;

    /// What outlives its settings.
    fn state(&self) -> Arc<dyn Any + Send + Sync>;

    /// Its settings are those of the route from now on.
    fn take_over(&self, before: &Route);

    /// It is nobody's settings any more.
    fn retire(&self);

    fn take_in(self: Arc<Self>, socket: AppSocket, peer: Peer, place: Place, ending: &Arc<Ending>);
}

impl<P: Protocol, D: Dial> TakesIn for Lobby<P, D> {
    fn route(&self) -> &Arc<Route> {
        &self.route
    }

    fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    fn waiting(&self) -> [(Kind, usize); 2] {
        let stock = &self.state.kept.stock;
        Kind::ALL.map(|kind| (kind, stock.count(|of, _| of == kind)))
    }

    fn tally(&self) -> Tally {
        self.state.kept.patterns().tally.clone()
    }

    fn state(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::<RouteState<P, D::Stream>>::clone(&self.state)
    }

    fn take_over(&self, before: &Route) {
        self.state.go_on_under(&self.route, before);
    }

    fn retire(&self) {
        self.state.begin_anew(None);
    }

    fn take_in(self: Arc<Self>, socket: AppSocket, peer: Peer, place: Place, ending: &Arc<Ending>) {
        let (seat, end) = (ending.workers.seat(), Arc::clone(ending));
        if seat.is_here() {
            let guest = Guest::new(socket, peer, place);
            return ending.spawn(serve(self, guest, end));
        }
        match socket.leave() {
            Ok(socket) => {
                let guest = Guest::new(socket, peer, place);
                ending.spawn_at(seat, |seat| async move {
                    let _seat = seat;
                    match guest.settle() {
                        Ok(guest) => serve(self, guest, end).await,
                        Err(error) => note_lost(&error),
                    }
                });
            }
            Err(error) => note_lost(&error),
        }
    }
}

/// Serves an app on the thread on which its socket is. What only its login needs is boxed: it would stay with the session for its
/// life.
async fn serve<P: Protocol, D: Dial>(
    lobby: Arc<Lobby<P, D>>,
    mut guest: Box<Guest<AppSocket>>,
    ending: Arc<Ending>,
) {
    let limit = lobby.route.upstream_timeout;
    guest.socket.must_answer_within(limit);
    guest.socket.speaks(lobby.route.protocol);
    session::serve(guest, &*lobby, &ending).await;
}

impl Guest<Travelling> {
    /// On the thread of its session.
    fn settle(self) -> io::Result<Box<Guest<AppSocket>>> {
        let Self {
            socket,
            peer,
            place,
        } = self;
        Ok(Guest::new(socket.settle()?, peer, place))
    }
}

/// A connection cannot be brought to the thread of its session.
fn note_lost(error: &io::Error) {
    tracing::warn!(error = %Chain(error), "a connection was lost on its way to a worker");
}

#[cfg(test)]
mod tests;
