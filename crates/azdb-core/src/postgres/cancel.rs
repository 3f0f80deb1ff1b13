//! Cancel requests: they come on a connection of their own, and must find the session's server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_quote::{Chain, Spelled};
use azdb_wire::postgres::CANCEL_REQUEST;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use super::upstream::{TlsForm, secure};
use super::{Postgres, PostgresFault};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::Lobby;
use crate::tls::UpstreamTlsConfig;
use crate::way::{Connected, Dial, Dialled};

/// Cancel requests of a route that are passed on at a time. They wait for no session and for no arrival, only for each other.
const PLACES: usize = 256;
/// How long a server may take to act on a cancel request and close.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sessions of a route that can be cancelled, by process id and key as their servers gave them.
#[derive(Debug, Clone)]
pub(crate) struct Cancels {
    sessions: Arc<Mutex<HashMap<Vec<u8>, Arc<Reached>>>>,
    /// For requests that are being passed on.
    places: Arc<Semaphore>,
}

/// How a session's server was reached. Another request reaches it in the same way, whatever the route has become.
#[derive(Debug)]
struct Reached {
    dialled: Dialled,
    tls: Option<Arc<UpstreamTlsConfig>>,
    form: TlsForm,
}

impl Default for Cancels {
    fn default() -> Self {
        Self {
            sessions: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }
}

impl Cancels {
    /// Makes a session known until the registration is dropped.
    pub(super) fn register<D: Dial>(
        key: Vec<u8>,
        dialled: Dialled,
        lobby: &Lobby<Postgres, D>,
    ) -> Registration {
        let reached = Reached {
            dialled,
            tls: lobby.upstream_tls.clone(),
            form: TlsForm::of(lobby.route.tls_first),
        };
        lobby.state.own.enter(key, reached)
    }

    fn enter(&self, key: Vec<u8>, reached: Reached) -> Registration {
        let reached = Arc::new(reached);
        self.lock().insert(key.clone(), Arc::clone(&reached));
        Registration {
            cancels: self.clone(),
            key,
            reached,
        }
    }

    fn find(&self, key: &[u8]) -> Option<Arc<Reached>> {
        self.lock().get(key).cloned()
    }

    /// A map stays a map when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Reached>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One session's entry.
pub(crate) struct Registration {
    cancels: Cancels,
    key: Vec<u8>,
    reached: Arc<Reached>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let key = std::mem::take(&mut self.key);
        // Two servers can draw the same key; the entry may be the other session's by now.
        if let Entry::Occupied(entry) = self.cancels.lock().entry(key)
            && Arc::ptr_eq(entry.get(), &self.reached)
        {
            entry.remove();
        }
    }
}

/// Passes a cancel request on to the server that gave out its key, and waits for that server to close, because the app takes
/// the end of its own connection to mean "done". An unknown key goes nowhere: nobody probes a server's keys through us.
pub(super) async fn forward<D: Dial>(lobby: &Lobby<Postgres, D>, place: &Place, key: &[u8]) {
    let ledger = &lobby.state.ledger.cancels;
    let Some(reached) = lobby.state.own.find(key) else {
        ledger.unknown.add(1);
        tracing::debug!("a cancel request with an unknown key");
        return;
    };
    let _place = tokio::select! {
        biased;
        among_cancels = lobby.state.own.places.acquire() => among_cancels,
        () = place.lost() => return,
    };
    place.leave();
    let addr = reached.dialled.addr;
    match tokio::time::timeout(PATIENCE, send(lobby, key, &reached)).await {
        Ok(Ok(())) => {
            ledger.passed_on.add(1);
            tracing::debug!(%addr, "passed a cancel request on");
        }
        Ok(Err(error)) => {
            ledger.failed.add(1);
            tracing::warn!(error = %Chain(&error), "cannot pass a cancel request on");
        }
        Err(_) => {
            ledger.failed.add(1);
            tracing::warn!(%addr, "no end to a cancel request in {}", Spelled(PATIENCE))
        }
    }
}

async fn send<D: Dial>(
    lobby: &Lobby<Postgres, D>,
    key: &[u8],
    Reached { dialled, tls, form }: &Reached,
) -> Result<(), Fault<PostgresFault>> {
    // The address that serves the session, not the name: another address may be another server.
    let target = Endpoint {
        host: dialled.addr.ip().to_string(),
        port: dialled.addr.port(),
    };
    let Connected { stream, .. } = lobby.dialler.connect(&target, dialled.addr).await?;
    let host = &dialled.upstream.host;
    let deadline = Deadline::after(PATIENCE);
    let mut upstream = secure(stream, tls.as_deref(), host, *form, &deadline).await?;

    let length = u32::try_from(key.len() + 8).unwrap_or(u32::MAX);
    let packet = [&length.to_be_bytes(), &CANCEL_REQUEST.to_be_bytes(), key].concat();
    let leg = upstream.leg();
    leg.say(&packet)
        .await
        .map_err(Cause::lost("cancelling a query"))?;
    // However the server ends it, it has ended; and so do we, as libpq does.
    let _ = leg.read(&mut [0; 16]).await;
    let _ = leg.shutdown().await;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn reached(port: u16) -> Reached {
        let upstream = Endpoint {
            host: "db".into(),
            port,
        };
        let addr = ([127, 0, 0, 1], port).into();
        Reached {
            dialled: Dialled { upstream, addr },
            tls: None,
            form: TlsForm::Request,
        }
    }

    #[test]
    fn a_session_is_known_until_it_ends() {
        let cancels = Cancels::default();
        let session = cancels.enter(b"pidkey".to_vec(), reached(1));
        assert_eq!(cancels.find(b"pidkey").unwrap().dialled.addr.port(), 1);
        assert!(cancels.find(b"pidkex").is_none());
        drop(session);
        assert!(cancels.find(b"pidkey").is_none());
    }

    #[test]
    fn the_end_of_one_session_does_not_take_anothers_entry() {
        let cancels = Cancels::default();
        let first = cancels.enter(b"pidkey".to_vec(), reached(1));
        let _second = cancels.enter(b"pidkey".to_vec(), reached(2));
        drop(first);
        assert_eq!(cancels.find(b"pidkey").unwrap().dialled.addr.port(), 2);
    }
}
