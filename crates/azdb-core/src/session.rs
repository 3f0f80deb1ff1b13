//! One app's connection, from the door to its last log line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::error::Chain;
use crate::io::Stream;
use crate::postgres::{self, Lobby, Login, Session};
use crate::relay::{Ended, Linger, Why, relay};
use crate::socket::Peer;
use crate::upstream::Dial;

/// What sessions, doors and the server share to come to an end together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// No new session may begin.
    pub(crate) closing: CancellationToken,
    /// Sessions that still run are to say goodbye.
    pub(crate) goodbye: CancellationToken,
    pub(crate) doors: TaskTracker,
    pub(crate) tasks: TaskTracker,
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

/// Serves one app.
pub(crate) async fn serve<A: Stream, D: Dial>(
    socket: A,
    peer: Peer,
    lobby: &Lobby<D>,
    ending: &Ending,
) {
    let number = ending.numbers.fetch_add(1, Ordering::Relaxed);
    let span = tracing::info_span!("session", route = %lobby.route.name, number, %peer);
    async {
        // Boxed: a login's state is many times that of a relay, and would stay with the session for its life.
        let login = Box::pin(postgres::login(socket, lobby));
        match ending.goodbye.run_until_cancelled(login).await {
            Some(Ok(Login::Session(session))) => run(*session, ending).await,
            Some(Ok(Login::Cancelled)) => tracing::debug!("cancel request"),
            Some(Ok(Login::Nobody)) => tracing::debug!("closed before a login"),
            Some(Err(error)) => tracing::warn!(error = %Chain(&error), "login refused"),
            None => tracing::warn!("login cut short by the end of the proxy"),
        }
    }
    .instrument(span)
    .await;
}

async fn run<A: Stream, U: Stream>(session: Session<A, U>, ending: &Ending) {
    let Session { mut paired, mut watch, guests } = session;
    let _counted = Counted::new(&ending.admitted);
    tracing::debug!("session begins");
    let goodbye = ending.goodbye.cancelled();
    let Ended { from_app, from_upstream, why } =
        relay(&mut paired, &mut watch, Linger::default(), goodbye).await;
    if let Why::Goodbye { at_rest: true } = why {
        postgres::farewell(&mut paired.app).await;
    }
    drop(guests);
    match why {
        Why::Closed(side) => tracing::info!(closed_by = %side, from_app, from_upstream, "session ended"),
        Why::Broken(side, error) => {
            tracing::info!(closed_by = %side, %error, from_app, from_upstream, "session broke");
        }
        Why::Goodbye { at_rest } => {
            tracing::info!(closed_by = "proxy", at_rest, from_app, from_upstream, "session ended");
        }
    }
}

/// One in the count of sessions for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
