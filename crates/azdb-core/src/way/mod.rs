//! The ways between the two sides: legs, dialling, TLS around them, and the proof that one may carry a secret.
//!
//! ```text
//!   app ---- Leg<A> --accept--> AppLeg<A>          Upstream<S> <--seal-- Dial <---- upstream
//!                                                   Sealed | Plain
//! ```
//!
//! # Invariants
//!
//! * A [`Sealed`] way is made by [`seal`] and [`seal_in_packets`] alone, and only for a route that verifies certificates.
//! * What was read too far travels with its leg.

mod accept;
mod dial;
mod home;
pub(crate) mod in_packets;
mod leg;
mod maybe_tls;
mod refuge;
mod sealed;
mod search;

pub(crate) use crate::unsent::{Unsent, poll_some};
pub(crate) use accept::{AppLeg, accept, accept_in_packets};
pub(crate) use dial::{Connected, Dial, Tcp};
pub(crate) use home::Departure;
pub use home::Home;
pub(crate) use in_packets::{Framing, Share};
pub(crate) use leg::{BreakOff, Leg, Stream};
pub(crate) use maybe_tls::MaybeTls;
pub(crate) use refuge::Refuge;
pub(crate) use sealed::{Sealed, Upstream, seal, seal_in_packets};
pub(crate) use search::{Dialled, Opened, Opening, Search};

/// First byte of a TLS record that holds a handshake (RFC 8446, section 5.1). No first packet of the three protocols begins with it.
pub(crate) const TLS_HANDSHAKE: u8 = 0x16;

/// What must hold besides the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// The peer may leave the protocol unsaid.
    Optional,
    /// The peer must have chosen ours: there was no request for TLS in a protocol of its own.
    Required,
}

#[cfg(test)]
mod tests;
