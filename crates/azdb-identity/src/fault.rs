//! What can go wrong on the way to a token, before it is told to anybody.
//!
//! A fault is the second half of a sentence whose first half is the source: "IMDS" + "answered 400: …". It decides three things
//! that the rest of the crate acts on: whether it passes, whether a login that waits may hurry, and whose business it is. What to
//! do about it is `remedy`'s.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use azdb_quote::{Quoted, Spelled};

use crate::http::HttpFault;
use crate::identity::Chosen;
use crate::{Audience, SourceKind, TokenErrorKind};

/// Why a source gave no token. Text of others is already quoted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceFault {
    /// The configuration or the platform's variables cannot work.
    #[error("{cause}")]
    Setup { cause: String, remedy: &'static str },

    /// Nothing in reach gives this process an identity.
    #[error("{cause}")]
    NoIdentity { cause: String, remedy: String },

    /// A panic in a source.
    #[error("the task that fetches tokens broke")]
    TaskBroke,

    /// There was no exchange, or none that came to its end.
    #[error("cannot be asked at `{endpoint}`")]
    Http {
        endpoint: String,
        #[source]
        source: HttpFault,
    },

    /// An HTTP status other than 200, and what came with it.
    #[error("{0}")]
    Answered(Answered),

    /// The endpoint does not know the identity that it was asked for.
    #[error("{said} (asked for {asked})")]
    UnknownIdentity { said: Answered, asked: Chosen },

    /// Identity endpoints do not redirect: somebody else has answered.
    #[error("answered {status}, a redirect to {to}, which is not followed")]
    Redirected { status: u16, to: String },

    /// There was an answer, and no token can be found in it.
    #[error("gave no usable answer: {what}")]
    Unreadable { what: String },

    /// It would not last through a login.
    #[error("gave a token that ends in {} s", left.as_secs())]
    AlmostOver { left: Duration },

    /// It was over when it came.
    #[error("gave a token that ended at {}, {} ago", moment(*at), roughly(*ago))]
    Over { at: SystemTime, ago: Duration },

    /// It has been asked, and nothing has come yet.
    #[error("has not answered for {}", Spelled::measured(*since))]
    UnderWay { since: Duration },

    /// An endpoint that does not know an id may give what it has.
    #[error("gave a token of another identity: asked for {asked}, got {got}")]
    OtherIdentity { asked: Chosen, got: String },

    /// Another service would take it, this database would not, and it must not see it.
    #[error("gave a token for `{got}`, and the database takes those for `{wanted}`")]
    OtherAudience { wanted: Audience, got: String },

    /// A protocol, a header or a log would read it as something else from there on.
    #[error("gave a token with {what} in it")]
    Stray { what: &'static str },

    /// A program did not give a token.
    #[error("{0}")]
    Program(ProgramFault),

    /// A file that should hold a token holds nothing.
    #[error("is empty")]
    Empty,

    /// A file cannot be read, or is none.
    #[error("cannot read {what} `{}`", path.display())]
    File {
        /// For example "the token file".
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// As a person reads a moment: UTC, to the second.
fn moment(at: SystemTime) -> String {
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    azure_core::time::to_rfc3339(&whole.into())
}

/// As a person says how long ago something was.
fn roughly(ago: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match ago.as_secs() {
        seconds if seconds < 2 * MINUTE => format!("{seconds} s"),
        seconds if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", seconds / DAY),
    }
}

/// A token that has been over for longer than this is not about to be renewed by whoever gives it.
const STALE: Duration = Duration::from_secs(60);

/// An HTTP answer that is not a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// `error` and the first line of `error_description`, quoted; empty when there was neither.
    pub(crate) text: String,
    /// The number after `AADSTS`.
    pub(crate) aadsts: Option<u32>,
    pub(crate) retry_after: Option<Duration>,
}

impl std::fmt::Display for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.text.as_str() {
            "" => write!(f, "answered {}", self.status),
            text => write!(f, "answered {}: {text}", self.status),
        }
    }
}

impl Answered {
    /// Microsoft's identity endpoints have four shapes of error bodies; anything else is not quoted.
    pub(crate) fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let text_at = |pointer: &str| body.pointer(pointer).and_then(|value| value.as_str());
        let error = text_at("/error").or_else(|| text_at("/error/code"));
        let said = [
            "/error_description",
            "/error/message",
            "/message",
            "/Message",
        ]
        .into_iter()
        .find_map(text_at);
        let text = match (error, said) {
            (Some(error), Some(said)) if said.contains(error) => first_line(said),
            // The code says more than OAuth's word for "no".
            (Some(_), Some(said)) if said.contains("AADSTS") => first_line(said),
            (Some(error), Some(said)) => format!("{}: {}", first_line(error), first_line(said)),
            (Some(only), None) | (None, Some(only)) => first_line(only),
            (None, None) => String::new(),
        };
        Self {
            status,
            aadsts: aadsts(&text),
            text,
            retry_after,
        }
    }

    /// Whether it is a "no" to the identity that was asked for, and not to anything else in the question.
    pub(crate) fn is_about_identity(&self) -> bool {
        match self.aadsts {
            Some(code) => code == UNKNOWN_APPLICATION,
            None => self.status == 400 && !self.says("multiple"),
        }
    }

    /// Whether the text has `part` in it, whatever the case.
    pub(crate) fn says(&self, part: &str) -> bool {
        self.text
            .to_ascii_lowercase()
            .contains(&part.to_ascii_lowercase())
    }
}

/// The authority's code for a client id that is not in the tenant.
pub(crate) const UNKNOWN_APPLICATION: u32 = 700_016;

/// What others say, made harmless: the first line that says something.
pub(crate) fn first_line(text: &str) -> String {
    Quoted(text.as_bytes()).first_line().to_string()
}

/// The number in `AADSTS700016: …`.
fn aadsts(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What a program did instead of printing a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramFault {
    #[error("`{program}` was not found")]
    NotFound { program: String },
    #[error("`{program}` could not be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("`{program}` ended with {status}{}", colon(said))]
    Failed {
        program: String,
        status: String,
        said: String,
    },
    #[error("`{program}` did not end within {} s and was stopped", limit.as_secs())]
    TooSlow { program: String, limit: Duration },
    #[error("`{program}` printed more than {limit} bytes")]
    TooMuch { program: String, limit: usize },
}

fn colon(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

impl SourceFault {
    /// Whether the same question may well be answered a little later.
    pub(crate) fn is_transient(&self, source: SourceKind) -> bool {
        match self {
            Self::Setup { .. }
            | Self::NoIdentity { .. }
            | Self::TaskBroke
            | Self::Unreadable { .. }
            | Self::Empty
            | Self::OtherIdentity { .. }
            | Self::OtherAudience { .. }
            | Self::UnknownIdentity { .. }
            | Self::Redirected { .. }
            | Self::Stray { .. } => false,
            // A person's file or program has to be mended; an endpoint's answer is this machine's clock, as a rule.
            Self::Over { ago, .. } => {
                !matches!(source, SourceKind::File | SourceKind::Command) || *ago < STALE
            }
            Self::UnderWay { .. } => true,
            // Whoever keeps it fresh is at it.
            Self::File { source, .. } => source.kind() == io::ErrorKind::ResourceBusy,
            Self::Http { source, .. } => source.is_transient(),
            Self::Answered(answer) => match answer.status {
                // How IMDS says that it is being updated.
                404 | 410 => matches!(source, SourceKind::Imds | SourceKind::AzureArc),
                408 | 429 | 500..=599 => true,
                _ => answer.says("temporarily_unavailable"),
            },
            Self::AlmostOver { .. } => true,
            Self::Program(program) => match program {
                ProgramFault::TooSlow { .. } => true,
                // Somebody is writing it.
                ProgramFault::Start { source, .. } => {
                    source.kind() == io::ErrorKind::ExecutableFileBusy
                }
                ProgramFault::NotFound { .. }
                | ProgramFault::Failed { .. }
                | ProgramFault::TooMuch { .. } => false,
            },
        }
    }

    /// Whether a login that waits may have the source asked about once a second: it is on this machine, or nobody has been
    /// asked yet. What a throttled endpoint or Microsoft's authority answered is a reason to stay away for longer.
    pub(crate) fn is_cheap_to_repeat(&self, source: SourceKind) -> bool {
        let is_near = match source {
            SourceKind::Imds
            | SourceKind::AppService
            | SourceKind::AzureArc
            | SourceKind::ServiceFabric
            | SourceKind::File => true,
            SourceKind::Auto
            | SourceKind::ManagedIdentity
            | SourceKind::WorkloadIdentity
            | SourceKind::ServicePrincipal
            | SourceKind::AzureCli
            | SourceKind::AzureDeveloperCli
            | SourceKind::AzurePowershell
            | SourceKind::Command => false,
        };
        match self {
            Self::Http { source, .. } => is_near || source.came_to_nobody(),
            Self::Answered(answer) => {
                is_near && answer.status != 429 && answer.retry_after.is_none()
            }
            _ => is_near,
        }
    }

    /// Whose fault it is.
    pub(crate) fn kind(&self, source: SourceKind) -> TokenErrorKind {
        match self {
            Self::UnderWay { .. } if source.asks_a_network() => TokenErrorKind::Network,
            Self::Setup { .. } | Self::NoIdentity { .. } | Self::File { .. } => {
                TokenErrorKind::Configuration
            }
            Self::TaskBroke => TokenErrorKind::Bug,
            Self::Http { source, .. } => source.kind(),
            Self::Redirected { .. } => TokenErrorKind::Network,
            Self::UnknownIdentity { .. } => TokenErrorKind::Identity,
            Self::Answered(_)
            | Self::Unreadable { .. }
            | Self::AlmostOver { .. }
            | Self::Over { .. }
            | Self::UnderWay { .. }
            | Self::Empty
            | Self::OtherIdentity { .. }
            | Self::OtherAudience { .. }
            | Self::Stray { .. } => TokenErrorKind::Identity,
            Self::Program(ProgramFault::NotFound { .. } | ProgramFault::Start { .. }) => {
                TokenErrorKind::Configuration
            }
            Self::Program(
                ProgramFault::Failed { .. }
                | ProgramFault::TooSlow { .. }
                | ProgramFault::TooMuch { .. },
            ) => TokenErrorKind::Identity,
        }
    }

    /// How long the endpoint asked us to stay away.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered(answer) | Self::UnknownIdentity { said: answer, .. } => {
                answer.retry_after
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> String {
        Answered::read(400, None, body.as_bytes()).text
    }

    #[test]
    fn the_bodies_of_each_endpoint_are_understood() {
        assert_eq!(
            text(r#"{"error":"invalid_request","error_description":"Identity not found"}"#),
            "invalid_request: Identity not found"
        );
        assert_eq!(
            text(
                r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.","correlationId":"c"}"#
            ),
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
        );
        assert_eq!(
            text(
                r#"{"error":{"correlationId":"c","code":"ManagedIdentityNotFound","message":"Managed identity not found."}}"#
            ),
            "ManagedIdentityNotFound: Managed identity not found."
        );
        assert_eq!(text("<html>no</html>"), "");
    }

    #[test]
    fn an_authority_is_quoted_by_its_code_and_first_line() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: t","error_codes":[7000215]}"#;
        let answer = Answered::read(401, None, body.as_bytes());
        assert_eq!(
            answer.text,
            "AADSTS7000215: Invalid client secret provided."
        );
        assert_eq!(answer.aadsts, Some(7_000_215));
    }

    #[test]
    fn a_token_in_an_error_is_not_repeated() {
        assert_eq!(
            text(
                r#"{"error":"invalid_grant","error_description":"assertion eyJabc.def.ghi is bad"}"#
            ),
            "invalid_grant: assertion [token] is bad"
        );
    }
}
