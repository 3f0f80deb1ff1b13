//! Sessions that wait for apps that are asked for a password.

use azdb_tests::{ANYONE, Passwords};

use super::houses::{House, in_each_house};
use super::keeper::{Keeper, Level};

in_each_house!(a_wrong_password_is_refused_and_costs_nobody_a_session,);

fn a_wrong_password_is_refused_and_costs_nobody_a_session(house: &House, level: Level) {
    let passwords = Passwords::of(ANYONE);
    let route = house.route() + &passwords.line() + level.lines();
    let keeper = Keeper::start(house, &route);
    keeper.teach(level);
    house.until_sessions(level.waiting());
    let waiting = house.traces();
    let (begun, found) = (keeper.sessions_begun(), keeper.opened(level));
    for _ in 0..2 {
        let ran = house.visit(&keeper.proxy, "wrong", house.number());
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert!(said.contains("no app comes in as user"), "{ran:?}");
    }
    assert_eq!(keeper.kept(level), level.waiting());
    assert_eq!(house.traces(), waiting);
    assert_eq!(keeper.sessions_begun(), begun);
    assert_eq!(keeper.opened(level), found);
    let number = keeper.ask_kept(level, house.number());
    if let House::Postgres(_) | House::Mariadb(_) = house {
        assert!(waiting.contains(&number), "{number}: {waiting:?}");
    }
    let log = keeper.proxy.log();
    assert!(!log.contains("any password"), "{log}");
}
