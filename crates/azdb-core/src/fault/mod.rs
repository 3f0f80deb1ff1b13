//! What can go wrong with a login: what happened, whose business it is, and what to do about it.
//!
//! ```text
//!   Cause           met by any protocol ---+
//!                                          +--> Fault --> the app, in its own protocol (Told)
//!   P::Fault        met by one protocol ---+         \--> the log line, /status
//!   Left            the app is not there to be told  ---> the log line
//! ```
//!
//! Each cause has its text, its [`Kind`] and its remedy in one place; a protocol adds code and class (`notice.rs` in its room).
//! Each level of an error says its own part; [`Chain`] prints them all.
//!
//! # Invariants
//!
//! * A cause without a remedy does not compile, and neither does one that a protocol has not classed.
//! * A login that fails while an app listens ends with words: see [`parting`](crate::parting).

mod absence;
mod app_tls_flaw;
mod business;
mod cause;
mod echo;
mod far_end;
mod label;
mod left;
mod tls_flaw;
mod windows;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use azdb_quote::{Chain, OneLine, Spelled};

pub(crate) use app_tls_flaw::AppTlsFlaw;
pub use cause::Cause;
pub(crate) use echo::Secrets;
pub use far_end::{FarEnd, Reach};
pub(crate) use left::Left;
pub(crate) use tls_flaw::SelfSigned;
pub use tls_flaw::TlsFlaw;

/// Whose business a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The app, or whoever wrote its connection string.
    User,
    /// Whoever runs the network between here and there.
    Network,
    /// Whoever gave this machine its identity.
    Identity,
    /// Whoever runs the database.
    Upstream,
    /// Whoever wrote the proxy's configuration.
    Configuration,
    /// Nobody's: there is too much of something, or too little time.
    Limit,
    /// Ours.
    Bug,
}

impl Kind {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Network => "network",
            Self::Identity => "identity",
            Self::Upstream => "upstream",
            Self::Configuration => "configuration",
            Self::Limit => "limit",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error that a person can do something about.
pub trait Explained: Error {
    /// A word for it that stays the same, whatever its text comes to say: for metrics, and for whoever sorts log lines.
    fn label(&self) -> &'static str;

    /// Whose business it is.
    fn kind(&self) -> Kind;

    /// What to do: a clause in the imperative, without a full stop.
    fn remedy(&self) -> Cow<'static, str>;
}

/// A fault that only one protocol can meet.
pub(crate) trait OwnFault: Explained + Send + Sync + 'static {
    /// What an app is told of what happened. The log always has the whole chain; this says less where nothing vouches for a
    /// peer's words (CVE-2024-10977), and other words where an app's user knows it by them.
    fn told(&self) -> String;

    /// Whether the upstream refused because the token was too old: another one is worth one more login.
    fn says_token_expired(&self) -> bool;

    /// What it has of an upstream's words: one that has been asked before may know the secret before it is sent again.
    fn upstreams_words(&mut self) -> Vec<&mut Vec<u8>>;

    /// Whether the upstream refused because it is away for a moment: it starts, ends, or has no place left.
    fn is_away(&self) -> bool;
}

/// What a login proves itself with: some refusals mean one thing of a token and nothing of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProvedBy {
    /// An identity's token.
    Token,
    /// A development server's password.
    Password,
}

/// What a known refusal of an upstream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Whose business it is.
    pub(crate) kind: Kind,
    /// What to do.
    pub(crate) remedy: &'static str,
}

/// Why an app was not let in, in the protocol whose own faults are `F`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault<F> {
    /// As it can be met in any protocol.
    #[error(transparent)]
    Shared(Cause),
    /// As it can be met in this protocol alone.
    #[error(transparent)]
    Own(F),
    /// Either, with what else is to be known of it.
    #[error("{0}")]
    Noted(Box<Noted<F>>),
}

/// A fault, and what else is to be known of it: what was tried before, how long it was waited for.
#[derive(Debug)]
pub(crate) struct Noted<F> {
    fault: Fault<F>,
    note: String,
}

impl<F: Error + 'static> fmt::Display for Noted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", Chain(&self.fault), self.note)
    }
}

/// A fault without its notes.
pub(crate) enum Root<'a, F> {
    Shared(&'a Cause),
    Own(&'a F),
}

impl<F> Fault<F> {
    /// The fault without its notes.
    pub(crate) fn root(&self) -> Root<'_, F> {
        match self {
            Self::Shared(cause) => Root::Shared(cause),
            Self::Own(own) => Root::Own(own),
            Self::Noted(noted) => noted.fault.root(),
        }
    }
}

impl<F> From<Cause> for Fault<F> {
    fn from(cause: Cause) -> Self {
        Self::Shared(cause)
    }
}

impl<F: OwnFault> From<F> for Fault<F> {
    fn from(own: F) -> Self {
        Self::Own(own)
    }
}

impl<F> From<Late> for Fault<F> {
    fn from(late: Late) -> Self {
        Self::Shared(late.into())
    }
}

impl<F: OwnFault> Explained for Fault<F> {
    fn label(&self) -> &'static str {
        match self.root() {
            Root::Shared(cause) => cause.label(),
            Root::Own(own) => own.label(),
        }
    }

    fn kind(&self) -> Kind {
        match self.root() {
            Root::Shared(cause) => cause.kind(),
            Root::Own(own) => own.kind(),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self.root() {
            Root::Shared(cause) => cause.remedy(),
            Root::Own(own) => own.remedy(),
        }
    }
}

impl<F: OwnFault> Fault<F> {
    /// The same without what the upstream was sent, should it have quoted that.
    pub(crate) fn without(self, secrets: &Secrets) -> Self {
        match self {
            Self::Shared(cause) => Self::Shared(cause.without(secrets)),
            Self::Own(mut own) => {
                for words in own.upstreams_words() {
                    secrets.paint_over(words);
                }
                Self::Own(own)
            }
            Self::Noted(noted) => noted.fault.without(secrets).with_note(noted.note),
        }
    }

    /// What an app is told of what happened.
    pub(crate) fn told(&self) -> String {
        let told = match self {
            Self::Shared(cause) => cause.told(),
            Self::Own(own) => own.told(),
            Self::Noted(noted) => format!("{}; {}", noted.fault.told(), noted.note),
        };
        OneLine(told).to_string()
    }

    /// What else is to be known of it. Said to apps and in the log.
    pub(crate) fn note(&self) -> Option<&str> {
        match self {
            Self::Shared(_) | Self::Own(_) => None,
            Self::Noted(noted) => Some(&noted.note),
        }
    }

    /// What an app reads beside an upstream's own words, for which it must be known for ours. Of a password that is the database's own
    /// business: the log has our part.
    pub(crate) fn beside(&self, meaning: Option<Meaning>, proved_by: ProvedBy) -> Option<String> {
        let remedy = match proved_by {
            ProvedBy::Token => meaning.map(|known| known.remedy),
            ProvedBy::Password => None,
        };
        let said: Vec<&str> = [remedy, self.note()].into_iter().flatten().collect();
        (!said.is_empty()).then(|| format!("azdb-proxy: {}", said.join("; ")))
    }

    /// Adds what else is to be known of it.
    pub(crate) fn with_note(self, note: String) -> Self {
        Self::Noted(Box::new(Noted { fault: self, note }))
    }

    /// Whether the upstream refused because the token was too old.
    pub(crate) fn says_token_expired(&self) -> bool {
        match self.root() {
            Root::Shared(_) => false,
            Root::Own(own) => own.says_token_expired(),
        }
    }

    /// Whether nobody answered, or nobody knows where.
    pub(crate) fn is_silence(&self) -> bool {
        match self.root() {
            Root::Shared(cause) => cause.is_silence(),
            Root::Own(_) => false,
        }
    }

    /// The same of something that happened with this far end, where it does not say who that was.
    pub(crate) fn with(self, far_end: FarEnd) -> Self {
        match self {
            Self::Shared(cause) => Self::Shared(cause.with(far_end)),
            Self::Own(own) => Self::Own(own),
            Self::Noted(noted) => noted.fault.with(far_end).with_note(noted.note),
        }
    }

    /// Whether the time was over before there was an answer.
    pub(crate) fn is_overdue(&self) -> bool {
        match self.root() {
            Root::Shared(cause) => matches!(
                cause,
                Cause::Overdue(_) | Cause::NoAnswer { .. } | Cause::Unheard { .. }
            ),
            Root::Own(_) => false,
        }
    }

    /// Whether the upstream was there, and hung up.
    pub(crate) fn is_hung_up(&self) -> bool {
        matches!(self.root(), Root::Shared(Cause::UpstreamLost { .. }))
    }

    /// Whether the upstream is away for a moment.
    pub(crate) fn is_away(&self) -> bool {
        match self.root() {
            Root::Shared(cause) => cause.is_away(),
            Root::Own(own) => own.is_away(),
        }
    }
}

/// Why a login has no more time.
#[derive(Debug)]
pub(crate) enum Late {
    /// It took too long.
    Overdue(Overdue),
    /// The proxy comes to its end.
    ShuttingDown,
}

/// Time ran out.
#[derive(Debug, thiserror::Error)]
#[error("no progress for {} while {doing}", Spelled(*.limit))]
pub struct Overdue {
    /// The step that took too long, as it reads behind "while".
    pub doing: &'static str,
    /// `login_timeout`.
    pub limit: Duration,
    /// How long this step was waited for.
    pub waited: Duration,
}

#[cfg(test)]
mod tests;
