//! What the relay asks of a protocol.

use tokio::time::Instant;

/// What the relay must know of the conversation.
pub(crate) trait Watch: Send {
    /// Follows bytes on their way to the upstream and says how many of them may go.
    fn app_sent(&mut self, bytes: &[u8]) -> Cut;
    /// Follows bytes on their way to the app.
    fn upstream_sent(&mut self, bytes: &[u8]);
    /// Whether a word to the app would cut into nothing.
    fn at_rest(&self) -> bool;
    /// Whether nothing has been begun that the app would have to begin anew: at rest, and in no transaction as far as that can be
    /// seen.
    fn is_idle(&self) -> bool {
        self.at_rest()
    }
    /// From when on the session is to end as soon as it is at rest.
    fn retires_at(&self) -> Option<Instant> {
        None
    }
    /// Whether the upstream could serve another app as it is once it has been reset: its app has said all of what it has begun and has
    /// had all answers, as far as that can be seen. An app that ends its stream then leaves its upstream behind.
    fn is_whole(&self) -> bool {
        false
    }
    /// Whether the app has said that it leaves. The end that follows is its own, whichever socket shows it first.
    fn app_left(&self) -> bool {
        false
    }
}

/// How much of what an app sent may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it.
    Through,
    /// So many bytes. The rest, a few bytes at most, is shown again with what comes behind it.
    Hold(usize),
    /// So many bytes, and then the relay pauses.
    Pause(usize),
}
