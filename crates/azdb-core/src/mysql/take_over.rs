//! A session that was made like new becomes another app's.
//!
//! ```text
//!   azdb-proxy                                   upstream
//!    | --- COM_CHANGE_USER as the principal ------> |
//!    | <------- switch: clear password ------------ |
//!    | ---------------- token --------------------> |
//!    | <------------------ OK --------------------- |
//! ```
//!
//! It is a login: a principal that was dropped meanwhile is out. Where the upstream takes none ([`Way`](super::change_user::Way)), the
//! session is given roles, character set and database in commands, all in one write.

use std::sync::atomic::Ordering;

use azdb_config::route::Principal;
use azdb_wire::mysql::{Capabilities, ChangeUser, Command, encode_query, push_packet};

use super::change_user::{announced, answer, change, set_charset};
use super::spares::Spares;
use super::upstream::broken;
use super::{Mysql, MysqlFault, Terms};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::Lobby;
use crate::phases::Phase;
use crate::way::{Dial, Leg, MaybeTls, Stream, Upstream};

/// Gives a session that was made like new to whoever has said this, by a login; or without one, where the upstream takes none. Returns
/// the payload of an OK and the plugin of the account.
pub(super) async fn take_over<D: Dial>(
    command: ChangeUser<'_>,
    upstream: &mut Upstream<D::Stream>,
    principal: &Principal,
    terms: &Terms,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<(Vec<u8>, Vec<u8>), Fault<MysqlFault>> {
    let Spares {
        change_user,
        customs,
        ..
    } = &lobby.state.own;
    if !change_user.resets.load(Ordering::Relaxed) {
        let command = ChangeUser {
            plugin: announced(terms, &lobby.route.auth),
            ..command
        };
        return change(&command, upstream, principal, terms, lobby, deadline).await;
    }
    // No command leaves a database for none.
    let Some(database) = command.database else {
        return Err(broken(
            "a login without a database cannot take a session over",
        ));
    };
    let charset = command.charset.unwrap_or(u16::from(terms.charset));
    let roles: &[u8] = match customs.activates_all_roles() {
        true => b"SET ROLE ALL",
        false => b"SET ROLE DEFAULT",
    };
    let asking = as_after_login(upstream.leg(), roles, charset, (database, terms.upstream));
    let ok = deadline
        .run(Phase::Database, "taking a session over", asking)
        .await?;
    Ok((ok, terms.plugin.clone()))
}

/// Gives a session that was reset what a login would give it. Returns the payload of the last OK.
async fn as_after_login<S: Stream>(
    leg: &mut Leg<MaybeTls<S>>,
    roles: &[u8],
    charset: u16,
    (database, agreed): (&[u8], Capabilities),
) -> Result<Vec<u8>, Fault<MysqlFault>> {
    const DOING: &str = "taking a session over";
    let commands = [
        encode_query(roles, agreed),
        encode_query(set_charset(charset).as_bytes(), agreed),
        [&[Command::INIT_DB.0], database].concat(),
    ];
    let mut packets = Vec::new();
    for command in &commands {
        push_packet(&mut packets, 0, command);
    }
    leg.say(&packets).await.map_err(Cause::lost(DOING))?;
    let mut ok = Vec::new();
    for _ in &commands {
        ok = answer(leg).await?;
    }
    Ok(ok)
}
