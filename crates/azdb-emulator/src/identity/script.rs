//! What tests tell the identity endpoint to do, and what it tells them.

use std::fmt;
use std::sync::Arc;

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
    },
    /// Reads the request and never answers.
    Hang,
}

impl Behaviour {
    /// An answer.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::Answer { status, body }
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

/// Keeps every answer of the endpoint back until it is dropped.
#[must_use = "answers are held back only as long as this lives"]
pub struct Hold {
    holds: Arc<watch::Sender<usize>>,
}

impl Hold {
    pub(super) fn new(holds: &Arc<watch::Sender<usize>>) -> Self {
        holds.send_modify(|holds| *holds += 1);
        let holds = Arc::clone(holds);
        Self { holds }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.send_modify(|holds| *holds -= 1);
    }
}
