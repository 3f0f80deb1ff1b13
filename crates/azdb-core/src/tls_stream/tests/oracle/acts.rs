//! What is done with a session, and how it ended.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::forge::{ALERT, APPLICATION_DATA, HANDSHAKE, key_update};
use super::setup::Session;
use super::subject::Subject;

/// Where the reading side stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// There may be more.
    Open,
    /// The peer has said that this was all.
    Closed,
    Error(io::ErrorKind, Option<rustls::Error>),
}

impl End {
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        Self::Error(error.kind(), inner.cloned())
    }
}

/// Bytes that tell where they come from and how many came before them.
pub(super) fn text(of: u8, from: usize, length: usize) -> Vec<u8> {
    let number = |at: usize| u8::try_from((at * 31 + at / 251 * 7) % 251).unwrap();
    (from..from + length).map(|at| number(at) ^ of).collect()
}

impl<T: Subject> Session<T> {
    /// The peer says this much data, in one record.
    pub(super) fn says(&mut self, data: &[u8]) {
        let record = self.forge.says.seal(APPLICATION_DATA, data, 0);
        self.wire.give(&record);
    }

    pub(super) fn says_key_update(&mut self, asks: bool) {
        let record = self.forge.says.seal(HANDSHAKE, &key_update(asks), 0);
        self.forge.says.update();
        self.wire.give(&record);
    }

    pub(super) fn says_alert(&mut self, level: u8, description: u8) {
        let record = self.forge.says.seal(ALERT, &[level, description], 0);
        self.wire.give(&record);
    }

    /// One read with so much room.
    pub(super) fn read(&mut self, room: usize) -> Option<io::Result<Vec<u8>>> {
        let mut buffer = vec![0; room];
        let read = self.wire.run(self.stream.read(&mut buffer))?;
        Some(read.map(|count| {
            buffer.truncate(count);
            buffer
        }))
    }

    /// Reads until there is no more for now; with so much room each time.
    pub(super) fn hear(&mut self, heard: &mut Vec<u8>, room: &[usize]) -> End {
        let mut room = room.iter().cycle();
        loop {
            assert!(heard.len() < 1 << 26, "data without end");
            match self.read(room.next().copied().unwrap().max(1)) {
                None => return End::Open,
                Some(Ok(read)) if read.is_empty() => return End::Closed,
                Some(Ok(read)) => heard.extend(read),
                Some(Err(error)) => return End::of(&error),
            }
        }
    }

    /// Writes all of it, as far as it is taken, and lets the peer hear what comes. How much was taken.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while !bytes.is_empty() {
            match self.wire.run(self.stream.write(bytes)) {
                Some(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Some(Ok(count)) => {
                    taken += count;
                    bytes = bytes.get(count..).unwrap();
                }
                Some(Err(error)) => return Err(error),
                None => break,
            }
            self.overhear();
        }
        Ok(taken)
    }

    /// Flushes, and lets the peer hear it.
    pub(super) fn flush(&mut self) -> Option<io::Result<()>> {
        let flushed = self.wire.run(self.stream.flush());
        self.overhear();
        if matches!(flushed, Some(Ok(()))) {
            assert!(!self.wire.ends().is_unflushed, "the flush stays inside");
            assert!(!self.forge.is_cut(), "flushed in the middle of a record");
        }
        flushed
    }

    pub(super) fn shut(&mut self) -> Option<io::Result<()>> {
        let shut = self.wire.run(self.stream.shutdown());
        self.overhear();
        shut
    }

    pub(super) fn overhear(&mut self) {
        let bytes = self.wire.taken();
        self.forge.hear(&bytes);
    }
}
