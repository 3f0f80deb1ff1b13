//! Upstreams that have greeted and wait for an app.
//!
//! A port probe connects and leaves without a byte, and the upstream that was dialled for it counts an error against this
//! machine; after a hundred (`max_connect_errors`) MySQL shuts it out. So what was dialled for a probe is kept for the next
//! app, and while probes come, only so many apps at a time may be without a word of their own.
//!
//! # Invariants
//!
//! * While probes come, at most [`SEATS`] upstreams are dialled within [`FRESH`] for apps that say nothing.
//! * An upstream that one app has spoken to is never given to another.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::change_user::Way;
use super::upstream::{self, Greeted};
use super::{Mysql, MysqlFault};
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::lobby::Lobby;
use crate::way::{Dial, Leg, Stream};

/// Apps at a time that may be between our greeting and their first byte while probes come, and upstreams kept.
const SEATS: usize = 2;
/// How long a greeted upstream is kept. Servers wait ten seconds (`connect_timeout`).
const FRESH: Duration = Duration::from_secs(5);
/// How long after the last probe apps still take seats.
const WARY: Duration = Duration::from_secs(60);
/// An app that says nothing for so long leaves its seat to others.
const SEATED: Duration = Duration::from_millis(250);

/// A place among the apps that have said nothing.
pub(super) type Seat = Option<OwnedSemaphorePermit>;

/// What a route keeps between logins.
pub(crate) struct Spares<S> {
    seats: Arc<Semaphore>,
    kept: Arc<Mutex<Shelf<S>>>,
    /// How apps get a session like new.
    pub(super) change_user: Way,
}

struct Shelf<S> {
    greeted: VecDeque<(Instant, Greeted<S>)>,
    last_probe: Instant,
    last_greeting: Option<Vec<u8>>,
}

/// Who was met.
pub(super) enum Met<S> {
    /// An upstream that has greeted.
    Upstream(Greeted<S>, Seat),
    /// The app has gone, or spoke before it was spoken to, as no app of MySQL does.
    NoApp,
    /// No upstream greets us.
    NoUpstream(Fault<MysqlFault>),
}

impl<S: Stream> Default for Spares<S> {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
            kept: Arc::new(Mutex::new(Shelf {
                greeted: VecDeque::new(),
                // Whatever starts a process probes it.
                last_probe: Instant::now(),
                last_greeting: None,
            })),
            change_user: Way::default(),
        }
    }
}

impl<S: Stream> Spares<S> {
    /// Meets the upstream on behalf of an app that has just connected.
    pub(super) async fn meet<A: Stream, D: Dial<Stream = S>>(
        &self,
        app: &mut Leg<A>,
        lobby: &Lobby<Mysql, D>,
    ) -> Met<S> {
        // An app must still be told when the upstream does not answer.
        let deadline = Deadline::after(lobby.route.login_timeout.mul_f32(0.9));
        let seat = tokio::select! {
            biased;
            _ = app.fill(1) => return Met::NoApp,
            seat = deadline.run("waiting for other apps to log in", self.seat()) => seat,
        };
        let seat = match seat {
            Ok(seat) => seat,
            Err(error) => return Met::NoUpstream(error),
        };
        let gone = CancellationToken::new();
        let mut meeting = pin!(self.greeted(lobby, &deadline, gone.cancelled()));
        tokio::select! {
            biased;
            _ = app.fill(1) => {
                // What was begun is finished, and kept for the next app.
                gone.cancel();
                if let Ok(greeted) = meeting.await {
                    self.keep(greeted, seat);
                }
                Met::NoApp
            }
            met = &mut meeting => match met {
                Ok(greeted) => Met::Upstream(greeted, seat),
                Err(error) => Met::NoUpstream(error),
            },
        }
    }

    async fn seat(&self) -> Result<Seat, Fault<MysqlFault>> {
        if self.lock().last_probe.elapsed() > WARY {
            return Ok(None);
        }
        // The semaphore is never closed.
        Ok(Arc::clone(&self.seats).acquire_owned().await.ok())
    }

    /// One that was kept, or a new one.
    async fn greeted<D: Dial<Stream = S>>(
        &self,
        lobby: &Lobby<Mysql, D>,
        deadline: &Deadline,
        left: impl Future<Output = ()> + Send,
    ) -> Result<Greeted<S>, Fault<MysqlFault>> {
        loop {
            let kept = self.lock().greeted.pop_front();
            match kept {
                Some((since, mut greeted)) if since.elapsed() < FRESH => {
                    if greeted.is_waiting().await {
                        tracing::debug!("taking over an upstream that has greeted");
                        return Ok(greeted);
                    }
                }
                Some(_) => {}
                None => break,
            }
        }
        let greeted = upstream::meet(lobby, deadline, left).await?;
        self.lock().last_greeting = Some(greeted.payload().to_vec());
        Ok(greeted)
    }

    /// Keeps an upstream whose app has left without a byte.
    pub(super) fn keep(&self, greeted: Greeted<S>, seat: Seat) {
        let mut kept = self.lock();
        kept.last_probe = Instant::now();
        if kept.greeted.len() < SEATS {
            kept.greeted.push_back((Instant::now(), greeted));
            let kept = Arc::clone(&self.kept);
            tokio::spawn(async move {
                tokio::time::sleep(FRESH).await;
                lock(&kept)
                    .greeted
                    .retain(|(since, _)| since.elapsed() < FRESH);
            });
        }
        drop(kept);
        // After the upstream is there to be taken.
        drop(seat);
    }

    /// What the upstream said when it was last met.
    pub(super) fn last_greeting(&self) -> Option<Vec<u8>> {
        self.lock().last_greeting.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<S>> {
        lock(&self.kept)
    }
}

/// Waits for an app's first byte, for a while with its seat.
pub(super) async fn seated<O>(seat: &mut Seat, first_byte: impl Future<Output = O>) -> O {
    let mut first_byte = pin!(first_byte);
    match tokio::time::timeout(SEATED, &mut first_byte).await {
        Ok(read) => read,
        Err(_) => {
            *seat = None;
            first_byte.await
        }
    }
}

fn lock<S>(kept: &Mutex<Shelf<S>>) -> MutexGuard<'_, Shelf<S>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
