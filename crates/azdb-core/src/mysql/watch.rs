//! What the relay must know of MySQL: where an app wants to log in anew, and whether the session may end now.

use azdb_wire::mysql::{Commands, Exchange, Form, Found};

use super::Terms;
use crate::relay::{Cut, Watch};

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct MysqlWatch {
    commands: Commands,
    exchange: Exchange,
    /// A command waits: its beginning to be judged, or for the relay to pause.
    holds: bool,
    /// What the login has agreed.
    pub(super) terms: Terms,
}

impl MysqlWatch {
    pub(super) fn new(terms: Terms) -> Self {
        let form = Form::agreed(terms.upstream, terms.extended);
        Self {
            commands: Commands::default(),
            exchange: Exchange::new(form),
            holds: false,
            terms,
        }
    }

    /// The number of the packet that the app would take for its server's error.
    pub(super) fn error_number(&self) -> Option<u8> {
        self.exchange.error_number().filter(|_| !self.holds)
    }

    /// The user has been changed while the relay paused.
    pub(super) fn begin_anew(&mut self) {
        self.holds = false;
        self.exchange.begin_anew();
    }
}

impl Watch for MysqlWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        let (cut, followed) = match self.commands.follow(bytes) {
            Found::Nothing => (Cut::Through, bytes.len()),
            Found::Unsure(at) => (Cut::Hold(at), at),
            Found::ChangeUser(at) => (Cut::Pause(at), at),
        };
        self.holds = cut != Cut::Through;
        self.exchange
            .app_sent(bytes.get(..followed).unwrap_or(bytes));
        cut
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        self.exchange.upstream_sent(bytes);
    }

    fn at_rest(&self) -> bool {
        self.exchange.at_rest() && !self.holds
    }

    fn is_idle(&self) -> bool {
        self.exchange.is_idle() && !self.holds
    }

    fn app_left(&self) -> bool {
        self.commands.has_quit()
    }
}
