//! What the relay must know of MySQL: where an app wants to log in anew.

use azdb_wire::mysql::{Commands, Found, Turn};

use super::Terms;
use crate::relay::{Cut, Watch};

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct MysqlWatch {
    commands: Commands,
    turn: Turn,
    /// What the login has agreed.
    pub(super) terms: Terms,
}

impl MysqlWatch {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            commands: Commands::default(),
            turn: Turn::default(),
            terms,
        }
    }

    /// The number of the packet that the app would take for the answer it waits for.
    pub(super) fn answer(&self) -> Option<u8> {
        self.turn.answer()
    }
}

impl Watch for MysqlWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        let (cut, followed) = match self.commands.follow(bytes) {
            Found::Nothing => (Cut::Through, bytes.len()),
            Found::Unsure(at) => (Cut::Hold(at), at),
            Found::ChangeUser(at) => (Cut::Pause(at), at),
        };
        self.turn.app_sent(bytes.get(..followed).unwrap_or(bytes));
        cut
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        self.turn.upstream_sent(bytes);
    }

    /// Never: where an answer ends cannot be seen without reading it, and apps take an error that answers nothing for a packet
    /// out of order. A closed connection is what they know from MySQL's own shutdown.
    fn at_rest(&self) -> bool {
        false
    }

    fn app_left(&self) -> bool {
        self.commands.has_quit()
    }
}
