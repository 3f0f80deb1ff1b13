//! Where a statement's tokens go, on their way to the client.

use tokio::sync::mpsc;

use super::super::token::{Done, Tokens, done};

/// Bytes of tokens that are handed on at once.
const CHUNK: usize = 32 * 1024;

/// The client does not want any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) struct Gone;

enum To {
    Bounded(mpsc::Sender<Vec<u8>>),
    Unbounded(mpsc::UnboundedSender<Vec<u8>>),
}

/// The chunks as the sending side gets them.
pub(in crate::tds) enum Chunks {
    Bounded(mpsc::Receiver<Vec<u8>>),
    Unbounded(mpsc::UnboundedReceiver<Vec<u8>>),
}

impl Chunks {
    pub(in crate::tds) async fn recv(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Bounded(chunks) => chunks.recv().await,
            Self::Unbounded(chunks) => chunks.recv().await,
        }
    }
}

/// A response in the making. A DONE is held back until it is clear whether more follows it.
pub(in crate::tds) struct Sink {
    to: To,
    tokens: Tokens,
    held: Option<(Done, u16, u16, u64)>,
    /// Statements end with DONEINPROC.
    pub(super) in_procedure: bool,
    /// The response has an ERROR.
    pub(super) failed: bool,
}

impl Sink {
    /// With room for `chunks` between both sides, or for any number.
    pub(in crate::tds) fn new(chunks: Option<usize>) -> (Self, Chunks) {
        let (to, from) = match chunks {
            Some(chunks) => {
                let (to, from) = mpsc::channel(chunks);
                (To::Bounded(to), Chunks::Bounded(from))
            }
            None => {
                let (to, from) = mpsc::unbounded_channel();
                (To::Unbounded(to), Chunks::Unbounded(from))
            }
        };
        let sink = Self {
            to,
            tokens: Tokens::new(),
            held: None,
            in_procedure: false,
            failed: false,
        };
        (sink, from)
    }

    /// The tokens, to add to.
    pub(super) fn tokens(&mut self) -> &mut Tokens {
        if let Some((kind, status, command, rows)) = self.held.take() {
            self.tokens.done(kind, status | done::MORE, command, rows);
        }
        &mut self.tokens
    }

    /// Ends a statement.
    pub(super) fn done(&mut self, status: u16, command: u16, rows: u64) {
        self.tokens();
        let kind = if self.in_procedure {
            Done::InProcedure
        } else {
            Done::Statement
        };
        self.held = Some((kind, status, command, rows));
    }

    /// Ends a procedure.
    pub(super) fn procedure_done(&mut self, status: u16) {
        self.tokens();
        self.held = Some((Done::Procedure, status, 0, 0));
    }

    /// Hands on what has gathered, when it is much.
    pub(super) fn relieve(&mut self) -> Result<(), Gone> {
        if self.tokens.bytes.len() < CHUNK {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.tokens.bytes);
        match &self.to {
            To::Bounded(to) => to.blocking_send(chunk).map_err(|_| Gone),
            To::Unbounded(to) => to.send(chunk).map_err(|_| Gone),
        }
    }

    /// Ends the response.
    pub(super) fn finish(&mut self, status: u16) {
        if self.held.is_none() {
            self.done(status, 0, 0);
        }
        if let Some((kind, status, command, rows)) = self.held.take() {
            self.tokens.done(kind, status, command, rows);
        }
        let chunk = std::mem::take(&mut self.tokens.bytes);
        // Nobody waits for it when the client has gone.
        let _ = match &self.to {
            To::Bounded(to) => to.blocking_send(chunk).is_ok(),
            To::Unbounded(to) => to.send(chunk).is_ok(),
        };
    }
}
