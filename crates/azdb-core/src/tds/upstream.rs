//! What we say to the database, being its client.

use azdb_config::route::{Principal, Route};
use azdb_identity::Token;
use azdb_wire::tds::{
    Encryption, LOGIN_PACKET, Login7, LoginAnswer, LoginSecret, MAX_PRELOGIN, Prelogin, Relogin,
    Routing, Version, hidden, kind, packets, push_message, rebuild, rebuilt_len,
};
use zeroize::Zeroizing;

use super::app::Settled;
use super::mars::MarsUpstream;
use super::packets::{InPrelogin, NoMessage, Packet, Reading, read_message};
use super::routing::{self, MAX_HOPS};
use super::{Tds, TdsFault, verdict};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, Root};
use crate::lobby::{AWAITING_LOGIN, Attempt, Credential, Life, Lobby, Tracks};
use crate::phases::Phase;
use crate::tls::UpstreamTlsConfig;
use crate::way::{
    Alpn, Dial, Dialled, Leg, Opened, Opening, Sealed, Stream, Upstream, seal, seal_in_packets,
};

/// Most bytes of the answer to a login.
const MAX_ANSWER: usize = 256 * 1024;

/// What an app wants of an upstream.
pub(super) struct Wish<'a> {
    pub(super) login: &'a Login7<'a>,
    /// UTF-16LE.
    pub(super) database: &'a [u8],
    pub(super) settled: Settled,
    /// For password mode.
    pub(super) principal: &'a Principal,
}

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// Its answer.
    pub(super) answer: Vec<u8>,
    /// The version that it was asked for.
    pub(super) asked: Version,
    /// Its number for the session.
    pub(super) spid: u16,
    pub(super) dialled: Dialled,
}

/// A login upstream, wherever it is sent on to.
pub(super) struct Entry<'a, D: Dial> {
    pub(super) wish: Wish<'a>,
    pub(super) lobby: &'a Lobby<Tds, D>,
    pub(super) deadline: &'a Deadline,
    pub(super) tracks: Tracks,
    /// Whether somebody waits for it, for whom it is tried elsewhere, and again.
    pub(super) persists: bool,
}

impl<D: Dial> Attempt for Entry<'_, D> {
    type Granted = Granted<D::Stream>;
    type Fault = TdsFault;
    const LIFE: Life = Life::Lasting;

    fn upstreams_words(granted: &mut Self::Granted) -> Vec<&mut [u8]> {
        vec![&mut granted.answer]
    }

    /// Dials the route's upstream, logs in there, and goes on to wherever it sends us.
    async fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> Result<Granted<D::Stream>, Fault<TdsFault>> {
        let (wish, lobby, deadline) = (&self.wish, self.lobby, self.deadline);
        let route = &lobby.route;
        let asked = wish.login.version.upstream(credential.is_token());
        let mut securing = Securing {
            tls: lobby.upstream_tls.as_deref().cloned(),
            tls_first: route.tls_first,
            settled: wish.settled,
            credential,
            mars: &lobby.state.own,
        };
        let search = lobby.search(&self.tracks.passed_over, deadline);
        let opened = search.open(&securing).await?;
        self.tracks.follow(&opened);
        self.tracks.begin();
        let Opened {
            way, mut dialled, ..
        } = opened;
        let (mut upstream, mut echo) = way;
        let own = routing::own_name(&route.tls, &dialled.upstream.host);
        let mut site = Site {
            host: dialled.upstream.host.clone(),
            server: own.clone(),
        };
        for hop in 0..=MAX_HOPS {
            let conversing = converse(&mut upstream, wish, credential, &site, echo);
            let told = deadline
                .run(Phase::Database, AWAITING_LOGIN, conversing)
                .await;
            let Packet { header, payload } = told.map_err(|fault| fault.with(dialled.far_end()))?;
            let understood = LoginAnswer::parse(&payload, asked).map_err(TdsFault::from)?;
            let Some(routed) = understood.routing else {
                verdict::check(&understood, credential, wish.settled, &mut upstream)?;
                return Ok(Granted {
                    upstream,
                    answer: payload,
                    asked,
                    spid: header.spid,
                    dialled,
                });
            };
            let target = target(routed, credential, &own, route)?;
            lobby.state.ledger.hops.add(1);
            tracing::debug!(to = %target.endpoint, "sent on");
            drop(upstream);
            if hop == MAX_HOPS {
                break;
            }
            securing.tls = securing.tls.as_ref().map(UpstreamTlsConfig::without_name);
            let search = lobby.search_at(&target.endpoint, deadline);
            let opened = search.open(&securing).await?;
            ((upstream, echo), dialled) = (opened.way, opened.dialled);
            site = Site {
                host: target.endpoint.host,
                server: target.server,
            };
        }
        Err(TdsFault::Hops(MAX_HOPS).into())
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        self.persists.then_some(&mut self.tracks)
    }
}

/// Where an upstream sends us on to. A name goes where painting over does not reach: to resolvers, and from there into errors.
fn target(
    routed: Routing<'_>,
    credential: Credential<'_>,
    own: &str,
    route: &Route,
) -> Result<routing::Target, TdsFault> {
    let mut server = routed.server.to_vec();
    credential.paint_over(&mut server);
    let server = &server;
    routing::target(
        &Routing { server, ..routed },
        own,
        &route.tds.routing_suffixes,
    )
}

/// Where a login takes place.
struct Site {
    /// For TLS.
    host: String,
    /// For LOGIN7: never what the app calls us (error 40532).
    server: String,
}

/// Settles what comes before a login. Says also whether LOGIN7 must echo that tokens are required.
struct Securing<'a> {
    tls: Option<UpstreamTlsConfig>,
    tls_first: bool,
    settled: Settled,
    credential: Credential<'a>,
    /// What the upstream is known for.
    mars: &'a MarsUpstream,
}

impl<S: Stream> Opening<S> for Securing<'_> {
    type Way = (Upstream<S>, bool);
    type Fault = TdsFault;

    async fn open(
        &self,
        stream: S,
        dialled: &Dialled,
        deadline: &Deadline,
    ) -> Result<(Upstream<S>, bool), Fault<TdsFault>> {
        secure(stream, self, &dialled.upstream.host, deadline).await
    }
}

async fn secure<S: Stream>(
    stream: S,
    securing: &Securing<'_>,
    host: &str,
    deadline: &Deadline,
) -> Result<(Upstream<S>, bool), Fault<TdsFault>> {
    let Securing {
        tls,
        tls_first,
        settled,
        credential,
        mars,
    } = securing;
    let ask = |encryption| Prelogin {
        encryption: Some(encryption),
        mars: Some(settled.mars),
        trace_id: settled.trace_id,
        fed_auth_required: credential.is_token().then_some(true),
    };
    let stuffed = |count| Cause::StuffedBytes {
        host: host.to_owned(),
        count,
    };
    let mut leg = Leg::new(stream);
    let (upstream, answer) = match tls {
        None => {
            let answer = prelogin(&mut leg, &ask(Encryption::NotSupported), deadline).await?;
            if let Some(Encryption::On | Encryption::Required) = answer.encryption {
                let what = "a demand for TLS, which upstream_tls = \"off\" forbids";
                return Err(Cause::UpstreamRules { what }.into());
            }
            (
                Upstream::in_the_clear(leg.into_stream().map_err(stuffed)?),
                answer,
            )
        }
        Some(tls) if *tls_first => {
            let stream = leg.into_stream().map_err(stuffed)?;
            let mut upstream = seal(stream, tls, host, Alpn::Optional, deadline).await?;
            let answer = prelogin(upstream.leg(), &ask(Encryption::NotSupported), deadline).await?;
            (upstream, answer)
        }
        Some(tls) => {
            let answer = prelogin(&mut leg, &ask(Encryption::On), deadline).await;
            let answer = answer.map_err(perhaps_strict)?;
            let Some(Encryption::On | Encryption::Required) = answer.encryption else {
                let host = host.to_owned();
                return Err(Cause::NoTls { host }.into());
            };
            let sealing = seal_in_packets::<InPrelogin, _>(leg, tls, host, deadline);
            (sealing.await?, answer)
        }
    };
    if settled.mars && answer.mars != Some(true) {
        mars.note_missing();
        return Err(TdsFault::NoMars.into());
    }
    Ok((upstream, answer.fed_auth_required == Some(true)))
}

/// A server that takes TDS 8.0 alone knows no PRELOGIN in the clear: it hangs up, perhaps behind an alert of TLS.
fn perhaps_strict(fault: Fault<TdsFault>) -> Fault<TdsFault> {
    let note = "a server that takes TDS 8.0 alone (Force Strict Encryption) does so: for such a one set upstream_tls_first = true";
    match fault.root() {
        Root::Shared(Cause::UpstreamLost { .. } | Cause::UpstreamRules { .. }) => {
            fault.with_note(note.to_owned())
        }
        _ => fault,
    }
}

/// Asks with PRELOGIN and reads the answer, and no byte further: what comes behind it in the clear is for the TLS handshake to
/// judge (CVE-2021-23222).
async fn prelogin<S: Stream>(
    leg: &mut Leg<S>,
    ask: &Prelogin,
    deadline: &Deadline,
) -> Result<Prelogin, Fault<TdsFault>> {
    const DOING: &str = "waiting for its answer to PRELOGIN";
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    ask.encode_request(&mut payload);
    push_message(kind::PRELOGIN, 0, &payload, &mut message);
    let asking = async {
        leg.say(&message).await.map_err(Cause::lost(DOING))?;
        let what = "something else than an answer to PRELOGIN";
        read_answer(leg, Reading::Exactly, MAX_PRELOGIN, DOING, what).await
    };
    let answer = deadline.run(Phase::Tls, DOING, asking).await?;
    Ok(Prelogin::parse(&answer.payload).map_err(TdsFault::UpstreamPrelogin)?)
}

/// Sends the login and reads the whole answer.
async fn converse<S: Stream>(
    upstream: &mut Upstream<S>,
    wish: &Wish<'_>,
    credential: Credential<'_>,
    site: &Site,
    echo: bool,
) -> Result<Packet, Fault<TdsFault>> {
    const DOING: &str = "waiting for the answer to the login";
    match credential {
        Credential::Token(token) => {
            let sealed = upstream.sealed(&site.host)?;
            send_token(sealed, wish, token, site, echo).await?;
        }
        Credential::Password(password) => {
            let secret = password.in_clear(upstream, &site.host)?;
            password
                .secrets()
                .proof_in_bytes(&Zeroizing::new(hidden(secret)));
            let secret = LoginSecret::Password {
                user: &wish.principal.user,
                password: secret,
            };
            send_login(upstream.leg(), wish, secret, site).await?;
        }
    }
    let what = "something else than an answer to a login";
    read_answer(upstream.leg(), Reading::Ahead, MAX_ANSWER, DOING, what).await
}

/// Reads an answer; `what` says in words what it would be if it were none.
async fn read_answer<S: Stream>(
    leg: &mut Leg<S>,
    reading: Reading,
    most: usize,
    doing: &'static str,
    what: &'static str,
) -> Result<Packet, Fault<TdsFault>> {
    match read_message(leg, reading, kind::RESPONSE, most).await {
        Ok(message) => Ok(message),
        Err(NoMessage::Lost(source)) => Err(Cause::lost(doing)(source).into()),
        Err(NoMessage::Bad(error)) => Err(TdsFault::UpstreamPacket(error).into()),
        Err(NoMessage::Kind | NoMessage::TooLong | NoMessage::TooManyPackets) => {
            Err(Cause::UpstreamRules { what }.into())
        }
    }
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(
    upstream: &mut Sealed<S>,
    wish: &Wish<'_>,
    token: &Token,
    site: &Site,
    echo: bool,
) -> Result<(), Fault<TdsFault>> {
    let token = token.expose();
    tracing::debug!(bytes = token.len(), name = ?upstream.name(), "sending the token");
    let secret = LoginSecret::Token { token, echo };
    send_login(upstream.leg(), wish, secret, site).await
}

/// Sends LOGIN7 in packets of 4096 bytes, whatever size it asks for, and each in a TLS record of its own: Azure resets the
/// connection otherwise, and a token makes every login longer than one packet.
async fn send_login<S: Stream>(
    leg: &mut Leg<S>,
    wish: &Wish<'_>,
    secret: LoginSecret<'_>,
    site: &Site,
) -> Result<(), Fault<TdsFault>> {
    const DOING: &str = "sending the login";
    let relogin = Relogin {
        server: &site.server,
        database: wish.database,
        secret,
    };
    let length = rebuilt_len(wish.login, &relogin).map_err(TdsFault::from)?;
    let mut payload = Zeroizing::new(Vec::with_capacity(length));
    rebuild(wish.login, &relogin, &mut payload).map_err(TdsFault::from)?;
    for (header, share) in packets(kind::LOGIN7, 0, &payload) {
        let mut packet = Zeroizing::new(Vec::with_capacity(LOGIN_PACKET));
        packet.extend_from_slice(&header);
        packet.extend_from_slice(share);
        leg.say(&packet).await.map_err(Cause::lost(DOING))?;
    }
    Ok(())
}
