//! Standard error or output, written by a thread of its own.
//!
//! A write to a pipe that nobody reads does not return. Lines are therefore handed over, and whoever has one to say goes on at
//! once. `tracing-appender` (0.2.5) has such a thread, too, but bounds lines instead of bytes, and prints to standard output
//! when its reader is stuck at the end: to the same stuck reader, as often as not.
//!
//! # Invariants
//!
//! * A line that comes after a pause is written at once; of those that come thick and fast the thread is woken for all of [`GATHERING`]
//!   together: a wake-up and a write cost more than the line.
//! * At most [`MOST`] bytes wait. A line that finds no room is dropped whole, counted, and told of when there is room again.
//! * The end of the program waits [`PATIENCE`] for the last lines, and no longer.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of lines that wait for the thread.
const MOST: usize = 256 * 1024;

/// How long lines are gathered behind one that was written.
const GATHERING: Duration = Duration::from_millis(50);

/// Bytes that are not gathered any longer.
const MUCH: usize = MOST / 4;

/// Bytes that the buffers keep between two bursts.
const KEPT: usize = 8 * 1024;

/// How long the last lines may take.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// Between two tries of a standard error that somebody has made non-blocking.
const PAUSE: Duration = Duration::from_millis(10);

/// Lines on their way.
#[derive(Default)]
pub(super) struct Writer {
    lines: Mutex<Lines>,
    /// There is something to write.
    came: Condvar,
    /// All that had come is written.
    done: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    /// Whether the thread is writing what it took before.
    busy: bool,
    /// Whether it gathers.
    gathers: bool,
    /// Whether somebody waits for the end of what has come.
    hurry: bool,
}

impl Writer {
    /// Writes to `out` as lines come, for the life of the process.
    ///
    /// # Errors
    ///
    /// When the system has no thread to spare.
    pub(super) fn start(&'static self, mut out: impl Write + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("log".to_owned());
        let forever = move || {
            let (mut batch, mut told) = (Vec::new(), 0);
            loop {
                self.next_batch(&mut batch);
                write_out(&mut out, &batch);
                batch.clear();
                batch.shrink_to(KEPT);
                let dropped = self.dropped();
                if dropped > told {
                    let lines = dropped - told;
                    tracing::warn!(lines, "log lines dropped: nobody read them in time");
                    told = dropped;
                }
            }
        };
        thread.spawn(forever).map(drop)
    }

    /// For one line.
    pub(super) fn line(&self) -> Line<'_> {
        Line(self)
    }

    /// Lines that found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, or [`PATIENCE`] is at its end.
    pub(super) fn flush(&self) {
        self.lines().hurry = true;
        self.came.notify_one();
        let is_busy = |lines: &mut Lines| lines.busy || !lines.waiting.is_empty();
        let wait = self
            .done
            .wait_timeout_while(self.lines(), PATIENCE, is_busy);
        if let Ok((mut lines, _)) = wait {
            lines.hurry = false;
        }
    }

    /// Exchanges the empty `batch` for what waits.
    fn next_batch(&self, batch: &mut Vec<u8>) {
        let mut lines = self.lines();
        lines.busy = false;
        if lines.waiting.is_empty() {
            self.done.notify_all();
        }
        lines.gathers = true;
        let gathering = |lines: &mut Lines| !lines.hurry && lines.waiting.len() < MUCH;
        let (mut lines, _) = self
            .came
            .wait_timeout_while(lines, GATHERING, gathering)
            .unwrap_or_else(PoisonError::into_inner);
        lines.gathers = false;
        let idle = |lines: &mut Lines| lines.waiting.is_empty();
        let mut lines = self
            .came
            .wait_while(lines, idle)
            .unwrap_or_else(PoisonError::into_inner);
        lines.busy = true;
        std::mem::swap(&mut lines.waiting, batch);
    }

    fn push(&self, line: &[u8]) {
        let mut lines = self.lines();
        if lines.waiting.len() + line.len() > MOST {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            lines.waiting.extend_from_slice(line);
            let wakes = !lines.busy && (!lines.gathers || lines.waiting.len() >= MUCH);
            drop(lines);
            if wakes {
                self.came.notify_one();
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes it all. A reader that has gone is no reason to stop the program.
fn write_out(out: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(_) => return,
        }
    }
}

/// One line, handed over with one write.
pub(super) struct Line<'a>(&'a Writer);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes a write only when told to.
    struct Stuck(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_goes_on_and_lines_without_room_are_counted() {
        let writer: &'static Writer = Box::leak(Box::default());
        let (reads, stuck) = mpsc::channel();
        let (out, written) = mpsc::channel();
        writer.start(Stuck(stuck, out)).unwrap();
        let line = [b'x'; 1024];
        for _ in 0..3 * MOST / line.len() {
            writer.push(&line);
        }
        let dropped = writer.dropped();
        assert!(dropped >= 256, "{dropped}");
        assert!(writer.lines().waiting.len() <= MOST);

        drop(reads);
        let (mut bytes, whole) = (0, (3 * 256 - dropped) * 1024);
        while bytes < whole {
            bytes += written.recv().unwrap().len() as u64;
        }
        assert_eq!(bytes, whole);
        writer.flush();
        writer.push(b"again\n");
        writer.flush();
        assert_eq!(written.recv().unwrap(), b"again\n");
        assert_eq!(writer.dropped(), dropped);
    }
}
