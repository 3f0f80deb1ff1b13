//! What a process prints, as it prints it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::PATIENCE;

/// The text of a pipe so far. Clones see the same text.
#[derive(Clone, Default)]
pub(crate) struct Transcript {
    shared: Arc<(Mutex<Written>, Condvar)>,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Transcript {
    /// Follows `pipe` to its end on a thread of its own.
    pub(crate) fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let transcript = Self::default();
        let writer = transcript.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            loop {
                let count = pipe.read(&mut chunk).unwrap_or(0);
                let (written, changed) = &*writer.shared;
                let mut written = written.lock().unwrap();
                written.bytes.extend_from_slice(&chunk[..count]);
                written.ended = count == 0;
                changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        transcript
    }

    /// What has been printed so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap().bytes).into_owned()
    }

    /// Waits until `found` finds something in the text. `None` when the text ends without it, or nothing comes in time.
    pub(crate) fn wait_for<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.wait(
            |written| match found(&String::from_utf8_lossy(&written.bytes)) {
                Some(value) => Some(Some(value)),
                None if written.ended => Some(None),
                None => None,
            },
        )
        .flatten()
    }

    /// Waits for the end of the text; whether it came in time.
    pub(crate) fn wait_for_end(&self) -> bool {
        self.wait(|written| written.ended.then_some(())).is_some()
    }

    fn wait<T>(&self, done: impl Fn(&Written) -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let (written, changed) = &*self.shared;
        let mut written = written.lock().unwrap();
        loop {
            if let Some(value) = done(&written) {
                return Some(value);
            }
            let left = until.checked_duration_since(Instant::now())?;
            written = changed.wait_timeout(written, left).unwrap().0;
        }
    }
}
