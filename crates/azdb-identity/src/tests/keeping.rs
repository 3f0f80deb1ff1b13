#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::scripted::{Script, Step, noon};
use crate::clock::Clock;
use crate::keeper::{Gone, Keeper};
use crate::schedule;
use crate::{Token, TokenError};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What `Tokens::get` does.
async fn get(keeper: &Keeper) -> Result<Token, TokenError> {
    match keeper.look() {
        Ok(token) => Ok(token),
        Err(waiter) => waiter
            .token()
            .await
            .unwrap_or_else(|Gone| panic!("the task broke")),
    }
}

async fn replace(keeper: &Keeper, rejected: &Token) -> Result<Option<Token>, TokenError> {
    let replaced = keeper.waiter().other_than(rejected).await;
    replaced.unwrap_or_else(|Gone| panic!("the task broke"))
}

fn text(outcome: Result<Token, TokenError>) -> String {
    outcome.unwrap().expose().to_owned()
}

/// A token in hand without waiting.
fn at_once(keeper: &Keeper) -> Option<String> {
    keeper.look().ok().map(|token| token.expose().to_owned())
}

#[tokio::test(start_paused = true)]
async fn many_callers_share_one_fetch() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Token(HOUR));
    let keeper = Arc::new(script.keeper());
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let keeper = Arc::clone(&keeper);
            tokio::spawn(async move { text(get(&keeper).await) })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "token-0");
    }
    assert_eq!(script.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_fetches_never_run_at_the_same_time() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, 7 * SECOND, |call| match call % 3 {
        0 => Step::Token(3 * MINUTE),
        1 => Step::Status(500, None),
        _ => Step::Status(429, Some(5)),
    });
    let keeper = Arc::new(script.keeper());
    let callers: Vec<_> = (0..40)
        .map(|index| {
            let keeper = Arc::clone(&keeper);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let token = get(&keeper).await.unwrap();
                    replace(&keeper, &token).await.ok();
                    sleep(SECOND * (index % 9)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(script.calls() > 3);
    assert_eq!(script.most_at_once.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_stops_no_fetch() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, 20 * SECOND, |_| Step::Token(HOUR));
    let keeper = script.keeper();
    assert!(timeout(9 * SECOND, get(&keeper)).await.is_err());
    sleep(12 * SECOND).await;
    assert_eq!(at_once(&keeper).as_deref(), Some("token-0"));
    assert_eq!(script.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_served_while_a_fetch_runs() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, Duration::ZERO, |call| match call {
        0 => Step::Token(HOUR),
        _ => Step::Held(HOUR),
    });
    let keeper = script.keeper();
    assert_eq!(text(get(&keeper).await), "token-0");
    sleep(58 * MINUTE).await;
    assert_eq!(script.calls(), 2, "the refresh runs");
    assert_eq!(at_once(&keeper).as_deref(), Some("token-0"));
    script.release();
    sleep(SECOND).await;
    assert_eq!(at_once(&keeper).as_deref(), Some("token-1"));
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_served_until_60_seconds_before_its_end_while_fetches_fail() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, Duration::ZERO, |call| match call {
        0 => Step::Token(HOUR),
        _ => Step::Status(503, None),
    });
    let keeper = script.keeper();
    assert_eq!(text(get(&keeper).await), "token-0");
    sleep(59 * MINUTE - SECOND).await;
    assert_eq!(at_once(&keeper).as_deref(), Some("token-0"));
    assert!(keeper.known().failure.is_some());
    sleep(2 * SECOND).await;
    assert_eq!(at_once(&keeper), None);
    let waited = timeout(9 * SECOND, get(&keeper)).await;
    assert!(waited.is_err(), "a transient fault is waited through");
    sleep(MINUTE).await;
    assert!(
        keeper.known().token.is_none(),
        "a token that is over is forgotten"
    );
    assert!((5..60).contains(&script.calls()), "{}", script.calls());
}

#[tokio::test(start_paused = true)]
async fn no_token_with_less_than_60_seconds_is_handed_out() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |call| {
        Step::Token(SECOND * (61 + call as u32 % 90))
    });
    let keeper = script.keeper();
    for _ in 0..2000 {
        let token = get(&keeper).await.unwrap();
        assert!(token.left() >= schedule::FLOOR);
        sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_told_at_once_and_tried_again_every_30_seconds_at_most() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Status(400, None));
    let keeper = script.keeper();
    assert!(get(&keeper).await.is_err());
    let started = Instant::now();
    for _ in 0..600 {
        sleep(SECOND).await;
        assert!(!get(&keeper).await.err().unwrap().is_transient());
    }
    let at_most = 2 + started.elapsed().as_secs() / 30;
    assert!(
        (10..=at_most).contains(&script.calls()),
        "{}",
        script.calls()
    );
    let times = script.times.lock().unwrap().clone();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= schedule::PERMANENT_FLOOR, "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_after_30_seconds_gets_the_mended_token() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |call| match call {
        0 => Step::Status(403, None),
        _ => Step::Token(HOUR),
    });
    let keeper = script.keeper();
    assert!(get(&keeper).await.is_err());
    sleep(31 * SECOND).await;
    assert_eq!(text(get(&keeper).await), "token-1");
}

#[tokio::test(start_paused = true)]
async fn a_throttling_endpoint_is_left_alone_until_it_said() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, Duration::ZERO, |call| match call {
        0 => Step::Status(429, Some(120)),
        _ => Step::Token(HOUR),
    });
    let keeper = Arc::new(script.keeper());
    let started = Instant::now();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let keeper = Arc::clone(&keeper);
            tokio::spawn(async move { timeout(9 * SECOND, get(&keeper)).await.is_ok() })
        })
        .collect();
    for caller in callers {
        assert!(!caller.await.unwrap());
    }
    assert_eq!(text(get(&keeper).await), "token-1");
    assert!(started.elapsed() >= 120 * SECOND);
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_once_for_everybody() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Token(24 * HOUR));
    let keeper = Arc::new(script.keeper());
    let rejected = get(&keeper).await.unwrap();
    sleep(HOUR).await;
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (keeper, rejected) = (Arc::clone(&keeper), rejected.clone());
            tokio::spawn(async move { replace(&keeper, &rejected).await.unwrap().unwrap() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().expose(), "token-1");
    }
    assert_eq!(script.calls(), 2);
    // Whoever comes late with the old one gets the new one.
    assert_eq!(
        replace(&keeper, &rejected).await.unwrap().unwrap().expose(),
        "token-1"
    );
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_bytes_again_are_no_replacement_and_asked_for_every_30_seconds_at_most() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Same(24 * HOUR));
    let keeper = script.keeper();
    let rejected = get(&keeper).await.unwrap();
    sleep(HOUR).await;
    let started = Instant::now();
    for _ in 0..300 {
        assert!(replace(&keeper, &rejected).await.unwrap().is_none());
        sleep(SECOND).await;
    }
    let at_most = 2 + started.elapsed().as_secs() / 30;
    assert!(
        (5..=at_most).contains(&script.calls()),
        "{}",
        script.calls()
    );
    assert_eq!(
        at_once(&keeper).as_deref(),
        Some("token-same"),
        "others may still take it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_goes_wrong_is_an_error_and_the_old_token_stays() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |call| match call {
        0 => Step::Token(24 * HOUR),
        _ => Step::Status(503, None),
    });
    let keeper = script.keeper();
    let rejected = get(&keeper).await.unwrap();
    sleep(HOUR).await;
    assert!(replace(&keeper, &rejected).await.is_err());
    assert_eq!(at_once(&keeper).as_deref(), Some("token-0"));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_machine_wakes_up_with_a_fetch() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Token(HOUR));
    let keeper = script.keeper();
    assert_eq!(text(get(&keeper).await), "token-0");
    sleep(10 * SECOND).await;
    clock.suspend(3 * HOUR);
    assert_eq!(at_once(&keeper), None, "it ended while the machine slept");
    let waited = Instant::now();
    assert_eq!(text(get(&keeper).await), "token-1");
    assert_eq!(waited.elapsed(), SECOND, "only as long as the fetch takes");
}

#[tokio::test(start_paused = true)]
async fn a_nap_is_noticed_without_anybody_asking() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Token(24 * HOUR));
    let keeper = script.keeper();
    sleep(MINUTE).await;
    clock.suspend(3 * HOUR);
    sleep(MINUTE).await;
    assert_eq!(script.calls(), 2);
    assert_eq!(at_once(&keeper).as_deref(), Some("token-1"));
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_a_source_leaves_nobody_waiting() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Panic);
    let keeper = script.keeper();
    let waiter = keeper.look().err().unwrap();
    assert!(waiter.token().await.is_err());
    assert!(keeper.is_dead(), "the next caller starts another one");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_keeper() {
    let clock = Clock::simulated(noon());
    let script = Script::new(&clock, SECOND, |_| Step::Token(MINUTE * 3));
    let keeper = script.keeper();
    assert_eq!(text(get(&keeper).await), "token-0");
    drop(keeper);
    sleep(HOUR).await;
    assert_eq!(script.calls(), 1);
}
