//! What we say to the database, being its client.

use std::io;

use azdb_identity::Token;
use azdb_wire::mysql::{
    Answer, Capabilities, ErrorPacket, Greeting, MAX_SECRET, PacketError, Response,
    clear_password_len, encode_clear_password, plugin,
};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::channel::{Channel, NoPacket};
use super::fault::Refused;
use super::{Mysql, MysqlFault, Secretive, password};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::{Attempt, Credential, Lobby, Tracks, Try, persist};
use crate::tls::UpstreamTlsConfig;
use crate::way::{
    Alpn, Departure, Dial, Dialled, Leg, Opened, Opening, Sealed, Stream, Upstream, seal,
};

/// Most packets of a server's between the response and its OK.
const MAX_ROUNDS: usize = 8;

/// Error "Access denied".
pub(super) const ACCESS_DENIED: u16 = 1045;

/// An upstream that has greeted and has been told nothing.
pub(super) struct Greeted<S> {
    hello: Hello<S>,
    dialled: Dialled,
    /// Upstreams that have not been tried.
    others: usize,
}

/// A connection, and the payload of the greeting that came over it.
struct Hello<S> {
    leg: Leg<S>,
    payload: Secretive,
}

impl<S> Hello<S> {
    fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        Greeting::parse(&self.payload).map_err(bad_packet)
    }
}

impl<S: Stream> Hello<S> {
    /// Whether it is still there and has said nothing more.
    async fn is_waiting(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.leg.fill(1) => false,
            () = std::future::ready(()) => true,
        }
    }
}

impl<S: Stream> Greeted<S> {
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        self.hello.greeting()
    }

    /// The greeting's bytes.
    pub(super) fn payload(&self) -> &[u8] {
        &self.hello.payload
    }

    pub(super) fn host(&self) -> &str {
        &self.dialled.upstream.host
    }

    /// Whether it is still there and has said nothing more.
    pub(super) async fn is_waiting(&mut self) -> bool {
        self.hello.is_waiting().await
    }
}

/// Dials the route's upstream and hears its greeting. `left` completes when nobody wants it any more.
pub(super) async fn meet<D: Dial>(
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Greeted<D::Stream>, Fault<MysqlFault>> {
    let mut meeting = Meeting {
        lobby,
        deadline,
        tracks: Tracks::default(),
    };
    persist(&mut meeting, lobby, deadline, std::pin::pin!(left)).await
}

/// Hearing a greeting, which may be tried again.
struct Meeting<'a, D: Dial> {
    lobby: &'a Lobby<Mysql, D>,
    deadline: &'a Deadline,
    tracks: Tracks,
}

impl<D: Dial> Try for Meeting<'_, D> {
    type Granted = Greeted<D::Stream>;
    type Fault = MysqlFault;

    async fn go(&mut self) -> Result<Greeted<D::Stream>, Fault<MysqlFault>> {
        let search = self.lobby.search(&self.tracks.passed_over, self.deadline);
        let Opened {
            way: hello,
            dialled,
            others,
            ..
        } = search.open(&Hearing).await?;
        Ok(Greeted {
            hello,
            dialled,
            others,
        })
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        Some(&mut self.tracks)
    }
}

/// Hears an upstream's greeting.
struct Hearing;

impl<S: Stream> Opening<S> for Hearing {
    type Way = Hello<S>;
    type Fault = MysqlFault;
    const DOING: &'static str = "connecting to the upstream";

    async fn open(&self, stream: S, _: &Dialled) -> Result<Hello<S>, Fault<MysqlFault>> {
        hear(stream).await
    }
}

async fn hear<S: Stream>(stream: S) -> Result<Hello<S>, Fault<MysqlFault>> {
    const DOING: &str = "waiting for the upstream's greeting";
    let mut leg = Leg::new(stream);
    let payload = read(&mut Channel::at(&mut leg, 0), DOING).await?;
    match Greeting::parse(&payload) {
        Ok(_) => Ok(Hello { leg, payload }),
        Err(error) => Err(match ErrorPacket::parse(&payload) {
            Ok(refusal) => MysqlFault::RefusedAtOnce {
                code: refusal.code,
                message: refusal.message.to_vec(),
            }
            .into(),
            Err(_) => bad_packet(error),
        }),
    }
}

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// The payload of its OK.
    pub(super) ok: Vec<u8>,
    /// The plugin that the account uses.
    pub(super) plugin: Vec<u8>,
}

/// A login upstream with a response that names the principal and holds no answer.
pub(super) struct Entry<'a, D: Dial> {
    pub(super) response: Response<'a>,
    /// The upstream that has greeted the app; another try needs another one.
    pub(super) greeted: Option<Greeted<D::Stream>>,
    pub(super) lobby: &'a Lobby<Mysql, D>,
    pub(super) deadline: &'a Deadline,
    pub(super) tracks: Tracks,
}

impl<D: Dial> Attempt for Entry<'_, D> {
    type Granted = Granted<D::Stream>;
    type Fault = MysqlFault;

    async fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> Result<Granted<D::Stream>, Fault<MysqlFault>> {
        let (lobby, deadline) = (self.lobby, self.deadline);
        let mut response = self.response;
        if lobby.upstream_tls.is_some() {
            response.capabilities = response.capabilities | Capabilities::SSL;
        }
        let securing = Securing {
            tls: lobby.upstream_tls.as_ref(),
            response: &response,
            credential,
        };
        let opened = match self.greeted.take() {
            Some(greeted) => securing.go_on(greeted, &mut self.tracks, deadline).await?,
            None => {
                let search = lobby.search(&self.tracks.passed_over, deadline);
                search.open(&securing).await?
            }
        };
        self.tracks.follow(&opened);
        let host = opened.dialled.upstream.host;
        let Secured {
            mut upstream,
            next,
            first,
        } = opened.way;
        self.tracks.begin();
        let conversation = async {
            response.plugin = &first.plugin;
            response.auth = &first.auth;
            let payload = Zeroizing::new(response.encode().map_err(MysqlFault::AppPacket)?);
            let mut channel = Channel::at(upstream.leg(), next);
            say(&mut channel, &payload, "sending the response").await?;
            let next = channel.next();
            let account = Account {
                user: response.user,
                host: &host,
                announced: &first.plugin,
            };
            authenticate(&mut upstream, next, &account, credential).await
        };
        let conversing = deadline.run("logging in to the upstream", conversation);
        let (ok, plugin) = conversing.await?;
        Ok(Granted {
            upstream,
            ok,
            plugin,
        })
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        Some(&mut self.tracks)
    }
}

/// Hears an upstream's greeting and makes the way safe.
struct Securing<'a> {
    tls: Option<&'a UpstreamTlsConfig>,
    response: &'a Response<'a>,
    credential: Credential<'a>,
}

/// A way on which the response may be sent.
struct Secured<S> {
    upstream: Upstream<S>,
    /// The number of the next packet.
    next: u8,
    first: FirstAnswer,
}

impl Securing<'_> {
    /// Goes on where an upstream has greeted already.
    async fn go_on<S: Stream>(
        &self,
        greeted: Greeted<S>,
        tracks: &mut Tracks,
        deadline: &Deadline,
    ) -> Result<Opened<Secured<S>>, Fault<MysqlFault>> {
        let Greeted {
            hello,
            dialled,
            others,
        } = greeted;
        let greeted = Opened {
            way: (),
            dialled,
            others,
            departure: Departure::default(),
        };
        tracks.follow(&greeted);
        let securing = self.secure(hello, &greeted.dialled.upstream.host);
        let share = deadline.share(others + 1);
        let way = share.run("TLS with the upstream", securing).await?;
        Ok(greeted.with(way))
    }

    async fn secure<S: Stream>(
        &self,
        hello: Hello<S>,
        host: &str,
    ) -> Result<Secured<S>, Fault<MysqlFault>> {
        let first = first_answer(&hello.greeting()?, self.credential);
        let (upstream, next) = secure(hello, host, self.tls, self.response).await?;
        Ok(Secured {
            upstream,
            next,
            first,
        })
    }
}

impl<S: Stream> Opening<S> for Securing<'_> {
    type Way = Secured<S>;
    type Fault = MysqlFault;
    const DOING: &'static str = "TLS with the upstream";

    async fn open(&self, stream: S, dialled: &Dialled) -> Result<Secured<S>, Fault<MysqlFault>> {
        self.secure(hear(stream).await?, &dialled.upstream.host)
            .await
    }
}

/// The plugin that a response announces, and the answer for it.
struct FirstAnswer {
    plugin: Vec<u8>,
    auth: Secretive,
}

/// With a token: another plugin than the one that it is for, and no answer, because a server that would take the token in the
/// clear takes an empty answer under that name for the token.
fn first_answer(greeting: &Greeting<'_>, credential: Credential<'_>) -> FirstAnswer {
    let auth = match (credential, greeting.plugin) {
        (Credential::Password(password), plugin::NATIVE | plugin::CACHING_SHA2) => {
            let password = password.expose_secret().as_bytes();
            password::scrambled(greeting.plugin, password, &greeting.scramble)
        }
        _ => None,
    };
    match auth {
        Some(auth) => FirstAnswer {
            plugin: greeting.plugin.to_vec(),
            auth,
        },
        None => FirstAnswer {
            plugin: plugin::NATIVE.to_vec(),
            auth: Zeroizing::default(),
        },
    }
}

/// Makes a way upstream that the response may be sent on. Also returns the number of the next packet.
async fn secure<S: Stream>(
    mut hello: Hello<S>,
    host: &str,
    tls: Option<&UpstreamTlsConfig>,
    response: &Response<'_>,
) -> Result<(Upstream<S>, u8), Fault<MysqlFault>> {
    const DOING: &str = "asking for TLS";
    let offers_tls = hello.greeting()?.capabilities.has(Capabilities::SSL);
    let is_waiting = hello.is_waiting().await;
    // CVE-2021-23222: nothing vouches for bytes from before TLS.
    let stuffed = |count| Cause::StuffedBytes {
        host: host.to_owned(),
        count,
    };
    let stream = hello.leg.into_stream().map_err(stuffed)?;
    if !is_waiting {
        let source = io::ErrorKind::UnexpectedEof.into();
        return Err(Cause::lost(DOING)(source).into());
    }
    let Some(tls) = tls else {
        return Ok((Upstream::in_the_clear(stream), 1));
    };
    let mut leg = Leg::new(stream);
    if !offers_tls {
        let host = host.to_owned();
        return Err(Cause::NoTls { host }.into());
    }
    let mut channel = Channel::at(&mut leg, 1);
    say(&mut channel, &response.encode_tls_request(), DOING).await?;
    let next = channel.next();
    let stream = leg.into_stream().map_err(stuffed)?;
    let upstream = seal(stream, tls, host, Alpn::Optional).await?;
    Ok((upstream, next))
}

/// Whom we log in as, where.
pub(super) struct Account<'a> {
    pub(super) user: &'a [u8],
    pub(super) host: &'a str,
    /// The plugin that has been announced.
    pub(super) announced: &'a [u8],
}

impl Account<'_> {
    fn challenge(&self, asked: &'static str) -> Fault<MysqlFault> {
        let user = String::from_utf8_lossy(self.user).into_owned();
        MysqlFault::Challenge { user, asked }.into()
    }

    /// What it means that the upstream says no.
    fn refused(&self, payload: &[u8], error: &ErrorPacket<'_>, before_token: bool) -> MysqlFault {
        if before_token && error.code == ACCESS_DENIED {
            return MysqlFault::NotEntra {
                user: String::from_utf8_lossy(self.user).into_owned(),
                message: error.message.to_vec(),
                code: error.code,
            };
        }
        MysqlFault::Refused(Refused::of(error, payload))
    }
}

/// Answers what the upstream asks, up to its OK: returns the payload of that, and the plugin that was used.
pub(super) async fn authenticate<S: Stream>(
    upstream: &mut Upstream<S>,
    mut next: u8,
    account: &Account<'_>,
    credential: Credential<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Fault<MysqlFault>> {
    const DOING: &str = "waiting for the upstream to let us in";
    let mut asked = false;
    let mut plugin = account.announced.to_vec();
    for _ in 0..MAX_ROUNDS {
        let mut channel = Channel::at(upstream.leg(), next);
        let payload = read(&mut channel, DOING).await?;
        next = channel.next();
        let question = match Answer::parse(&payload).map_err(MysqlFault::UpstreamPacket)? {
            Answer::Ok => {
                if credential.is_token() && !asked {
                    tracing::warn!("the upstream let us in without asking for the token");
                }
                return Ok((payload.to_vec(), plugin));
            }
            Answer::Error(error) => {
                let before_token = credential.is_token() && !asked;
                return Err(account.refused(&payload, &error, before_token).into());
            }
            Answer::OldSwitch => return Err(account.challenge("mysql_old_password")),
            Answer::NextFactor => return Err(account.challenge("another factor")),
            question => question,
        };
        if let Answer::Switch { plugin: named, .. } = &question {
            plugin = named.to_vec();
        }
        match credential {
            // Once: a second request would be another conversation than the one this is.
            Credential::Token(_) if asked => return Err(broken(AGAIN)),
            Credential::Token(token) => {
                give_token(upstream, next, account, &question, token).await?;
            }
            Credential::Password(password) => {
                let mut channel = Channel::at(upstream.leg(), next);
                let known = password::answer(&mut channel, &plugin, &question, password).await?;
                if !known {
                    return Err(account.challenge(name_of(&plugin)));
                }
            }
        }
        asked = true;
    }
    Err(broken(AGAIN))
}

const AGAIN: &str = "a second request for the secret";

/// Answers the one question that a token is for.
async fn give_token<S: Stream>(
    upstream: &mut Upstream<S>,
    next: u8,
    account: &Account<'_>,
    question: &Answer<'_>,
    token: &Token,
) -> Result<(), Fault<MysqlFault>> {
    match question {
        Answer::Switch {
            plugin: plugin::CLEAR,
            ..
        } => send_token(upstream.sealed(account.host)?, next, token).await,
        Answer::Switch { plugin, .. } => Err(account.challenge(name_of(plugin))),
        _ => Err(broken(AGAIN)),
    }
}

pub(super) fn broken(what: &'static str) -> Fault<MysqlFault> {
    Cause::UpstreamRules { what }.into()
}

/// Something of the upstream's that is no packet of a login.
pub(super) fn bad_packet(error: PacketError) -> Fault<MysqlFault> {
    MysqlFault::UpstreamPacket(error).into()
}

/// A plugin's name in words of ours.
fn name_of(plugin: &[u8]) -> &'static str {
    match plugin {
        plugin::NATIVE => "mysql_native_password",
        plugin::CACHING_SHA2 => "caching_sha2_password",
        plugin::SHA256 => "sha256_password",
        plugin::CLEAR => "mysql_clear_password",
        b"client_ed25519" => "client_ed25519",
        b"dialog" => "dialog",
        b"parsec" => "parsec",
        b"auth_gssapi_client" => "GSSAPI",
        _ => "an unknown plugin",
    }
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(
    upstream: &mut Sealed<S>,
    number: u8,
    token: &Token,
) -> Result<(), Fault<MysqlFault>> {
    let secret = token.expose().as_bytes();
    tracing::debug!(bytes = secret.len(), name = ?upstream.name(), "sending the token");
    let mut channel = Channel::at(upstream.leg(), number);
    say_clear(&mut channel, secret, "sending the token").await
}

/// Writes a secret as it is.
pub(super) async fn say_clear<S: Stream>(
    channel: &mut Channel<'_, S>,
    secret: &[u8],
    doing: &'static str,
) -> Result<(), Fault<MysqlFault>> {
    let too_long = || Cause::SecretTooLong {
        bytes: secret.len(),
        most: MAX_SECRET,
    };
    let length = clear_password_len(secret.len()).ok_or_else(too_long)?;
    let mut packet = Zeroizing::new(Vec::with_capacity(length));
    encode_clear_password(channel.next(), secret, &mut packet).map_err(|_| too_long())?;
    let sent = channel.say_packet(&packet).await;
    Ok(sent.map_err(Cause::lost(doing))?)
}

/// Reads a packet of the upstream's.
pub(super) async fn read<S: Stream>(
    channel: &mut Channel<'_, S>,
    doing: &'static str,
) -> Result<Secretive, Fault<MysqlFault>> {
    channel.read().await.map_err(|no_packet| match no_packet {
        NoPacket::Lost(source) => Cause::lost(doing)(source).into(),
        NoPacket::Bad(error) => bad_packet(error),
    })
}

pub(super) async fn say<S: Stream>(
    channel: &mut Channel<'_, S>,
    payload: &[u8],
    doing: &'static str,
) -> Result<(), Fault<MysqlFault>> {
    let sent = channel.say(payload).await;
    Ok(sent.map_err(Cause::lost(doing))?)
}
