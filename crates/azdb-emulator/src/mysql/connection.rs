//! One connection, from its first byte to its last: the login, and then a server behind or the sample.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mysql_common::packets::HandshakePacket;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::aaduser;
use super::asked::{Asked, wants_tls};
use super::behind::{Greeted, ServerBehind};
use super::chatter::Surroundings;
use super::fault;
use super::greeting;
use super::login::{denied, no_tls};
use super::packet::{payload, read, write};
use super::pipe;
use super::record::{MysqlLogin, MysqlRefusal};
use super::relay::{self, CHANGE_USER};
use super::server::{ChangesOfUser, Mysql};
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

/// Somebody who may come in and has not been told.
struct Admitted<'a> {
    principal: &'a Principal,
    asked: Asked,
    /// The number of the packet that tells it.
    next: u8,
}

impl Mysql {
    /// Serves one connection, whose session has this number unless a server behind gives it another.
    pub(super) async fn converse(&self, app: TcpStream, number: u32) -> io::Result<()> {
        app.set_nodelay(true)?;
        let greeted = match &self.behind {
            Some(behind) => Some(answered(behind, Greeted::dial(behind)).await),
            None => None,
        };
        let greeting = match &greeted {
            Some(Ok(greeted)) => greeted.greeting(),
            Some(Err(_)) | None => greeting::of_sample(number),
        };
        let id = greeting.connection_id();
        match limited(self.admit(app, &greeting)).await {
            Ok(Ok(Some((app, admitted)))) => match (greeted, &self.behind) {
                (Some(greeted), Some(behind)) => {
                    self.serve_behind(behind, greeted, app, admitted).await
                }
                _ => self.serve_sample(id, app, admitted).await,
            },
            not_admitted => {
                if let (Some(Ok(greeted)), [anybody, ..]) =
                    (greeted, &self.gate.azure.principals[..])
                {
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
        greeting: &HandshakePacket<'_>,
    ) -> io::Result<Option<(App, Admitted<'_>)>> {
        write(&mut app, 0, &payload(greeting)).await?;
        let request = read(&mut app).await?;
        if !wants_tls(&request.payload) {
            let next = request.number.wrapping_add(1);
            write(&mut app, next, &no_tls().payload()).await?;
            return Ok(None);
        }
        let mut app = self.acceptor.accept(app).await?;
        let response = read(&mut app).await?;
        let asked = Asked::at_login(&response.payload)?;
        let next = response.number.wrapping_add(1);
        let admitted = self.judge(&mut app, asked, next, false).await?;
        Ok(admitted.map(|admitted| (app, admitted)))
    }

    /// Judges a login or a change of user; tells the app when it is refused.
    async fn judge(
        &self,
        app: &mut App,
        asked: Asked,
        next: u8,
        is_change: bool,
    ) -> io::Result<Option<Admitted<'_>>> {
        let mut login = MysqlLogin {
            user: asked.user.clone(),
            plugin: asked.plugin.clone(),
            announced_bytes: asked.answer.len(),
            token_bytes: None,
            is_change,
            refusal: None,
        };
        let (next, verdict) = match self.changes_of_user {
            ChangesOfUser::Refused if is_change => (next, Err(denied(&asked.user, &[]))),
            _ => self.gate.admit(app, &asked, next, &mut login).await?,
        };
        login.refusal = verdict.clone().err();
        self.gate.logins.record(login);
        match verdict {
            Ok(principal) => {
                tracing::info!(user = asked.user, is_change, "MySQL login");
                Ok(Some(Admitted {
                    principal,
                    asked,
                    next,
                }))
            }
            Err(refusal) => {
                tracing::info!(
                    user = asked.user,
                    reason = refusal.message,
                    "MySQL login refused"
                );
                write(app, next, &refusal.payload()).await?;
                Ok(None)
            }
        }
    }

    /// Relays a session to the server behind.
    async fn serve_behind(
        &self,
        behind: &Behind,
        greeted: Result<Greeted, MysqlRefusal>,
        mut app: App,
        admitted: Admitted<'_>,
    ) -> io::Result<()> {
        let Admitted {
            principal,
            asked,
            next,
        } = admitted;
        let logged_in = match greeted {
            Ok(greeted) => answered(behind, greeted.log_in(principal, &asked)).await,
            Err(refusal) => Err(refusal),
        };
        let (mut server, ok): (ServerBehind, Vec<u8>) = match logged_in {
            Ok(logged_in) => logged_in,
            Err(refusal) => {
                tracing::warn!(reason = refusal.message, "no session behind");
                return write(&mut app, next, &refusal.payload()).await;
            }
        };
        let _session = Arc::clone(&self.sessions);
        write(&mut app, next, &ok).await?;
        let ours =
            |command: &[u8]| command.first() == Some(&CHANGE_USER) || aaduser::is_azures(command);
        while let Some(command) = relay::until(&mut app, &mut server.stream, ours).await? {
            if server.translate(&command).await? {
                continue;
            }
            let change = asked.change(&command)?;
            let Some(allowed) = self.judge(&mut app, change, 1, true).await? else {
                continue;
            };
            let changed = server.change_user(allowed.principal, &allowed.asked);
            match answered(behind, changed).await {
                Ok(ok) => write(&mut app, allowed.next, &ok).await?,
                Err(refusal) => return write(&mut app, allowed.next, &refusal.payload()).await,
            }
        }
        Ok(())
    }

    /// Serves sessions of the sample to an app, one after the other: a change of user begins a new one.
    async fn serve_sample(&self, id: u32, mut app: App, admitted: Admitted<'_>) -> io::Result<()> {
        let _session = Arc::clone(&self.sessions);
        let mut login = Some(admitted);
        while let Some(now) = login {
            let (mut near, serving) = pipe::begin(self.session(id, &now.asked)?);
            let mut talking = pin!(async {
                pipe::log_in(&mut near, &now.asked, now.next).await?;
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

    fn session(&self, id: u32, asked: &Asked) -> io::Result<Session> {
        let sample = self.gate.azure.sample.session(Dialect::Mysql);
        let around = Surroundings {
            id,
            user: asked.user.clone(),
            database: asked.database.clone(),
            variables: HashMap::new(),
        };
        Ok(Session::new(sample.map_err(io::Error::other)?, around))
    }

    /// Answers a command that the sample has no session for: returns the login of the next session if there shall be one.
    async fn answer<'a>(
        &'a self,
        app: &mut App,
        command: &[u8],
        now: &Admitted<'a>,
    ) -> io::Result<Option<Admitted<'a>>> {
        match command {
            [CHANGE_USER, ..] => {
                let change = now.asked.change(command)?;
                self.judge(app, change, 1, true).await
            }
            [RESET_CONNECTION] => Ok(Some(Admitted {
                principal: now.principal,
                asked: now.asked.clone(),
                next: 1,
            })),
            // Of what it takes back, an execution leaves nothing.
            [STATEMENT_RESET, ..] => write(app, 1, &OK).await.map(|()| None),
            _ => {
                let number = command.first().copied().unwrap_or_default();
                let fault = unknown(&format!("the command {number:#04x}"), Dialect::Mysql);
                let (_, text) = fault::told(&fault, None, "");
                let refusal = MysqlRefusal::new(1047, "08S01", text);
                write(app, 1, &refusal.payload()).await.map(|()| None)
            }
        }
    }
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
