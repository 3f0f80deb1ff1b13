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
//!   http: one request, no proxy, no redirect       (sdk: what azure_identity asks, we carry)
//! ```
//!
//! # Invariants
//!
//! * A token is never printed: [`Token`] has neither `Debug` nor `Display`, and quoted text of others loses what looks like one.
//! * A token never lies in memory of ours that is not wiped when it goes.
//! * No HTTP proxy and no redirect is ever followed on the way to a token.
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
mod remedy;
mod round;
mod schedule;
mod sdk;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod tokens;

pub use audience::{Audience, Cloud};
pub use clock::Clock;
pub use environment::Environment;
pub use error::{TokenError, TokenErrorKind};
pub use identity::{IdentityConfig, Selector, SourceKind, UnknownSource};
pub use status::TokenStatus;
pub use token::{Claims, Token};
pub use tokens::Tokens;
