//! What the relay must know of MySQL: where an app wants to log in anew.

use azdb_wire::mysql::{Commands, Found};

use super::Terms;
use crate::relay::{Cut, Watch};

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct MysqlWatch {
    commands: Commands,
    /// What the login has agreed.
    pub(super) terms: Terms,
}

impl MysqlWatch {
    pub(super) fn new(terms: Terms) -> Self {
        let commands = Commands::default();
        Self { commands, terms }
    }
}

impl Watch for MysqlWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        match self.commands.follow(bytes) {
            Found::Nothing => Cut::Through,
            Found::Unsure(at) => Cut::Hold(at),
            Found::ChangeUser(at) => Cut::Pause(at),
        }
    }

    fn upstream_sent(&mut self, _: &[u8]) {}

    /// Never: where an answer ends cannot be seen without reading it, and apps take an error that answers nothing for a packet
    /// out of order. A closed connection is what they know from MySQL's own shutdown.
    fn at_rest(&self) -> bool {
        false
    }

    fn app_left(&self) -> bool {
        self.commands.has_quit()
    }
}
