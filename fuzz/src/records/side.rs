//! One side of such a conversation: flights of a handshake in packets, and then records.

use std::cell::Cell;
use std::io::{self, Read as _, Write as _};

use rustls::ConnectionCommon;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::super::script::Script;

pub(super) const PRELOGIN: u8 = 0x12;
pub(super) const ANSWER: u8 = 0x04;

/// Longest packet that has been agreed on.
pub(super) const PACKET: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    App,
    Database,
}

/// One side of a conversation.
pub(super) struct Side<'a, S> {
    speaker: Speaker,
    pub(super) stream: S,
    flights: Script<'a>,
    honest: &'a Cell<bool>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Side<'a, S> {
    pub(super) fn new(
        speaker: Speaker,
        stream: S,
        flights: &'a [u8],
        honest: &'a Cell<bool>,
    ) -> Self {
        Self {
            speaker,
            stream,
            flights: Script::new(flights),
            honest,
        }
    }

    /// Shakes hands inside packets.
    pub(super) async fn shake<D>(&mut self, tls: &mut ConnectionCommon<D>) -> io::Result<()> {
        loop {
            let mut flight = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut flight)?;
            }
            if !flight.is_empty() {
                let ends = !tls.is_handshaking();
                for write in self.wrap(flight, ends) {
                    self.stream.write_all(&write).await?;
                    tokio::task::yield_now().await;
                }
            }
            if !tls.is_handshaking() {
                return Ok(());
            }
            let packet = self.packet().await?;
            let mut rest = &packet[..];
            while !rest.is_empty() {
                tls.read_tls(&mut rest)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
    }

    /// A flight in packets, and those in writes. A server that `ends` its handshake with it leaves something for the last of them.
    fn wrap(&mut self, mut flight: Vec<u8>, ends: bool) -> Vec<Vec<u8>> {
        let (mut writes, whole) = (vec![Vec::new()], flight.len());
        // The last bit ends a flight: there is something left for the next.
        while let Some(what) = self.flights.next() {
            let last = writes.last_mut().expect("there is one");
            let bits = usize::from(what >> 3 & 0x0f);
            match what & 0x07 {
                0 | 1 => {
                    let most = flight.len() - usize::from(ends).min(flight.len());
                    let count = (1 + bits * bits).min(most);
                    let piece: Vec<u8> = flight.drain(..count).collect();
                    last.extend(tds_packet(PRELOGIN, 0, &piece));
                }
                3 => writes.push(Vec::new()),
                2 | 4 => {
                    // Servers of 7.1 and older have the other kind, and nobody begins with nothing.
                    let kind = if what & 0x07 == 4 { ANSWER } else { PRELOGIN };
                    let is_usual = self.speaker == Speaker::Database
                        || (kind == PRELOGIN && flight.len() < whole);
                    self.honest.set(self.honest.get() && is_usual);
                    last.extend(tds_packet(kind, 0, &[]));
                }
                5 => {
                    self.honest.set(false);
                    last.extend(tds_packet(what, 1, &flight));
                }
                6 => {
                    self.honest.set(false);
                    let length = flight.len().max(1);
                    if let Some(place) = flight.get_mut(bits * 31 % length) {
                        *place ^= self.flights.next().unwrap_or(1);
                    }
                }
                _ => {
                    self.honest.set(false);
                    last.extend_from_slice(self.flights.bytes(bits));
                }
            }
            if what & 0x80 != 0 {
                break;
            }
        }
        if let Some(last) = writes.last_mut() {
            last.extend(tds_packet(PRELOGIN, 1, &flight));
        }
        writes
    }

    pub(super) async fn packet(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await?;
        let length = u16::from_be_bytes([header[2], header[3]]);
        let mut payload = vec![0; usize::from(length).saturating_sub(8)];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }

    /// What is in the next record.
    pub(super) async fn record<D>(&mut self, tls: &mut ConnectionCommon<D>) -> io::Result<Vec<u8>> {
        let mut record = vec![0; 5];
        self.stream.read_exact(&mut record).await?;
        record.resize(
            5 + usize::from(u16::from_be_bytes([record[3], record[4]])),
            0,
        );
        self.stream.read_exact(&mut record[5..]).await?;
        let mut rest = &record[..];
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(io::Error::other)?;
        }
        let mut plain = Vec::new();
        let _ = tls.reader().read_to_end(&mut plain);
        Ok(plain)
    }
}

/// Puts bytes into records of these lengths.
pub(super) fn records<D>(tls: &mut ConnectionCommon<D>, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    // Thousands of records of a byte say no more than some do.
    let least = bytes.len() / 500;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let cut = cuts.next().map_or(PACKET, |cut| (*cut).max(least));
        let (now, later) = rest.split_at(cut.min(rest.len()));
        tls.writer().write_all(now).expect("memory");
        while tls.wants_write() {
            tls.write_tls(&mut out).expect("memory");
        }
        rest = later;
    }
    out
}

impl<S: AsyncRead + AsyncWrite + Unpin> Side<'_, S> {
    /// Sends it, ends, and listens to the end.
    pub(super) async fn talk<D>(
        &mut self,
        tls: &mut ConnectionCommon<D>,
        sent: Vec<u8>,
    ) -> io::Result<Vec<Vec<u8>>> {
        let (reader, mut writer) = tokio::io::split(&mut self.stream);
        let speaking = async {
            let _ = writer.write_all(&sent).await;
            let _ = writer.shutdown().await;
        };
        let mut side = Side {
            speaker: self.speaker,
            stream: tokio::io::join(reader, tokio::io::sink()),
            flights: self.flights,
            honest: self.honest,
        };
        let listening = async {
            let mut heard = Vec::new();
            while let Ok(plain) = side.record(tls).await {
                heard.push(plain);
            }
            heard
        };
        Ok(tokio::join!(speaking, listening).1)
    }
}

pub(super) fn tds_packet(kind: u8, status: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len() + 8)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    [&[kind, status, high, low, 0, 0, 1, 0], payload].concat()
}
