//! When to ask for the next token. Pure: spans in, spans out.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::fault::SourceFault;
use crate::{SourceKind, TokenError};

/// No token is handed out with less life than this: it must last through the login it is for.
pub(crate) const FLOOR: Duration = Duration::from_secs(60);
/// A fault that will not go away by itself is tried again at most this often, where asking is somebody else's work.
pub(crate) const PERMANENT_FLOOR: Duration = Duration::from_secs(30);
/// The same where it is our own work: a program is started, and whoever mended the cause may sit before it.
const PROGRAM_FLOOR: Duration = Duration::from_secs(5);
/// While a login waits, a source that costs nobody anything is asked this often, so that the login hears within a second
/// that it is mended.
pub(crate) const EAGER: Duration = Duration::from_millis(700);
/// A database's word that a token is stale causes at most one fetch in this time.
pub(crate) const FORCED_FLOOR: Duration = Duration::from_secs(30);

/// A permanent fault while nobody waits.
const PERMANENT_IDLE: Duration = Duration::from_secs(5 * 60);
/// How long before its end a short token is replaced, and how far jitter goes.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// A life that is long enough to be halved.
const LONG: Duration = Duration::from_secs(2 * 3600);
/// The least time between two fetches that both went well.
const LEAST_REFRESH: Duration = Duration::from_secs(30);
/// No token of Azure lasts longer than a day; an end far beyond that is somebody's mistake.
const MOST_REFRESH: Duration = Duration::from_secs(24 * 3600);
/// The longest wait that an endpoint can impose.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);
/// The longest time between retries while no token is left.
const EMPTY_HANDED: Duration = Duration::from_secs(30);
/// The longest time between retries while a token is left.
const PROVIDED: Duration = Duration::from_secs(5 * 60);
/// An endpoint that is being upgraded says 410 and is back within 70 seconds.
const UPGRADING: Duration = Duration::from_secs(10);

/// How long to wait with the next fetch after a good one: what the source said, else half of a life above two hours,
/// else until five minutes before the end (half of what is left, if that is longer).
pub(crate) fn refresh(
    lifetime: Duration,
    refresh_in: Option<Duration>,
    jitter: &mut Jitter,
) -> Duration {
    let latest = lifetime.saturating_sub(AHEAD).max(lifetime / 2);
    let planned = match refresh_in {
        // Asking earlier than that gives the same token again, so this one is spread to later.
        Some(wanted) if wanted < latest => {
            let spread = (wanted / 10).min(AHEAD);
            (wanted + jitter.up_to(spread)).min(latest)
        }
        _ => {
            let planned = if lifetime > LONG {
                lifetime / 2
            } else {
                latest
            };
            let spread = (planned / 10).min(AHEAD);
            planned - jitter.up_to(spread)
        }
    };
    planned.clamp(LEAST_REFRESH, MOST_REFRESH)
}

/// How long to wait after the `failures`th fault in a row. `left` is how long the token in hand can still be used.
pub(crate) fn retry(
    failures: u32,
    error: &TokenError,
    left: Option<Duration>,
    jitter: &mut Jitter,
) -> Duration {
    if !error.is_transient() {
        return PERMANENT_IDLE + jitter.up_to(PERMANENT_IDLE / 10);
    }
    let longest = match (error.fault(), left) {
        (SourceFault::Answered(answer), _) if answer.status == 410 => UPGRADING,
        (_, Some(left)) => (left / 10).clamp(EMPTY_HANDED, PROVIDED),
        (_, None) => EMPTY_HANDED,
    };
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(10));
    let planned = doubled.min(longest);
    let asked = error
        .retry_after()
        .unwrap_or_default()
        .min(LONGEST_RETRY_AFTER);
    // Only ever later, so that "at least" stays true.
    planned.max(asked) + jitter.up_to(planned / 4)
}

/// How long nobody's wish for a newer token causes a fetch after a fault, for which `planned` is the wait without any wish.
pub(crate) fn not_before(error: &TokenError, planned: Duration) -> Duration {
    match error.is_transient() {
        true => planned,
        false => PERMANENT_FLOOR,
    }
}

/// The same for a login that has no token at all.
pub(crate) fn hurried(error: &TokenError, planned: Duration) -> Duration {
    match (error.is_transient(), error.is_cheap_to_repeat()) {
        (true, false) => planned,
        (true, true) => planned.min(EAGER),
        (false, _) => match error.source_kind() {
            // Reading a file again is cheaper than any login.
            SourceKind::File => EAGER,
            SourceKind::Auto
            | SourceKind::AzureCli
            | SourceKind::AzureDeveloperCli
            | SourceKind::AzurePowershell
            | SourceKind::Command => PROGRAM_FLOOR,
            SourceKind::ManagedIdentity
            | SourceKind::Imds
            | SourceKind::AppService
            | SourceKind::AzureArc
            | SourceKind::ServiceFabric
            | SourceKind::WorkloadIdentity
            | SourceKind::ServicePrincipal => PERMANENT_FLOOR,
        },
    }
}

/// Spreads what many machines do, so that they do not do it at once. Not for secrets.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one("jitter"))
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A span between nothing and `most` (splitmix64).
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        most.mul_f64(
            f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Answered;
    use crate::http::HttpFault;
    use crate::proxy::TunnelFault;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    fn refreshes(lifetime: Duration, refresh_in: Option<Duration>) -> (Duration, Duration) {
        let spans = (0..1000).map(|seed| refresh(lifetime, refresh_in, &mut Jitter::seeded(seed)));
        let spans: Vec<_> = spans.collect();
        let least = spans.iter().min().copied().unwrap_or_default();
        let most = spans.iter().max().copied().unwrap_or_default();
        (least, most)
    }

    fn answered(status: u16, retry_after: Option<u64>) -> TokenError {
        let after = retry_after.map(Duration::from_secs);
        let fault = SourceFault::Answered(Answered::read(status, after, b""));
        TokenError::new(SourceKind::Imds, fault)
    }

    #[test]
    fn a_long_life_is_halved_and_a_short_one_is_renewed_five_minutes_ahead() {
        let (least, most) = refreshes(24 * HOUR, None);
        assert!(
            least >= 12 * HOUR - AHEAD && most <= 12 * HOUR,
            "{least:?} {most:?}"
        );
        let (least, most) = refreshes(HOUR, None);
        assert!(
            least >= 49 * MINUTE && most <= 55 * MINUTE,
            "{least:?} {most:?}"
        );
        assert_ne!(least, most, "no jitter");
    }

    #[test]
    fn what_the_source_says_comes_first_unless_it_is_too_late() {
        let (least, most) = refreshes(24 * HOUR, Some(6 * HOUR));
        assert!(
            least >= 6 * HOUR && most <= 6 * HOUR + AHEAD,
            "{least:?} {most:?}"
        );
        let (_, most) = refreshes(HOUR, Some(2 * HOUR));
        assert!(most <= 55 * MINUTE, "{most:?}");
    }

    #[test]
    fn a_life_that_ends_is_asked_for_more_often_but_never_in_a_loop() {
        let (least, most) = refreshes(4 * MINUTE, None);
        assert!(least >= MINUTE && most <= 2 * MINUTE, "{least:?} {most:?}");
        let (least, most) = refreshes(Duration::from_secs(61), None);
        assert!(least == LEAST_REFRESH && most <= Duration::from_millis(30_500));
        assert_eq!(
            refreshes(Duration::ZERO, Some(Duration::ZERO)).0,
            LEAST_REFRESH
        );
    }

    #[test]
    fn retries_double_up_to_what_is_left() {
        let (left, mut jitter) = (Some(20 * HOUR), Jitter::seeded(1));
        let mut before = Duration::ZERO;
        for failures in 1..=9 {
            let wait = retry(failures, &answered(503, None), left, &mut jitter);
            assert!(wait > before, "{failures}: {wait:?}");
            before = wait;
        }
        assert!(retry(40, &answered(503, None), left, &mut jitter) <= PROVIDED * 5 / 4);
        assert!(retry(40, &answered(503, None), None, &mut jitter) <= EMPTY_HANDED * 5 / 4);
        assert!(retry(1, &answered(503, None), None, &mut jitter) >= Duration::from_secs(1));
    }

    #[test]
    fn an_endpoint_that_says_when_is_left_alone_until_then() {
        let mut jitter = Jitter::seeded(2);
        assert!(retry(1, &answered(429, Some(90)), None, &mut jitter) >= Duration::from_secs(90));
        let absurd = retry(1, &answered(429, Some(86_400)), None, &mut jitter);
        assert!(absurd <= LONGEST_RETRY_AFTER + MINUTE, "{absurd:?}");
    }

    #[test]
    fn an_upgrade_of_70_seconds_is_asked_through() {
        let mut jitter = Jitter::seeded(3);
        let mut passed = Duration::ZERO;
        let mut tries = 0;
        while passed < Duration::from_secs(70) {
            tries += 1;
            passed += retry(tries, &answered(410, None), Some(20 * HOUR), &mut jitter);
        }
        assert!((5..=12).contains(&tries), "{tries}");
        assert!(passed < Duration::from_secs(85), "{passed:?}");
    }

    #[test]
    fn a_wish_hurries_what_is_near_and_no_throttled_or_distant_answer() {
        let minute = Duration::from_secs(60);
        let after = |source, fault| hurried(&TokenError::new(source, fault), minute);
        let said = |status, after: Option<u64>| {
            let after = after.map(Duration::from_secs);
            SourceFault::Answered(Answered::read(status, after, b""))
        };
        let met = |source| SourceFault::Http {
            endpoint: String::new(),
            source,
        };
        let refused = || HttpFault::Connect(std::io::ErrorKind::ConnectionRefused.into());
        let silent = || HttpFault::Silent(minute);
        let proxy = |fault| HttpFault::Tunnel {
            proxy: String::new(),
            fault,
        };
        let (near, entra) = (SourceKind::Imds, SourceKind::ServicePrincipal);
        for status in [404, 408, 410, 500, 503] {
            assert_eq!(after(near, said(status, None)), EAGER, "{status}");
        }
        for status in [408, 429, 500, 503] {
            assert_eq!(after(entra, said(status, None)), minute, "{status}");
        }
        assert_eq!(after(near, said(429, None)), minute);
        assert_eq!(after(near, said(503, Some(20))), minute);
        assert_eq!(after(near, met(refused())), EAGER);
        assert_eq!(after(near, met(silent())), EAGER);
        assert_eq!(after(entra, met(refused())), EAGER, "nobody was asked");
        assert_eq!(after(entra, met(silent())), minute);
        let unreached = HttpFault::ProxyAway {
            proxy: String::new(),
            fault: Box::new(refused()),
        };
        assert_eq!(after(entra, met(unreached)), EAGER);
        assert_eq!(after(entra, met(proxy(TunnelFault::Refused(503)))), minute);
        let over = || SourceFault::AlmostOver {
            left: Duration::ZERO,
        };
        assert_eq!(after(SourceKind::File, over()), EAGER);
        assert_eq!(after(SourceKind::Command, over()), minute);
    }

    #[test]
    fn a_lasting_fault_is_tried_again_for_a_login_as_soon_as_that_is_cheap() {
        let after = |source| {
            let what = "it is empty".to_owned();
            let error = TokenError::new(source, SourceFault::Unreadable { what });
            hurried(&error, 5 * MINUTE)
        };
        assert_eq!(after(SourceKind::File), EAGER);
        assert_eq!(after(SourceKind::AzureCli), PROGRAM_FLOOR);
        assert_eq!(after(SourceKind::Imds), PERMANENT_FLOOR);
        assert_eq!(after(SourceKind::ServicePrincipal), PERMANENT_FLOOR);
    }

    #[test]
    fn a_permanent_fault_is_left_alone_for_minutes() {
        let wait = retry(1, &answered(400, None), None, &mut Jitter::seeded(4));
        assert!(wait >= PERMANENT_IDLE);
    }
}
