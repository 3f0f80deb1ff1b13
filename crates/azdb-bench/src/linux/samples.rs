//! What several rounds gave, and what is said of it.

/// One value per round, in the order of the rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value in the middle; of an even number of values, the mean of the two there.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }

    /// The value that such a share of all does not exceed.
    pub(super) fn share(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let within = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(within.checked_sub(1)?).copied()
    }

    /// Least and greatest.
    pub(super) fn spread(&self) -> Option<(f64, f64)> {
        let least = self.0.iter().copied().min_by(f64::total_cmp)?;
        let greatest = self.0.iter().copied().max_by(f64::total_cmp)?;
        Some((least, greatest))
    }

    /// This as parts of `other`, round by round: what disturbs a round disturbs both.
    pub(super) fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(ours, theirs)| ours / theirs).collect())
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(Samples::default().median(), None);
        assert_eq!(Samples::from_iter([3.0, 1.0, 200.0]).median(), Some(3.0));
        assert_eq!(
            Samples::from_iter([4.0, 1.0, 2.0, 300.0]).median(),
            Some(3.0)
        );
    }

    #[test]
    fn the_spread_is_the_least_and_the_greatest() {
        assert_eq!(Samples::default().spread(), None);
        assert_eq!(
            Samples::from_iter([3.0, 1.0, 2.0]).spread(),
            Some((1.0, 3.0))
        );
    }

    #[test]
    fn a_share_of_all_is_within_it() {
        assert_eq!(Samples::default().share(0.95), None);
        let twenty = Samples::from_iter((1..=20).map(f64::from));
        assert_eq!(twenty.share(0.95), Some(19.0));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let ours = Samples::from_iter([1.0, 8.0]);
        let theirs = Samples::from_iter([2.0, 16.0]);
        assert_eq!(ours.over(&theirs), Samples::from_iter([0.5, 0.5]));
    }
}
