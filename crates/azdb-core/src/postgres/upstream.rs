//! What we say to the database, being its client.

use std::io;
use std::time::Duration;

use azdb_identity::Token;
use azdb_quote::Chain;
use azdb_wire::postgres::{
    Authentication, ErrorFields, Header, MAX_SECRET, Next, encode_password, next_message,
    password_message_len, tag,
};
use zeroize::Zeroizing;

use super::securing::Securing;
use super::{Postgres, PostgresFault, hint, password, prepared};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, ProvedBy};
use crate::ledger::Beginning;
use crate::lobby::{AWAITING_LOGIN, Attempt, Credential, Lobby, Tracks};
use crate::phases::Phase;
use crate::way::{Dial, Dialled, Leg, Opened, Sealed, Stream, Upstream};

/// How long an upstream may take for its first word over a connection that was made ahead: it may have gone without a word since.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// Most bytes of the answer to a login: notices, parameter reports.
const MAX_ANSWER: usize = 256 * 1024;

/// A login that the upstream has granted.
pub(super) struct Granted<U> {
    pub(super) upstream: Upstream<U>,
    /// NegotiateProtocolVersion if there was one, then everything from "Ok" to ReadyForQuery.
    pub(super) answer: Vec<u8>,
    /// Payload of BackendKeyData, which some servers leave out.
    pub(super) cancel_key: Option<Vec<u8>>,
    pub(super) dialled: Dialled,
    pub(super) beginning: Beginning,
}

/// A login upstream with a StartupMessage that names the role.
pub(super) struct Entry<'a, D: Dial> {
    pub(super) packet: &'a [u8],
    pub(super) role: &'a str,
    pub(super) lobby: &'a Lobby<Postgres, D>,
    pub(super) deadline: &'a Deadline,
    pub(super) tracks: Tracks,
    /// Whether somebody waits for it, for whom it is tried elsewhere, and again.
    pub(super) persists: bool,
    /// Whether it may take a connection that was made ahead.
    pub(super) takes_prepared: bool,
}

impl<D: Dial> Attempt for Entry<'_, D> {
    type Granted = Granted<D::Stream>;
    type Fault = PostgresFault;

    fn upstreams_words(granted: &mut Self::Granted) -> Vec<&mut [u8]> {
        bodies(&mut granted.answer)
    }

    /// Logs in over a connection that was made ahead, or dials the route's upstream.
    async fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> Result<Granted<D::Stream>, Fault<PostgresFault>> {
        if std::mem::take(&mut self.takes_prepared)
            && let Some(opened) = prepared::take(self.lobby).await
        {
            match self.converse(opened, credential, Some(SIGN_OF_LIFE)).await {
                // It was made for nobody, and nobody hears of its end.
                Err(fault) if fault.is_hung_up() => {
                    tracing::debug!(error = %Chain(&fault), "a connection that was made ahead is gone");
                }
                Ok(granted) => {
                    return Ok(Granted {
                        beginning: Beginning::Prepared,
                        ..granted
                    });
                }
                Err(fault) => return Err(fault),
            }
        }
        let securing = Securing::of(self.lobby);
        let search = self.lobby.search(&self.tracks.passed_over, self.deadline);
        let opened = search.open(&securing).await?;
        self.converse(opened, credential, None).await
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        self.persists.then_some(&mut self.tracks)
    }
}

impl<D: Dial> Entry<'_, D> {
    /// Logs in over a way on which nothing has been said. One that does not answer within `first_word` is lost.
    async fn converse(
        &mut self,
        opened: Opened<Upstream<D::Stream>>,
        credential: Credential<'_>,
        first_word: Option<Duration>,
    ) -> Result<Granted<D::Stream>, Fault<PostgresFault>> {
        self.tracks.follow(&opened);
        let Opened {
            way: mut upstream,
            dialled,
            departure,
            ..
        } = opened;
        let host = &dialled.upstream.host;
        self.tracks.begin();
        let mut answer = Vec::new();
        let conversation = async {
            say(upstream.leg(), self.packet, "sending the startup message").await?;
            if let Some(limit) = first_word {
                let hearing = tokio::time::timeout(limit, upstream.leg().fill(1)).await;
                let heard = hearing.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                heard.map_err(Cause::lost("waiting for its first word"))?;
            }
            let account = Account {
                role: self.role,
                host,
            };
            authenticate(&mut upstream, &account, credential, &mut answer).await?;
            until_ready(upstream.leg(), credential.proved_by(), &mut answer).await
        };
        let outcome = self
            .deadline
            .run(Phase::Database, AWAITING_LOGIN, conversation)
            .await;
        let cancel_key = match outcome {
            Ok(cancel_key) => cancel_key,
            Err(fault) => {
                let fault = departure.judge(fault, &dialled);
                return Err(behind(answer, fault));
            }
        };
        Ok(Granted {
            upstream,
            answer,
            cancel_key,
            dialled,
            beginning: Beginning::Dialled,
        })
    }
}

/// Whom we log in as, where.
pub(super) struct Account<'a> {
    pub(super) role: &'a str,
    pub(super) host: &'a str,
}

/// Answers what the upstream asks, up to its "Ok". What the app is to read of it goes to `answer`.
async fn authenticate<S: Stream>(
    upstream: &mut Upstream<S>,
    account: &Account<'_>,
    credential: Credential<'_>,
    answer: &mut Vec<u8>,
) -> Result<(), Fault<PostgresFault>> {
    let mut asked = false;
    loop {
        let doing = "waiting for the upstream to ask for the secret";
        let message = read_message(upstream.leg(), doing).await?;
        match message.tag() {
            tag::AUTHENTICATION => {}
            tag::NEGOTIATE_PROTOCOL_VERSION | tag::NOTICE_RESPONSE => {
                message.append_to(answer)?;
                continue;
            }
            tag::ERROR_RESPONSE => return Err(refused(message.body(), credential.proved_by())),
            _ => return Err(broken("an unexpected message")),
        }
        match (Authentication::parse(message.body())?, credential) {
            (Authentication::Ok, credential) => {
                if credential.is_token() && !asked {
                    tracing::warn!("the upstream let us in without asking for the token");
                }
                return message.append_to(answer);
            }
            // Once: a second request would be another conversation than the one this is.
            _ if asked => return Err(broken("a second request for the secret")),
            (Authentication::Cleartext, Credential::Token(token)) => {
                send_token(upstream.sealed(account.host)?, token).await?;
            }
            (request, Credential::Token(_)) => return Err(challenge(account.role, &request)),
            (request, Credential::Password(secret)) => {
                password::answer(upstream, &request, account, secret).await?;
            }
        }
        asked = true;
    }
}

/// What the upstream wants, and no token is.
pub(super) fn challenge(role: &str, request: &Authentication<'_>) -> Fault<PostgresFault> {
    let (role, asked) = (role.to_owned(), request.name());
    PostgresFault::Challenge { role, asked }.into()
}

fn broken(what: &'static str) -> Fault<PostgresFault> {
    Cause::UpstreamRules { what }.into()
}

/// The only function of this protocol that writes a token.
async fn send_token<S: Stream>(
    upstream: &mut Sealed<S>,
    token: &Token,
) -> Result<(), Fault<PostgresFault>> {
    let secret = token.expose().as_bytes();
    tracing::debug!(bytes = secret.len(), name = ?upstream.name(), "sending the token");
    send_secret(upstream.leg(), secret, "sending the token").await
}

/// Writes a PasswordMessage.
pub(super) async fn send_secret<S: Stream>(
    leg: &mut Leg<S>,
    secret: &[u8],
    doing: &'static str,
) -> Result<(), Fault<PostgresFault>> {
    let too_long = |_| Cause::SecretTooLong {
        bytes: secret.len(),
        most: MAX_SECRET,
    };
    let length = password_message_len(secret.len()).map_err(too_long)?;
    let mut message = Zeroizing::new(Vec::with_capacity(length));
    encode_password(secret, &mut message).map_err(too_long)?;
    say(leg, &message, doing).await
}

/// Collects what the upstream reports after "Ok". Returns the payload of BackendKeyData.
async fn until_ready<S: Stream>(
    leg: &mut Leg<S>,
    proved_by: ProvedBy,
    answer: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>, Fault<PostgresFault>> {
    let mut cancel_key = None;
    loop {
        let message = read_message(leg, "waiting for the upstream to be ready").await?;
        match message.tag() {
            tag::ERROR_RESPONSE => return Err(refused(message.body(), proved_by)),
            tag::BACKEND_KEY_DATA => cancel_key = Some(message.body().to_vec()),
            tag::PARAMETER_STATUS | tag::NOTICE_RESPONSE | tag::READY_FOR_QUERY => {}
            _ => {
                return Err(broken("an unexpected message"));
            }
        }
        message.append_to(answer)?;
        if message.tag() == tag::READY_FOR_QUERY {
            return Ok(cancel_key);
        }
    }
}

/// One message of the upstream's, copied out of the leg.
pub(super) struct Message {
    raw: Vec<u8>,
}

impl Message {
    pub(super) fn tag(&self) -> u8 {
        self.raw.first().copied().unwrap_or_default()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.raw.get(Header::LEN..).unwrap_or_default()
    }

    fn append_to(&self, answer: &mut Vec<u8>) -> Result<(), Fault<PostgresFault>> {
        answer.extend_from_slice(&self.raw);
        if answer.len() > MAX_ANSWER {
            return Err(broken("too many reports before it was ready"));
        }
        Ok(())
    }
}

/// What whole messages say, without their tags and lengths.
fn bodies(mut messages: &mut [u8]) -> Vec<&mut [u8]> {
    let mut bodies = Vec::new();
    while let Some((header, rest)) = messages.split_first_chunk_mut::<{ Header::LEN }>() {
        let Ok(Header { body, .. }) = Header::parse(*header) else {
            break;
        };
        let (body, rest) = rest.split_at_mut(body.min(rest.len()));
        bodies.push(body);
        messages = rest;
    }
    bodies
}

/// Reads one message of a login.
pub(super) async fn read_message<S: Stream>(
    leg: &mut Leg<S>,
    doing: &'static str,
) -> Result<Message, Fault<PostgresFault>> {
    loop {
        let need = match next_message(leg.unread())? {
            Next::Message { raw, .. } => {
                let raw = raw.to_vec();
                leg.consume(raw.len());
                return Ok(Message { raw });
            }
            Next::NeedBytes(need) => need,
        };
        leg.fill(need).await.map_err(Cause::lost(doing))?;
    }
}

pub(super) async fn say<S: Stream>(
    leg: &mut Leg<S>,
    bytes: &[u8],
    doing: &'static str,
) -> Result<(), Fault<PostgresFault>> {
    Ok(leg.say(bytes).await.map_err(Cause::lost(doing))?)
}

/// The upstream's ErrorResponse, without tag and length.
pub(super) fn refused(body: &[u8], proved_by: ProvedBy) -> Fault<PostgresFault> {
    let message = ErrorFields::of(body).get(b'M').unwrap_or_default().to_vec();
    PostgresFault::Refused {
        meaning: hint::meaning_of(&message, proved_by),
        proved_by,
        message,
        body: body.to_vec(),
        before: Vec::new(),
    }
    .into()
}

/// A refusal in its place: behind what the upstream had said. Faults of ours stand in front of everything.
fn behind(said: Vec<u8>, mut fault: Fault<PostgresFault>) -> Fault<PostgresFault> {
    if let Fault::Own(PostgresFault::Refused { before, .. }) = &mut fault {
        *before = said;
    }
    fault
}
