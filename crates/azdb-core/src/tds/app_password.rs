//! How an app proves that it knows its password, where it is asked for one: LOGIN7 has it.
//!
//! An app that speaks TLS for its login says it in there. One that does not says it to everybody on the way, and is believed only where
//! nobody is: on this machine.

use azdb_wire::tds::{AppProof, Login7, reveal};
use zeroize::Zeroizing;

use super::{Tds, TdsFault};
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::lobby::Lobby;
use crate::socket::Peer;
use crate::way::Dial;

/// What has been seen of an app.
pub(super) struct Seen<'a> {
    /// The payload of its LOGIN7.
    pub(super) payload: &'a [u8],
    /// Whether that came over TLS.
    pub(super) is_tls: bool,
    pub(super) peer: Peer,
}

/// Looks whether an app knows the password of `user`, where the route has such.
///
/// # Errors
///
/// Why it is not in.
pub(super) async fn check<D: Dial>(
    seen: &Seen<'_>,
    login: &Login7<'_>,
    user: &[u8],
    lobby: &Lobby<Tds, D>,
    deadline: &Deadline,
) -> Result<(), Fault<TdsFault>> {
    let Some(asked) = lobby.asks(seen.peer) else {
        return Ok(());
    };
    if login.fed_auth().is_some() {
        return Err(TdsFault::AppHasNoPassword("a token of its own").into());
    }
    let hidden = match AppProof::parse(seen.payload).map_err(TdsFault::from)? {
        AppProof::Password(hidden) => hidden,
        AppProof::Integrated => {
            return Err(TdsFault::AppHasNoPassword("integrated security").into());
        }
    };
    if !seen.is_tls && !seen.peer.is_here() {
        return Err(TdsFault::AppPasswordInClear.into());
    }
    let password = Zeroizing::new(reveal(hidden));
    let look = || asked.is_whole(user, &password).then_some(());
    Ok(lobby.judge(seen.peer, user, deadline, look).await?)
}
