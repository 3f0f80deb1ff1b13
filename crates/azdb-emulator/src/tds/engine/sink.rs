//! A response in the making, on its way to the client.

use tokio_util::sync::CancellationToken;

use super::super::session::Out;
use super::super::token::{Done, Tokens, done};
use super::super::version::Version;

/// Bytes of tokens that are handed on at once.
const CHUNK: usize = 32 * 1024;

/// Where a request's tokens go. A DONE is held back until it is clear whether more follows it.
pub(in crate::tds) struct Sink<'a> {
    /// `None`: the response waits in memory, because another stream may want the engine meanwhile.
    out: Option<&'a mut Out>,
    tokens: Tokens,
    held: Option<(Done, u16, u16, u64)>,
    /// Statements end with DONEINPROC.
    pub(super) in_procedure: bool,
    /// The client wants no more of this request.
    pub(super) cancel: &'a CancellationToken,
}

impl<'a> Sink<'a> {
    pub(in crate::tds) fn new(
        out: Option<&'a mut Out>,
        version: Version,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self {
            out,
            tokens: Tokens::new(version),
            held: None,
            in_procedure: false,
            cancel,
        }
    }

    /// The tokens, to add to.
    pub(super) fn tokens(&mut self) -> &mut Tokens {
        if let Some((kind, status, command, rows)) = self.held.take() {
            self.tokens.done(kind, status | done::MORE, command, rows);
        }
        &mut self.tokens
    }

    /// The client's version.
    pub(super) fn version(&self) -> Version {
        self.tokens.version
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
    pub(super) async fn relieve(&mut self) {
        if let Some(out) = self
            .out
            .as_mut()
            .filter(|_| self.tokens.bytes.len() >= CHUNK)
        {
            let sent = out.push(&self.tokens.bytes).await;
            self.tokens.bytes.clear();
            if sent.is_err() {
                self.cancel.cancel();
            }
        }
    }

    /// Ends the response and gives what has not been handed on.
    pub(in crate::tds) fn finish(mut self, status: u16) -> Vec<u8> {
        if self.held.is_none() {
            self.done(status, 0, 0);
        }
        if let Some((kind, status, command, rows)) = self.held.take() {
            self.tokens.done(kind, status, command, rows);
        }
        self.tokens.bytes
    }
}
