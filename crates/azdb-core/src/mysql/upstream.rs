//! What we say to the database, being its client.

use azdb_identity::Token;
use azdb_wire::mysql::{
    Answer, ErrorPacket, MAX_SECRET, PacketError, Response, clear_password_len,
    encode_clear_password, plugin,
};
use zeroize::Zeroizing;

use super::channel::{Channel, NoPacket};
use super::fault::Refused;
use super::greeted::Greeted;
use super::securing::Securing;
use super::spares::Lent;
use super::{Mysql, MysqlFault, Secretive, password};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, ProvedBy};
use crate::lobby::{Attempt, Credential, Lobby, Tracks};
use crate::tls::UpstreamTlsConfig;
use crate::way::{Dial, Dialled, Sealed, Stream, Upstream};

/// Most packets of a server's between the response and its OK.
const MAX_ROUNDS: usize = 8;

/// Error "Access denied".
pub(super) const ACCESS_DENIED: u16 = 1045;

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// The payload of its OK.
    pub(super) ok: Vec<u8>,
    /// The plugin that the account uses.
    pub(super) plugin: Vec<u8>,
    /// The payload of its greeting.
    pub(super) greeting: Secretive,
    /// As its greeting numbers the session.
    pub(super) thread_id: u32,
    pub(super) dialled: Dialled,
}

/// A login upstream with a response that names the principal and holds no answer.
pub(super) struct Entry<'a, D: Dial> {
    pub(super) response: Response<'a>,
    /// The upstream that has greeted the app; another try needs another one.
    pub(super) lent: Option<Lent<D::Stream>>,
    pub(super) lobby: &'a Lobby<Mysql, D>,
    pub(super) deadline: &'a Deadline,
    pub(super) tracks: Tracks,
    /// Whether somebody waits for it, for whom it is tried elsewhere, and again.
    pub(super) persists: bool,
}

impl<D: Dial> Attempt for Entry<'_, D> {
    type Granted = Granted<D::Stream>;
    type Fault = MysqlFault;

    fn upstreams_words(granted: &mut Self::Granted) -> Vec<&mut [u8]> {
        vec![&mut granted.ok]
    }

    async fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> Result<Granted<D::Stream>, Fault<MysqlFault>> {
        let (lobby, deadline) = (self.lobby, self.deadline);
        let securing = Securing::of(self.response, lobby.upstream_tls.as_deref(), credential);
        let opened = match self.lent.take().and_then(Lent::take) {
            Some(greeted) => securing.go_on(greeted, &mut self.tracks, deadline).await?,
            None => {
                let search = lobby.search(&self.tracks.passed_over, deadline);
                search.open(&securing).await?
            }
        };
        self.tracks.follow(&opened);
        self.tracks.begin();
        securing.log_in(opened, deadline).await
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        self.persists.then_some(&mut self.tracks)
    }
}

/// Logs in to an upstream that has greeted, and to no other.
pub(super) async fn log_in<S: Stream>(
    greeted: Greeted<S>,
    response: Response<'_>,
    credential: Credential<'_>,
    tls: Option<&UpstreamTlsConfig>,
    deadline: &Deadline,
) -> Result<Granted<S>, Fault<MysqlFault>> {
    let securing = Securing::of(response, tls, credential);
    let mut tracks = Tracks::default();
    let opened = securing.go_on(greeted, &mut tracks, deadline).await?;
    securing.log_in(opened, deadline).await
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
    fn refused(
        &self,
        payload: &[u8],
        error: &ErrorPacket<'_>,
        before_token: bool,
        proved_by: ProvedBy,
    ) -> MysqlFault {
        if before_token && error.code == ACCESS_DENIED {
            return MysqlFault::NotEntra {
                user: String::from_utf8_lossy(self.user).into_owned(),
                message: error.message.to_vec(),
                code: error.code,
            };
        }
        MysqlFault::Refused(Refused::of(error, payload, proved_by))
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
                return Err(account
                    .refused(&payload, &error, before_token, credential.proved_by())
                    .into());
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
                let password = password::Told::over(upstream, account.host, password);
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
