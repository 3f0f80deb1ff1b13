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
use tokio::time::Instant;

use super::securing::{TlsForm, secure};
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

/// How long after its end a request may still hit what its server does.
const AFTERMATH: Duration = Duration::from_secs(1);

/// The sessions of a route that can be cancelled, by process id and key as their apps were shown them.
#[derive(Debug, Clone)]
pub(crate) struct Cancels {
    sessions: Arc<Mutex<HashMap<Vec<u8>, Arc<Reached>>>>,
    /// For requests that are being passed on.
    places: Arc<Semaphore>,
}

/// How a session's server was reached. Another request reaches it in the same way, whatever the route has become.
#[derive(Debug)]
struct Reached {
    /// The server's own, which is another one than its app has where sessions are kept.
    key: Vec<u8>,
    dialled: Dialled,
    tls: Option<Arc<UpstreamTlsConfig>>,
    form: TlsForm,
    requests: Mutex<Requests>,
}

/// Requests for one session.
#[derive(Debug, Default)]
struct Requests {
    under_way: usize,
    /// When the last one came to its end.
    last: Option<Instant>,
}

impl Reached {
    /// Whether no request is under way, or so young that the server may act on it yet.
    fn is_left_alone(&self) -> bool {
        let requests = lock(&self.requests);
        let is_late = requests.last.is_none_or(|last| last.elapsed() >= AFTERMATH);
        requests.under_way == 0 && is_late
    }
}

/// A request that is being passed on.
struct Passing(Arc<Reached>);

impl Passing {
    fn begin(reached: &Arc<Reached>) -> Self {
        lock(&reached.requests).under_way += 1;
        Self(Arc::clone(reached))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let mut requests = lock(&self.0.requests);
        requests.under_way = requests.under_way.saturating_sub(1);
        requests.last = Some(Instant::now());
    }
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
    /// Makes a session known, by the key that its app was `shown` for its server's, until the registration is dropped.
    pub(super) fn register<D: Dial>(
        shown: Vec<u8>,
        key: Vec<u8>,
        dialled: Dialled,
        lobby: &Lobby<Postgres, D>,
    ) -> Registration {
        let reached = Reached {
            key,
            dialled,
            tls: lobby.upstream_tls.clone(),
            form: TlsForm::of(lobby.route.tls_first),
            requests: Mutex::default(),
        };
        lobby.state.own.cancels.enter(shown, reached)
    }

    fn enter(&self, shown: Vec<u8>, reached: Reached) -> Registration {
        let reached = Arc::new(reached);
        lock(&self.sessions).insert(shown.clone(), Arc::clone(&reached));
        Registration {
            cancels: self.clone(),
            shown,
            reached,
        }
    }

    /// The session that was shown this key. It is not left alone while what is returned lives.
    fn find(&self, shown: &[u8]) -> Option<Passing> {
        lock(&self.sessions).get(shown).map(Passing::begin)
    }
}

/// Nothing is half done behind these locks when a thread panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One session's entry.
pub(crate) struct Registration {
    cancels: Cancels,
    shown: Vec<u8>,
    reached: Arc<Reached>,
}

impl Registration {
    /// Whether nobody has asked of late for the end of what the session does.
    pub(super) fn is_left_alone(&self) -> bool {
        self.reached.is_left_alone()
    }

    /// Makes the session unknown, and says the same of all requests that there will ever have been.
    pub(super) fn end(self) -> bool {
        let reached = Arc::clone(&self.reached);
        drop(self);
        reached.is_left_alone()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        // Two servers can draw the same key; the entry may be the other session's by now.
        if let Entry::Occupied(entry) = lock(&self.cancels.sessions).entry(shown)
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
    let cancels = &lobby.state.own.cancels;
    let Some(Passing(reached)) = &cancels.find(key) else {
        ledger.unknown.add(1);
        tracing::debug!("a cancel request with an unknown key");
        return;
    };
    let _place = tokio::select! {
        biased;
        among_cancels = cancels.places.acquire() => among_cancels,
        () = place.lost() => return,
    };
    place.leave();
    let addr = reached.dialled.addr;
    match tokio::time::timeout(PATIENCE, send(lobby, reached)).await {
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
    Reached {
        key,
        dialled,
        tls,
        form,
        ..
    }: &Reached,
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
    let packet = [
        &length.to_be_bytes(),
        &CANCEL_REQUEST.to_be_bytes(),
        &key[..],
    ]
    .concat();
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
            key: b"own key".to_vec(),
            dialled: Dialled { upstream, addr },
            tls: None,
            form: TlsForm::Request,
            requests: Mutex::default(),
        }
    }

    #[test]
    fn a_session_is_known_until_it_ends() {
        let cancels = Cancels::default();
        let session = cancels.enter(b"pidkey".to_vec(), reached(1));
        assert_eq!(cancels.find(b"pidkey").unwrap().0.dialled.addr.port(), 1);
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
        assert_eq!(cancels.find(b"pidkey").unwrap().0.dialled.addr.port(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_left_alone_a_second_after_the_last_request() {
        let cancels = Cancels::default();
        let session = cancels.enter(b"pidkey".to_vec(), reached(1));
        assert!(session.is_left_alone());
        let (first, second) = (cancels.find(b"pidkey"), cancels.find(b"pidkey"));
        assert!(!session.is_left_alone(), "two are under way");
        drop(first);
        tokio::time::sleep(AFTERMATH).await;
        assert!(!session.is_left_alone(), "one is under way");
        drop(second);
        assert!(!session.is_left_alone(), "it may still be on its way");
        tokio::time::sleep(AFTERMATH).await;
        assert!(session.is_left_alone());
        assert!(session.end());
        assert!(cancels.find(b"pidkey").is_none(), "late ones find nobody");
    }
}
