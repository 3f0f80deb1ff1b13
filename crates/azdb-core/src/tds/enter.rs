//! An app that may come, and its way upstream: into a session that waits for such a login, or by a login of its own.

use std::future::Future;
use std::sync::Arc;

use azdb_config::route::{Principal, Route};
use azdb_quote::Quoted;
use azdb_wire::tds::{FedAuth, Login7, Manner, from_utf16, push_utf16};

use super::app::Settled;
use super::in_dialect::InDialect;
use super::keep::{self, Pattern};
use super::memory::{Fitted, Memory, Newcomer};
use super::one_packet_per_record::OnePacketPerRecord;
use super::{Tds, TdsFault, mars, principal, upstream, verdict, watch};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::kept::{Found, Key};
use crate::ledger::Beginning;
use crate::lobby::{
    self, Entrant, Following, Keepsake, Labels, Lobby, Login, Number, Permit, Session, Spare,
    Taken, Tracks,
};
use crate::relay::Paired;
use crate::way::{AppLeg, Dial, Stream};

/// An app that has said who it is, and may come.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) login: &'a Login7<'a>,
    pub(super) settled: Settled,
    pub(super) manner: &'a Manner,
    pub(super) is_tls: bool,
    pub(super) place: &'a Place,
}

/// An app that has a session upstream.
pub(super) struct Entered<S: Stream> {
    pub(super) fitted: Fitted<S>,
    pub(super) spid: u16,
    following: Option<Box<Following>>,
    permit: Permit,
    keepsake: Option<Box<Keepsake<Tds>>>,
    entrant: Entrant,
}

impl<S: Stream> Entered<S> {
    /// The session with this app.
    pub(super) fn with<A: Stream>(self, app: AppLeg<A>) -> Login<Tds, A, S> {
        let mut entrant = self.entrant;
        entrant.app_tls = app.is_tls();
        let Fitted {
            upstream, watch, ..
        } = self.fitted;
        let session = Session {
            legs: Paired {
                app: app.map(OnePacketPerRecord::answers),
                upstream,
            },
            watch: watch.leaving_behind(self.keepsake.is_some()),
            following: self.following,
            permit: Some(self.permit),
            keepsake: self.keepsake,
        };
        Login::Session(Box::new(session), entrant)
    }
}

/// What an app wants of an upstream.
struct Wanted<'a> {
    login: Login7<'a>,
    /// UTF-16LE.
    database: Vec<u8>,
    user: String,
    principal: &'a Principal,
    arrival: Arrival<'a>,
}

impl Wanted<'_> {
    fn newcomer(&self) -> Newcomer<'_> {
        Newcomer {
            manner: self.arrival.manner,
            version: self.login.version,
            mars: self.arrival.settled.mars,
        }
    }

    fn entrant(&self, spid: u16, beginning: Beginning) -> Entrant {
        let database = &self.database;
        Entrant {
            user: self.user.clone().into_bytes(),
            principal: self.principal.user.clone(),
            database: (!database.is_empty()).then(|| from_utf16(database).into_bytes()),
            number: Some(Number::Session(spid)),
            app_tls: false,
            beginning,
        }
    }

    /// What a session must be of that waits for this app; `None` where none does.
    fn key<D: Dial>(&self, lobby: &Lobby<Tds, D>) -> Option<Arc<Key>> {
        let Arrival {
            settled,
            is_tls,
            place,
            ..
        } = self.arrival;
        if !lobby.keeps_for(place) {
            return None;
        }
        if let Some(why) = keep::never(&self.login, settled, &lobby.route) {
            lobby.note_found(Found::Never(why));
            return None;
        }
        let user = Some(self.user.as_bytes()).filter(|user| !user.is_empty());
        let key = lobby.key_of(place, user, self.principal);
        let key = keep::with_likeness(key, &self.login, &self.database, settled, is_tls);
        Some(Arc::new(key))
    }
}

/// Has an app become its principal upstream.
pub(super) async fn enter<D: Dial>(
    arrival: Arrival<'_>,
    lobby: &Lobby<Tds, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<TdsFault>> {
    let Arrival {
        login,
        settled,
        manner,
        place,
        ..
    } = arrival;
    possible(login)?;
    mars::check(login, manner, settled, lobby)?;
    let user = from_utf16(login.user);
    let label = label(&user, lobby.labels(place));
    let most_packet = verdict::most_to_wish(settled, lobby.upstream_tls.is_some());
    let wanted = Wanted {
        principal: principal::of(&user, lobby)?,
        database: database(login, &lobby.route),
        login: adapted(login, &label, most_packet),
        user,
        arrival,
    };
    log_login(&wanted);
    let key = wanted.key(lobby);
    let taken = match &key {
        Some(key) => lobby.take_kept(key).await,
        None => None,
    };
    let (entered, key) = match (taken, key) {
        (Some(taken), Some(key)) => (move_in(taken, &wanted, lobby)?, Some(key)),
        (_, key) => (
            log_in(&wanted, key.as_ref(), lobby, deadline, left).await?,
            key,
        ),
    };
    if let Some(key) = key {
        let says = || Pattern::of(&wanted.login, &wanted.database, &wanted.user);
        lobby.learn(&key, says);
    }
    Ok(entered)
}

/// Lets an app into a session that has waited for it.
fn move_in<D: Dial>(
    Taken { spare, beginning }: Taken<Tds, D::Stream>,
    wanted: &Wanted<'_>,
    lobby: &Lobby<Tds, D>,
) -> Result<Entered<D::Stream>, Fault<TdsFault>> {
    wanted.arrival.place.leave();
    let Spare {
        upstream,
        keepsake,
        following,
        permit,
    } = spare;
    let memory = &keepsake.memory;
    let (spid, allows_reset) = (memory.spid, memory.allows_reset());
    Ok(Entered {
        fitted: memory.fit(upstream, &wanted.newcomer(), &lobby.route)?,
        spid,
        following,
        permit,
        keepsake: lobby.keepsake_again(keepsake).filter(|_| allows_reset),
        entrant: wanted.entrant(spid, beginning),
    })
}

/// Logs in for an app.
async fn log_in<D: Dial>(
    wanted: &Wanted<'_>,
    key: Option<&Arc<Key>>,
    lobby: &Lobby<Tds, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<TdsFault>> {
    let permit = lobby.enter(wanted.arrival.place)?;
    let mut attempt = upstream::Entry {
        wish: upstream::Wish {
            login: &wanted.login,
            database: &wanted.database,
            settled: wanted.arrival.settled,
            principal: wanted.principal,
        },
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: true,
    };
    let (granted, token) =
        lobby::log_in(&mut attempt, wanted.principal, lobby, deadline, left).await?;
    let lasts = watch::lasts(lobby.route.tds.session_age, token.as_ref());
    let memory = Memory::of(granted.answer, granted.asked, granted.spid, lasts);
    let upstream = InDialect::new(OnePacketPerRecord::requests(granted.upstream));
    let fitted = memory.fit(upstream, &wanted.newcomer(), &lobby.route)?;
    let following = lobby.follow(&granted.dialled);
    let spid = memory.spid;
    let key = key.filter(|_| memory.allows_reset());
    let keepsake = key
        .and_then(|key| lobby.keepsake(Arc::clone(key), memory, granted.dialled, token.as_ref()));
    Ok(Entered {
        fitted,
        spid,
        following,
        permit,
        keepsake,
        entrant: wanted.entrant(spid, Beginning::Dialled),
    })
}

/// The database that a login is for, if for any.
fn database(login: &Login7<'_>, route: &Route) -> Vec<u8> {
    let mut database = login.database.to_vec();
    if let (true, Some(default)) = (database.is_empty(), &route.default_database) {
        push_utf16(default, &mut database);
    }
    database
}

/// The name of an app that says none, in UTF-16LE; empty where the route names nobody.
fn label(user: &str, labels: Option<Labels>) -> Vec<u8> {
    let mut label = Vec::new();
    if let Some(labels) = labels {
        push_utf16(&labels.of(user.as_bytes()), &mut label);
    }
    label
}

/// The same login of an app that has this name, where it says none, and that wishes for no larger packets.
fn adapted<'a>(login: &Login7<'a>, label: &'a [u8], most_packet: u32) -> Login7<'a> {
    let app = match login.app {
        [] => label,
        app => app,
    };
    Login7 {
        app,
        packet_size: login.packet_size.min(most_packet),
        ..login.clone()
    }
}

fn log_login(wanted: &Wanted<'_>) {
    let login = &wanted.login;
    tracing::debug!(
        user = %Quoted(wanted.user.as_bytes()),
        app = %Quoted(from_utf16(login.app).as_bytes()),
        library = %Quoted(from_utf16(login.library).as_bytes()),
        database = %Quoted(from_utf16(&wanted.database).as_bytes()),
        version = %login.version,
        "login"
    );
}

/// Whether the app asks for nothing that would have to be left undone in silence.
fn possible(login: &Login7<'_>) -> Result<(), TdsFault> {
    if !login.version.is_known() {
        return Err(TdsFault::AppVersion(login.version));
    }
    match impossible(login) {
        Some(what) => Err(TdsFault::AppWants(what)),
        None => Ok(()),
    }
}

/// What nobody could do for this app.
fn impossible(login: &Login7<'_>) -> Option<&'static str> {
    if login.changes_password {
        return Some("a new password");
    }
    if !login.attach_file.is_empty() {
        return Some("a database file to attach (AttachDbFilename)");
    }
    match login.fed_auth() {
        Some(FedAuth::Negotiated | FedAuth::Unknown(_)) => {
            Some("a sign-in of its own (Authentication=ActiveDirectory...)")
        }
        Some(FedAuth::SecurityToken) | None => None,
    }
}
