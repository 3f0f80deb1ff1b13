//! The tasks of one server: an accept loop and its connections, ended together.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::emulator::EmulatorError;

/// How long the accept loop rests after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on `address` for what `protocol` says; returns where, too, because port 0 is a free one.
pub(crate) async fn bind(
    address: SocketAddr,
    protocol: &'static str,
) -> Result<(TcpListener, SocketAddr), EmulatorError> {
    let failed = |source| EmulatorError::Listen {
        address,
        protocol,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Owns an accept loop and everything it has accepted. Dropping it cancels all of them.
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Runs `serve` for every connection that `listener` accepts, each in its own task, until shutdown.
    pub(crate) fn listen<Serve, Served>(&self, listener: TcpListener, serve: Serve)
    where
        Serve: Fn(TcpStream, SocketAddr) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let (tracker, stop) = (self.tracker.clone(), self.stop.clone());
        self.tracker
            .spawn(self.stop.clone().run_until_cancelled_owned(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => {
                            let served = serve(stream, peer);
                            tracker.spawn(stop.clone().run_until_cancelled_owned(served));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
            }));
    }

    /// Ends the accept loop and all connections, and waits until they are gone.
    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
