//! What tests tell the identity endpoint to do, and what it tells them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// What the endpoint does with a request instead of giving a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with this, as JSON.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body.
        body: String,
        /// `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes the connection.
    Close,
    /// Gives a token; a place in the queue of a script, so that a failure can follow a success.
    Serve,
}

impl Behaviour {
    /// An answer without `Retry-After`.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            body: body.to_owned(),
            retry_after: None,
        }
    }
}

/// A request as it came in. Its `Debug` leaves out header values, one of which is a secret.
#[derive(Clone)]
pub struct Recorded {
    /// `GET`, as a rule.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Decoded query parameters in their order.
    pub query: Vec<(String, String)>,
    /// Headers with lowercase names, in their order.
    pub headers: Vec<(String, String)>,
}

impl Recorded {
    /// The first query parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// The first header of this (lowercase) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Recorded")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &headers)
            .finish()
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// The endpoint's script and its memory.
pub(super) struct Stage {
    cues: Mutex<Cues>,
    count: watch::Sender<usize>,
    holds: Arc<watch::Sender<usize>>,
}

#[derive(Default)]
struct Cues {
    next: VecDeque<Behaviour>,
    otherwise: Option<Behaviour>,
    requests: Vec<Recorded>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            cues: Mutex::default(),
            count: watch::Sender::new(0),
            holds: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(super) fn script(&self, count: usize, behaviour: &Behaviour) {
        let mut cues = self.cues();
        let repeated = std::iter::repeat_n(behaviour.clone(), count);
        cues.next.extend(repeated);
    }

    pub(super) fn set_default(&self, behaviour: Behaviour) {
        self.cues().otherwise = Some(behaviour);
    }

    pub(super) fn clear_script(&self) {
        let mut cues = self.cues();
        cues.next.clear();
        cues.otherwise = None;
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.cues().requests.clone()
    }

    /// Notes a request and says what to do with it.
    pub(super) fn record(&self, request: Recorded) -> Behaviour {
        let mut cues = self.cues();
        cues.requests.push(request);
        self.count.send_replace(cues.requests.len());
        let otherwise = cues.otherwise.clone().unwrap_or(Behaviour::Serve);
        cues.next.pop_front().unwrap_or(otherwise)
    }

    pub(super) async fn requested(&self, count: usize) {
        let mut seen = self.count.subscribe();
        // The sender is ours, so waiting can't fail while `self` is borrowed.
        let _ = seen.wait_for(|seen| *seen >= count).await;
    }

    pub(super) fn hold(&self) -> Hold {
        self.holds.send_modify(|holds| *holds += 1);
        Hold {
            holds: Arc::clone(&self.holds),
        }
    }

    /// Waits until nobody holds answers back.
    pub(super) async fn released(&self) {
        let mut holds = self.holds.subscribe();
        let _ = holds.wait_for(|holds| *holds == 0).await;
    }

    fn cues(&self) -> MutexGuard<'_, Cues> {
        self.cues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps every answer of the endpoint back until it is dropped.
#[must_use = "answers are held back only as long as this lives"]
pub struct Hold {
    holds: Arc<watch::Sender<usize>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.send_modify(|holds| *holds -= 1);
    }
}
