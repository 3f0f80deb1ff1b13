//! Microsoft Entra tokens for a process: every place where Azure gives one an identity, behind one cache.
//!
//! ```text
//!   Tokens::get(identity, audience)
//!      |
//!      |  plan: which source, which identity       (source::pick: once per configuration)
//!      v
//!   Keeper  one task per (source, identity, audience): fetch, publish, wait
//!      |
//!      v
//!   TokenSource  imds | app-service | azure-arc | ... | command | file
//!      |
//!      v
//!   http: one request, no redirect                 (sdk: what azure_identity asks, we carry)
//!      |
//!      |  proxy: CONNECT, on the way to Entra's authority, where the configuration says so
//!      v
//!   endpoint
//! ```
//!
//! # Invariants
//!
//! * A token is never printed: [`Token`] has neither `Debug` nor `Display`, and quoted text of others loses what looks like one.
//! * A token never lies in memory of ours that is not wiped when it goes.
//! * No redirect is ever followed on the way to a token, and no HTTP proxy used but the one that the configuration names
//!   for Entra's authority, which sees a host name and TLS.
//! * A token for another audience than the wanted one, or with a byte in it that no token has, is given to nobody.
//! * Whatever others send has a cap: answers and their heads, what programs print, files.
//! * Nothing waits for a fetch while a token is good for another 60 seconds, and none with less is handed out.

mod answer;
mod audience;
mod clock;
mod environment;
mod error;
mod fault;
mod http;
mod identity;
mod keeper;
mod proxy;
mod remedy;
mod round;
mod schedule;
mod sdk;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod tokens;
mod whereabouts;

pub use audience::{Audience, Cloud, OwnCloud};
pub use clock::Clock;
pub use environment::Environment;
pub use error::{TokenError, TokenErrorKind};
pub use identity::{ClientSecret, IdentityConfig, Selector, SourceKind, UnknownSource};
pub use proxy::{AuthorityProxy, NoProxyUrl, ProxyUrl};
pub use status::{Outlook, TokenStatus};
pub use token::{Claims, Token};
pub use tokens::Tokens;
