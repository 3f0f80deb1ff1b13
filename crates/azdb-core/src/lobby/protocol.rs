//! What a protocol is to the rest of the house.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::{Following, Keepsake, Lobby, Made, Permit};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, OwnFault};
use crate::ledger::{Beginning, Reset};
use crate::parting::NotIn;
use crate::relay::{Paired, Watch};
use crate::stranger::Stranger;
use crate::tls::TlsUse;
use crate::way::{BreakOff, Dial, Stream};
use azdb_config::route::Route;

/// A protocol: how an app is taken in, and what is to be known of it afterwards.
pub(crate) trait Protocol: Sized + Send + Sync + 'static {
    /// How it uses TLS.
    const TLS: TlsUse;

    /// What a route keeps between its logins. `S` is a connection to an upstream.
    type State<S: Stream>: Default + Send + Sync;
    /// The app's side of a session. `A` is the app's connection.
    type App<A: Stream>: BreakOff;
    /// The upstream's side of a session.
    type Upstream<S: Stream>: BreakOff;
    /// What the relay must know of the conversation.
    type Watch: Watch;
    /// What can go wrong in this protocol alone.
    type Fault: OwnFault;
    /// What it takes to say an app's login once more, for a session that waits for the next like it.
    type Pattern: Send + Sync + 'static;
    /// What is remembered of a login that was granted, to let an app in by it without asking the upstream again.
    type Memory: Send + Sync + 'static;

    /// What a client says that leaves a server at rest; empty where it says nothing.
    const GOODBYE: &'static [u8];
    /// How long a session that was reset waits before another app may have it: whoever left it may still try to end a query of its own.
    const QUARANTINE: Duration = Duration::ZERO;

    /// Takes an app in by the `deadline`, which leaves its `place` in the anteroom when it has said what it wants.
    ///
    /// # Errors
    ///
    /// Why the app was not let in; it has been told where it was there to be told.
    fn login<A: Stream, D: Dial>(
        socket: A,
        place: &Place,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> impl Future<Output = Result<Login<Self, A, D::Stream>, NotIn<Self::Fault>>> + Send;

    /// The connection that an upstream's side goes over: it is another thread's when the session has waited there.
    fn connection<S: Stream>(upstream: &mut Self::Upstream<S>) -> &mut S;

    /// Does what the relay has paused for. Most watches ask for no pause.
    ///
    /// # Errors
    ///
    /// Why the session ends here; the app has been told.
    fn intermission<A: Stream, D: Dial>(
        _legs: &mut Legs<Self, A, D::Stream>,
        _watch: &mut Self::Watch,
        _lobby: &Lobby<Self, D>,
    ) -> impl Future<Output = Result<(), NotIn<Self::Fault>>> + Send {
        async { Ok(()) }
    }

    /// Logs in as an app did. Nobody waits for it, and nobody is told.
    ///
    /// # Errors
    ///
    /// Why not.
    fn log_in_again<D: Dial>(
        pattern: &Self::Pattern,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> impl Future<Output = Result<Made<Self, D::Stream>, Fault<Self::Fault>>> + Send;

    /// Makes the session of an app that has left like new, which is asked of one whose watch [is whole](Watch::is_whole) alone. The time
    /// that it may take is kept by whoever asks.
    fn reset<D: Dial>(
        upstream: &mut Self::Upstream<D::Stream>,
        memory: &Self::Memory,
        watch: Self::Watch,
        lobby: &Lobby<Self, D>,
    ) -> impl Future<Output = Reset> + Send;

    /// Until when a session behind such a login may be given to another app, where the protocol has a say in it.
    fn lent_until(_memory: &Self::Memory) -> Option<Instant> {
        None
    }

    /// The route has other settings from now on: what was opened under those before is of no use.
    fn begins_anew<S: Stream>(_state: &Self::State<S>) {}

    /// The route has other upstreams from now on: what is known of those before is of no use.
    fn goes_elsewhere<S: Stream>(_state: &Self::State<S>) {}

    /// What an app is told whose session ends because of `cause`; `None` where the conversation leaves no room for words of ours, so
    /// that the bare end of its connection must say it.
    fn last_words(_watch: &Self::Watch, _cause: Cause, _route: &Route) -> Option<Vec<u8>> {
        None
    }

    /// What a client says that leaves its server, for an upstream whose session we end; `None` where clients say nothing, and where the
    /// upstream would take it for something else. Everything that the app has said has reached the upstream then.
    fn leave(_watch: &Self::Watch) -> Option<&'static [u8]> {
        None
    }
}

/// An app's connection whose login did not fail.
pub(crate) enum Login<P: Protocol, A: Stream, S: Stream> {
    /// Let in.
    Session(Box<Session<P, A, S>>, Entrant),
    /// It came for something else, and has got it.
    Errand(&'static str),
    /// It was no app.
    Nobody(Stranger),
}

/// Who has been let in, for the line that says so: the session itself keeps none of it.
pub(crate) struct Entrant {
    /// What the app calls itself.
    pub(crate) user: Vec<u8>,
    /// What it is upstream.
    pub(crate) principal: String,
    /// The database that was asked for, if any was named.
    pub(crate) database: Option<Vec<u8>>,
    /// The database's own number for the session, where it gave one.
    pub(crate) number: Option<Number>,
    /// Whether the app speaks TLS with us.
    pub(crate) app_tls: bool,
    /// How it came to its upstream.
    pub(crate) beginning: Beginning,
}

/// What a database calls a session, which is how it is found, and ended, there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// PostgreSQL's process id.
    Process(u32),
    /// MySQL's thread or connection id.
    Thread(u32),
    /// SQL Server's SPID, or session id.
    Session(u16),
}

/// The two sides of a session.
pub(crate) type Legs<P, A, S> = Paired<<P as Protocol>::App<A>, <P as Protocol>::Upstream<S>>;

/// A session that may begin.
pub(crate) struct Session<P: Protocol, A: Stream, S: Stream> {
    pub(crate) legs: Legs<P, A, S>,
    pub(crate) watch: P::Watch,
    /// Where the route says that sessions follow their upstream's name.
    pub(crate) following: Option<Box<Following>>,
    /// The session's place. Given back when its app is gone.
    pub(crate) permit: Option<Permit>,
    /// What it takes to give the upstream to another app when this one leaves; `None` where it ends with it.
    pub(crate) keepsake: Option<Box<Keepsake<P>>>,
}
