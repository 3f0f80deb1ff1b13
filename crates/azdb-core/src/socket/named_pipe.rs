//! Named pipes of Windows.
//!
//! ```text
//!   NamedPipes ---- waiting: WAITING instances, to each of which one app can come
//!       |               | an app has come
//!       |               v
//!       |           recognise ---- whose process is it?
//!       v               |
//!   accept  <-----------'   NamedPipe: its connection
//! ```
//!
//! # Invariants
//!
//! * A pipe that another program serves is not joined.
//! * Whoever has been taken in leaves an instance behind that waits for the next one.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use azdb_config::route::{DoorRights, PipeName};
use azdb_quote::Chain;
use azdb_windows::pipe::{self, Rights};
use tokio::net::windows::named_pipe::{NamedPipeServer, PipeMode, ServerOptions};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinSet;

use super::named_pipe_stream::NamedPipe;
use super::peer::{Account, Peer};

/// Instances that wait, so that many can come at once: whoever finds none is told that the pipe is busy.
const WAITING: usize = 16;

/// A pipe that is open.
#[derive(Debug)]
pub(super) struct NamedPipes {
    shared: Arc<Shared>,
    inside: AsyncMutex<Inside>,
    /// To where instances go that are made elsewhere.
    made: mpsc::UnboundedSender<NamedPipeServer>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    rights: Mutex<Arc<Rights>>,
    /// Users that have come, by SID.
    known: Mutex<HashMap<String, Account>>,
}

#[derive(Debug)]
struct Inside {
    waiting: usize,
    steps: JoinSet<Step>,
    made: mpsc::UnboundedReceiver<NamedPipeServer>,
}

/// What becomes of an instance.
#[derive(Debug)]
enum Step {
    /// An app has come.
    Come(NamedPipeServer),
    /// It has left before it was taken in.
    Gone(io::Error),
    /// It is known who it is.
    Known(NamedPipeServer, Peer),
}

/// Who says whom a pipe lets in.
#[derive(Debug)]
pub(crate) struct Rightful {
    shared: Arc<Shared>,
    made: mpsc::UnboundedSender<NamedPipeServer>,
}

impl Rightful {
    /// Has others come in from now on.
    pub(super) fn set_rights(&self, rights: &DoorRights) -> io::Result<()> {
        let rights = Arc::new(written(rights)?);
        // All instances have the same rights, those that are there already, too.
        let instance = self.shared.instance(&ServerOptions::new())?;
        pipe::set_rights(&instance, &rights)?;
        *lock(&self.shared.rights) = rights;
        // Nobody takes it at a door that closes.
        let _ = self.made.send(instance);
        Ok(())
    }
}

impl NamedPipes {
    /// Opens a pipe that nobody else serves.
    pub(super) fn open(name: &PipeName, rights: &DoorRights) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: name.to_string(),
            rights: Mutex::new(Arc::new(written(rights)?)),
            known: Mutex::default(),
        });
        let first = shared
            .instance(ServerOptions::new().first_pipe_instance(true))
            .map_err(in_use)?;
        let (made, from_elsewhere) = mpsc::unbounded_channel();
        let mut inside = Inside {
            waiting: 0,
            steps: JoinSet::new(),
            made: from_elsewhere,
        };
        inside.wait_at(first);
        inside.fill(&shared)?;
        Ok(Self {
            shared,
            inside: AsyncMutex::new(inside),
            made,
        })
    }

    pub(super) fn rightful(&self) -> Rightful {
        Rightful {
            shared: Arc::clone(&self.shared),
            made: self.made.clone(),
        }
    }

    /// Waits for an app. Nobody is lost where this is dropped.
    pub(super) async fn accept(&self) -> io::Result<(NamedPipe, Peer)> {
        let mut inside = self.inside.lock().await;
        loop {
            inside.fill(&self.shared)?;
            let Inside { steps, made, .. } = &mut *inside;
            let step = tokio::select! {
                Some(instance) = made.recv() => {
                    inside.wait_at(instance);
                    continue;
                }
                Some(step) = steps.join_next() => step,
            };
            match step {
                Ok(Step::Known(instance, peer)) => return Ok((NamedPipe::of(instance), peer)),
                Ok(Step::Come(instance)) => {
                    inside.waiting = inside.waiting.saturating_sub(1);
                    let shared = Arc::clone(&self.shared);
                    inside.steps.spawn(shared.recognise(instance));
                }
                Ok(Step::Gone(error)) => {
                    inside.waiting = inside.waiting.saturating_sub(1);
                    tracing::debug!(pipe = self.shared.name, error = %Chain(&error), "an app has left before it came in");
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Inside {
    fn wait_at(&mut self, instance: NamedPipeServer) {
        self.waiting += 1;
        self.steps.spawn(async move {
            match instance.connect().await {
                Ok(()) => Step::Come(instance),
                Err(error) => Step::Gone(error),
            }
        });
    }

    /// Makes as many instances as shall wait. One is enough to go on.
    fn fill(&mut self, shared: &Shared) -> io::Result<()> {
        while self.waiting < WAITING {
            match shared.instance(&ServerOptions::new()) {
                Ok(instance) => self.wait_at(instance),
                Err(error) if self.waiting == 0 => return Err(error),
                Err(error) => {
                    tracing::debug!(pipe = shared.name, error = %Chain(&error), "one instance less");
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Shared {
    /// One more of its instances. Nobody comes to it over the network.
    fn instance(&self, options: &ServerOptions) -> io::Result<NamedPipeServer> {
        let rights = Arc::clone(&lock(&self.rights));
        let mut options = options.clone();
        // Microsoft's clients of SQL Server read by messages, and cannot where a pipe has none. Others read bytes as they come.
        options.pipe_mode(PipeMode::Message);
        options.reject_remote_clients(true).write_dac(true);
        pipe::create(&options, &self.name, &rights)
    }

    /// Finds out who has come. Windows tells it of processes that this user may ask for it.
    async fn recognise(self: Arc<Self>, instance: NamedPipeServer) -> Step {
        let process = pipe::client_of(&instance).unwrap_or_default();
        let account = match pipe::user_of_process(process) {
            Ok(sid) => Some(self.account(sid).await),
            Err(error) => {
                tracing::debug!(process, error = %Chain(&error), "no user is known of a process");
                None
            }
        };
        Step::Known(instance, Peer::Pipe { process, account })
    }

    async fn account(&self, sid: String) -> Account {
        if let Some(known) = lock(&self.known).get(&sid) {
            return *known;
        }
        let asked = sid.clone();
        // Where the user is a domain's, other machines are asked.
        let name = tokio::task::spawn_blocking(move || pipe::name_of(&asked)).await;
        let account = match name {
            Ok(Ok(name)) => Account::named(&name),
            _ => Account::named(&sid),
        };
        lock(&self.known).insert(sid, account);
        account
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn written(rights: &DoorRights) -> io::Result<Rights> {
    Rights::for_us_and(rights.pipe_users.iter().map(|user| &*user.sid))
}

/// Why the first instance of a pipe cannot be made: there is one already, of whoever that is.
fn in_use(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::AlreadyExists => {
            io::Error::new(io::ErrorKind::AddrInUse, "another program serves this pipe")
        }
        _ => error,
    }
}

#[cfg(test)]
#[path = "named_pipe_tests.rs"]
mod tests;
