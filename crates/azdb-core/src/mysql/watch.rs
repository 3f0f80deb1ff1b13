//! What the relay must know of MySQL: where an app wants to log in anew.

use azdb_wire::mysql::{Commands, Found};

use super::{Terms, change_user};
use crate::error::LoginError;
use crate::io::{AppLeg, Stream};
use crate::lobby::Lobby;
use crate::relay::{Cut, Watch};
use crate::session::{Conversation, Legs};
use crate::upstream::Dial;

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    commands: Commands,
    terms: Terms,
}

impl Talk {
    pub(super) fn new(terms: Terms) -> Self {
        let commands = Commands::default();
        Self { commands, terms }
    }
}

impl Watch for Talk {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        match self.commands.follow(bytes) {
            Found::Nothing => Cut::Through,
            Found::Unsure(at) => Cut::Hold(at),
            Found::ChangeUser(at) => Cut::Pause(at),
        }
    }

    fn upstream_sent(&mut self, _: &[u8]) {}

    fn app_left(&self) -> bool {
        self.commands.has_quit()
    }

    /// Never: where an answer ends cannot be seen without reading it, and apps take an error that answers nothing for a packet
    /// out of order. A closed connection is what they know from MySQL's own shutdown.
    fn at_rest(&self) -> bool {
        false
    }
}

impl Conversation for Talk {
    async fn intermission<A: Stream, D: Dial>(
        &mut self,
        legs: &mut Legs<A, D::Stream>,
        lobby: &Lobby<D>,
    ) -> Result<(), LoginError> {
        change_user::change_user(legs, &mut self.terms, lobby).await
    }

    async fn farewell<A: Stream>(&self, _: &mut AppLeg<A>) {}
}
