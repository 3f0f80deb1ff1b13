//! How soon a login hears that its source is mended, and how little the source is asked while nobody waits.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::scripted::{Script, Step, noon};
use crate::clock::Clock;
use crate::keeper::Keeper;
use crate::{Token, TokenError};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn get(keeper: &Keeper) -> Result<Token, TokenError> {
    match keeper.look() {
        Ok(token) => Ok(token),
        Err(waiter) => waiter.token().await.ok().unwrap(),
    }
}

/// A source that fails as `fault` says until `mended` seconds have passed.
fn until(clock: &Clock, mended: Duration, fault: Step) -> Arc<Script> {
    let wall = clock.clone();
    Script::new(clock, Duration::ZERO, move |_| {
        match wall.now().duration_since(noon()).unwrap() < mended {
            true => fault,
            false => Step::Token(HOUR),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_login_that_waits_hears_of_a_mended_source_within_a_second() {
    for fault in [
        Step::Status(503, None),
        Step::Status(410, None),
        Step::Status(404, None),
        Step::Refused,
    ] {
        for mended in [2, 5, 31, 100, 400] {
            let (clock, mended) = (Clock::simulated(noon()), mended * SECOND);
            let script = until(&clock, mended, fault);
            let keeper = script.keeper();
            sleep(mended - SECOND * 3 / 2).await;
            let waiting = Instant::now();
            assert_eq!(get(&keeper).await.ok().unwrap().left(), HOUR);
            let heard = waiting.elapsed() - SECOND * 3 / 2;
            assert!(heard <= SECOND, "{fault:?} {mended:?}: {heard:?}");
        }
    }
}

/// What is asked in the hour after the first fault, by whoever it is for.
async fn asked_in_an_hour(fault: Step, logins: bool) -> u64 {
    let clock = Clock::simulated(noon());
    let script = until(&clock, 2 * HOUR, fault);
    let keeper = script.keeper();
    let begun = Instant::now();
    while begun.elapsed() < HOUR {
        match logins {
            true => drop(timeout(9 * SECOND, get(&keeper)).await),
            false => sleep(9 * SECOND).await,
        }
    }
    script.calls()
}

#[tokio::test(start_paused = true)]
async fn nobody_is_hurried_while_nobody_waits_and_no_throttled_endpoint_ever() {
    let (broken, throttled) = (Step::Status(503, None), Step::Status(429, None));
    assert!(asked_in_an_hour(broken, false).await <= 130);
    assert!(asked_in_an_hour(throttled, true).await <= 130);
    let later = Step::Status(503, Some(20));
    assert!(asked_in_an_hour(later, true).await <= 180);
    let hurried = asked_in_an_hour(broken, true).await;
    assert!((3600..=5200).contains(&hurried), "{hurried}");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_gives_up_hurries_nobody_any_more() {
    let clock = Clock::simulated(noon());
    let script = until(&clock, HOUR, Step::Status(503, None));
    let keeper = script.keeper();
    assert!(timeout(60 * SECOND, get(&keeper)).await.is_err());
    let before = script.calls();
    assert!(before >= 60, "{before}");
    sleep(60 * SECOND).await;
    assert!(script.calls() <= before + 4, "{}", script.calls() - before);
}

/// While a good token is in hand a broken refresh is no reason to hurry, however many logins look.
#[tokio::test(start_paused = true)]
async fn logins_that_have_a_token_hurry_nobody() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, Duration::ZERO, |call| match call {
        0 => Step::Token(24 * HOUR),
        _ => Step::Status(503, None),
    });
    let keeper = script.keeper();
    get(&keeper).await.unwrap();
    sleep(13 * HOUR).await;
    let before = script.calls();
    for _ in 0..3600 {
        assert!(keeper.look().is_ok());
        sleep(SECOND).await;
    }
    assert!(script.calls() <= before + 20, "{}", script.calls() - before);
}
