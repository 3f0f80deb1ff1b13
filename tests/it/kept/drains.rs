//! Sessions that wait while the proxy comes to its end.

use rustix::process::Signal;

use super::houses::{House, in_each_house};
use super::keeper::{Keeper, Level};

/// Sessions that wait would keep the proxy for longer than a test lasts.
const LATE: &str = "[process]\nmax_sigterm_delay = \"10m\"\nlog_level = \"debug\"\n";

in_each_house!(
    sessions_that_wait_end_at_once_with_a_goodbye,
    sessions_that_wait_end_before_the_apps_that_stay,
);

fn sessions_that_wait_end_at_once_with_a_goodbye(house: &House, level: Level) {
    let keeper = Keeper::start(house, &format!("{LATE}{}{}", house.route(), level.lines()));
    keeper.teach(level);
    house.until_sessions(level.waiting());
    let aborted = house.aborted();
    let Keeper { proxy, .. } = keeper;
    proxy.signal(Signal::TERM);
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("saying goodbye"), "{ran:?}");
    house.until_empty();
    assert_eq!(house.aborted(), aborted);
}

fn sessions_that_wait_end_before_the_apps_that_stay(house: &House, level: Level) {
    let keeper = Keeper::start(house, &format!("{LATE}{}{}", house.route(), level.lines()));
    let mut staying = house.stay(&keeper.proxy);
    keeper.teach(level);
    house.until_sessions(1 + level.waiting());
    keeper.proxy.signal(Signal::TERM);
    house.until_sessions(1);
    staying.leave();
    let Keeper { proxy, .. } = keeper;
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // What it has left waits for nobody: only the visit before was reset.
    let resets = ran.stderr.matches("a session was reset").count();
    assert_eq!(resets, usize::from(level == Level::Reused), "{ran:?}");
    house.until_empty();
}
