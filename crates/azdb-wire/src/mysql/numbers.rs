//! Packets out of envelopes, numbered as a server wants them that was sent none.
//!
//! The libraries of MySQL and MariaDB count envelopes and packets with one counter while they compress (`net_flush`), and their
//! servers look at the envelopes' numbers alone. The packets' own go astray as soon as an answer had another count of packets
//! than of envelopes, and a server that sees packets alone calls that "packets out of order". It matters where an app sends
//! packets that begin no command: the file of LOAD DATA LOCAL.
//!
//! ```text
//!   begins a command                        0
//!   continues a packet, or goes on with a file    one more than the app's last packet
//!   begins a file, or answers otherwise     one more than the upstream's last packet
//! ```

use super::frame::{Header, MAX_PAYLOAD};

/// First byte of the packet by which a server asks for a file.
const WANTS_FILE: u8 = 0xfb;

/// Follows both sides of a session, and renumbers the app's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    app: Side,
    upstream: Side,
    /// The app's last packet was of a file, and not its end.
    file: bool,
}

/// Packets of one side, cut anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Side {
    /// Bytes of the header that have come.
    header: u8,
    /// The payload's length, as far as it has come.
    length: usize,
    /// Bytes of the payload that are still to come.
    payload: usize,
    /// The last packet's number.
    number: u8,
    /// The last packet's first byte.
    first: u8,
    /// The next packet continues the last.
    continued: bool,
}

impl Numbers {
    /// Follows bytes on their way to the app, and says how many of them it takes to the end of the last packet that ends there.
    pub fn upstream_sent(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        let mut whole = 0;
        while let Some(&byte) = rest.first() {
            let used = if self.upstream.payload > 0 {
                self.upstream.skip(byte, rest.len())
            } else {
                if self.upstream.takes_number(byte) {
                    self.upstream.begin(byte);
                }
                1
            };
            rest = rest.get(used..).unwrap_or_default();
            if self.upstream.header == 0 && self.upstream.payload == 0 {
                whole = bytes.len().saturating_sub(rest.len());
            }
        }
        whole
    }

    /// Gives the packets in bytes of the app's their numbers.
    pub fn app_sent(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while let Some(byte) = rest.first_mut() {
            let used = if self.app.payload > 0 {
                let byte = *byte;
                self.app.skip(byte, rest.len())
            } else {
                if self.app.takes_number(*byte) {
                    *byte = self.number_instead_of(*byte);
                    self.app.begin(*byte);
                }
                1
            };
            rest = rest.get_mut(used..).unwrap_or_default();
        }
    }

    /// The number of a packet whose header lacks nothing else.
    fn number_instead_of(&mut self, number: u8) -> u8 {
        let ends = self.app.length == 0;
        let goes_on = self.app.continued || self.file;
        if !goes_on && number == 0 {
            return 0;
        }
        if !self.app.continued {
            self.file = (self.file || self.upstream.first == WANTS_FILE) && !ends;
        }
        let last = if goes_on {
            self.app.number
        } else {
            self.upstream.number
        };
        last.wrapping_add(1)
    }
}

impl Side {
    /// Goes over payload, of which this many bytes may be there and the first is `byte`. Says how many it were.
    fn skip(&mut self, byte: u8, there: usize) -> usize {
        if self.payload == self.length {
            self.first = byte;
        }
        let skipped = self.payload.min(there);
        self.payload = self.payload.saturating_sub(skipped);
        skipped
    }

    /// Takes a byte of a header. Whether it is the last, which is the number.
    fn takes_number(&mut self, byte: u8) -> bool {
        let place = self.header;
        if place == 0 {
            self.length = 0;
        }
        self.header = place.wrapping_add(1) % 4;
        if place < 3 {
            self.length |= usize::from(byte) << (u32::from(place) * 8);
        }
        place == 3
    }

    /// A packet with this number begins.
    fn begin(&mut self, number: u8) {
        self.number = number;
        self.first = 0;
        self.payload = self.length;
        self.continued = self.length == MAX_PAYLOAD;
    }
}

const _: () = assert!(Header::LEN == 4, "three bytes of length and a number");
