//! How long something took, many times over.

use std::time::Duration;

use super::Count;

/// Upper bounds of the buckets, in microseconds: from what a name in the cache takes to what no app waits for.
const BOUNDS: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Counts of durations, by length.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each bound.
    buckets: [Count; BOUNDS.len()],
    /// Whatever took longer than all of them.
    longer: Count,
    microseconds: Count,
}

impl Histogram {
    pub(crate) fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < took);
        self.buckets.get(place).unwrap_or(&self.longer).add(1);
        self.microseconds.add(took);
    }

    /// Seconds, and how many took no longer than that, and longer than the one before.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound));
        let counts = self.buckets.iter().map(Count::read);
        let longer = (f64::INFINITY, self.longer.read());
        bounds.zip(counts).chain([longer]).collect()
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        let all = self.buckets.iter().chain([&self.longer]);
        all.map(Count::read).sum()
    }

    /// What one of them took, more or less; `None` where there was none.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let mean = self.microseconds.read().checked_div(self.count())?;
        Some(Duration::from_micros(mean))
    }

    /// Seconds of all of them together.
    pub(crate) fn sum(&self) -> f64 {
        seconds(self.microseconds.read())
    }
}

fn seconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_under_the_first_bound_that_it_does_not_pass() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 30_000_000, 30_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        let counted: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).collect();
        let expected = [(0.0005, 2), (0.001, 1), (30.0, 1), (f64::INFINITY, 1)];
        assert!(counted.into_iter().eq(&expected), "{buckets:?}");
        assert!((histogram.sum() - 60.001_002).abs() < 1e-9);
        assert_eq!(histogram.mean(), Some(Duration::from_micros(12_000_200)));
        assert_eq!(Histogram::default().mean(), None);
    }
}
