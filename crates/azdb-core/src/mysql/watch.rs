//! What the relay must know of MySQL: where an app wants to log in anew, whether the session may end now, and whether an app that says
//! goodbye leaves a session behind for another.

use azdb_wire::mysql::{Commands, Exchange, Form, Found, QUIT};

use super::Terms;
use crate::relay::{Cut, Watch};

/// A session's conversation.
#[derive(Debug)]
pub(crate) struct MysqlWatch {
    commands: Commands,
    exchange: Exchange,
    /// A command waits: its beginning to be judged, or for the relay to pause.
    holds: bool,
    /// The app has left, and its upstream has not heard of it.
    left: bool,
    /// What the login has agreed.
    pub(super) terms: Terms,
}

impl MysqlWatch {
    /// Of a session that another app may have when this one has left, or not.
    pub(super) fn new(terms: Terms, may_be_reset: bool) -> Self {
        let form = Form::agreed(terms.upstream, terms.extended);
        let mut commands = Commands::default();
        commands.hold_quit(may_be_reset);
        Self {
            commands,
            exchange: Exchange::new(form),
            holds: false,
            left: false,
            terms,
        }
    }

    /// The number of the packet that the app would take for its server's error.
    pub(super) fn error_number(&self) -> Option<u8> {
        self.exchange.error_number().filter(|_| !self.holds)
    }

    /// Whether a reset makes another app's session of this one.
    fn leaves_all_well(&self) -> bool {
        self.exchange.is_resettable() && !self.terms.is_another
    }

    /// The user has been changed while the relay paused.
    pub(super) fn begin_anew(&mut self) {
        self.holds = false;
        self.exchange.begin_anew();
    }
}

impl Watch for MysqlWatch {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        let found = self.commands.follow(bytes);
        let followed = match found {
            Found::Nothing => bytes.len(),
            Found::Unsure(at) | Found::ChangeUser(at) | Found::Quit(at) => at,
        };
        let (now, later) = bytes.split_at_checked(followed).unwrap_or((bytes, &[]));
        self.exchange.app_sent(now);
        let cut = match found {
            Found::Nothing => Cut::Through,
            Found::Unsure(at) => Cut::Hold(at),
            Found::ChangeUser(at) => Cut::Pause(at),
            Found::Quit(at) => {
                self.left = later == QUIT && self.leaves_all_well();
                if !self.left {
                    // It is carried on as any other word.
                    self.commands.hold_quit(false);
                    return match self.app_sent(later) {
                        Cut::Through => Cut::Through,
                        Cut::Hold(behind) => Cut::Hold(at + behind),
                        Cut::Pause(behind) => Cut::Pause(at + behind),
                    };
                }
                Cut::Pause(at)
            }
        };
        self.holds = cut != Cut::Through;
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

    fn is_whole(&self) -> bool {
        self.left
    }

    fn app_left(&self) -> bool {
        self.left || self.commands.has_quit()
    }
}
