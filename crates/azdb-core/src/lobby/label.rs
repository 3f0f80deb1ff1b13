//! Names for apps that have none, so that whoever looks at the database's sessions can tell them apart (`label_sessions`).

use azdb_quote::Quoted;

use super::{Lobby, Protocol};
use crate::anteroom::Place;
use crate::way::Dial;

/// Bytes of the app's user that stand in a label. PostgreSQL keeps 63 of the whole, SQL Server 128 letters.
const MOST_OF_USER: usize = 32;

/// What the apps of one connection are called that do not name themselves.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    peer: Box<str>,
}

impl Labels {
    /// What the app is called that says it is `user`.
    pub(crate) fn of(&self, user: &[u8]) -> String {
        let user = user.get(..MOST_OF_USER).unwrap_or(user);
        format!("{}@{}", Quoted(user).first_line(), self.peer)
    }
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// For the app at `place`; `None` where apps go without.
    pub(crate) fn labels(&self, place: &Place) -> Option<Labels> {
        let peer = || place.peer().to_string().into_boxed_str();
        let labels = self.route.label_sessions;
        labels.then(|| Labels { peer: peer() })
    }
}
