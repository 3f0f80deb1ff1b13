//! A lobby of a protocol that says nothing.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod admission;
mod credentials;
mod places;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::AtomicUsize;

use azdb_config::route::{Principals, ProtocolName};

use super::*;
use crate::deadline::Deadline;
use crate::fault::{Explained, Fault, Kind, OwnFault};
use crate::ledger::Reset;
use crate::parting::NotIn;
use crate::relay::{Cut, Watch};
use crate::rig::{House, PRINCIPAL};
use crate::stranger::Stranger;
use crate::tls::{TlsEnd, TlsUse};
use crate::way::{Leg, MaybeTls, Upstream};

/// Nobody speaks it.
struct Silence;

impl Protocol for Silence {
    const TLS: TlsUse = TlsUse {
        alpn: &[],
        in_packets: false,
        app_end: TlsEnd::Bare,
        upstream_end: TlsEnd::Bare,
    };

    type State<S: Stream> = AtomicUsize;
    type App<A: Stream> = MaybeTls<Leg<A>>;
    type Upstream<S: Stream> = Upstream<S>;
    type Watch = Unwatched;
    type Fault = Said;
    type Pattern = Infallible;
    type Memory = Infallible;

    const GOODBYE: &'static [u8] = b"";

    async fn log_in_again<D: Dial>(
        pattern: &Infallible,
        _: &Lobby<Self, D>,
        _: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<Said>> {
        match *pattern {}
    }

    async fn reset<D: Dial>(
        _: &mut Upstream<D::Stream>,
        memory: &Infallible,
        _: Unwatched,
        _: &Lobby<Self, D>,
    ) -> Reset {
        match *memory {}
    }

    fn connection<S: Stream>(upstream: &mut Upstream<S>) -> &mut S {
        upstream.connection()
    }

    async fn login<A: Stream, D: Dial>(
        _: A,
        _: &Place,
        _: &Lobby<Self, D>,
        _: &Deadline,
    ) -> Result<Login<Self, A, D::Stream>, NotIn<Said>> {
        Ok(Login::Nobody(Stranger::Probe))
    }
}

struct Unwatched;

impl Watch for Unwatched {
    fn app_sent(&mut self, _: &[u8]) -> Cut {
        Cut::Through
    }

    fn upstream_sent(&mut self, _: &[u8]) {}

    fn at_rest(&self) -> bool {
        true
    }
}

/// What an upstream said.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Said(&'static str);

impl Explained for Said {
    fn label(&self) -> &'static str {
        "said"
    }

    fn kind(&self) -> Kind {
        Kind::Upstream
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed("listen")
    }
}

impl OwnFault for Said {
    fn told(&self) -> String {
        self.to_string()
    }

    fn upstreams_words(&mut self) -> Vec<&mut Vec<u8>> {
        Vec::new()
    }

    fn says_token_expired(&self) -> bool {
        self.0.contains("expired")
    }

    fn is_away(&self) -> bool {
        self.0.contains("away")
    }
}
