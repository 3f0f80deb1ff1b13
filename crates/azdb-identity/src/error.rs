//! The error that callers see.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::SourceKind;
use crate::fault::SourceFault;
use crate::remedy;
use crate::whereabouts::Whereabouts;

/// A source gave no token.
///
/// `Display` says only this level (`no token from source "imds"`), the chain below it says why. For the person who must
/// act there are [`cause`](Self::cause) and [`remedy`](Self::remedy). Nothing in it holds a token or a secret, and what
/// it quotes of others has gone through [`azdb_quote::Quoted`].
#[derive(Clone)]
pub struct TokenError {
    source: SourceKind,
    fault: Arc<SourceFault>,
    /// Who or what it is about, where that says more than the source.
    subject: Option<Arc<str>>,
    whereabouts: Whereabouts,
}

/// Who has to act when there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// Nobody answered, or whoever did cannot be trusted: names, routes, firewalls, certificates.
    Network,
    /// The place that gives tokens answered, and what it said is not a token of the wanted identity.
    Identity,
    /// What was configured, or what the platform put into the environment, cannot work: nobody was asked.
    Configuration,
    /// A mistake in this program.
    Bug,
}

impl TokenError {
    pub(crate) fn new(source: SourceKind, fault: SourceFault) -> Self {
        Self {
            source,
            fault: Arc::new(fault),
            subject: None,
            whereabouts: Whereabouts::default(),
        }
    }

    /// The same of a subject that can be named: the file, the program.
    pub(crate) fn of(self, subject: Option<String>) -> Self {
        let subject = subject.map(Arc::from);
        Self { subject, ..self }
    }

    /// The same met there.
    pub(crate) fn at(self, whereabouts: Whereabouts) -> Self {
        Self {
            whereabouts,
            ..self
        }
    }

    /// A configuration that cannot work.
    pub(crate) fn setup(source: SourceKind, cause: String, remedy: &'static str) -> Self {
        Self::new(source, SourceFault::Setup { cause, remedy })
    }

    /// The source that was asked.
    #[must_use]
    pub fn source_kind(&self) -> SourceKind {
        self.source
    }

    /// What happened, in one line, for example `IMDS answered 400: invalid_request: Identity not found`.
    #[must_use]
    pub fn cause(&self) -> String {
        let mut text = match &*self.fault {
            SourceFault::Setup { .. }
            | SourceFault::NoIdentity { .. }
            | SourceFault::TaskBroke
            | SourceFault::File { .. } => self.fault.to_string(),
            // It says which one.
            SourceFault::Program(fault) => format!("{} {fault}", self.source.speaker()),
            fault => {
                let subject = self.subject.as_deref();
                format!("{} {fault}", subject.unwrap_or(self.source.speaker()))
            }
        };
        let mut below = std::error::Error::source(&*self.fault);
        while let Some(error) = below {
            text.push_str(": ");
            text.push_str(&error.to_string());
            below = error.source();
        }
        text
    }

    /// What the person who reads it can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        remedy::of(self.source, self.whereabouts, &self.fault)
    }

    /// Who has to act. Whether waiting helps is another question: [`is_transient`](Self::is_transient).
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.fault.kind(self.source)
    }

    /// Whether trying again a little later makes sense: a network fault, a throttled or an updating endpoint.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.fault.is_transient(self.source)
    }

    /// Whether a login that waits may have the source asked about once a second.
    pub(crate) fn is_cheap_to_repeat(&self) -> bool {
        self.fault.is_cheap_to_repeat(self.source)
    }

    pub(crate) fn fault(&self) -> &SourceFault {
        &self.fault
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.fault.retry_after()
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("source", &self.source)
            .field("fault", &self.fault)
            .finish()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no token from source `{}`", self.source)
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.fault)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::fault::{Answered, ProgramFault};
    use crate::http::{EXCHANGE, HttpFault};

    #[test]
    fn each_level_says_only_its_own_part() {
        let body = br#"{"error":"invalid_request","error_description":"Identity not found"}"#;
        let answered = Answered::read(400, None, body);
        let error = TokenError::new(SourceKind::Imds, SourceFault::Answered(answered));
        assert_eq!(error.to_string(), "no token from source `imds`");
        assert_eq!(
            error.source().unwrap().to_string(),
            "answered 400: invalid_request: Identity not found"
        );
        assert_eq!(
            error.cause(),
            "IMDS answered 400: invalid_request: Identity not found"
        );
        assert!(!error.is_transient());
        assert!(error.remedy().contains("assign"), "{}", error.remedy());
    }

    #[test]
    fn a_kind_says_who_has_to_act() {
        let imds = |fault| TokenError::new(SourceKind::Imds, fault).kind();
        let (endpoint, source) = (
            "http://169.254.169.254".to_owned(),
            HttpFault::Silent(EXCHANGE),
        );
        assert_eq!(
            imds(SourceFault::Http { endpoint, source }),
            TokenErrorKind::Network
        );
        let endpoint = "no URL".to_owned();
        let source = HttpFault::BadUrl;
        assert_eq!(
            imds(SourceFault::Http { endpoint, source }),
            TokenErrorKind::Configuration
        );
        let throttled = SourceFault::Answered(Answered::read(429, None, b""));
        assert_eq!(imds(throttled), TokenErrorKind::Identity);
        let program = "az".to_owned();
        let missing = SourceFault::Program(ProgramFault::NotFound { program });
        assert_eq!(imds(missing), TokenErrorKind::Configuration);
        assert_eq!(imds(SourceFault::TaskBroke), TokenErrorKind::Bug);
    }
}
