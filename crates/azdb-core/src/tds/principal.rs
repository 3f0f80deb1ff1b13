//! Whom an app becomes upstream, by the name that it gives: compared as SQL Server compares names, and not as Rust does.

use azdb_config::route::{Principal, Principals};

use super::{Tds, TdsFault};
use crate::fault::Fault;
use crate::lobby::Lobby;
use crate::way::Dial;

/// The principal of an app that calls itself `user`: the one whom `user_map` lists so, in whatever case, or without the `@server` that
/// old connection strings of Azure have.
///
/// # Errors
///
/// That there is none, or that an app with integrated security has said no name.
pub(super) fn of<'a, D: Dial>(
    user: &str,
    lobby: &'a Lobby<Tds, D>,
) -> Result<&'a Principal, Fault<TdsFault>> {
    let unknown = match lobby.principal(user.as_bytes()) {
        Ok(principal) => return Ok(principal),
        Err(unknown) => unknown,
    };
    let Principals::ByAppUser(map) = &lobby.route.principals else {
        return Err(unknown.into());
    };
    let listed = |name: &str| {
        let lower = name.to_lowercase();
        map.iter()
            .find(move |(listed, _)| listed.to_lowercase() == lower)
    };
    let bare = user.split_once('@').map(|(bare, _)| bare);
    match listed(user).or_else(|| bare.and_then(listed)) {
        Some((_, principal)) => Ok(principal),
        None if user.is_empty() => Err(TdsFault::NoUser.into()),
        None => Err(unknown.into()),
    }
}
