//! A door: a listener and its connections, ended together, and what tests tell it and ask of it.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::emulator::EmulatorError;

/// A free port, for this machine alone.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// How long the accept loop rests after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What stands behind a listener.
pub(crate) trait Serve: Send + Sync + 'static {
    /// What it serves, as people call it.
    const NAME: &'static str;

    /// Serves one connection from its first byte to its last.
    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// A server that listens. Dropping it ends its connections.
pub struct Door<S> {
    address: SocketAddr,
    pub(crate) server: Arc<S>,
    tracker: TaskTracker,
    stop: CancellationToken,
    connections: Arc<Mutex<Connections>>,
}

/// Those that are open.
#[derive(Default)]
struct Connections {
    end: CancellationToken,
    open: TaskTracker,
}

impl<S> Door<S> {
    /// Listens on `address`, where port 0 is a free one, until shutdown. Each connection has its own task.
    pub(crate) async fn open(address: SocketAddr, server: S) -> Result<Self, EmulatorError>
    where
        S: Serve,
    {
        let failed = |source| EmulatorError::Listen {
            address,
            protocol: S::NAME,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let door = Self {
            address: listener.local_addr().map_err(failed)?,
            server: Arc::new(server),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            connections: Arc::default(),
        };
        let (server, tracker) = (Arc::clone(&door.server), door.tracker.clone());
        let (stop, connections) = (door.stop.clone(), Arc::clone(&door.connections));
        let accepting = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let served = serve(Arc::clone(&server), stream, peer);
                        let served = locked(&connections).serving(served);
                        tracker.spawn(stop.clone().run_until_cancelled_owned(served));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        door.tracker
            .spawn(door.stop.clone().run_until_cancelled_owned(accepting));
        tracing::info!(address = %door.address, "{} listens", S::NAME);
        Ok(door)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, as a restart does, and waits until nobody can say anything on them. It listens on.
    pub async fn break_off(&self) {
        let Connections { end, open } = std::mem::take(&mut *locked(&self.connections));
        end.cancel();
        open.close();
        open.wait().await;
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Connections {
    /// One of these: it ends with them.
    fn serving<F: Future<Output = ()>>(
        &self,
        served: F,
    ) -> impl Future<Output = Option<()>> + use<F> {
        let served = self.end.clone().run_until_cancelled_owned(served);
        self.open.track_future(served)
    }
}

async fn serve<S: Serve>(server: Arc<S>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = server.serve(stream, peer).await {
        tracing::debug!(%peer, %error, "{} connection ended", S::NAME);
    }
}

impl<S> Drop for Door<S> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What tests want of the next logins, and the logins so far.
pub(crate) struct Logins<Record, Wish> {
    next: Mutex<VecDeque<Wish>>,
    records: Mutex<Vec<Record>>,
}

impl<Record, Wish> Default for Logins<Record, Wish> {
    fn default() -> Self {
        Self {
            next: Mutex::default(),
            records: Mutex::default(),
        }
    }
}

impl<Record: Clone, Wish: Clone> Logins<Record, Wish> {
    /// The next `count` logins go like this.
    pub(crate) fn script(&self, count: usize, wish: &Wish) {
        locked(&self.next).extend(std::iter::repeat_n(wish.clone(), count));
    }

    /// What is wanted of the login that has come.
    pub(crate) fn next(&self) -> Option<Wish> {
        locked(&self.next).pop_front()
    }

    pub(crate) fn record(&self, record: Record) {
        locked(&self.records).push(record);
    }

    /// In the order in which they were decided.
    pub(crate) fn records(&self) -> Vec<Record> {
        locked(&self.records).clone()
    }
}

/// What a mutex holds, whoever has panicked with it.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
