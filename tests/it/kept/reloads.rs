//! Sessions that wait while the configuration is read again.

use super::houses::{House, in_each_house};
use super::keeper::{Keeper, Level};

in_each_house!(
    sessions_that_wait_end_whatever_another_configuration_says,
    apps_find_sessions_of_the_settings_of_now,
);

fn sessions_that_wait_end_whatever_another_configuration_says(house: &House, level: Level) {
    let route = house.route() + level.lines();
    let keeper = Keeper::start(house, &route);
    keeper.teach(level);
    house.until_sessions(level.waiting());
    let aborted = house.aborted();
    let (begun, kept) = (keeper.sessions_begun(), keeper.opened(level));
    for configuration in [
        // The same.
        route.clone(),
        // Another route beside it.
        format!("{route}{}", route.replace("name = \"", "name = \"another-")),
        // Nothing waits any more.
        house.route(),
    ] {
        keeper.proxy.reload_with(&configuration);
        assert_eq!(keeper.kept(level), 0);
        house.until_empty();
        let _ = keeper.number();
        assert_eq!(keeper.opened(level), kept, "a session of before");
        // A login of before is not one that has come twice.
        let is_kept = level == Level::Reused && configuration != house.route();
        house.until_sessions(usize::from(is_kept));
    }
    assert_eq!(keeper.sessions_begun(), begun + 3);
    assert_eq!(house.aborted(), aborted);
}

fn apps_find_sessions_of_the_settings_of_now(house: &House, level: Level) {
    let keeper = Keeper::start(house, &(house.route() + level.lines()));
    let (other, question, answer) = house.other_route();
    keeper.teach(level);
    assert_ne!(keeper.ask_kept(level, question), answer);
    keeper.proxy.reload_with(&(other + level.lines()));
    let begun = keeper.opened(level);
    assert_eq!(keeper.ask(question), answer);
    assert_eq!(keeper.opened(level), begun, "a session of before");
    keeper.teach(level);
    assert_eq!(keeper.ask_kept(level, question), answer);
}
