//! Sessions that wait for an app: what makes two logins alike, how an app is let in from memory, and how a session becomes like new.
//!
//! ```text
//!   app              azdb-proxy                upstream
//!    | -- Terminate -> |                           |
//!    |                 | ----- DISCARD ALL ------> |
//!    |                 | <-- N* C S* Z, idle ----- |   the settings that are reported are those of the login again
//!   next app           |                           |
//!    | -- Startup ---> |                           |
//!    | <- Ok .. Z ---- |                           |   as the upstream said it, with another secret in BackendKeyData
//! ```
//!
//! # Invariants
//!
//! * Each app has a secret of its own for cancel requests: that of an app which has left finds nobody.
//! * A session is like new only when the upstream has said exactly that.

use std::sync::Arc;

use azdb_config::route::Principal;
use azdb_identity::Token;
use azdb_wire::postgres::{Header, Next, Reports, Startup, next_message, tag};

use super::cancel::{Cancels, Registration};
use super::upstream::{self, Granted, read_message};
use super::watch::{Afterwards, PostgresWatch};
use super::{Entered, Postgres, PostgresFault};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::kept::{Found, Key};
use crate::ledger::{Beginning, Reset};
use crate::lobby::{self, Entrant, Lobby, Made, Number, Permit, Spare, Taken, Tracks};
use crate::way::{Dial, Dialled, Leg, MaybeTls, Stream, Upstream};

/// What says an app's login once more.
pub(crate) struct Pattern {
    pub(super) packet: Vec<u8>,
    /// The app's user, by whom the principal is found.
    pub(super) user: Vec<u8>,
}

/// What lets an app in without asking the upstream again.
pub(crate) struct Memory {
    /// NegotiateProtocolVersion if there was one, then everything from "Ok" to ReadyForQuery, as the upstream said it.
    pub(super) answer: Vec<u8>,
    /// Payload of the upstream's BackendKeyData.
    pub(super) cancel_key: Option<Vec<u8>>,
}

/// What a login that was granted had asked for, and what it had in hand.
pub(super) struct Asked {
    /// Its StartupMessage as the upstream read it.
    pub(super) packet: Vec<u8>,
    /// `None` for one whose session is not kept.
    pub(super) key: Option<Arc<Key>>,
    pub(super) token: Option<Token>,
    pub(super) permit: Permit,
}

/// Bytes of the process id in front of a secret.
const PROCESS: usize = 4;

/// What a login must have in common with another one, down to the last byte: everything but the user's name, in whose place the caller
/// and the principal stand. `None` for one whose session never waits.
pub(super) fn key<D: Dial>(
    startup: &Startup<'_>,
    database: &[u8],
    place: &Place,
    principal: &Principal,
    lobby: &Lobby<Postgres, D>,
) -> Option<Arc<Key>> {
    if !lobby.keeps_for(place) {
        return None;
    }
    let is_replication = startup.get(b"replication").is_some();
    // Whoever makes a database of a template must be alone in it.
    let is_template = matches!(database, b"template0" | b"template1");
    if is_replication || is_template {
        lobby.note_found(Found::Never(if is_replication {
            "it is for replication"
        } else {
            "it is of a template"
        }));
        return None;
    }
    let key = lobby.key_of(place, startup.user(), principal);
    let key = key.with("protocol", startup.version.0.to_be_bytes());
    let mut parameters = startup.parameters.clone();
    parameters.retain(|(name, _)| !matches!(*name, b"user" | b"database"));
    parameters.push((b"database", database));
    // Stable: of two values for one name the last one counts.
    parameters.sort_by_key(|(name, _)| *name);
    let with = |key: Key, (name, value): &(&[u8], &[u8])| key.with(name, value);
    Some(Arc::new(parameters.iter().fold(key, with)))
}

/// The payload of BackendKeyData with the true process id and a secret of nobody else.
fn with_own_secret(key_data: &[u8]) -> Result<Vec<u8>, Cause> {
    let mut own = key_data.to_vec();
    let secret = own.get_mut(PROCESS..).unwrap_or_default();
    match crate::tls::provider().secure_random.fill(secret) {
        Ok(()) => Ok(own),
        Err(_) => Err(Cause::NoRandomness),
    }
}

impl Memory {
    /// The server's process, which stands first in BackendKeyData.
    fn process(&self) -> Option<Number> {
        let id = self.cancel_key.as_deref()?.first_chunk()?;
        Some(Number::Process(u32::from_be_bytes(*id)))
    }

    /// The key that an app is shown, and what it reads.
    fn shown(&self, beginning: Beginning) -> Result<(Option<Vec<u8>>, Vec<u8>), Cause> {
        let key = self
            .cancel_key
            .as_deref()
            .map(with_own_secret)
            .transpose()?;
        let answer = self.answer(key.as_deref(), beginning);
        Ok((key, answer))
    }

    /// What an app reads: with this BackendKeyData, and for one that has its session after another one without notices of that login.
    fn answer(&self, shown: Option<&[u8]>, beginning: Beginning) -> Vec<u8> {
        let (mut answer, mut rest) = (Vec::with_capacity(self.answer.len()), &self.answer[..]);
        while let Ok(Next::Message { tag, raw, .. }) = next_message(rest) {
            match (tag, shown) {
                (tag::BACKEND_KEY_DATA, Some(shown)) => {
                    answer.extend_from_slice(raw.get(..Header::LEN).unwrap_or_default());
                    answer.extend_from_slice(shown);
                }
                (tag::NOTICE_RESPONSE, _) if beginning == Beginning::Reused => {}
                _ => answer.extend_from_slice(raw),
            }
            rest = rest.get(raw.len()..).unwrap_or_default();
        }
        answer
    }
}

/// Lets an app in that has found a session.
pub(super) fn let_in<D: Dial>(
    taken: Taken<Postgres, D::Stream>,
    mut entrant: Entrant,
    lobby: &Lobby<Postgres, D>,
) -> Result<Entered<D::Stream>, Fault<PostgresFault>> {
    let Taken { spare, beginning } = taken;
    let Spare {
        upstream,
        keepsake,
        following,
        permit,
    } = spare;
    entrant.beginning = beginning;
    let (shown, answer) = keepsake.memory.shown(beginning)?;
    let cancel = register(shown, &keepsake.memory, &keepsake.dialled, lobby);
    entrant.number = keepsake.memory.process();
    lobby.make_another(&keepsake.key);
    let keepsake = lobby.keepsake_again(keepsake);
    Ok(Entered {
        upstream,
        answer,
        watch: PostgresWatch::new(cancel, afterwards(keepsake.as_ref())),
        following,
        permit,
        keepsake,
        entrant,
    })
}

/// Lets an app in whose login the upstream has just granted, and remembers what another one may want of it.
pub(super) fn remember<D: Dial>(
    granted: Granted<D::Stream>,
    asked: Asked,
    mut entrant: Entrant,
    lobby: &Lobby<Postgres, D>,
) -> Result<Entered<D::Stream>, Fault<PostgresFault>> {
    let Granted {
        upstream,
        answer,
        cancel_key,
        dialled,
        beginning,
    } = granted;
    let Asked {
        packet,
        key,
        token,
        permit,
    } = asked;
    let mut memory = Memory { answer, cancel_key };
    (entrant.beginning, entrant.number) = (beginning, memory.process());
    let following = lobby.follow(&dialled);
    let (shown, answer) = match &key {
        // As the upstream said it; nobody else will ask for it.
        None => (
            memory.cancel_key.clone(),
            std::mem::take(&mut memory.answer),
        ),
        Some(_) => memory.shown(beginning)?,
    };
    let cancel = register(shown, &memory, &dialled, lobby);
    let keepsake = key.and_then(|key| {
        let user = entrant.user.clone();
        lobby.learn(&key, || Pattern { packet, user });
        lobby.keepsake(key, memory, dialled, token.as_ref())
    });
    Ok(Entered {
        upstream,
        answer,
        watch: PostgresWatch::new(cancel, afterwards(keepsake.as_ref())),
        following,
        permit,
        keepsake,
        entrant,
    })
}

fn afterwards<T>(keepsake: Option<&T>) -> Afterwards {
    keepsake.map_or(Afterwards::Ends, |_| Afterwards::Reset)
}

/// Makes a session known to cancel requests with the key that its app is shown.
fn register<D: Dial>(
    shown: Option<Vec<u8>>,
    memory: &Memory,
    dialled: &Dialled,
    lobby: &Lobby<Postgres, D>,
) -> Option<Registration> {
    let own = memory.cancel_key.clone()?;
    Some(Cancels::register(shown?, own, dialled.clone(), lobby))
}

/// Logs in as an app did.
pub(super) async fn log_in_again<D: Dial>(
    pattern: &Pattern,
    lobby: &Lobby<Postgres, D>,
    deadline: &Deadline,
) -> Result<Made<Postgres, D::Stream>, Fault<PostgresFault>> {
    let principal = lobby.principal(&pattern.user)?;
    let mut attempt = upstream::Entry {
        packet: &pattern.packet,
        role: &principal.user,
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: false,
        takes_prepared: false,
    };
    let nobody = std::future::pending();
    let (granted, token) = lobby::log_in(&mut attempt, principal, lobby, deadline, nobody).await?;
    let Granted {
        upstream,
        answer,
        cancel_key,
        dialled,
        ..
    } = granted;
    Ok(Made {
        upstream,
        memory: Memory { answer, cancel_key },
        dialled,
        token,
    })
}

/// Makes a session like new.
pub(super) async fn reset<S: Stream>(
    upstream: &mut Upstream<S>,
    memory: &Memory,
    watch: PostgresWatch,
) -> Reset {
    let Some(changes) = watch.let_go() else {
        return Reset::Dirty;
    };
    let login = Reports::of(&memory.answer);
    match discard_all(upstream.leg()).await {
        Ok(Discarded::All(reported)) if login.then(&changes).then(&reported) == login => {
            Reset::Clean
        }
        Ok(Discarded::Refused) => Reset::Refused,
        Ok(Discarded::All(_) | Discarded::Otherwise) | Err(_) => Reset::Dirty,
    }
}

/// What an upstream answers to DISCARD ALL.
enum Discarded {
    /// That it is done, and which settings have another value now.
    All(Reports),
    Refused,
    Otherwise,
}

async fn discard_all<S: Stream>(
    leg: &mut Leg<MaybeTls<S>>,
) -> Result<Discarded, Fault<PostgresFault>> {
    const QUERY: &[u8] = b"Q\0\0\0\x10DISCARD ALL\0";
    const DOING: &str = "resetting a session";
    upstream::say(leg, QUERY, DOING).await?;
    loop {
        let message = read_message(leg, DOING).await?;
        match (message.tag(), message.body()) {
            (tag::NOTICE_RESPONSE, _) => {}
            (tag::COMMAND_COMPLETE, b"DISCARD ALL\0") => break,
            (tag::ERROR_RESPONSE, _) => return Ok(Discarded::Refused),
            _ => return Ok(Discarded::Otherwise),
        }
    }
    let mut reported = Reports::default();
    loop {
        let message = read_message(leg, DOING).await?;
        match (message.tag(), message.body()) {
            (tag::PARAMETER_STATUS, body) if reported.take(body) => {}
            (tag::READY_FOR_QUERY, b"I") => return Ok(Discarded::All(reported)),
            _ => return Ok(Discarded::Otherwise),
        }
    }
}
