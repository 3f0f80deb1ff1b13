//! A day in the life of one token, played on a paused clock: 10,000 logins an hour against an endpoint that fails
//! by a seeded schedule, and a machine that is suspended for three hours.

#![expect(clippy::print_stderr, reason = "the figures are what the test is for")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::scripted::{Script, Step, noon};
use crate::clock::Clock;
use crate::keeper::Waiter;
use crate::schedule::Jitter;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const SUSPENDED: Duration = Duration::from_secs(3 * 3600);
const LOGINS_PER_HOUR: u32 = 10_000;
/// What the proxy gives a login.
const DEADLINE: Duration = Duration::from_secs(9);
/// IMDS throttles a machine at 20 requests a second.
const IMDS_PER_SECOND: usize = 20;

/// When the endpoint does not work, and how it says so. Times are on the wall, from the start of the day.
struct Outage {
    from: Duration,
    until: Duration,
    says: Says,
}

enum Says {
    Throttled,
    Upgrading,
    Broken,
    Silent,
}

/// Every kind of outage, at seeded times: about a quarter of the day.
fn outages(seed: u64) -> Vec<Outage> {
    let mut dice = Jitter::seeded(seed);
    let mut outages = Vec::new();
    let mut from = Duration::from_secs(600);
    while from < DAY {
        from += dice.up_to(HOUR);
        let (says, most) = match outages.len() % 4 {
            0 => (Says::Throttled, Duration::from_secs(900)),
            1 => (Says::Upgrading, Duration::ZERO),
            2 => (Says::Broken, Duration::from_secs(2400)),
            _ => (Says::Silent, Duration::from_secs(1200)),
        };
        let until = from + Duration::from_secs(60) + dice.up_to(most);
        outages.push(Outage { from, until, says });
        from = until;
    }
    outages
}

#[derive(Default, Debug)]
struct Figures {
    logins: u64,
    waited: u64,
    longest_wait: Duration,
    failed: u64,
    /// Logins that failed although a token with a minute left after their deadline existed.
    failed_with_token: u64,
    least_left: Duration,
    fetches: u64,
    fetches_failed: u64,
    most_fetches_in_a_minute: usize,
    most_fetches_in_a_second: usize,
}

impl Figures {
    fn login(&mut self, outcome: &Login, newest_end: SystemTime) {
        self.longest_wait = self.longest_wait.max(outcome.waited);
        match outcome.left {
            Some(left) => self.least_left = self.least_left.min(left),
            None => {
                self.failed += 1;
                let still_good = newest_end.duration_since(outcome.ended).unwrap_or_default();
                self.failed_with_token += u64::from(still_good >= Duration::from_secs(60));
            }
        }
    }

    fn fetches_at(&mut self, times: &[Instant]) {
        let most_within = |span| {
            let from = |from: &Instant| {
                times
                    .iter()
                    .filter(|&time| time >= from && *time < *from + span)
                    .count()
            };
            times.iter().map(from).max().unwrap_or_default()
        };
        self.most_fetches_in_a_minute = most_within(Duration::from_secs(60));
        self.most_fetches_in_a_second = most_within(Duration::from_secs(1));
    }
}

/// How one login went.
struct Login {
    waited: Duration,
    ended: SystemTime,
    /// What was left of its token.
    left: Option<Duration>,
}

async fn wait_for(waiter: Waiter, clock: Clock) -> Login {
    let begun = Instant::now();
    let outcome = timeout(DEADLINE, waiter.token()).await;
    let token = outcome.ok().and_then(Result::ok).and_then(Result::ok);
    Login {
        waited: begun.elapsed(),
        ended: clock.now(),
        left: token.map(|token| token.left()),
    }
}

async fn day(seed: u64, life: Duration) -> Figures {
    let clock = Clock::simulated(noon());
    let script = endpoint(&clock, outages(seed), life);
    let keeper = script.keeper();
    let mut figures = Figures {
        least_left: DAY,
        ..Figures::default()
    };
    let mut waiting = JoinSet::new();
    let mut newest_end = noon();
    let mut slept = false;
    while clock.now() < noon() + DAY {
        sleep(HOUR / LOGINS_PER_HOUR).await;
        if !slept && clock.now() > noon() + 11 * HOUR {
            clock.suspend(SUSPENDED);
            slept = true;
        }
        // Before the next look: a token that came after a login's deadline was none for it.
        while let Some(Ok(login)) = waiting.try_join_next() {
            figures.login(&login, newest_end);
        }
        figures.logins += 1;
        match keeper.look() {
            Ok(token) => {
                newest_end = newest_end.max(token.expires_at());
                let left = Some(token.left());
                let login = Login {
                    waited: Duration::ZERO,
                    ended: clock.now(),
                    left,
                };
                figures.login(&login, newest_end);
            }
            Err(waiter) => {
                figures.waited += 1;
                waiting.spawn(wait_for(waiter, clock.clone()));
            }
        }
    }
    let known = keeper.known();
    figures.fetches = script.calls();
    figures.fetches_failed = known.tally.transient + known.tally.permanent;
    let times = script
        .times
        .lock()
        .map(|times| times.clone())
        .unwrap_or_default();
    figures.fetches_at(&times);
    figures
}

/// An endpoint that works except during `outages`.
fn endpoint(clock: &Clock, outages: Vec<Outage>, life: Duration) -> Arc<Script> {
    let wall = clock.clone();
    Script::new(clock, Duration::from_millis(200), move |_| {
        let passed = wall.now().duration_since(noon()).unwrap_or_default();
        let mut outages = outages.iter();
        let outage = outages.find(|it| it.from <= passed && passed < it.until);
        match outage.map(|outage| &outage.says) {
            None => Step::Token(life),
            Some(Says::Throttled) => Step::Status(429, Some(20)),
            Some(Says::Upgrading) => Step::Status(410, None),
            Some(Says::Broken) => Step::Status(503, None),
            Some(Says::Silent) => Step::Silence,
        }
    })
}

async fn no_login_fails(life: Duration) -> Vec<Figures> {
    let mut days = Vec::new();
    for seed in [1, 20, 300] {
        let figures = day(seed, life).await;
        eprintln!(
            "a day of {} h tokens, seed {seed}: {figures:#?}",
            life.as_secs() / 3600
        );
        assert!(figures.logins >= 209_000);
        assert_eq!(figures.failed_with_token, 0);
        assert!(figures.least_left >= Duration::from_secs(60));
        assert!(figures.longest_wait <= DEADLINE);
        assert!(figures.most_fetches_in_a_second < IMDS_PER_SECOND / 4);
        // While there is no token each login that waits is worth a look, one a second at most for all together.
        assert!(
            figures.fetches < 1_000 + figures.waited,
            "{}",
            figures.fetches
        );
        days.push(figures);
    }
    days
}

/// Managed identities get such tokens. No outage of a day is longer than half of their life.
#[tokio::test(start_paused = true)]
async fn on_a_bad_day_no_login_fails_and_only_the_first_ones_wait() {
    for figures in no_login_fails(DAY).await {
        assert_eq!(figures.failed, 0);
        assert!(figures.waited < 10, "{}", figures.waited);
    }
}

/// Workload identities and service principals get such tokens. Some outages are longer than what is left of them:
/// then logins fail, and only then.
#[tokio::test(start_paused = true)]
async fn no_login_fails_on_a_bad_day_while_a_valid_token_exists() {
    no_login_fails(HOUR).await;
}
