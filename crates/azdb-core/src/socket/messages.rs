//! One message of a pipe for each packet of TDS, as SQL Server writes them: its clients read a pipe by messages.
//!
//! A packet comes as it is, in TLS's records, or in an envelope of MARS; where one ends is written in its first bytes.
//!
//! # Invariants
//!
//! * No more than one packet is held back, and only until all of it has come.

use std::io;
use std::task::{Poll, ready};

use azdb_wire::tds::{Header, SmpHeader, frame_length, kind};

/// What is longer is no packet.
const LONGEST: usize = 1 << 17;

/// The packet that is being written.
#[derive(Debug, Default)]
pub(super) struct Messages {
    held: Vec<u8>,
}

/// Where the packet ends with whose first bytes something begins.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// After so many bytes.
    At(usize),
    /// Only so many more bytes will say it.
    Needs(usize),
    /// It is no packet that is known here.
    Nowhere,
}

impl End {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            // A record of TLS.
            [0x14..=0x17, 3, _, high, low, ..] => {
                Self::At(5 + usize::from(u16::from_be_bytes([*high, *low])))
            }
            [0x14..=0x17, 3, rest @ ..] => Self::Needs(3_usize.saturating_sub(rest.len())),
            [0x14..=0x17] => Self::Needs(1),
            [first, ..] => match frame_length(bytes) {
                Ok(Some(length)) if length <= LONGEST => Self::At(length),
                Ok(Some(_)) | Err(_) => Self::Nowhere,
                Ok(None) => {
                    let header = match *first {
                        kind::SMP => SmpHeader::LEN,
                        _ => Header::LEN,
                    };
                    Self::Needs(header.saturating_sub(bytes.len()))
                }
            },
            [] => Self::Needs(1),
        }
    }
}

impl Messages {
    /// Takes bytes, and has `send` send whole packets, of which it takes all or nothing.
    pub(super) fn poll_write(
        &mut self,
        bytes: &[u8],
        mut send: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_whole(&mut send))?;
        if self.held.is_empty() {
            match End::of(bytes) {
                End::At(length) => {
                    if let Some(packet) = bytes.get(..length) {
                        return send(packet);
                    }
                }
                End::Nowhere => return send(bytes),
                End::Needs(_) => {}
            }
        }
        let taken = self.take(bytes);
        match self.poll_whole(&mut send) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // It goes next: before more is taken, or when it is asked for.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    /// Sends what is held and whole.
    pub(super) fn poll_whole(
        &mut self,
        send: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        match End::of(&self.held) {
            End::At(length) if length <= self.held.len() => self.poll_rest(send),
            End::Nowhere => self.poll_rest(send),
            End::At(_) | End::Needs(_) => Poll::Ready(Ok(())),
        }
    }

    /// Sends what is held, whole or not.
    pub(super) fn poll_rest(
        &mut self,
        mut send: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            ready!(send(&self.held))?;
            self.held = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Takes bytes up to the end of the packet that is held.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        loop {
            let missing = match End::of(&self.held) {
                End::At(length) => length.saturating_sub(self.held.len()),
                End::Needs(more) => more,
                End::Nowhere => 0,
            };
            let (now, later) = rest.split_at(missing.min(rest.len()));
            if now.is_empty() {
                return bytes.len() - rest.len();
            }
            self.held.extend_from_slice(now);
            rest = later;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(8 + data.len()).unwrap().to_be_bytes();
        [&[kind, 1, length[0], length[1], 0, 0, 1, 0], data].concat()
    }

    fn record(data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [&[0x17, 3, 3, length[0], length[1]], data].concat()
    }

    fn envelope(data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + data.len()).unwrap().to_le_bytes();
        [&[kind::SMP, 8, 0, 0], &length[..], &[0; 8], data].concat()
    }

    /// Writes `chunks` to a pipe that is ready only each `pause`th time, and gives its messages.
    fn written(chunks: &[Vec<u8>], pause: usize) -> Vec<Vec<u8>> {
        let (mut messages, mut sent, mut asked) = (Messages::default(), Vec::new(), 0);
        let mut send = |bytes: &[u8]| {
            asked += 1;
            if asked % pause != 0 {
                return Poll::Pending;
            }
            sent.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        };
        for chunk in chunks {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                if let Poll::Ready(taken) = messages.poll_write(rest, &mut send) {
                    rest = &rest[taken.unwrap()..];
                }
            }
        }
        while messages.poll_rest(&mut send).is_pending() {}
        sent
    }

    proptest! {
        #[test]
        fn each_packet_is_one_message_however_it_comes(
            data in prop::collection::vec((0..3_u8, prop::collection::vec(any::<u8>(), 0..40)), 1..8),
            cuts in prop::collection::vec(1..60_usize, 1..20),
            pause in 1..4_usize,
        ) {
            let packets: Vec<Vec<u8>> = data
                .iter()
                .map(|(kind, data)| match kind {
                    0 => packet(4, data),
                    1 => record(data),
                    _ => envelope(&packet(4, data)),
                })
                .collect();
            let all = packets.concat();
            let (mut chunks, mut rest, mut cuts) = (Vec::new(), &all[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (chunk, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                chunks.push(chunk.to_vec());
                rest = later;
            }
            prop_assert_eq!(written(&chunks, pause), packets);
        }
    }

    #[test]
    fn what_is_no_packet_goes_as_it_comes() {
        let chunks = [b"HTTP/1.1".to_vec(), vec![4, 1, 0, 3, 9], vec![0x17, 9, 1]];
        let [_, short, other] = &chunks;
        for alone in [short, other].map(std::slice::from_ref) {
            assert_eq!(written(alone, 1), alone);
        }
        assert_eq!(written(&chunks, 1).concat(), chunks.concat());
    }
}
