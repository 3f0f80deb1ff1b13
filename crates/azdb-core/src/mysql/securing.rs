//! From an upstream's greeting to our response: TLS, and whom we log in as.

use std::io;

use azdb_wire::mysql::{Capabilities, Greeting, Response, plugin};
use zeroize::Zeroizing;

use super::channel::Channel;
use super::greeted::{Greeted, Hello, hear};
use super::upstream::{Account, Granted, authenticate, say};
use super::{MysqlFault, Secretive, password};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::{AWAITING_LOGIN, Credential, Tracks};
use crate::phases::Phase;
use crate::tls::UpstreamTlsConfig;
use crate::way::{Alpn, Departure, Dialled, Leg, Opened, Opening, Stream, Upstream, seal};

/// Hears an upstream's greeting and makes the way safe.
pub(super) struct Securing<'a> {
    tls: Option<&'a UpstreamTlsConfig>,
    response: Response<'a>,
    credential: Credential<'a>,
}

/// A way on which the response may be sent.
pub(super) struct Secured<S> {
    upstream: Upstream<S>,
    /// The number of the next packet.
    next: u8,
    first: FirstAnswer,
    greeting: Secretive,
    thread_id: u32,
}

impl<'a> Securing<'a> {
    pub(super) fn of(
        response: Response<'a>,
        tls: Option<&'a UpstreamTlsConfig>,
        credential: Credential<'a>,
    ) -> Self {
        let flags = response.capabilities;
        let response = Response {
            capabilities: flags.with_if(Capabilities::SSL, tls.is_some()),
            ..response
        };
        Self {
            tls,
            response,
            credential,
        }
    }

    /// Says who logs in, and answers what is asked for it.
    pub(super) async fn log_in<S: Stream>(
        &self,
        opened: Opened<Secured<S>>,
        deadline: &Deadline,
    ) -> Result<Granted<S>, Fault<MysqlFault>> {
        let dialled = opened.dialled;
        let Secured {
            mut upstream,
            next,
            first,
            greeting,
            thread_id,
        } = opened.way;
        let conversation = async {
            let response = Response {
                plugin: &first.plugin,
                auth: &first.auth,
                ..self.response
            };
            let payload = Zeroizing::new(response.encode().map_err(MysqlFault::AppPacket)?);
            let mut channel = Channel::at(upstream.leg(), next);
            say(&mut channel, &payload, "sending the response").await?;
            let next = channel.next();
            let account = Account {
                user: response.user,
                host: &dialled.upstream.host,
                announced: &first.plugin,
            };
            authenticate(&mut upstream, next, &account, self.credential).await
        };
        let conversing = deadline.run(Phase::Database, AWAITING_LOGIN, conversation);
        let told = conversing.await;
        let (ok, plugin) = told.map_err(|fault| fault.with(dialled.far_end()))?;
        Ok(Granted {
            upstream,
            ok,
            plugin,
            greeting,
            thread_id,
            dialled,
        })
    }

    /// Goes on where an upstream has greeted already.
    pub(super) async fn go_on<S: Stream>(
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
        let share = deadline.share(others + 1);
        let securing = self.secure(hello, &greeted.dialled.upstream.host, &share);
        match securing.await {
            Ok(way) => Ok(greeted.with(way)),
            Err(fault) => Err(fault.with(greeted.dialled.far_end())),
        }
    }

    async fn secure<S: Stream>(
        &self,
        hello: Hello<S>,
        host: &str,
        deadline: &Deadline,
    ) -> Result<Secured<S>, Fault<MysqlFault>> {
        let greeting = hello.greeting()?;
        let thread_id = greeting.thread_id;
        let first = first_answer(&greeting, self.credential);
        let tls = self.tls.map(|tls| (tls, deadline));
        let (upstream, next, greeting) = secure(hello, host, tls, &self.response).await?;
        Ok(Secured {
            upstream,
            next,
            first,
            greeting,
            thread_id,
        })
    }
}

impl<S: Stream> Opening<S> for Securing<'_> {
    type Way = Secured<S>;
    type Fault = MysqlFault;

    async fn open(
        &self,
        stream: S,
        dialled: &Dialled,
        deadline: &Deadline,
    ) -> Result<Secured<S>, Fault<MysqlFault>> {
        let hello = hear(stream, deadline).await?;
        self.secure(hello, &dialled.upstream.host, deadline).await
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
            let secret = password.to_prove().as_bytes();
            let answer = password::scrambled(greeting.plugin, secret, &greeting.scramble);
            password
                .secrets()
                .proof_in_bytes(answer.as_deref().map_or(&[], Vec::as_slice));
            answer
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

/// Makes a way upstream that the response may be sent on. Also returns the number of the next packet, and the greeting.
async fn secure<S: Stream>(
    mut hello: Hello<S>,
    host: &str,
    tls: Option<(&UpstreamTlsConfig, &Deadline)>,
    response: &Response<'_>,
) -> Result<(Upstream<S>, u8, Secretive), Fault<MysqlFault>> {
    const DOING: &str = "asking for TLS";
    let offers_tls = hello.greeting()?.capabilities.has(Capabilities::SSL);
    let is_waiting = hello.is_waiting().await;
    // CVE-2021-23222: nothing vouches for bytes from before TLS.
    let stuffed = |count| Cause::StuffedBytes {
        host: host.to_owned(),
        count,
    };
    let greeting = hello.payload;
    let stream = hello.leg.into_stream().map_err(stuffed)?;
    if !is_waiting {
        let source = io::ErrorKind::UnexpectedEof.into();
        return Err(Cause::lost(DOING)(source).into());
    }
    let Some((tls, deadline)) = tls else {
        return Ok((Upstream::in_the_clear(stream), 1, greeting));
    };
    let mut leg = Leg::new(stream);
    if !offers_tls {
        let host = host.to_owned();
        return Err(Cause::NoTls { host }.into());
    }
    let mut channel = Channel::at(&mut leg, 1);
    let request = response.encode_tls_request();
    let asking = say(&mut channel, &request, DOING);
    deadline.run(Phase::Tls, DOING, asking).await?;
    let next = channel.next();
    let stream = leg.into_stream().map_err(stuffed)?;
    let upstream = seal(stream, tls, host, Alpn::Optional, deadline).await?;
    Ok((upstream, next, greeting))
}
