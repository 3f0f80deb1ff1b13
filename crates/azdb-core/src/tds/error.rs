//! What can go wrong in a login of SQL Server's protocol, besides what can in any.

use azdb_quote::Quoted;
use azdb_wire::tds::{Login7Error, LoginTooLong, PacketError, PreloginError, TokenError, Version};

/// A step of SQL Server's protocol went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TdsError {
    /// The app broke the rules.
    #[error("the app sent {0}")]
    AppPacket(&'static str),

    /// The app's PRELOGIN is none.
    #[error("the app sent something else than a PRELOGIN")]
    AppPrelogin(#[source] PreloginError),

    /// The app's LOGIN7 is none.
    #[error("the app sent something else than a login")]
    AppLogin(#[from] Login7Error),

    /// The app's driver reads only a version that the upstream does not speak to us.
    #[error("the app's driver speaks TDS {0} and nothing newer")]
    AppVersion(Version),

    /// The app asks for something that would not happen.
    #[error("the app asks for {0}")]
    AppWants(&'static str),

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
    UpstreamAnswer(#[from] TokenError),

    /// The upstream let somebody in, and does not say that it was because of the token.
    #[error("upstream did not say that it took the token")]
    TokenNotTaken,

    /// The app was told that it may ask several things at a time.
    #[error("upstream does not do MARS")]
    NoMars,

    /// Packets of the agreed size do not fit in TLS records.
    #[error("upstream wants packets of {size} bytes, {most} fit in a TLS record")]
    PacketSize {
        /// What it wants.
        size: u32,
        /// What fits.
        most: u32,
    },

    /// The upstream sends us where we do not go.
    #[error("upstream sends us to {}, {why}", Quoted(.to.as_bytes()))]
    Route {
        /// As the upstream writes it, with the port.
        to: String,
        /// What is wrong with it.
        why: &'static str,
    },

    /// The upstream sends us on and on.
    #[error("upstream sent us on {0} times")]
    Hops(usize),
}
