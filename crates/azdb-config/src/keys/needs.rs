//! What a key needs around it to have an effect.

use azdb_identity::SourceKind;

use crate::route::ProtocolName;
use crate::upstream_auth::LoginWith;
use crate::upstream_tls::Strength;

/// Without this a key has no effect where it stands.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    /// One of these protocols.
    Protocols(&'static [ProtocolName]),
    /// One of these sources.
    Sources(&'static [SourceKind]),
    /// `upstream_auth = "token"`.
    Tokens,
    /// `upstream_auth = "password"`.
    Password,
    /// A database that is told a user's name.
    UserName,
    /// `upstream_tls = "verify"`.
    VerifiedTls,
    /// `upstream_tls` other than `"verify"`.
    LessThanVerifiedTls,
    /// `upstream_tls` other than `"off"`.
    SomeTls,
    /// No `upstream_ca_file`.
    PlatformRoots,
    /// One upstream.
    OneUpstream,
    /// A unix socket to listen on.
    UnixSocket,
    /// A named pipe to listen on.
    Pipe,
    /// Addresses to listen on at which the kernel tells whose process comes.
    KnownUsers,
    /// A port to listen on.
    Port,
    /// An address to listen on that other machines reach.
    OtherMachines,
    /// A certificate for apps that the proxy makes.
    OwnCertificate,
    /// `session_reuse` other than `"off"`.
    Reuse,
    /// The same, or `ready_sessions`.
    Keeping,
}

/// What has become known of a table while it is read.
pub(crate) enum Fact {
    Protocol(ProtocolName),
    Source(SourceKind),
    Login(LoginWith),
    /// SQL Server with a token.
    UserFromToken,
    Tls(Strength),
    CaFile,
    Upstreams(usize),
    /// `local_tls` without a certificate that the proxy makes.
    NoOwnCertificate,
    /// No session is given to a second app.
    NoReuse,
    /// No session waits for an app.
    NothingKept,
    Listen {
        unix: bool,
        pipe: bool,
        port: bool,
        other_machines: bool,
    },
}

impl Needs {
    /// Why a key that needs this has no effect beside `fact`.
    pub(crate) fn unmet(self, fact: &Fact) -> Option<String> {
        let why = match (self, fact) {
            (Self::Protocols(known), Fact::Protocol(other)) if !known.contains(other) => {
                let known: Vec<_> = known.iter().map(ToString::to_string).collect();
                format!(
                    "is for {}, and protocol is \"{other}\"",
                    known.join(" and ")
                )
            }
            (Self::Sources(known), Fact::Source(other)) if !known.contains(other) => {
                let known: Vec<_> = known.iter().map(|kind| kind.as_str()).collect();
                format!(
                    "means nothing to source {other}, only to {}",
                    known.join(", ")
                )
            }
            (Self::Tokens, Fact::Login(LoginWith::Password)) => {
                "is for tokens, and upstream_auth is \"password\"".to_owned()
            }
            (Self::Password, Fact::Login(LoginWith::Token)) => {
                "needs upstream_auth = \"password\"".to_owned()
            }
            (Self::UserName, Fact::UserFromToken) => {
                "the token says who the user is: leave it out, \
                 or use upstream_auth = \"password\" for a development server"
                    .to_owned()
            }
            (Self::VerifiedTls, Fact::Tls(Strength::Unverified | Strength::Off)) => {
                "means nothing without upstream_tls = \"verify\"".to_owned()
            }
            (Self::LessThanVerifiedTls, Fact::Tls(Strength::Verify)) => {
                "means nothing with upstream_tls = \"verify\": a verified server may be told"
                    .to_owned()
            }
            (Self::SomeTls, Fact::Tls(Strength::Off)) => "upstream_tls is \"off\"".to_owned(),
            (Self::PlatformRoots, Fact::CaFile) => {
                "means nothing beside upstream_ca_file, which says alone whom this route trusts"
                    .to_owned()
            }
            (Self::OneUpstream, Fact::Upstreams(many @ 2..)) => {
                format!(
                    "would be dialled in place of all {many} upstreams: leave one upstream only"
                )
            }
            (Self::UnixSocket, Fact::Listen { unix: false, .. }) => {
                "guards unix sockets, and listen has none".to_owned()
            }
            (Self::Pipe, Fact::Listen { pipe: false, .. }) => {
                "guards named pipes, and listen has none".to_owned()
            }
            (Self::KnownUsers, Fact::Listen { port: true, .. }) if !cfg!(target_os = "linux") => {
                "this system tells whose process comes over a unix socket only, and listen has others"
                    .to_owned()
            }
            (Self::Port, Fact::Listen { port: false, .. }) => {
                "is for ports, and listen has none".to_owned()
            }
            (
                Self::OtherMachines,
                Fact::Listen {
                    other_machines: false,
                    ..
                },
            ) => "is for apps on other machines, and listen has no address that they reach"
                .to_owned(),
            (Self::OwnCertificate, Fact::NoOwnCertificate) => {
                "is for the certificate that the proxy makes, and local_tls shows none or another".to_owned()
            }
            (Self::Reuse, Fact::NoReuse) => {
                "is for session_reuse = \"reset\", and that is \"off\"".to_owned()
            }
            (Self::Keeping, Fact::NothingKept) => {
                "needs ready_sessions or session_reuse = \"reset\"".to_owned()
            }
            _ => return None,
        };
        Some(why)
    }

    /// The same for a reader who has not made the mistake yet, in Markdown.
    pub(crate) fn in_words(self) -> Option<String> {
        let text = match self {
            Self::Protocols(known) => format!("For {}", quoted(known)),
            Self::Sources(known) => format!("Only with source {}", quoted(known)),
            Self::Tokens => "Not with a password".to_owned(),
            Self::Password => "Only with `upstream_auth = \"password\"`".to_owned(),
            Self::PlatformRoots => "Not beside `upstream_ca_file`".to_owned(),
            Self::OneUpstream => "Not with several upstreams".to_owned(),
            Self::VerifiedTls => "Only with `upstream_tls = \"verify\"`".to_owned(),
            Self::Reuse => "Only with `session_reuse = \"reset\"`".to_owned(),
            Self::Keeping => "Only with `ready_sessions` or `session_reuse`".to_owned(),
            // Their descriptions say it.
            Self::LessThanVerifiedTls
            | Self::UserName
            | Self::SomeTls
            | Self::UnixSocket
            | Self::Pipe
            | Self::KnownUsers
            | Self::Port
            | Self::OtherMachines
            | Self::OwnCertificate => {
                return None;
            }
        };
        Some(text)
    }

    /// Whether it is met or not does not depend on other keys that come and go, but on what the table is for.
    pub(crate) fn is_kind_of_table(self) -> bool {
        matches!(self, Self::Protocols(_) | Self::Sources(_))
    }
}

fn quoted(words: &[impl ToString]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.to_string()))
        .collect();
    words.join(", ")
}
