//! A count that every thread adds to all the time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Threads that count without meeting. With more of them some share a line, which costs them time and nothing else.
const LINES: usize = 8;

/// The next thread's line.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: usize = NEXT.fetch_add(1, Relaxed) % LINES;
}

/// Processors take each other's memory away in lines, and fetch two at a time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// Something that flows, counted where it flows. Two processors that add to one place wait for each other each time.
#[derive(Debug, Default)]
pub(crate) struct Flow([Line; LINES]);

impl Flow {
    pub(crate) fn add(&self, more: u64) {
        if let Some(Line(count)) = self.0.get(MINE.with(|line| *line)) {
            count.fetch_add(more, Relaxed);
        }
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.iter().map(|Line(count)| count.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_thread_has_added_it_is_counted() {
        let flow = Flow::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * LINES {
                scope.spawn(|| (0..100).for_each(|_| flow.add(3)));
            }
        });
        assert_eq!(flow.read(), 3 * LINES as u64 * 300);
    }

    #[test]
    fn threads_that_begin_one_after_the_other_do_not_meet() {
        let flow = Flow::default();
        std::thread::scope(|scope| {
            // Other tests begin threads, too.
            for _ in 0..4 * LINES {
                scope.spawn(|| flow.add(1));
            }
        });
        let used = flow.0.iter().filter(|line| line.0.load(Relaxed) > 0);
        assert!(used.count() > 1);
        assert!(size_of::<Line>() >= 128);
    }
}
