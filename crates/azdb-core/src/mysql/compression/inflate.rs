//! What is in one envelope, inflated piece by piece.
//!
//! Nothing is ever larger than a piece, whatever an envelope claims to become: zlib keeps a window of 32 KiB, zstd one that its
//! frame names, of which more than an envelope can hold is refused.

use std::io;

use azdb_wire::mysql::Envelope;
use flate2::{Decompress, FlushDecompress, Status};
use tokio::io::ReadBuf;
use zstd::stream::raw::{DParameter, Decoder, Operation as _};

use super::{Method, bad};

/// zstd's windows are at most as long as what an envelope holds: 2 to this.
const WINDOW_LOG: u32 = 24;

/// An envelope that is being opened.
pub(super) struct Inflating {
    engine: Engine,
    /// Bytes of it that are still to be read.
    length: usize,
    /// Bytes that they are to become.
    inflated: usize,
}

enum Engine {
    Zlib(Decompress),
    Zstd(Decoder<'static>),
}

/// How far a step came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes of the input that were used. There may be more to come out.
    Moved(usize),
    /// Nothing happens without more input, or without more room.
    Waiting,
    /// The envelope is empty. Bytes of the input that were used.
    Done(usize),
}

impl Inflating {
    /// An envelope whose header has been read.
    pub(super) fn new(method: Method, envelope: Envelope) -> io::Result<Self> {
        let engine = match method {
            Method::Zlib => Engine::Zlib(Decompress::new(true)),
            Method::Zstd(_) => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                Engine::Zstd(decoder)
            }
        };
        Ok(Self {
            engine,
            length: envelope.length,
            inflated: envelope.inflated,
        })
    }

    /// Inflates from `input`, which begins with the envelope's next byte, into `buf`.
    ///
    /// # Errors
    ///
    /// Its contents are none, or become more or less than its header says.
    pub(super) fn step(&mut self, input: &[u8], buf: &mut ReadBuf<'_>) -> io::Result<Step> {
        let input = input.get(..self.length).unwrap_or(input);
        let mut beyond = [0];
        let output = match self.inflated.min(buf.remaining()) {
            // The end of a stream is found behind its last byte. There must be nothing but that.
            0 if self.inflated == 0 => &mut beyond[..],
            0 => return Ok(Step::Waiting),
            room => buf.initialize_unfilled_to(room),
        };
        let could_move = !input.is_empty() || self.length == 0;
        let (read, written, ended) = self.engine.run(input, output)?;
        if written > self.inflated {
            return Err(bad("the app sent an envelope of more bytes than it says"));
        }
        self.length -= read;
        self.inflated -= written;
        buf.advance(written);
        match (ended, read + written) {
            (true, _) if self.length == 0 && self.inflated == 0 => Ok(Step::Done(read)),
            (true, _) => Err(bad("the app sent an envelope of fewer bytes than it says")),
            (false, 0) if could_move => Err(bad("the app sent an envelope that is cut short")),
            (false, 0) => Ok(Step::Waiting),
            (false, _) => Ok(Step::Moved(read)),
        }
    }
}

impl Engine {
    /// Bytes read and written, and whether that was the end.
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize, bool)> {
        match self {
            Self::Zlib(zlib) => {
                let (read, written) = (zlib.total_in(), zlib.total_out());
                let status = zlib.decompress(input, output, FlushDecompress::None);
                let status = status.map_err(|_| bad("the app sent an envelope of no zlib"))?;
                // Differences of what a slice holds fit into its length.
                let moved = |now, before| usize::try_from(now - before).unwrap_or(usize::MAX);
                let (read, written) = (
                    moved(zlib.total_in(), read),
                    moved(zlib.total_out(), written),
                );
                Ok((read, written, status == Status::StreamEnd))
            }
            Self::Zstd(zstd) => {
                let done = zstd.run_on_buffers(input, output);
                let done = done.map_err(|_| bad("the app sent an envelope of no zstd"))?;
                let ended = done.remaining == 0 && done.bytes_read + done.bytes_written > 0;
                Ok((done.bytes_read, done.bytes_written, ended))
            }
        }
    }
}

/// Without the engine, which can't be shown.
impl std::fmt::Debug for Inflating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflating")
            .field("length", &self.length)
            .field("inflated", &self.inflated)
            .finish_non_exhaustive()
    }
}
