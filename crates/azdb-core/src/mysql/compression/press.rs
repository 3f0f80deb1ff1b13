//! What makes envelopes: a stream of zlib or zstd that begins anew with each.

use std::io;

use azdb_wire::mysql::Envelope;
use flate2::{Compress, FlushCompress, Status};
use zstd::stream::raw::{CParameter, Encoder, Operation as _};

use super::Method;

/// zstd's own default, and the highest level at which it compresses for us. An app may ask for 22, at which one session would
/// keep a processor busy with a megabyte or two in a second.
const MOST_LEVEL: u8 = 3;

/// By how much an envelope grows at a time.
const STEP: usize = 16 * 1024;

/// The level for an app that would have this one; 0 when it named none.
pub(super) fn zstd_level(wanted: u8) -> i32 {
    i32::from(match wanted {
        0 => MOST_LEVEL,
        wanted => wanted.min(MOST_LEVEL),
    })
}

/// An envelope in the making.
pub(super) struct Press {
    engine: Engine,
    /// Room for a header, and what has been compressed.
    envelope: Vec<u8>,
    /// Bytes that have gone into it.
    taken: usize,
}

enum Engine {
    Zlib(Compress),
    Zstd(Encoder<'static>),
}

impl Press {
    pub(super) fn new(method: Method) -> io::Result<Self> {
        let engine = match method {
            // Nearly all legs of apps are within a machine: what counts is the time that it takes.
            Method::Zlib => Engine::Zlib(Compress::new(flate2::Compression::fast(), true)),
            Method::Zstd(level) => Engine::Zstd(Encoder::new(level)?),
        };
        Ok(Self {
            engine,
            envelope: vec![0; Envelope::LEN],
            taken: 0,
        })
    }

    /// Begins anew, in the way that was agreed on. One that was made for another way cannot.
    pub(super) fn begin(&mut self, method: Method) -> io::Result<()> {
        self.envelope.truncate(Envelope::LEN);
        self.taken = 0;
        match (&mut self.engine, method) {
            (Engine::Zlib(zlib), Method::Zlib) => zlib.reset(),
            (Engine::Zstd(zstd), Method::Zstd(level)) => {
                zstd.reinit()?;
                zstd.set_parameter(CParameter::CompressionLevel(level))?;
            }
            _ => *self = Self::new(method)?,
        }
        Ok(())
    }

    /// Bytes that have gone into it.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Puts bytes into it.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.taken += bytes.len();
        while !bytes.is_empty() {
            let read = self.engine.run(bytes, &mut self.envelope)?;
            bytes = bytes.get(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// Lets nothing more into it. Says how many bytes it holds now.
    pub(super) fn finish(&mut self) -> io::Result<usize> {
        while !self.engine.finish(&mut self.envelope)? {}
        Ok(self.envelope.len().saturating_sub(Envelope::LEN))
    }

    /// The finished envelope with this number.
    pub(super) fn close(&mut self, number: u8) -> &[u8] {
        let header = Envelope {
            length: self.envelope.len().saturating_sub(Envelope::LEN),
            number,
            inflated: self.taken,
        };
        if let Some(front) = self.envelope.first_chunk_mut() {
            *front = header.encode();
        }
        &self.envelope
    }

    /// The envelope with this number.
    pub(super) fn into_envelope(mut self, number: u8) -> io::Result<Vec<u8>> {
        if self.finish()? > Envelope::MOST {
            return Err(io::Error::other(
                "an envelope that is longer than envelopes can be",
            ));
        }
        self.close(number);
        Ok(self.envelope)
    }

    /// An envelope with these pieces as they are, instead.
    pub(super) fn store(&mut self, number: u8, pieces: [&[u8]; 2]) -> &[u8] {
        let header = Envelope {
            length: pieces.iter().map(|piece| piece.len()).sum(),
            number,
            inflated: 0,
        };
        self.envelope.clear();
        self.envelope.extend_from_slice(&header.encode());
        pieces
            .iter()
            .for_each(|piece| self.envelope.extend_from_slice(piece));
        &self.envelope
    }
}

impl Engine {
    /// Bytes of the input that were used.
    fn run(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        out.reserve(STEP);
        match self {
            Self::Zlib(zlib) => {
                let before = zlib.total_in();
                zlib.compress_vec(bytes, out, FlushCompress::None)?;
                Ok(usize::try_from(zlib.total_in() - before).unwrap_or(bytes.len()))
            }
            Self::Zstd(zstd) => {
                let end = out.len();
                out.resize(end + STEP, 0);
                let room = out.get_mut(end..).unwrap_or_default();
                let done = zstd.run_on_buffers(bytes, room)?;
                out.truncate(end + done.bytes_written);
                Ok(done.bytes_read)
            }
        }
    }

    /// Whether all of it has come out.
    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        out.reserve(STEP);
        match self {
            Self::Zlib(zlib) => {
                let status = zlib.compress_vec(&[], out, FlushCompress::Finish)?;
                Ok(status == Status::StreamEnd)
            }
            Self::Zstd(zstd) => {
                let end = out.len();
                out.resize(end + STEP, 0);
                let room = out.get_mut(end..).unwrap_or_default();
                let mut room = zstd::stream::raw::OutBuffer::around(room);
                let left = zstd.finish(&mut room, true)?;
                let written = room.pos();
                out.truncate(end + written);
                Ok(left == 0)
            }
        }
    }
}

/// Without the engine, which can't be shown.
impl std::fmt::Debug for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Press")
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}
