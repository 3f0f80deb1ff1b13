//! Which causes say that an upstream is not there: for good, or for a moment.

use std::io;

use super::windows::says_silence;
use super::{Cause, TlsFlaw};

impl Cause {
    /// Whether nobody answered, or nobody knows where.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NoAnswer { .. }
            | Self::Unheard { .. }
            | Self::UpstreamLost { .. }
            | Self::Overdue(_) => true,
            // An alert is an answer, and so is a certificate.
            Self::Tls { flaw, .. } => matches!(flaw, TlsFlaw::BrokenOff(_)),
            Self::UnknownUser { .. }
            | Self::NotAdmitted { .. }
            | Self::NotAnnounced { .. }
            | Self::WrongPassword { .. }
            | Self::TooManyWrong { .. }
            | Self::AppWithoutTls
            | Self::TooMany { .. }
            | Self::ShuttingDown
            | Self::Moved { .. }
            | Self::Idle { .. }
            | Self::NoRandomness
            | Self::Token { .. }
            | Self::SecretTooLong { .. }
            | Self::Password(_)
            | Self::PasswordInClear { .. }
            | Self::NoUpstream
            | Self::Loop { .. }
            | Self::NoTls { .. }
            | Self::StuffedBytes { .. }
            | Self::NotSealed { .. }
            | Self::UpstreamSilent { .. }
            | Self::UpstreamRules { .. } => false,
        }
    }

    /// Whether the upstream is away for a moment, as it is while it starts anew: nobody listens.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Connect { source, .. } => is_lost(source),
            Self::UnknownUser { .. }
            | Self::NotAdmitted { .. }
            | Self::NotAnnounced { .. }
            | Self::WrongPassword { .. }
            | Self::TooManyWrong { .. }
            | Self::AppWithoutTls
            | Self::TooMany { .. }
            | Self::ShuttingDown
            | Self::Moved { .. }
            | Self::Idle { .. }
            | Self::NoRandomness
            | Self::Token { .. }
            | Self::SecretTooLong { .. }
            | Self::Password(_)
            | Self::PasswordInClear { .. }
            | Self::NoUpstream
            | Self::Resolve { .. }
            | Self::NoAnswer { .. }
            | Self::Unheard { .. }
            | Self::Loop { .. }
            | Self::NoTls { .. }
            | Self::StuffedBytes { .. }
            | Self::Tls { .. }
            | Self::NotSealed { .. }
            | Self::UpstreamRules { .. }
            | Self::UpstreamLost { .. }
            | Self::UpstreamSilent { .. }
            | Self::Overdue(_) => false,
        }
    }
}

/// Whether the far end was not there, or has gone.
fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkDown, NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
    };
    says_silence(error)
        || matches!(
            error.kind(),
            ConnectionRefused
                | ConnectionReset
                | ConnectionAborted
                | BrokenPipe
                | NotConnected
                | UnexpectedEof
                | HostUnreachable
                | NetworkUnreachable
                | NetworkDown
                | TimedOut
        )
}
