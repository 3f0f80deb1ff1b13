//! One app's connection, from the door to its last log line.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use crate::counters::Counters;
use crate::error::LoginError;
use crate::io::{AppLeg, Stream};
use crate::lobby::{Guest, Lobby};
use crate::relay::{Ended, Linger, Paired, Stopped, Watch, Why, relay};
use crate::socket::Peer;
use crate::upstream::{Dial, Upstream};
use crate::{mysql, postgres, tds};
use azdb_config::route::ProtocolName;
use azdb_quote::Chain;

/// What sessions, doors and the server share to come to an end together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// No new session may begin.
    pub(crate) closing: CancellationToken,
    /// Sessions that still run are to say goodbye.
    pub(crate) goodbye: CancellationToken,
    pub(crate) doors: TaskTracker,
    pub(crate) tasks: TaskTracker,
    /// Somebody has asked over HTTP for the end.
    pub(crate) quit: CancellationToken,
    admitted: Arc<AtomicUsize>,
    /// Counts connections, so that the lines of one can be found in a log.
    numbers: Arc<AtomicU64>,
}

impl Ending {
    /// Sessions that have been let in and have not ended.
    pub(crate) fn sessions(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Runs a connection as a task of its own: a panic in it ends it and nothing else.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(connection);
    }
}

/// An app's connection whose login did not fail.
pub(crate) enum Login<A, U, W> {
    /// Let in.
    Session(Box<Session<A, U, W>>),
    /// It came for something else, and has got it.
    Errand(&'static str),
    /// It closed, or spoke something else; nobody is left to tell.
    Nobody,
}

/// The legs of a session.
pub(crate) type Legs<A, U> = Paired<AppLeg<A>, Upstream<U>>;

/// A session that may begin.
pub(crate) struct Session<A, U, W> {
    pub(crate) paired: Legs<A, U>,
    pub(crate) watch: W,
    /// Given back when the session is dropped.
    pub(crate) _guest: Guest,
}

/// What a protocol does with a session besides relaying it.
pub(crate) trait Conversation: Watch {
    /// Does what the relay has paused for. An error has been told to the app, and ends the session.
    fn intermission<A: Stream, D: Dial>(
        &mut self,
        legs: &mut Legs<A, D::Stream>,
        lobby: &Lobby<D>,
    ) -> impl Future<Output = Result<(), LoginError>> + Send;

    /// Tells an app at rest that its session ends with the proxy.
    fn farewell<A: Stream>(&self, app: &mut AppLeg<A>) -> impl Future<Output = ()> + Send;
}

/// Serves one app.
pub(crate) async fn serve<A: Stream, D: Dial>(
    socket: A,
    peer: Peer,
    lobby: &Lobby<D>,
    ending: &Ending,
) {
    lobby.counters.accepted.add(1);
    let number = ending.numbers.fetch_add(1, Ordering::Relaxed);
    // A span is half a KiB, and a session that moves bytes has nothing to say: it is made where something is said.
    let span = || tracing::info_span!("session", route = %lobby.route.name, number, %peer);
    // Boxed: a login's state is many times that of a relay, and would stay with the session for its life.
    match lobby.route.protocol {
        ProtocolName::Postgres => {
            let login = postgres::login(socket, lobby).instrument(span());
            attend(Box::pin(login), &span, lobby, ending).await;
        }
        ProtocolName::Mysql => {
            let login = mysql::login(socket, lobby).instrument(span());
            attend(Box::pin(login), &span, lobby, ending).await;
        }
        ProtocolName::Tds => {
            let login = tds::login(socket, lobby).instrument(span());
            attend(Box::pin(login), &span, lobby, ending).await;
        }
    }
}

/// A login, and the session that comes of it.
async fn attend<A: Stream, D: Dial, W: Conversation>(
    login: Pin<Box<impl Future<Output = Result<Login<A, D::Stream, W>, LoginError>>>>,
    span: &impl Fn() -> Span,
    lobby: &Lobby<D>,
    ending: &Ending,
) {
    match ending.goodbye.run_until_cancelled(login).await {
        Some(Ok(Login::Session(session))) => run(session, span, lobby, ending).await,
        Some(Ok(Login::Errand(what))) => span().in_scope(|| tracing::debug!("{what}")),
        Some(Ok(Login::Nobody)) => span().in_scope(|| tracing::debug!("closed before a login")),
        Some(Err(error)) => {
            lobby.counters.refused.add(1);
            span().in_scope(|| tracing::warn!(error = %Chain(&error), "login refused"));
        }
        None => span().in_scope(|| tracing::warn!("login cut short by the end of the proxy")),
    }
}

async fn run<A: Stream, D: Dial, W: Conversation>(
    mut session: Box<Session<A, D::Stream, W>>,
    span: &impl Fn() -> Span,
    lobby: &Lobby<D>,
    ending: &Ending,
) {
    // Used where it lies: a session that is moved stands in the task's memory once more for each move.
    let Session { paired, watch, .. } = &mut *session;
    let counters = &lobby.counters;
    let _counted = Counted::new(&ending.admitted, counters);
    span().in_scope(|| tracing::debug!("session begins"));
    let (mut before_app, mut before_upstream) = (0, 0);
    let ended = loop {
        let goodbye = ending.goodbye.cancelled();
        match relay(paired, watch, Linger::default(), goodbye).await {
            Stopped::Ended(ended) => break ended,
            Stopped::Paused {
                from_app,
                from_upstream,
            } => {
                before_app += from_app;
                before_upstream += from_upstream;
                let intermission = Box::pin(watch.intermission(paired, lobby).instrument(span()));
                match ending.goodbye.run_until_cancelled(intermission).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        counters.refused.add(1);
                        span().in_scope(|| {
                            tracing::warn!(error = %Chain(&error), "login within the session refused");
                        });
                        break Ended::by_us();
                    }
                    None => break Ended::by_us(),
                }
            }
        }
    };
    if let Why::Goodbye { at_rest: true } = ended.why {
        Box::pin(watch.farewell(&mut paired.app)).await;
    }
    drop(session);
    let ended = Ended {
        from_app: ended.from_app + before_app,
        from_upstream: ended.from_upstream + before_upstream,
        why: ended.why,
    };
    counters.from_app.add(ended.from_app);
    counters.from_upstream.add(ended.from_upstream);
    span().in_scope(|| log_end(ended));
}

fn log_end(
    Ended {
        from_app,
        from_upstream,
        why,
    }: Ended,
) {
    match why {
        Why::Closed(side) => {
            tracing::info!(closed_by = %side, from_app, from_upstream, "session ended");
        }
        Why::Broken(side, error) => {
            tracing::info!(closed_by = %side, %error, from_app, from_upstream, "session broke");
        }
        Why::Retired => {
            tracing::info!(
                closed_by = "proxy",
                from_app,
                from_upstream,
                "session retired, see max_session_age"
            );
        }
        Why::Goodbye { at_rest } => {
            tracing::info!(
                closed_by = "proxy",
                at_rest,
                from_app,
                from_upstream,
                "session ended"
            );
        }
    }
}

/// One in the counts of sessions for as long as it lives, however it ends.
struct Counted<'a> {
    admitted: &'a AtomicUsize,
    counters: &'a Counters,
}

impl<'a> Counted<'a> {
    fn new(admitted: &'a AtomicUsize, counters: &'a Counters) -> Self {
        admitted.fetch_add(1, Ordering::Relaxed);
        counters.sessions.add(1);
        Self { admitted, counters }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.admitted.fetch_sub(1, Ordering::Relaxed);
        self.counters.ended.add(1);
    }
}
