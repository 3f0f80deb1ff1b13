//! Durations in texts.

use core::fmt;
use core::time::Duration;

/// A duration as people write them: in the largest unit that loses nothing, and in milliseconds at the least.
pub struct Spelled(pub Duration);

impl Spelled {
    /// What a clock has measured: from a second on to the tenth of one.
    pub fn measured(duration: Duration) -> Self {
        if duration < Duration::from_secs(1) {
            return Self(duration);
        }
        let tenths = duration.subsec_millis().saturating_add(50) / 100;
        let seconds = Duration::from_secs(duration.as_secs());
        Self(seconds.saturating_add(Duration::from_millis(100) * tenths))
    }
}

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => f.write_str("0s"),
            _ if millis.is_multiple_of(3_600_000) => write!(f, "{}h", millis / 3_600_000),
            _ if millis.is_multiple_of(60_000) => write!(f, "{}m", millis / 60_000),
            _ if millis.is_multiple_of(1000) => write!(f, "{}s", millis / 1000),
            _ => write!(f, "{millis}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn what_a_clock_has_measured_is_rounded_as_people_do() {
        for (millis, text) in [
            (0, "0s"),
            (830, "830ms"),
            (8997, "9s"),
            (3649, "3600ms"),
            (65_020, "65s"),
        ] {
            let measured = Spelled::measured(Duration::from_millis(millis));
            assert_eq!(measured.to_string(), text);
        }
    }

    #[test]
    fn what_a_clock_has_measured_is_spelled_without_its_fractions() {
        for (duration, text) in [
            (Duration::from_nanos(3_599_999_905), "3599ms"),
            (Duration::from_micros(1), "0s"),
            (Duration::from_secs(5), "5s"),
            (Duration::from_secs(300), "5m"),
        ] {
            assert_eq!(Spelled(duration).to_string(), text);
        }
    }
}
