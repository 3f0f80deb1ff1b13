//! Packets of a login over a leg: both sides together count them.

use std::io;

use azdb_wire::mysql::{Header, Next, PacketError, next_packet, push_packet};
use zeroize::Zeroizing;

use super::Secretive;
use crate::way::{Leg, Stream};

/// A leg, and the number of the next packet on it.
pub(super) struct Channel<'a, S> {
    leg: &'a mut Leg<S>,
    next: u8,
}

/// Why a packet was not read.
#[derive(Debug)]
pub(super) enum NoPacket {
    /// The connection broke or ended.
    Lost(io::Error),
    /// It is none.
    Bad(PacketError),
}

impl<'a, S: Stream> Channel<'a, S> {
    /// A channel within an exchange whose next packet has this number.
    pub(super) fn at(leg: &'a mut Leg<S>, next: u8) -> Self {
        Self { leg, next }
    }

    pub(super) fn leg(&mut self) -> &mut Leg<S> {
        self.leg
    }

    /// The number of the next packet.
    pub(super) fn next(&self) -> u8 {
        self.next
    }

    /// Reads one packet.
    pub(super) async fn read(&mut self) -> Result<Secretive, NoPacket> {
        loop {
            let need = match next_packet(self.leg.unread()).map_err(NoPacket::Bad)? {
                Next::Packet { number, payload } => {
                    let payload = Zeroizing::new(payload.to_vec());
                    self.next = number.wrapping_add(1);
                    self.leg.consume(Header::LEN + payload.len());
                    return Ok(payload);
                }
                Next::NeedBytes(need) => need,
            };
            self.leg.fill(need).await.map_err(NoPacket::Lost)?;
        }
    }

    /// Writes one packet.
    pub(super) async fn say(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut packet = Zeroizing::new(Vec::with_capacity(Header::LEN + payload.len()));
        push_packet(&mut packet, self.next, payload);
        self.say_packet(&packet).await
    }

    /// Writes one packet, header included, that has been given the next number.
    pub(super) async fn say_packet(&mut self, packet: &[u8]) -> io::Result<()> {
        self.next = self.next.wrapping_add(1);
        self.leg.say(packet).await
    }
}
