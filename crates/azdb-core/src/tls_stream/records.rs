//! A TLS connection without its stream: records in and plaintext out, and the other way.

use std::io;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, CommonState, Error, ServerConfig};
use tokio::io::ReadBuf;

use super::scratch::MOST_RECEIVED;
use super::session::{Session, Step, Words};
use crate::unsent::Unsent;

/// Plaintext of the largest record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// More than a record adds to its plaintext.
const OVERHEAD: usize = 64;

/// More than TLS itself says before a record: an update of its keys, a warning.
const ASIDE: usize = 512;

/// Bytes that a receive asks for where nothing tells how many will come: a record of the largest size.
const USUAL: usize = RECORD + OVERHEAD;

/// Both directions of a connection.
pub(crate) struct Records {
    session: Session,
    /// What rustls cannot use before more has come: the beginning of a record, with pieces of a message of TLS before it.
    partial: Option<Box<[u8]>>,
    /// Plaintext that a caller had no room for.
    ahead: BytesMut,
    /// Ciphertext that has yet to be sent.
    outgoing: Unsent,
    has_heard_end: bool,
    has_said_end: bool,
    flaw: Option<Box<Error>>,
}

impl Records {
    /// A client that has its first flight to send.
    ///
    /// # Errors
    ///
    /// What rustls says of the configuration.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Box<Self>> {
        let session = Session::client(config, name).map_err(io::Error::other)?;
        Self::begin(session)
    }

    /// A server that waits for a client's first flight.
    ///
    /// # Errors
    ///
    /// As those of [`Records::client`].
    pub(crate) fn server(config: Arc<ServerConfig>) -> io::Result<Box<Self>> {
        let session = Session::server(config).map_err(io::Error::other)?;
        Self::begin(session)
    }

    fn begin(session: Session) -> io::Result<Box<Self>> {
        let mut records = Box::new(Self {
            session,
            partial: None,
            ahead: BytesMut::new(),
            outgoing: Unsent::default(),
            has_heard_end: false,
            has_said_end: false,
            flaw: None,
        });
        records.take(&mut [], &mut ReadBuf::new(&mut []));
        records.flaw().map_or(Ok(records), Err)
    }

    /// What has been agreed on.
    pub(crate) fn session(&self) -> &CommonState {
        self.session.common()
    }

    /// Whether the handshake goes on, once what is outgoing has left.
    pub(crate) fn is_shaking(&self) -> bool {
        self.session().is_handshaking()
    }

    /// Hears bytes of a handshake that come by another way than a stream.
    ///
    /// # Errors
    ///
    /// What is wrong with the peer's TLS. The alert that says so is outgoing.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut input = self.partial.take().map_or_else(Vec::new, Vec::from);
        input.extend_from_slice(bytes);
        self.take(&mut input, &mut ReadBuf::new(&mut []));
        self.flaw().map_or(Ok(()), Err)
    }

    /// What is to be sent next.
    pub(crate) fn take_outgoing(&mut self) -> Vec<u8> {
        let outgoing = self.outgoing.rest().to_vec();
        self.outgoing.advance(outgoing.len());
        outgoing
    }

    pub(super) fn outgoing(&mut self) -> &mut Unsent {
        &mut self.outgoing
    }

    /// What is wrong with the peer's TLS.
    pub(super) fn flaw(&self) -> Option<io::Error> {
        let flaw = Error::clone(self.flaw.as_ref()?);
        Some(io::Error::new(io::ErrorKind::InvalidData, flaw))
    }

    /// Bytes of all buffers.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.partial().len() + self.ahead.capacity() + self.outgoing.capacity()
    }

    /// Whether the peer has said that nothing comes any more.
    pub(super) fn has_heard_end(&self) -> bool {
        self.has_heard_end
    }

    /// How many bytes have come that nobody has read.
    pub(super) fn behind(&self) -> usize {
        let partial = self.partial.as_deref().map_or(0, <[u8]>::len);
        self.ahead.len() + partial + usize::from(self.flaw.is_some())
    }

    /// What is put before the next receive.
    pub(super) fn partial(&self) -> &[u8] {
        self.partial.as_deref().unwrap_or_default()
    }

    pub(super) fn drop_partial(&mut self) {
        self.partial = None;
    }

    /// How far a receive goes, counted from the beginning of the partial record: not so far that its plaintext is more than a caller has `room`
    /// for, but as far as it takes for a record.
    pub(super) fn reach(&self, room: usize) -> usize {
        let partial = self.partial();
        let needed = match record_length(partial) {
            Some(length) if length > partial.len() => length,
            _ => partial.len() + USUAL,
        };
        room.max(needed).min(MOST_RECEIVED)
    }

    /// Plaintext that is there already.
    pub(super) fn hand_out(&mut self, buf: &mut ReadBuf<'_>) {
        let count = buf.remaining().min(self.ahead.len());
        buf.put_slice(self.ahead.get(..count).unwrap_or_default());
        self.ahead.advance(count);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }

    /// Takes everything that can be used of `input`, which begins with what was partial, and keeps the rest. What `buf` has no room for is
    /// handed out later.
    pub(super) fn take(&mut self, input: &mut [u8], buf: &mut ReadBuf<'_>) {
        let ahead = &mut self.ahead;
        let mut plaintext = |bytes: &[u8]| {
            let (now, later) = bytes.split_at(buf.remaining().min(bytes.len()));
            buf.put_slice(now);
            ahead.extend_from_slice(later);
        };
        // Nothing comes behind our `close_notify`.
        let (mut rest, mut unsaid) = (input, Vec::new());
        loop {
            let outgoing = match self.has_said_end {
                false => self.outgoing.end(),
                true => &mut unsaid,
            };
            let (used, step) = self.session.step(rest, &mut plaintext, outgoing);
            rest = rest.get_mut(used..).unwrap_or_default();
            match step {
                Ok(Step::On) => {}
                Ok(Step::Starved) => break,
                Ok(Step::Ended) => {
                    self.has_heard_end = true;
                    return;
                }
                Err(error) => return self.fail(error),
            }
        }
        if !rest.is_empty() {
            self.partial = Some(Box::from(&*rest));
        }
    }

    /// Ends the connection both ways. rustls is asked for its alert, and for nothing more.
    fn fail(&mut self, error: Error) {
        self.flaw = Some(Box::new(error));
        if !self.has_said_end {
            self.collect_alert();
        }
    }

    fn collect_alert(&mut self) {
        while self.session().wants_write() {
            let outgoing = self.outgoing.end();
            if self.session.step(&mut [], &mut |_| {}, outgoing).1.is_err() {
                return;
            }
        }
    }

    /// Encrypts `pieces` into `out` while there is room, each in records of its own. Says how many bytes of them that were, and how many they have
    /// become.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] behind an end of ours and a flaw of the peer's, and what rustls says, when no piece could be encrypted.
    pub(super) fn encrypt<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        out: &mut [u8],
    ) -> io::Result<(usize, usize)> {
        if self.has_said_end || self.flaw.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let partial = self.partial.as_deref_mut().unwrap_or_default();
        let (mut taken, mut written) = (0, 0);
        for piece in pieces {
            if out.len().saturating_sub(written) < room_for(piece.len()) {
                break;
            }
            let words = Words::Data(piece);
            match self.session.say(words, partial, out, &mut written) {
                Ok(()) => taken += piece.len(),
                Err(_) if taken > 0 => break,
                Err(error) => {
                    // The keys are worn out, and rustls has said `close_notify`.
                    self.collect_alert();
                    self.has_said_end = true;
                    return Err(error);
                }
            }
        }
        Ok((taken, written))
    }

    /// Says `close_notify`, once, unless there was an alert.
    pub(super) fn say_end(&mut self) {
        if std::mem::replace(&mut self.has_said_end, true) || self.flaw.is_some() {
            return;
        }
        let partial = self.partial.as_deref_mut().unwrap_or_default();
        let (mut out, mut written) = ([0; ASIDE], 0);
        let saying = (self.session).say(Words::CloseNotify, partial, &mut out, &mut written);
        debug_assert!(saying.is_ok(), "{saying:?}");
        let said = out.get(..written).unwrap_or_default();
        self.outgoing.end().extend_from_slice(said);
    }
}

/// The length of the record at the front of `bytes`.
fn record_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, _, _, high, low, ..] => Some(5 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// What so many bytes take at most when they are encrypted.
fn room_for(plaintext: usize) -> usize {
    plaintext + (plaintext / RECORD + 1) * OVERHEAD + ASIDE
}
