//! The listener, and one connection from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::behind::{self, Joined};
use super::engine::Engine;
use super::login::Gate;
use super::login7::Login7;
use super::options::TdsOptions;
use super::packet::{LOGIN_PACKET, kind};
use super::prelogin::{self, Prelogin, encryption};
use super::record::{LoginRecord, LoginScript, Verdict, Violation};
use super::session::{self, Asked, Opened, Tally};
use super::version::Version;
use super::welcome;
use super::wire::{Incoming, Outgoing, TlsFacts, split};
use crate::door::{Door, Logins, Serve, locked};
use crate::emulator::{Azure, EmulatorError};
use crate::principal::Principal;

/// How long a client may take until it is logged in.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// How long a client that was told goodbye may take to hang up.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// ALPN protocol name of TDS 8.0.
const ALPN: &[u8] = b"tds/8.0";

/// First byte of a TLS ClientHello, and of no TDS packet.
const TLS_HANDSHAKE: u8 = 0x16;

/// A running server. Dropping it ends its sessions.
pub type TdsServer = Door<Tds>;

/// What its connections share.
pub struct Tds {
    wrapped: Arc<ServerConfig>,
    strict: Arc<ServerConfig>,
    gate: Gate,
    logins: Logins<LoginRecord, LoginScript>,
    violations: Mutex<Vec<Violation>>,
    tally: Arc<Tally>,
    spid: AtomicU16,
    /// Held once more by each session.
    sessions: Arc<()>,
}

impl Door<Tds> {
    pub(crate) async fn start(
        options: TdsOptions,
        azure: &Arc<Azure>,
    ) -> Result<Self, EmulatorError> {
        let bind = options.bind;
        let server = Tds {
            strict: azure.authority.server_config(&azure.names, &[ALPN])?,
            wrapped: azure.authority.tls12_server_config(&azure.names)?,
            gate: Gate {
                options,
                azure: Arc::clone(azure),
            },
            logins: Logins::default(),
            violations: Mutex::default(),
            tally: Arc::default(),
            spid: AtomicU16::new(51),
            sessions: Arc::default(),
        };
        Self::open(bind, server).await
    }

    /// The next `count` logins go like this.
    pub fn script(&self, count: usize, script: &LoginScript) {
        self.server.logins.script(count, script);
    }

    /// All logins so far that came as far as LOGIN7, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<LoginRecord> {
        self.server.logins.records()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn sessions(&self) -> usize {
        Arc::strong_count(&self.server.sessions) - 1
    }

    /// What connections were broken off for, from login to their last byte.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        locked(&self.server.violations).clone()
    }

    /// What sessions of the sample have asked for so far.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.server.tally.asked()
    }
}

/// A login that was let in.
struct Entered {
    spid: u16,
    /// What the app reads.
    response: Vec<u8>,
    to: Destination,
}

/// Where a login leads that was let in.
enum Destination {
    Sample(Box<Engine>, Opened),
    Behind(Joined),
}

impl Serve for Tds {
    const NAME: &'static str = "TDS";

    async fn serve(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        let peeked = tokio::time::timeout(LOGIN_LIMIT, stream.peek(&mut first)).await;
        if peeked.map_err(io::Error::from)?? == 0 {
            return Ok(());
        }
        let (incoming, outgoing) = split(stream, true);
        let [first] = first;
        let ended = self.converse(incoming, &outgoing, first, peer).await;
        // `outgoing` lives until here: who sees the connection end finds the violation written down.
        if let Some(violation) = ended.as_ref().err().and_then(Violation::behind) {
            tracing::warn!(%peer, %violation, "TDS connection broken off");
            locked(&self.violations).push(violation);
        }
        ended
    }
}

impl Tds {
    async fn converse(
        &self,
        mut incoming: Incoming,
        outgoing: &Arc<Outgoing>,
        first: u8,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let login = self.log_in(&mut incoming, outgoing, first, peer);
        let logged_in = tokio::time::timeout(LOGIN_LIMIT, login).await;
        let logged_in = logged_in.map_err(io::Error::from)??;
        let _session = Arc::clone(&self.sessions);
        match logged_in {
            None => Ok(()),
            Some(Destination::Behind(joined)) => behind::relay(incoming, outgoing, joined).await,
            Some(Destination::Sample(engine, opened)) => {
                session::run(incoming, outgoing, &opened, *engine).await
            }
        }
    }

    /// PRELOGIN, LOGIN7 and the response; `None` when there is no session after that.
    async fn log_in(
        &self,
        incoming: &mut Incoming,
        outgoing: &Outgoing,
        first: u8,
        peer: SocketAddr,
    ) -> io::Result<Option<Destination>> {
        let mut tls = None;
        if first == TLS_HANDSHAKE {
            tls = Some(incoming.strict_tls(Arc::clone(&self.strict)).await?);
        }
        let prelogin = match first {
            // As SQL Server 7.0 has it, and jTDS until today.
            kind::LOGIN7 => Prelogin::MISSING,
            _ => self.prelogin(incoming, outgoing, &mut tls).await?,
        };
        let message = incoming.message(kind::LOGIN7).await?;
        let login = Login7::parse(&message.data)?;
        let mut record = LoginRecord::new(tls, &login, message.longest);
        // One that there is not is refused further down.
        let version = Version::of(login.tds_version).unwrap_or(Version::V7_4);
        let opened = Opened {
            spid: self.spid.fetch_add(1, Ordering::Relaxed),
            packet_size: welcome::packet_size(login.packet_size, incoming.is_encrypted()),
            mars: prelogin.mars && version.is_wide(),
            version,
            database: welcome::database(&login).to_owned(),
            resets_isolation: self.gate.options.development.is_none(),
            tally: Arc::clone(&self.tally),
        };
        let spid = opened.spid;
        let entered = match self.decide(prelogin, &login, &mut record) {
            Ok(principal) => self.enter(principal, opened, &login).await,
            Err(verdict) => Err(verdict),
        };
        record.verdict = entered.as_ref().err().cloned().unwrap_or(Verdict::Admitted);
        self.logins.record(record);

        let refused = match entered {
            Ok(Entered { spid, response, to }) => {
                let kind = kind::RESPONSE;
                outgoing.send_message(kind, spid, &response).await?;
                tracing::info!(%peer, app = login.app, "TDS login");
                return Ok(Some(to));
            }
            Err(Verdict::Violated(violation)) => return Err(violation.into()),
            Err(Verdict::Dropped | Verdict::Admitted) => return Ok(None),
            Err(Verdict::Routed(route)) => welcome::routing(&login, &route, version),
            Err(Verdict::Refused(refusal)) => {
                tracing::info!(%peer, reason = refusal.message, "TDS login refused");
                welcome::refusal(&refusal, version)
            }
        };
        outgoing
            .send_message(kind::RESPONSE, spid, &refused.bytes)
            .await?;
        goodbye(incoming, outgoing).await?;
        Ok(None)
    }

    /// Opens a session of the sample, or of the server behind.
    async fn enter(
        &self,
        principal: Principal,
        opened: Opened,
        login: &Login7,
    ) -> Result<Entered, Verdict> {
        if let Some(behind) = &self.gate.options.behind {
            let joined = behind::join(behind, &principal, &opened, login).await;
            let mut joined = joined.map_err(Verdict::Refused)?;
            return Ok(Entered {
                spid: joined.spid,
                response: std::mem::take(&mut joined.response),
                to: Destination::Behind(joined),
            });
        }
        let engine = Engine::open(&self.gate.azure, principal.name, &opened);
        Ok(Entered {
            spid: opened.spid,
            response: welcome::admission(opened.packet_size, login, opened.version).bytes,
            to: Destination::Sample(Box::new(engine.map_err(Verdict::Refused)?), opened),
        })
    }

    /// PRELOGIN and the TLS in it. Gives what the client said.
    async fn prelogin(
        &self,
        incoming: &mut Incoming,
        outgoing: &Outgoing,
        tls: &mut Option<TlsFacts>,
    ) -> io::Result<Prelogin> {
        let message = incoming.message(kind::PRELOGIN).await?;
        let mut prelogin = Prelogin::parse(&message.data)?;
        prelogin.mars &= self.gate.options.mars;
        if !matches!(prelogin.fedauth, None | Some(1)) {
            return Err(Violation::Malformed("PRELOGIN's FEDAUTHREQUIRED").into());
        }
        let encryption = prelogin.encryption_for(self.gate.options.encryption);
        let fedauth = self.gate.fedauth_answer(prelogin);
        let answer = prelogin::message(encryption, &[], prelogin.mars, fedauth);
        outgoing.send_message(kind::RESPONSE, 0, &answer).await?;
        if tls.is_none() && encryption::is_on(encryption) {
            *tls = Some(incoming.wrapped_tls(Arc::clone(&self.wrapped)).await?);
        }
        Ok(prelogin)
    }

    fn decide(
        &self,
        prelogin: Prelogin,
        login: &Login7,
        record: &mut LoginRecord,
    ) -> Result<Principal, Verdict> {
        let script = self.logins.next();
        if record.longest_packet > LOGIN_PACKET {
            return Err(Verdict::Violated(Violation::LoginPacketTooLong));
        }
        let judged = self.gate.judge(prelogin, login, record);
        match (judged.map_err(Verdict::Violated)?, script) {
            (_, Some(LoginScript::Refuse(refusal))) => Err(Verdict::Refused(refusal)),
            (_, Some(LoginScript::Drop)) => Err(Verdict::Dropped),
            (Err(refusal), _) => Err(Verdict::Refused(refusal)),
            (Ok(_), Some(LoginScript::Route(route))) => Err(Verdict::Routed(route)),
            (Ok(principal), None) => Ok(principal),
        }
    }
}

/// Closes so that the client can still read: an unread byte would make the kernel reset.
async fn goodbye(incoming: &mut Incoming, outgoing: &Outgoing) -> io::Result<()> {
    outgoing.close().await?;
    let drained = async { while let Ok(Some(_)) = incoming.unit().await {} };
    // Who has not hung up by then is hung up on.
    let _ = tokio::time::timeout(GOODBYE_LIMIT, drained).await;
    Ok(())
}
