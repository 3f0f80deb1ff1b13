//! Sessions that wait for apps, and how an app comes to one.
//!
//! ```text
//!   app                        azdb-proxy                         upstream
//!    | <- greeting of one that waits |                                |
//!    | --------- response ---------> |   like the login of that one?  |
//!    |                               | --no: COM_QUIT, and a dial --> |
//!    |                               |   where an app has used it:    |
//!    |                               | -- COM_CHANGE_USER, a token -> |
//!    | <------------ OK ------------ | <------------ OK ------------- |
//! ```
//!
//! The greeting comes before anybody knows who comes. So one is picked by where the app is, and greets with its own thread's number and
//! flags. An app that turns out to be another ends it: that number has been said, and as no later session has it, a `KILL QUERY` from
//! there hits nobody.
//!
//! # Invariants
//!
//! * An app that is not let in costs nobody a session: the one that has greeted it waits again, by [`Candidate`]'s drop.
//! * Whoever reads a greeting and says nothing has no place: what has greeted it gives way, and it goes on by an upstream of its own.
//! * Nobody reads an OK from memory whose login differs in more than its process.
//! * A session that an app has used serves another only when the upstream has let that one in anew.

use std::sync::Arc;

use azdb_wire::mysql::{ChangeUser, Greeting};

use super::enter::{Entered, Said, Seen, UNREADABLE};
use super::memory::{Memory, Pattern, difference};
use super::reset::{Renewed, renew};
use super::take_over::take_over;
use super::upstream::{Entry, bad_packet, broken};
use super::watch::MysqlWatch;
use super::{Mysql, MysqlFault, Secretive, Terms};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::kept::{Found, Key, Seat, is_quiet};
use crate::ledger::{Beginning, Reset};
use crate::lobby::{self, Keepsake, Lobby, Made, Permit, Protocol as _, Spare, Tracks};
use crate::parting::leave;
use crate::way::{Dial, Stream, Upstream};

/// A session that waits, whose greeting an app reads.
pub(super) struct Candidate<D: Dial> {
    seat: Seat<Spare<Mysql, D::Stream>>,
    beginning: Beginning,
    /// The payload of its greeting.
    greeting: Secretive,
    lobby: Lobby<Mysql, D>,
}

/// What became of an app that has read the greeting of a session that waits.
pub(super) enum Claimed<S: Stream> {
    /// It has it.
    In(Box<Entered<S>>),
    /// It goes on without, having been shown this greeting.
    Not(Secretive, Option<Instead>),
}

/// What an app has that cannot have the session whose greeting it has read.
pub(super) struct Instead {
    /// The session's place.
    pub(super) permit: Permit,
    /// Why the upstream would not let it in on that session.
    pub(super) refusal: Option<Fault<MysqlFault>>,
}

impl<D: Dial> Candidate<D> {
    /// One for the app at `place`, which has not said who it is.
    pub(super) fn pick(place: &Place, lobby: &Lobby<Mysql, D>) -> Option<Box<Self>> {
        if !lobby.keeps_for(place) {
            return None;
        }
        let wanted = |key: &Key| lobby.may_be_of(place, key);
        let look = |keepsake: &Keepsake<Mysql>| keepsake.memory.greeting.clone();
        let (seat, beginning, greeting) = lobby.lend_kept_where(wanted, look)?;
        Some(Box::new(Self {
            seat,
            beginning,
            greeting,
            lobby: lobby.clone(),
        }))
    }

    /// What it has said before its login.
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        Greeting::parse(&self.greeting).map_err(bad_packet)
    }

    /// Gives it to an app that has proved who it is, if its login is like the one that it waits for.
    pub(super) async fn claim(
        self: Box<Self>,
        seen: Seen<'_>,
        deadline: &Deadline,
    ) -> Result<Claimed<D::Stream>, Fault<MysqlFault>> {
        let lobby = self.lobby.clone();
        let said = Said::to(&self.greeting()?, seen, &lobby)?;
        if lobby.closing.is_cancelled() {
            return Err(Cause::ShuttingDown.into());
        }
        // From here on it is this app's, or nobody's: its number has been said to whoever this is.
        let Some(mut spare) = lobby.claim(&self.seat) else {
            return Ok(Claimed::Not(self.greeting.clone(), None));
        };
        let beginning = self.beginning;
        let key = said.key(&lobby);
        let found = match &key {
            None => Some(Found::Never(UNREADABLE)),
            Some(key) => difference(&spare.keepsake.key, key, beginning).map(Found::Differs),
        };
        let found = match found {
            None if !is_quiet(&mut spare).await => Some(Found::NoneLeft),
            found => found,
        };
        if let Some(found) = found {
            lobby.note_found(found);
            return Ok(Claimed::instead_of(spare, None));
        }
        seen.place.leave();
        if beginning == Beginning::Reused
            && let Err(refusal) = let_in_anew(&mut spare, &said, &lobby, deadline).await
        {
            lobby.note_found(Found::NoneLeft);
            return Ok(Claimed::instead_of(spare, Some(refusal)));
        }
        lobby.note_found(Found::Hit);
        if let Some(key) = key {
            spare.keepsake.key = Arc::new(key);
        }
        Ok(Claimed::In(Box::new(enter(
            spare, beginning, &said, &lobby,
        ))))
    }
}

/// Whoever has not got it gives it back: it waits again, as long as it may.
impl<D: Dial> Drop for Candidate<D> {
    fn drop(&mut self) {
        self.lobby.state.kept.stock.take_back(&self.seat);
    }
}

impl<S: Stream> Claimed<S> {
    /// Ends the session at once, whose place is the app's.
    fn instead_of(spare: Spare<Mysql, S>, refusal: Option<Fault<MysqlFault>>) -> Self {
        let shown = spare.keepsake.memory.greeting.clone();
        let permit = spare.vacate();
        Self::Not(shown, Some(Instead { permit, refusal }))
    }
}

/// Lets an app in on a session.
fn enter<D: Dial>(
    spare: Spare<Mysql, D::Stream>,
    beginning: Beginning,
    said: &Said<'_>,
    lobby: &Lobby<Mysql, D>,
) -> Entered<D::Stream> {
    let Spare {
        upstream,
        keepsake,
        following,
        permit,
    } = spare;
    let memory = &keepsake.memory;
    match beginning {
        Beginning::Ready => lobby.make_another(&keepsake.key),
        Beginning::Reused | Beginning::Dialled | Beginning::Prepared => {
            said.teach(&keepsake.key, lobby);
        }
    }
    let terms = terms(memory, &keepsake.dialled.upstream.host, said);
    let number = memory.greeting().map(|greeting| greeting.thread_id);
    Entered {
        upstream,
        ok: memory.ok.clone(),
        terms,
        following,
        permit,
        entrant: said.entrant(number.unwrap_or_default(), beginning),
        named: said.plugin().to_vec(),
        compression: said.compression(),
        keepsake: said.may_be_reset().then_some(keepsake),
    }
}

/// What a session that has waited agrees on with its app.
fn terms(memory: &Memory, host: &str, said: &Said<'_>) -> Terms {
    Terms {
        upstream: memory.agreed,
        extended: memory.extended,
        plugin: memory.plugin.clone(),
        ..said.terms(host)
    }
}

/// Logs an app in on a session that another has used.
async fn let_in_anew<D: Dial>(
    spare: &mut Spare<Mysql, D::Stream>,
    said: &Said<'_>,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<(), Fault<MysqlFault>> {
    let Spare {
        upstream, keepsake, ..
    } = spare;
    let (memory, host) = (&mut keepsake.memory, &keepsake.dialled.upstream.host);
    let ours = said.ours();
    let command = ChangeUser {
        user: ours.user,
        auth: b"",
        database: ours.database,
        charset: Some(u16::from(ours.charset)),
        plugin: b"",
        attributes: ours.attributes,
    };
    let terms = terms(memory, host, said);
    let principal = said.principal();
    let taking = take_over(command, upstream, principal, &terms, lobby, deadline);
    (memory.ok, memory.plugin) = taking.await?;
    Ok(())
}

/// Logs in like an app once more.
pub(super) async fn log_in_again<D: Dial>(
    pattern: &Pattern,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<Made<Mysql, D::Stream>, Fault<MysqlFault>> {
    let principal = lobby.principal(&pattern.user)?;
    let response = pattern.ours(&principal.user);
    let mut attempt = Entry {
        response,
        lent: None,
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: false,
    };
    let nobody = std::future::pending();
    let logging_in = lobby::log_in(&mut attempt, principal, lobby, deadline, nobody);
    let (mut granted, token) = logging_in.await?;
    let memory = Memory::of(&granted, response.agreed(), response.extended);
    let greeting = memory.greeting()?;
    if (greeting.capabilities, greeting.extended()) != pattern.offered {
        // What an app would read of it is not what its like has agreed to.
        leave(&mut granted.upstream, Mysql::GOODBYE, true).await;
        return Err(broken("another greeting than the one before"));
    }
    Ok(Made {
        upstream: granted.upstream,
        memory,
        dialled: granted.dialled,
        token,
    })
}

/// Makes a session like new that its app has left.
pub(super) async fn reset<D: Dial>(
    upstream: &mut Upstream<D::Stream>,
    watch: &MysqlWatch,
    lobby: &Lobby<Mysql, D>,
) -> Reset {
    let Terms {
        upstream: agreed,
        extended,
        ..
    } = watch.terms;
    match renew(upstream.leg(), agreed, extended).await {
        Renewed::Whole(at_login) => match lobby.state.own.customs.learn(at_login, &lobby.route) {
            true => Reset::Clean,
            false => Reset::Refused,
        },
        Renewed::Refused => Reset::Refused,
        Renewed::Dirty(what) => {
            tracing::debug!(what, "a session is not like new");
            Reset::Dirty
        }
    }
}
