//! What can go wrong in a login of SQL Server's protocol, besides what can in any.

use std::borrow::Cow;

use azdb_quote::{Chain, Quoted};
use azdb_wire::tds::{
    Login7Error, LoginAnswer, LoginTooLong, OldVersion, PacketError, PreloginError,
    StreamTokenError, Version,
};

use super::numbers;
use crate::fault::{Explained, Kind, Meaning, OwnFault, ProvedBy};

/// A step of SQL Server's protocol went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TdsFault {
    /// The app broke the rules.
    #[error("the app sent {0}")]
    AppPacket(&'static str),

    /// The app's LOGIN7 is none.
    #[error("the app sent something else than a login")]
    AppLogin(#[from] Login7Error),

    /// The app asks for a version of TDS that is none.
    #[error("the app's driver asks for TDS {0}")]
    AppVersion(Version),

    /// The app logs in as before TDS 7.
    #[error("the app's driver speaks TDS {0}, which SQL Server has given up")]
    OldLogin(OldVersion),

    /// The app asks for something that would not happen.
    #[error("the app asks for {0}")]
    AppWants(&'static str),

    /// The app comes with integrated security, and `user_map` goes by names.
    #[error("the app names no user, as with integrated security, and user_map goes by the user")]
    NoUser,

    /// The app has something else than the password that it must have.
    #[error("the app comes with {0}, and this route asks for a user and a password")]
    AppHasNoPassword(&'static str),

    /// The app's password would be, or was, heard by whoever is on the way.
    #[error("the app speaks without TLS, and its password can be heard on the way here")]
    AppPasswordInClear,

    /// A name or the token is longer than LOGIN7 can say.
    #[error("cannot write the login")]
    LoginTooLong(#[from] LoginTooLong),

    /// The upstream's PRELOGIN is none.
    #[error("upstream answered something else than a PRELOGIN")]
    UpstreamPrelogin(#[source] PreloginError),

    /// The upstream sent a packet that is none.
    #[error("upstream sent a bad packet")]
    UpstreamPacket(#[source] PacketError),

    /// The upstream's answer to the login is none.
    #[error("upstream sent a bad answer")]
    UpstreamAnswer(#[from] StreamTokenError),

    /// The upstream let somebody in, and does not say that it was because of the token.
    #[error("upstream did not say that it took the token")]
    TokenNotTaken,

    /// The app was told that it may ask several things at a time.
    #[error("upstream does not do MARS, which was not known when the app asked")]
    NoMars,

    /// The app was told so, too, and reads a version that has to be translated.
    #[error("the app asks for TDS {0} with MARS, which are not to be had together with a token")]
    MarsInDialect(Version),

    /// Packets of the agreed size do not fit in TLS records.
    #[error("upstream wants packets of {size} bytes, {most} fit in a TLS record")]
    PacketSize {
        /// What it wants.
        size: u32,
        /// What fits.
        most: u32,
    },

    /// The upstream sends us where we do not go.
    #[error("upstream sends us to {}, {why}", Quoted(.to))]
    Route {
        /// As the upstream writes it, with the port.
        to: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// The upstream sends us on and on.
    #[error("upstream sent us on {0} times")]
    Hops(usize),

    /// The upstream refused, in its own words.
    #[error("upstream refused: {}", Quoted(.message))]
    Refused {
        /// The texts of its errors.
        message: Vec<u8>,
        /// The payload of its answer.
        body: Vec<u8>,
        /// The version that it was asked for, whose widths its answer has.
        asked: Version,
        /// Of what.
        proved_by: ProvedBy,
    },
}

impl Explained for TdsFault {
    fn label(&self) -> &'static str {
        match self {
            Self::AppPacket(_) | Self::AppLogin(_) => "app_protocol",
            Self::AppVersion(_) | Self::OldLogin(_) => "app_version",
            Self::AppWants(_) => "app_wants_the_impossible",
            Self::NoUser => "no_user",
            Self::AppHasNoPassword(_) => "app_without_password",
            Self::AppPasswordInClear => "app_without_tls",
            Self::LoginTooLong(_) => "login_too_long",
            Self::UpstreamPrelogin(_) | Self::UpstreamPacket(_) | Self::UpstreamAnswer(_) => {
                "upstream_protocol"
            }
            Self::TokenNotTaken => "token_not_taken",
            Self::NoMars | Self::MarsInDialect(_) => "no_mars",
            Self::PacketSize { .. } => "packet_size",
            Self::Route { .. } => "routing_target",
            Self::Hops(_) => "routing_hops",
            Self::Refused { .. } => "refused_by_upstream",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::AppPacket(_) | Self::AppLogin(_) | Self::AppVersion(_) | Self::AppWants(_) => {
                Kind::User
            }
            Self::OldLogin(_)
            | Self::NoUser
            | Self::AppHasNoPassword(_)
            | Self::AppPasswordInClear => Kind::User,
            Self::NoMars | Self::MarsInDialect(_) | Self::PacketSize { .. } => Kind::User,
            Self::LoginTooLong(_) => Kind::Limit,
            Self::UpstreamPrelogin(_)
            | Self::UpstreamPacket(_)
            | Self::UpstreamAnswer(_)
            | Self::TokenNotTaken
            | Self::Hops(_) => Kind::Upstream,
            Self::Refused { .. } => self.meaning().map_or(Kind::Upstream, |known| known.kind),
            Self::Route { .. } => Kind::Configuration,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::AppPacket(_) | Self::AppLogin(_) => "connect with a client of SQL Server",
            Self::AppVersion(_) => {
                "set its TDS version to one of SQL Server, 7.0 to 7.4 or 8.0, or take it out of its settings"
            }
            Self::OldLogin(_) => {
                "set its TDS version to 7.4 (FreeTDS: tds version, TDSVER; pymssql: tds_version); a program of DB-Library \
                 (ntwdblib.dll, BDE, isql) has to use ODBC or OLE DB instead"
            }
            Self::AppWants(_) => {
                "take it out of the connection string: the proxy logs in with an identity of its own"
            }
            Self::NoUser => {
                "give the app a user of user_map in place of Integrated Security or Trusted_Connection (User Id=...;Password=...: any password \
                 will do, unless the route has an app_password_file)"
            }
            Self::AppHasNoPassword(_) => {
                "give the app a user and a password of the route's app_password_file (User Id=...;Password=...) in its place"
            }
            Self::AppPasswordInClear => {
                "turn TLS on in the app (Encrypt=yes; FreeTDS: encryption = require), and change the password, which was said in the clear"
            }
            Self::LoginTooLong(_) => {
                "shorten the name; tokens grow with group memberships, use an identity with fewer"
            }
            Self::UpstreamPrelogin(_) | Self::UpstreamPacket(_) | Self::UpstreamAnswer(_) => {
                "check that the upstream is an SQL Server"
            }
            Self::TokenNotTaken => {
                "check that the upstream is Azure SQL, or an SQL Server with Microsoft Entra authentication set up"
            }
            Self::NoMars => {
                "try again: from now on apps of this route are told so in time, and go on without (MultipleActiveResultSets)"
            }
            Self::MarsInDialect(_) => {
                "set MultipleActiveResultSets=False (use_mars=False, MARS_Connection=no), or have the driver ask for TDS 7.4"
            }
            Self::PacketSize { .. } => {
                "set a smaller packet size in the connection string, 8000 for example"
            }
            Self::Route { remedy, .. } => remedy,
            Self::Hops(_) => "look for a circle in the server's redirection",
            Self::Refused { .. } => self.meaning().map_or(
                "the words are the server's own; see its documentation and its log",
                |known| known.remedy,
            ),
        })
    }
}

impl TdsFault {
    /// What a refusal means, where that is known.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Refused {
                message,
                body,
                asked,
                proved_by,
            } => {
                let answer = LoginAnswer::parse(body, *asked).ok()?;
                numbers::meaning_of(message, &answer, *proved_by)
            }
            _ => None,
        }
    }
}

impl OwnFault for TdsFault {
    fn told(&self) -> String {
        match self {
            Self::AppPacket(_)
            | Self::AppLogin(_)
            | Self::AppVersion(_)
            | Self::OldLogin(_)
            | Self::AppWants(_)
            | Self::NoUser
            | Self::AppHasNoPassword(_)
            | Self::AppPasswordInClear
            | Self::LoginTooLong(_)
            | Self::UpstreamPrelogin(_)
            | Self::UpstreamPacket(_)
            | Self::UpstreamAnswer(_)
            | Self::TokenNotTaken
            | Self::NoMars
            | Self::MarsInDialect(_)
            | Self::PacketSize { .. }
            | Self::Route { .. }
            | Self::Hops(_)
            | Self::Refused { .. } => Chain(self).to_string(),
        }
    }

    fn upstreams_words(&mut self) -> Vec<&mut Vec<u8>> {
        match self {
            Self::Refused { message, body, .. } => vec![message, body],
            Self::AppPacket(_)
            | Self::AppLogin(_)
            | Self::AppVersion(_)
            | Self::OldLogin(_)
            | Self::AppWants(_)
            | Self::NoUser
            | Self::AppHasNoPassword(_)
            | Self::AppPasswordInClear
            | Self::LoginTooLong(_)
            | Self::UpstreamPrelogin(_)
            | Self::UpstreamPacket(_)
            | Self::UpstreamAnswer(_)
            | Self::TokenNotTaken
            | Self::NoMars
            | Self::MarsInDialect(_)
            | Self::PacketSize { .. }
            | Self::Hops(_) => Vec::new(),
            Self::Route { to, .. } => vec![to],
        }
    }

    fn says_token_expired(&self) -> bool {
        match self {
            Self::Refused { message, .. } => String::from_utf8_lossy(message)
                .to_ascii_lowercase()
                .contains("token is expired"),
            Self::AppPacket(_)
            | Self::AppLogin(_)
            | Self::AppVersion(_)
            | Self::OldLogin(_)
            | Self::AppWants(_)
            | Self::NoUser
            | Self::AppHasNoPassword(_)
            | Self::AppPasswordInClear
            | Self::LoginTooLong(_)
            | Self::UpstreamPrelogin(_)
            | Self::UpstreamPacket(_)
            | Self::UpstreamAnswer(_)
            | Self::TokenNotTaken
            | Self::NoMars
            | Self::MarsInDialect(_)
            | Self::PacketSize { .. }
            | Self::Route { .. }
            | Self::Hops(_) => false,
        }
    }

    fn is_away(&self) -> bool {
        match self {
            Self::Refused { body, asked, .. } => {
                LoginAnswer::parse(body, *asked).is_ok_and(|answer| {
                    answer
                        .reports()
                        .any(|report| report.is_error && numbers::AWAY.contains(&report.number))
                })
            }
            Self::AppPacket(_)
            | Self::AppLogin(_)
            | Self::AppVersion(_)
            | Self::OldLogin(_)
            | Self::AppWants(_)
            | Self::NoUser
            | Self::AppHasNoPassword(_)
            | Self::AppPasswordInClear
            | Self::LoginTooLong(_)
            | Self::UpstreamPrelogin(_)
            | Self::UpstreamPacket(_)
            | Self::UpstreamAnswer(_)
            | Self::TokenNotTaken
            | Self::NoMars
            | Self::MarsInDialect(_)
            | Self::PacketSize { .. }
            | Self::Route { .. }
            | Self::Hops(_) => false,
        }
    }
}
