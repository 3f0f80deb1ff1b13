//! Names into addresses: one look-up in flight per name, shared by everybody who asks for it.
//!
//! ```text
//!   login --+
//!   login --+--> in flight? --no--> a thread of its own: getaddrinfo
//!   login --+        |yes                     |
//!                    +<------- answer --------+
//! ```
//!
//! The system's resolver answers, because it alone knows all that a machine has been told: hosts file, search domains, nsswitch,
//! private zones. It blocks a thread, and nobody can call it off; so it gets a thread that nobody else waits for, and those who
//! ask wait only as long as they like.
//!
//! # Invariants
//!
//! * However many ask for a name, one look-up is in flight.
//! * A silent name holds back nobody who asks for another one, and no thread of the runtime.
//! * At most `MOST` look-ups are in flight.
//! * Nobody waits longer than [`PATIENCE`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_quote::Spelled;
use tokio::sync::watch;

/// The longest that anybody waits for a look-up: resolvers ask a silent server twice in this time, and drivers still wait.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Look-ups in flight, and so threads: more names than any configuration has.
const MOST: usize = 64;

/// Why a name did not become an address.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The resolver says so.
    #[error(transparent)]
    Refused(Arc<io::Error>),
    /// The resolver knows the name, and no address of it.
    #[error("the name has no address")]
    NoAddress,
    /// The resolver has said nothing.
    #[error("no answer within {}", Spelled(*.0))]
    NoAnswer(Duration),
    /// So many other names are being waited for that there is no thread for this one.
    #[error("{MOST} other names are being looked up, none of which has an answer")]
    TooMany,
}

type Answer = Result<Arc<[SocketAddr]>, NameError>;
type Resolver = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks names up. Clones share what is in flight.
#[derive(Clone)]
pub struct Names(Arc<Shared>);

struct Shared {
    resolver: Box<Resolver>,
    in_flight: Mutex<HashMap<String, watch::Receiver<Option<Answer>>>>,
}

impl Names {
    /// As this machine knows them.
    pub fn of_the_system() -> Self {
        Self::by(|name| Ok((name, 0).to_socket_addrs()?.collect()))
    }

    /// As `resolver` knows them, which may block its thread.
    pub fn by(
        resolver: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            resolver: Box::new(resolver),
            in_flight: Mutex::default(),
        }))
    }

    /// The addresses of `host`, in the resolver's order, at least one. An address literal is its own.
    ///
    /// # Errors
    ///
    /// [`NameError`], after `patience` or [`PATIENCE`] at the latest.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, NameError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let patience = patience.min(PATIENCE);
        let mut answer = self.look_up(host)?;
        let answered = tokio::time::timeout(patience, answer.wait_for(Option::is_some)).await;
        let addresses = match answered {
            Err(_) => return Err(NameError::NoAnswer(patience)),
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(NameError::NoAddress))?,
            // The thread has ended without an answer: the resolver has panicked.
            Ok(Err(_)) => return Err(broken(io::Error::other("the resolver has broken down"))),
        };
        let with_port = |address: &SocketAddr| {
            let mut address = *address;
            address.set_port(port);
            address
        };
        Ok(addresses.iter().map(with_port).collect())
    }

    /// Joins the look-up of `host`, or begins one.
    fn look_up(&self, host: &str) -> Result<watch::Receiver<Option<Answer>>, NameError> {
        let mut in_flight = self.0.lock();
        if let Some(answer) = in_flight.get(host) {
            return Ok(answer.clone());
        }
        if in_flight.len() >= MOST {
            return Err(NameError::TooMany);
        }
        let (sender, answer) = watch::channel(None);
        let flight = Flight {
            shared: Arc::clone(&self.0),
            host: host.to_owned(),
        };
        in_flight.insert(host.to_owned(), answer.clone());
        // A thread that does not start drops its flight, which needs the lock.
        drop(in_flight);
        std::thread::Builder::new()
            .name("look-up".to_owned())
            .spawn(move || {
                let answer = flight.ask();
                // The next who asks begins a new one, and does not read this answer.
                drop(flight);
                sender.send_replace(Some(answer));
            })
            .map_err(broken)?;
        Ok(answer)
    }
}

impl Shared {
    /// A map stays a map when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Option<Answer>>>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look-up in flight, for as long as it lives.
struct Flight {
    shared: Arc<Shared>,
    host: String,
}

impl Flight {
    fn ask(&self) -> Answer {
        match (self.shared.resolver)(&self.host) {
            Ok(addresses) if addresses.is_empty() => Err(NameError::NoAddress),
            Ok(addresses) => Ok(addresses.into()),
            Err(error) => Err(broken(error)),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.host);
    }
}

fn broken(error: io::Error) -> NameError {
    NameError::Refused(Arc::new(error))
}

#[cfg(test)]
mod tests;
