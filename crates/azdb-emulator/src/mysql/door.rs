//! One connection, from its first byte to its last: the login, and then a server behind or the sample.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::behind::{Greeted, ServerBehind};
use super::chatter::Surroundings;
use super::fault;
use super::greeting::Greeting;
use super::login::{Change, Response, no_tls, wants_tls};
use super::packet::{error, read, write};
use super::pipe::{self, Repeated};
use super::record::{MysqlLogin, MysqlRefusal};
use super::relay::{self, CHANGE_USER};
use super::server::{ChangesOfUser, Shared};
use super::session::Session;
use crate::behind::Behind;
use crate::principal::Principal;
use crate::sample::{Dialect, unknown};

/// How long a login may take: MySQL's `connect_timeout`.
const LOGIN_LIMIT: Duration = Duration::from_secs(10);
const RESET_CONNECTION: u8 = 0x1f;
const STATEMENT_RESET: u8 = 0x1a;
/// OK without rows, with the flag of autocommit.
const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

type App = TlsStream<TcpStream>;

/// An app that may come in and has not been told.
struct Admitted<'a> {
    app: App,
    principal: &'a Principal,
    response: Response,
    /// The number of the packet that tells it.
    next: u8,
}

/// A change of user that is allowed, and has not been told.
struct Allowed<'a> {
    principal: &'a Principal,
    change: Change,
    next: u8,
}

impl Shared {
    pub(super) async fn serve(
        self: &Arc<Self>,
        app: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<()> {
        app.set_nodelay(true)?;
        let greeted = match &self.behind {
            Some(behind) => Some(answered(behind, Greeted::dial(behind)).await),
            None => None,
        };
        let greeting = match &greeted {
            Some(Ok(greeted)) => greeted.greeting(),
            Some(Err(_)) | None => Greeting::of_sample(self.next_id()),
        };
        match limited(self.admit(app, peer, &greeting)).await {
            Ok(Ok(Some(admitted))) => match greeted {
                Some(greeted) => self.serve_behind(greeting.id, greeted, admitted).await,
                None => self.serve_sample(greeting.id, admitted).await,
            },
            not_admitted => {
                if let (Some(Ok(greeted)), [anybody, ..]) = (greeted, &self.gate.principals[..]) {
                    limited(greeted.leave(anybody)).await?;
                }
                not_admitted?.map(|_| ())
            }
        }
    }

    /// Greets an app, and judges it; tells it when it is refused.
    async fn admit(
        &self,
        mut app: TcpStream,
        peer: SocketAddr,
        greeting: &Greeting,
    ) -> io::Result<Option<Admitted<'_>>> {
        write(&mut app, 0, &greeting.payload()).await?;
        let request = read(&mut app).await?;
        if !wants_tls(&request.payload) {
            let next = request.number.wrapping_add(1);
            write(&mut app, next, &no_tls().payload()).await?;
            return Ok(None);
        }
        let mut app = self.acceptor.accept(app).await?;
        let packet = read(&mut app).await?;
        let response = Response::parse(&packet.payload)?;
        let attempt = &response.attempt;
        let mut login = MysqlLogin::of(attempt, response.capabilities, false);
        let next = packet.number.wrapping_add(1);
        let admitting = self.gate.admit(&mut app, attempt, next, &mut login);
        let (next, verdict) = admitting.await?;
        login.refusal = verdict.clone().err();
        self.gate.logins.record(login);
        let user = &attempt.user;
        match verdict {
            Ok(principal) => {
                tracing::info!(%peer, user, "MySQL login");
                Ok(Some(Admitted {
                    app,
                    principal,
                    response,
                    next,
                }))
            }
            Err(refusal) => {
                tracing::info!(%peer, user, reason = refusal.message, "MySQL login refused");
                write(&mut app, next, &refusal.payload()).await?;
                Ok(None)
            }
        }
    }

    /// Judges a change of user; tells the app when it is refused.
    async fn allow(
        &self,
        app: &mut App,
        packet: &[u8],
        capabilities: u32,
    ) -> io::Result<Option<Allowed<'_>>> {
        let change = Change::parse(packet, capabilities)?;
        let attempt = &change.attempt;
        let mut login = MysqlLogin::of(attempt, capabilities, true);
        let (next, verdict) = match self.changes_of_user {
            ChangesOfUser::Accepted => self.gate.admit(app, attempt, 1, &mut login).await?,
            ChangesOfUser::Refused => {
                let message = format!(
                    "Access denied for user '{}'@'127.0.0.1' (using password: NO)",
                    attempt.user
                );
                (1, Err(MysqlRefusal::new(1045, "28000", message)))
            }
        };
        login.refusal = verdict.clone().err();
        self.gate.logins.record(login);
        match verdict {
            Ok(principal) => Ok(Some(Allowed {
                principal,
                change,
                next,
            })),
            Err(refusal) => {
                write(app, next, &refusal.payload()).await?;
                Ok(None)
            }
        }
    }

    /// Relays a session to the server behind.
    async fn serve_behind(
        self: &Arc<Self>,
        id: u32,
        greeted: Result<Greeted, MysqlRefusal>,
        admitted: Admitted<'_>,
    ) -> io::Result<()> {
        let Admitted {
            mut app,
            principal,
            response,
            next,
        } = admitted;
        let logged_in = match greeted {
            Ok(greeted) => {
                let behind = greeted.behind().clone();
                answered(&behind, greeted.log_in(principal, &response)).await
            }
            Err(refusal) => Err(refusal),
        };
        let (mut server, ok): (ServerBehind, Vec<u8>) = match logged_in {
            Ok(logged_in) => logged_in,
            Err(refusal) => {
                tracing::warn!(reason = refusal.message, "no session behind");
                return write(&mut app, next, &refusal.payload()).await;
            }
        };
        let _entry = self.enter(id, None);
        write(&mut app, next, &ok).await?;
        let ours = |command| command == CHANGE_USER;
        while let Some(packet) = relay::until(&mut app, &mut server.stream, ours).await? {
            let allowed = self.allow(&mut app, &packet, response.capabilities).await?;
            let Some(allowed) = allowed else { continue };
            let behind = server.behind().clone();
            let changed = server.change_user(allowed.principal, &allowed.change);
            match answered(&behind, changed).await {
                Ok(ok) => write(&mut app, allowed.next, &ok).await?,
                Err(refusal) => return write(&mut app, allowed.next, &refusal.payload()).await,
            }
        }
        Ok(())
    }

    /// Serves sessions of the sample to an app, one after the other: a change of user begins a new one.
    async fn serve_sample(self: &Arc<Self>, id: u32, admitted: Admitted<'_>) -> io::Result<()> {
        let mut app = admitted.app;
        let attempt = admitted.response.attempt;
        let mut login = Some(Repeated {
            capabilities: admitted.response.capabilities,
            charset: admitted.response.charset,
            user: attempt.user,
            database: attempt.database,
            next: admitted.next,
        });
        while let Some(now) = login {
            let session = self.session(id, &now, cipher(&app))?;
            let entry = self.enter(id, Some(session.interrupt()));
            let (mut near, serving) = pipe::begin(session);
            let mut talking = std::pin::pin!(async {
                pipe::log_in(&mut near, &now).await?;
                loop {
                    let command = relay::until(&mut app, &mut near, pipe::is_ours).await?;
                    let Some(command) = command else {
                        return io::Result::Ok(None);
                    };
                    if let Some(next) = self.answer(&mut app, &command, &now).await? {
                        return Ok(Some(next));
                    }
                }
            });
            login = tokio::select! {
                () = entry.killed() => return Ok(()),
                next = &mut talking => next?,
                served = serving => {
                    served?;
                    // What it has said last is still in the pipe.
                    talking.await?
                }
            };
        }
        Ok(())
    }

    fn session(self: &Arc<Self>, id: u32, login: &Repeated, cipher: String) -> io::Result<Session> {
        let sample = self
            .sample
            .session(Dialect::Mysql)
            .map_err(io::Error::other)?;
        let around = Surroundings {
            id,
            user: login.user.clone(),
            database: login.database.clone(),
            cipher,
            variables: HashMap::new(),
        };
        Ok(Session::new(sample, around, Arc::clone(self)))
    }

    /// Answers a command that the sample has no session for: returns the login of the next session if there shall be one.
    async fn answer(
        &self,
        app: &mut App,
        command: &[u8],
        now: &Repeated,
    ) -> io::Result<Option<Repeated>> {
        match command {
            [CHANGE_USER, ..] => {
                let allowed = self.allow(app, command, now.capabilities).await?;
                Ok(allowed.map(|Allowed { change, next, .. }| Repeated {
                    capabilities: now.capabilities,
                    charset: change.charset[0],
                    user: change.attempt.user,
                    database: change.attempt.database,
                    next,
                }))
            }
            [RESET_CONNECTION] => Ok(Some(Repeated {
                next: 1,
                ..now.clone()
            })),
            // Of what it takes back, an execution leaves nothing.
            [STATEMENT_RESET, ..] => write(app, 1, &OK).await.map(|()| None),
            _ => {
                let number = command.first().copied().unwrap_or_default();
                let fault = unknown(&format!("the command {number:#04x}"), Dialect::Mysql);
                let (_, text) = fault::told(&fault, None, "");
                write(app, 1, &error(1047, "08S01", &text))
                    .await
                    .map(|()| None)
            }
        }
    }
}

/// The name of what the app's TLS is sealed with.
fn cipher(app: &App) -> String {
    let suite = app.get_ref().1.negotiated_cipher_suite();
    let name = suite
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or_default();
    name.replacen("TLS13_", "TLS_", 1)
}

/// What the server behind says, or that it took too long.
async fn answered<T>(
    behind: &Behind,
    doing: impl Future<Output = Result<T, MysqlRefusal>>,
) -> Result<T, MysqlRefusal> {
    let done = limited(doing).await;
    done.unwrap_or_else(|error| Err(behind.unreachable(error).into()))
}

async fn limited<T>(doing: impl Future<Output = T>) -> io::Result<T> {
    let done = tokio::time::timeout(LOGIN_LIMIT, doing).await;
    done.map_err(io::Error::from)
}
