//! Responses as packets of the agreed size.

use std::io;
use std::sync::Arc;

use super::super::packet::{HEADER, kind, packet};
use super::super::wire::Outgoing;
use super::Served;
use super::smp::Stream;

/// Where a stream's packets go.
pub(super) enum To {
    Direct(Arc<Outgoing>),
    Smp(Arc<Stream>),
}

/// The sending side of one stream of requests.
pub(in crate::tds) struct Out {
    to: To,
    spid: u16,
    room: usize,
    number: u8,
    buffer: Vec<u8>,
}

impl Out {
    pub(super) fn new(to: To, served: &Served) -> Self {
        Self {
            to,
            spid: served.spid,
            room: served.packet_size - HEADER,
            number: 0,
            buffer: Vec::new(),
        }
    }

    /// Adds tokens to the response and sends what fills packets.
    pub(in crate::tds) async fn push(&mut self, tokens: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(tokens);
        while self.buffer.len() > self.room {
            let rest = self.buffer.split_off(self.room);
            let full = std::mem::replace(&mut self.buffer, rest);
            self.send(&full, false).await?;
        }
        Ok(())
    }

    /// Ends the response.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.buffer);
        self.send(&rest, true).await?;
        self.number = 0;
        Ok(())
    }

    async fn send(&mut self, data: &[u8], last: bool) -> io::Result<()> {
        self.number = self.number.wrapping_add(1);
        let packet = packet(kind::RESPONSE, last, self.spid, self.number, data);
        match &self.to {
            To::Direct(outgoing) => outgoing.send(&packet).await,
            To::Smp(stream) => stream.send(&packet).await,
        }
    }
}
