//! How an upstream is let go that has greeted and that nobody needs.
//!
//! ```text
//!   azdb-proxy                        upstream
//!      | <---------- greeting ---------- |   some time ago
//!      | --- TLS, a login as any other -> |
//!      | <------------- OK ------------- |
//!      | ----------- COM_QUIT ----------> |
//! ```
//!
//! Whatever else a server hears after its greeting it counts as a failed connection (`Aborted_connects`), an end without a word even as an
//! error of this machine (`max_connect_errors`): COM_QUIT, an empty packet and a request for TLS that is not followed up, too. An
//! upstream that cannot be logged in to is told nobody's name: its refusal shuts no machine out.

use std::sync::Arc;
use std::time::Duration;

use azdb_config::route::{Principal, Principals, Route, UpstreamAuth};
use azdb_identity::{Audience, Token, Tokens};
use azdb_quote::Chain;
use azdb_wire::mysql::{Capabilities, Command, Response, plugin};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channel::Channel;
use super::greeted::Greeted;
use super::upstream;
use super::{Mysql, MysqlFault};
use crate::deadline::Deadline;
use crate::fault::{Fault, Secrets};
use crate::lobby::{Credential, Lobby, Password};
use crate::phases::Phase;
use crate::tls::UpstreamTlsConfig;
use crate::way::{Dial, Stream};

/// How long it may take. Nobody waits for it but the end of the process, and a server that is busy takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it takes to say goodbye, at any time and to the end of the process.
#[derive(Clone)]
pub(super) struct Dismissal {
    route: Arc<Route>,
    tls: Option<Arc<UpstreamTlsConfig>>,
    tokens: Tokens,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Dismissal {
    pub(super) fn of<D: Dial>(lobby: &Lobby<Mysql, D>) -> Self {
        Self {
            route: Arc::clone(&lobby.route),
            tls: lobby.upstream_tls.clone(),
            tokens: lobby.tokens.clone(),
            closing: lobby.closing.clone(),
            tasks: lobby.tasks.clone(),
        }
    }

    /// Whether it is that of an upstream which was dialled for this route, as it is now.
    pub(super) fn is_of(&self, route: &Arc<Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// Whether nobody may wait any more.
    pub(super) fn is_due(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Does this at that time, or when the proxy comes to its end.
    pub(super) fn after(&self, at: Instant, then: impl FnOnce() + Send + 'static) {
        let closing = self.closing.clone();
        self.spawn(async move {
            let _ = tokio::time::timeout_at(at, closing.cancelled()).await;
            then();
        });
    }

    /// Says goodbye in the background.
    pub(super) fn begin<S: Stream>(&self, greeted: Greeted<S>) {
        let this = self.clone();
        self.spawn(async move { this.dismiss(greeted).await });
    }

    /// The process waits for what is begun here.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.tasks.spawn_on(task, &runtime);
        }
    }

    async fn dismiss<S: Stream>(self, mut greeted: Greeted<S>) {
        if !greeted.is_waiting().await {
            return;
        }
        let deadline = Deadline::after(PATIENCE);
        let secrets = Secrets::default();
        let outcome = match (&self.route.auth, self.tls.is_none() || greeted.offers_tls()) {
            (_, false) => {
                deadline
                    .run(Phase::Database, DOING, say_nobody(greeted))
                    .await
            }
            (UpstreamAuth::Password(secret), true) => match self.principals().next() {
                Some(principal) => {
                    let password = Password::of(&self.route, secret, &secrets);
                    let credential = Credential::Password(password);
                    credential.note(&secrets);
                    self.log_in_and_out(greeted, principal, credential, &deadline)
                        .await
                }
                None => Ok(()),
            },
            (UpstreamAuth::Token(audience), true) => match self.token(audience) {
                Some((principal, token)) => {
                    let credential = Credential::Token(&token);
                    credential.note(&secrets);
                    self.log_in_and_out(greeted, principal, credential, &deadline)
                        .await
                }
                None => {
                    deadline
                        .run(Phase::Database, DOING, say_nobody(greeted))
                        .await
                }
            },
        };
        if let Err(fault) = outcome {
            let fault = fault.without(&secrets);
            tracing::debug!(error = %Chain(&fault), "no goodbye to an upstream that nobody needed");
        }
    }

    fn principals(&self) -> impl Iterator<Item = &Principal> {
        let (one, many) = match &self.route.principals {
            Principals::One(principal) => (Some(principal), &[][..]),
            Principals::ByAppUser(map) => (None, map.as_slice()),
        };
        let many = many.iter().map(|(_, principal)| principal);
        one.into_iter().chain(many).map(Arc::as_ref)
    }

    /// A principal with a token that is there now.
    fn token(&self, audience: &Audience) -> Option<(&Principal, Token)> {
        self.principals().find_map(|principal| {
            let token = self.tokens.in_hand(&principal.identity, audience)?;
            Some((principal, token))
        })
    }

    async fn log_in_and_out<S: Stream>(
        &self,
        greeted: Greeted<S>,
        principal: &Principal,
        credential: Credential<'_>,
        deadline: &Deadline,
    ) -> Result<(), Fault<MysqlFault>> {
        let response = response_of(principal.user.as_bytes());
        let tls = self.tls.as_deref();
        let logging_in = upstream::log_in(greeted, response, credential, tls, deadline);
        let mut upstream = logging_in.await?.upstream;
        let parting = async {
            let mut channel = Channel::at(upstream.leg(), 0);
            upstream::say(&mut channel, &[Command::QUIT.0], DOING).await
        };
        deadline.run(Phase::Database, DOING, parting).await?;
        tracing::debug!("goodbye to an upstream that nobody needed");
        Ok(())
    }
}

const DOING: &str = "saying goodbye to the upstream";

fn response_of(user: &[u8]) -> Response<'_> {
    Response {
        capabilities: Capabilities::MYSQL,
        max_packet: 1 << 24,
        charset: 45,
        extended: 0,
        user,
        auth: b"",
        database: None,
        plugin: plugin::NATIVE,
        attributes: b"",
        zstd_level: 0,
    }
}

/// A login of nobody, which the upstream refuses.
async fn say_nobody<S: Stream>(mut greeted: Greeted<S>) -> Result<(), Fault<MysqlFault>> {
    let payload = response_of(b"").encode();
    let payload = payload.map_err(MysqlFault::UpstreamPacket)?;
    let mut channel = Channel::at(greeted.leg(), 1);
    upstream::say(&mut channel, &payload, DOING).await?;
    upstream::read(&mut channel, DOING).await.map(drop)
}
