//! An app that has proved who it is goes upstream.

use std::sync::Arc;

use azdb_config::Reuse;
use azdb_config::route::Principal;
use azdb_identity::Token;
use azdb_quote::Quoted;
use azdb_wire::mysql::{Capabilities, Greeting, Response, SCRAMBLE, plugin, with_program_name};

use super::app_password::Over;
use super::compression::Method;
use super::greeting::masked;
use super::keep::{Claimed, Instead};
use super::memory::{Memory, Pattern, key_of};
use super::spares::{Greeter, Lent};
use super::upstream::{self, Granted};
use super::{Mysql, MysqlFault, Terms, app};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::kept::{Found, Key};
use crate::ledger::Beginning;
use crate::lobby::{self, Entrant, Following, Keepsake, Labels, Lobby, Number, Permit, Tracks};
use crate::way::{Dial, Stream, Upstream};

/// What has been seen of an app.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Its answer to the greeting.
    pub(super) packet: &'a [u8],
    /// Drawn for it.
    pub(super) scramble: [u8; SCRAMBLE],
    pub(super) over: Over,
    pub(super) place: &'a Place,
}

/// What an app has said, and what is made of it for an upstream that has greeted it.
pub(super) struct Said<'a> {
    seen: Seen<'a>,
    response: Response<'a>,
    principal: &'a Principal,
    database: Option<&'a [u8]>,
    labels: Option<Labels>,
    /// The attributes of an app that is given a name.
    named: Option<Vec<u8>>,
    capabilities: Capabilities,
    extended: u32,
    /// The flags that the upstream has offered.
    offered: (Capabilities, u32),
    /// Why the session may not be given to another app.
    forbidden: Option<&'static str>,
}

/// Why a login has nothing in common with any other.
pub(super) const UNREADABLE: &str = "its connection attributes cannot be read";
/// Why none is made ahead of it.
const LABELLED: &str = "it is named after its connection (label_sessions)";

/// A login that the upstream has granted.
pub(super) struct Entered<S: Stream> {
    pub(super) upstream: Upstream<S>,
    /// The upstream's OK.
    pub(super) ok: Vec<u8>,
    /// The plugin that the app has begun with.
    pub(super) named: Vec<u8>,
    pub(super) terms: Terms,
    pub(super) following: Option<Box<Following>>,
    /// How the app wants to be spoken to from here on.
    pub(super) compression: Option<Method>,
    pub(super) permit: Permit,
    pub(super) keepsake: Option<Box<Keepsake<Mysql>>>,
    pub(super) entrant: Entrant,
}

impl<'a> Said<'a> {
    /// What this app says to the upstream behind this greeting.
    pub(super) fn to<D: Dial>(
        greeting: &Greeting<'_>,
        seen: Seen<'a>,
        lobby: &'a Lobby<Mysql, D>,
    ) -> Result<Self, Fault<MysqlFault>> {
        let response = app::parse_response(seen.packet)?;
        let principal = lobby.principal(response.user)?;
        let default = lobby.route.default_database.as_deref().map(str::as_bytes);
        let offered = masked(greeting, lobby, seen.scramble).capabilities;
        let labels = lobby.labels(seen.place);
        let labels = labels.filter(|_| offered.has(Capabilities::CONNECT_ATTRS));
        Ok(Self {
            seen,
            response,
            principal,
            database: response.database.or(default),
            named: named(labels.as_ref(), response.user, response.attributes),
            labels,
            capabilities: response.capabilities.towards_upstream(offered),
            extended: response.extended & greeting.extended(),
            offered: (greeting.capabilities, greeting.extended()),
            forbidden: match lobby.route.keeping.reuse {
                Reuse::Off => Some("session_reuse is off"),
                Reuse::Reset => lobby.state.own.customs.forbid(greeting),
            },
        })
    }

    /// Whom it becomes.
    pub(super) fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// The same as a response.
    pub(super) fn ours(&self) -> Response<'_> {
        let attributes = self.named.as_deref();
        Response {
            capabilities: self.capabilities,
            extended: self.extended,
            user: self.principal.user.as_bytes(),
            auth: b"",
            database: self.database,
            plugin: plugin::NATIVE,
            attributes: attributes.unwrap_or(self.response.attributes),
            ..self.response
        }
    }

    /// The plugin that the app has begun with.
    pub(super) fn plugin(&self) -> &'a [u8] {
        self.response.plugin
    }

    /// How it wants to be spoken to from here on.
    pub(super) fn compression(&self) -> Option<Method> {
        Method::of(&self.response)
    }

    /// Whether its session may be another app's when it has left.
    pub(super) fn may_be_reset(&self) -> bool {
        self.forbidden.is_none()
    }

    /// What it is compared with others by; `None` where it is like no other.
    pub(super) fn key<D: Dial>(&self, lobby: &Lobby<Mysql, D>) -> Option<Key> {
        let (place, user) = (self.seen.place, self.response.user);
        key_of(
            &self.ours(),
            lobby.key_of(place, Some(user), self.principal),
        )
    }

    /// Has sessions made ahead of apps like this one.
    pub(super) fn teach<D: Dial>(&self, key: &Arc<Key>, lobby: &Lobby<Mysql, D>) {
        if self.named.is_none() {
            let says = || Pattern::of(self.response.user, &self.ours(), self.offered);
            lobby.learn(key, says);
        }
    }

    /// Writes down that none waited for it.
    fn has_missed<D: Dial>(&self, key: Option<&Arc<Key>>, lobby: &Lobby<Mysql, D>) {
        let is_made_ahead = lobby.route.keeping.ready > 0 && self.named.is_none();
        match (key, self.forbidden) {
            (None, _) => lobby.note_found(Found::Never(UNREADABLE)),
            (Some(_), Some(_)) if lobby.route.keeping.ready > 0 && !is_made_ahead => {
                lobby.note_found(Found::Never(LABELLED));
            }
            (Some(_), Some(why)) if !is_made_ahead => lobby.note_found(Found::Never(why)),
            (Some(key), _) => lobby.state.kept.missed(key),
        }
    }

    /// Remembers a login that was granted. Returns what it takes to give its session to another app when this one leaves.
    fn keep<D: Dial>(
        &self,
        key: Arc<Key>,
        granted: &Granted<D::Stream>,
        token: Option<&Token>,
        lobby: &Lobby<Mysql, D>,
    ) -> Option<Box<Keepsake<Mysql>>> {
        self.teach(&key, lobby);
        if !self.may_be_reset() {
            return None;
        }
        let memory = Memory::of(granted, self.ours().agreed(), self.extended);
        lobby.keepsake(key, memory, granted.dialled.clone(), token)
    }

    /// What the session agrees on, for what comes within it.
    pub(super) fn terms(&self, host: &str) -> Terms {
        Terms {
            app: self.response.capabilities,
            upstream: self.ours().agreed(),
            extended: self.extended,
            charset: self.response.charset,
            scramble: self.seen.scramble,
            user: self.principal.user.clone(),
            host: host.to_owned(),
            plugin: Vec::new(),
            peer: self.seen.place.peer(),
            over: self.seen.over,
            labels: self.labels.clone(),
            app_user: self.response.user.into(),
            is_another: false,
        }
    }

    pub(super) fn entrant(&self, thread_id: u32, beginning: Beginning) -> Entrant {
        Entrant {
            user: self.response.user.to_vec(),
            principal: self.principal.user.clone(),
            database: self.database.map(<[u8]>::to_vec),
            number: Some(Number::Thread(thread_id)),
            app_tls: false,
            beginning,
        }
    }
}

/// Goes upstream by whoever has greeted the app.
pub(super) async fn go_on<D: Dial>(
    seen: Seen<'_>,
    greeter: Greeter<D>,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<MysqlFault>> {
    let mut left = std::pin::pin!(left);
    let spares = &lobby.state.own;
    let (shown, instead) = match greeter {
        Greeter::Present(lent) => return enter(seen, lent, None, lobby, deadline, left).await,
        Greeter::Remembered(shown) => {
            lobby.room()?;
            (shown.into(), None)
        }
        Greeter::Kept(candidate) => match candidate.claim(seen, deadline).await? {
            Claimed::In(entered) => return Ok(*entered),
            Claimed::Not(shown, instead) => {
                if instead.is_none() {
                    lobby.room()?;
                }
                (shown, instead)
            }
        },
    };
    let lent = spares.lend(&shown, lobby, deadline, left.as_mut()).await?;
    enter(seen, lent, instead, lobby, deadline, left).await
}

/// Goes upstream as the app's principal, by an upstream that has greeted it; or by another, `instead` of the session that has.
pub(super) async fn enter<D: Dial>(
    seen: Seen<'_>,
    lent: Lent<D::Stream>,
    instead: Option<Instead>,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<MysqlFault>> {
    let said = Said::to(&lent.greeting()?, seen, lobby)?;
    let is_kept = lobby.keeps_for(seen.place);
    let key = is_kept.then(|| said.key(lobby)).flatten().map(Arc::new);
    let (permit, refusal) = match instead {
        Some(Instead { permit, refusal }) => {
            seen.place.leave();
            (permit, refusal)
        }
        None => {
            let permit = lobby.enter(seen.place)?;
            if is_kept {
                said.has_missed(key.as_ref(), lobby);
            }
            (permit, None)
        }
    };
    tracing::debug!(
        user = %Quoted(said.response.user), principal = %said.principal.user,
        database = %Quoted(said.database.unwrap_or_default()), flags = ?said.response.capabilities, "response"
    );
    let terms = said.terms(lent.host());
    let mut attempt = upstream::Entry {
        response: said.ours(),
        lent: Some(lent),
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: true,
    };
    let logging_in = lobby::log_in(&mut attempt, said.principal, lobby, deadline, left);
    let (granted, token) = logging_in.await?;
    if let Some(refusal) = refusal {
        lobby.state.own.change_user.was_refused_to(&refusal);
    }
    Ok(Entered {
        keepsake: key.and_then(|key| said.keep(key, &granted, token.as_ref(), lobby)),
        following: lobby.follow(&granted.dialled),
        entrant: said.entrant(granted.thread_id, Beginning::Dialled),
        terms: Terms {
            plugin: granted.plugin,
            ..terms
        },
        upstream: granted.upstream,
        ok: granted.ok,
        named: said.plugin().to_vec(),
        compression: said.compression(),
        permit,
    })
}

/// The connection attributes of an app that says it is `user`, with a name, where they have none and it is given one.
pub(super) fn named(labels: Option<&Labels>, user: &[u8], attributes: &[u8]) -> Option<Vec<u8>> {
    let label = labels?.of(user);
    with_program_name(attributes, label.as_bytes())
}
