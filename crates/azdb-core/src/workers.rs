//! The threads that serve sessions. Each has a runtime of its own, and a session stays on the one that it was given.
//!
//! ```text
//!   doors, endpoints, tokens ----> Seat -----> worker     the session, its sockets, its clocks
//!   the runtime of the process       \-------> worker     another one's
//!                                     the one with the fewest sessions
//! ```
//!
//! A session of which every part is of one thread is woken there: no other thread is told, none takes its work away, and what
//! it has in a processor's memory stays there. A machine with one processor needs no second thread: there are no workers, and
//! sessions run where they are taken in.
//!
//! # Invariants
//!
//! * A session runs on one thread from its first word to its last.
//! * A worker begins with the first session that it is given.
//! * A session that panics ends alone, and gives its seat back.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use azdb_quote::Chain;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Threads that serve sessions. Clones are the same; the default are none.
#[derive(Debug, Clone, Default)]
pub struct Workers(Option<Arc<Crew>>);

#[derive(Debug)]
struct Crew {
    /// They are to end.
    over: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    begun: Vec<Arc<Worker>>,
    most: usize,
    /// Whoever waits for the end of all holds the other half: each thread drops its own at its end.
    lives: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    sessions: AtomicUsize,
}

/// A session's place: at a worker, or where it is taken in.
#[derive(Debug)]
pub(crate) struct Seat(Option<Arc<Worker>>);

impl Workers {
    /// As many as this process may use processors of the machine; none for one.
    pub fn of_this_machine() -> Self {
        match std::thread::available_parallelism() {
            Ok(processors) if processors.get() > 1 => Self::up_to(processors),
            Ok(_) | Err(_) => Self::default(),
        }
    }

    /// So many, of which each begins when it gets its first session.
    pub fn up_to(most: NonZeroUsize) -> Self {
        let (lives, ended) = mpsc::channel();
        Self(Some(Arc::new(Crew {
            over: CancellationToken::new(),
            state: Mutex::new(State {
                begun: Vec::new(),
                most: most.get(),
                lives: Some(lives),
                ended,
            }),
        })))
    }

    /// A place at the worker with the fewest sessions.
    pub(crate) fn seat(&self) -> Seat {
        let Some(crew) = &self.0 else {
            return Seat(None);
        };
        let mut state = crew.lock();
        let fewest = state.begun.iter().min_by_key(|worker| worker.sessions());
        let worker = match fewest.cloned() {
            Some(worker) if worker.sessions() == 0 || state.begun.len() >= state.most => worker,
            fewest => match state.begin(&crew.over).or(fewest) {
                Some(worker) => worker,
                None => return Seat(None),
            },
        };
        worker.sessions.fetch_add(1, Ordering::Relaxed);
        Seat(Some(worker))
    }

    /// How many sessions each has.
    #[cfg(test)]
    pub(crate) fn sessions(&self) -> Vec<usize> {
        let crew = self.0.iter();
        crew.flat_map(|crew| crew.lock().begun.clone())
            .map(|worker| worker.sessions())
            .collect()
    }

    /// Comes when each of them has taken in, and done, something new: all of them turn.
    pub async fn turn(&self) {
        let Some(crew) = &self.0 else {
            return;
        };
        let begun = crew.lock().begun.clone();
        for worker in begun {
            let _ = worker.runtime.spawn(async {}).await;
        }
    }

    /// Ends them, and the sessions that they still have; waits so long at most for it.
    pub fn end(&self, patience: Duration) {
        let Some(crew) = &self.0 else {
            return;
        };
        crew.over.cancel();
        let mut state = crew.lock();
        state.most = 0;
        state.begun.clear();
        state.lives = None;
        let _ = state.ended.recv_timeout(patience);
    }
}

impl Crew {
    /// A crew stays a crew when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever forgets to end them lets them go.
impl Drop for Crew {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl State {
    /// One more. Where the system has no more threads, those that there are do the work.
    fn begin(&mut self, over: &CancellationToken) -> Option<Arc<Worker>> {
        let (number, lives) = (self.begun.len(), self.lives.clone()?);
        match begin(number, over.clone(), lives) {
            Ok(runtime) => {
                let sessions = AtomicUsize::new(0);
                let worker = Arc::new(Worker { runtime, sessions });
                self.begun.push(Arc::clone(&worker));
                Some(worker)
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), workers = number, "no more threads for sessions");
                self.most = number;
                None
            }
        }
    }
}

impl Worker {
    fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }
}

/// Begins a thread that works until it is `over`.
fn begin(number: usize, over: CancellationToken, lives: mpsc::Sender<()>) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let work = move || {
        runtime.block_on(over.cancelled());
        // What has been begun on threads that may wait is not waited for.
        runtime.shutdown_background();
        drop(lives);
    };
    let thread = std::thread::Builder::new().name(format!("worker-{number}"));
    thread.spawn(work)?;
    Ok(handle)
}

impl Seat {
    /// Where whoever asks is.
    pub(crate) fn here() -> Self {
        Self(None)
    }

    /// Whether that is where whoever asks is.
    pub(crate) fn is_here(&self) -> bool {
        self.0.is_none()
    }

    /// Does `work` at this place, which is taken for as long as the work has it.
    pub(crate) fn spawn<F>(self, tasks: &TaskTracker, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let at = self.0.as_ref().map(|worker| worker.runtime.clone());
        let work = work(self);
        match at {
            Some(runtime) => tasks.spawn_on(work, &runtime),
            None => tasks.spawn(work),
        };
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(worker) = &self.0 {
            worker.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
