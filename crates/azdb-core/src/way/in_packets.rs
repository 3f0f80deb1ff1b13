//! TLS 1.2 whose handshake goes inside packets of the protocol, and everything after it outside. TDS 7 does so:
//!
//! ```text
//!   client                             server
//!   12 [ClientHello]          ───►
//!                             ◄───     12 [ServerHello .. ServerHelloDone]
//!   12 [.. Finished]          ───►
//!                             ◄───     12 [.. Finished]
//!   TLS{ 10 LOGIN7 }          ───►     records straight on TCP from here on
//! ```
//!
//! The handshake is done by hand, and its [`Records`] then go around the stream: the layering turns over once, and what runs for
//! the life of a connection knows nothing of it. What a packet is says a [`Framing`].
//!
//! # Invariants
//!
//! * Each flight is one message, whatever its length: drivers read exactly one for each of theirs.
//! * Packets are read whole and never further, so that no byte of the records behind them is lost.
//! * An app may end its last message with packets that hold nothing.

use std::future::Future;
use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use super::{Leg, Stream};
use crate::tls_stream::{Records, TlsStream};

/// Most bytes of a peer's half of the handshake: a chain of long certificates has 20 KiB.
const MOST: usize = 256 * 1024;

/// Most packets of it, of any length. Peers send each flight in one message, and cut a long one at 512 bytes at the least.
const MOST_PACKETS: usize = 1024;

/// The packets of a protocol that carry a handshake.
pub(crate) trait Framing {
    /// Appends the message that carries `flight` to `out`.
    fn wrap(flight: &[u8], out: &mut Vec<u8>);

    /// Reads one packet, and no byte beyond it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] for what is no packet of a handshake, and whatever the stream reports.
    fn unwrap<S: Stream>(leg: &mut Leg<S>) -> impl Future<Output = io::Result<Share>> + Send;
}

/// A packet's share of a handshake.
pub(crate) struct Share {
    pub(crate) payload: Vec<u8>,
    /// Its message ends with it.
    pub(crate) is_last: bool,
}

/// Where a handshake ended.
#[derive(Debug, PartialEq, Eq)]
enum Reached {
    /// The end of the peer's last message.
    End,
    /// A packet of it that said there were more.
    Middle,
}

/// Shakes hands with an upstream.
///
/// # Errors
///
/// What rustls or the stream says.
pub(crate) async fn connect<F: Framing, S: Stream>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    mut leg: Leg<S>,
) -> io::Result<TlsStream<S>> {
    let mut records = Records::client(config, name)?;
    // Where the end of the upstream's message is not said, it is not waited for: what comes next is ours to say.
    let _ = shake::<F, _>(&mut leg, &mut records).await?;
    let stuffed = |_| bad("bytes behind the handshake");
    let stream = leg.into_stream().map_err(stuffed)?;
    Ok(TlsStream::after(records, stream))
}

/// Shakes hands with an app, whose ClientHello has not been read yet.
///
/// # Errors
///
/// What rustls or the stream says.
pub(crate) async fn accept<F: Framing, A: Stream>(
    config: Arc<ServerConfig>,
    mut leg: Leg<A>,
) -> io::Result<TlsStream<Leg<A>>> {
    let mut records = Records::server(config)?;
    if shake::<F, _>(&mut leg, &mut records).await? == Reached::Middle {
        end_message::<F, _>(&mut leg).await?;
    }
    Ok(TlsStream::after(records, leg))
}

/// Reads packets without contents up to the last of their message, or up to the first record.
async fn end_message<F: Framing, A: Stream>(leg: &mut Leg<A>) -> io::Result<()> {
    for _ in 0..MOST_PACKETS {
        leg.fill(1).await?;
        // A driver that never says where a message ends goes on with TLS itself.
        if leg.unread().first().is_some_and(|byte| is_record(*byte)) {
            return Ok(());
        }
        let share = F::unwrap(leg).await?;
        if !share.payload.is_empty() {
            return Err(bad("bytes behind the handshake"));
        }
        if share.is_last {
            return Ok(());
        }
    }
    Err(bad("a handshake without end"))
}

/// Whether a TLS record begins so (RFC 8446, section 5.1).
fn is_record(first: u8) -> bool {
    (20..=23).contains(&first)
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn shake<F: Framing, S: Stream>(
    leg: &mut Leg<S>,
    records: &mut Records,
) -> io::Result<Reached> {
    let (mut heard, mut packets, mut reached) = (0, 0, Reached::End);
    loop {
        send_flight::<F, _>(leg, records).await?;
        if !records.is_shaking() {
            return Ok(reached);
        }
        let Share { payload, is_last } = F::unwrap(leg).await?;
        (heard, packets) = (heard + payload.len(), packets + 1);
        reached = if is_last {
            Reached::End
        } else {
            Reached::Middle
        };
        if heard > MOST || packets > MOST_PACKETS {
            return Err(bad("a handshake without end"));
        }
        if let Err(error) = records.hear(&payload) {
            // The alert tells the peer why; it may have gone already.
            let _ = send_flight::<F, _>(leg, records).await;
            return Err(error);
        }
    }
}

/// Sends what TLS wants to say, if anything, as one message.
async fn send_flight<F: Framing, S: Stream>(
    leg: &mut Leg<S>,
    records: &mut Records,
) -> io::Result<()> {
    let flight = records.take_outgoing();
    if flight.is_empty() {
        return Ok(());
    }
    let mut message = Vec::new();
    F::wrap(&flight, &mut message);
    leg.say(&message).await
}
