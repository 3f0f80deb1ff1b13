//! The listener, and one connection from its first byte to its last.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};

use super::login::{Encryption, Gate};
use super::login7::Login7;
use super::options::TdsOptions;
use super::packet::{LOGIN_PACKET, kind, message};
use super::prelogin::{Answer, Prelogin};
use super::record::{LoginRecord, LoginScript, Logins, Verdict, Violation};
use super::session::{self, Asked, Opened};
use super::token::Refusal;
use super::welcome::{self, Agreed};
use super::wire::{Incoming, Outgoing, TlsFacts, split};
use crate::certificates::{Authority, CertificateError};
use crate::issuer::Issuer;
use crate::sqlite::Database;
use crate::tasks::Tasks;

/// How long a client may take until it is logged in.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// How long a client that was told goodbye may take to hang up.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// ALPN protocol name of TDS 8.0.
const ALPN: &[u8] = b"tds/8.0";

/// First byte of a TLS ClientHello, and of no TDS packet.
const TLS_HANDSHAKE: u8 = 0x16;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum TdsError {
    /// The address can't be listened on.
    #[error("cannot listen on `{address}` for TDS")]
    Listen {
        /// The wished address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// No certificate for its names.
    #[error("no certificate for the TDS server")]
    Certificate(#[from] CertificateError),
}

/// A running server. Dropping it ends its sessions.
pub struct TdsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Tasks,
}

struct Shared {
    options: TdsOptions,
    wrapped: Arc<ServerConfig>,
    strict: Arc<ServerConfig>,
    gate: Gate,
    logins: Logins,
    sessions: Arc<session::Sessions>,
    database: Arc<Database>,
    spid: AtomicU16,
}

impl TdsServer {
    /// Listens, with a certificate of `authority`, for clients with tokens of `issuer`.
    pub async fn start(
        options: TdsOptions,
        authority: &Authority,
        issuer: Issuer,
        database: Arc<Database>,
    ) -> Result<Self, TdsError> {
        let bind = options.bind;
        let failed = |source| TdsError::Listen {
            address: bind,
            source,
        };
        let strict = authority.server_config(&options.names, &[ALPN])?;
        let wrapped = authority.tls12_server_config(&options.names)?;
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            gate: gate(&options, issuer),
            options,
            wrapped,
            strict,
            logins: Logins::default(),
            sessions: Arc::default(),
            database,
            spid: AtomicU16::new(51),
        });
        let tasks = Tasks::new();
        let accepted = Arc::clone(&shared);
        tasks.listen(listener, move |stream, peer| {
            let shared = Arc::clone(&accepted);
            async move {
                if let Err(error) = shared.serve(stream, peer).await {
                    tracing::debug!(%peer, %error, "TDS connection ended");
                }
            }
        });
        tracing::info!(%address, "TDS server listens");
        Ok(Self {
            address,
            shared,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next `count` logins go like this.
    pub fn script(&self, count: usize, script: &LoginScript) {
        self.shared.logins.script(count, script);
    }

    /// All logins so far that came as far as LOGIN7, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<LoginRecord> {
        self.shared.logins.records()
    }

    /// What connections were broken off for, from login to their last byte.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.logins.violations()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.count()
    }

    /// What sessions have asked for so far.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.shared.sessions.asked()
    }

    /// Answers each session's next request with this error and ends the session, as Azure does when
    /// a token has expired (37396).
    pub fn expire_sessions(&self, refusal: &Refusal) {
        self.shared.sessions.expire(refusal);
    }

    /// Closes all sessions without a word, as a failover does.
    pub fn drop_sessions(&self) {
        self.shared.sessions.drop_all();
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
    }
}

fn gate(options: &TdsOptions, issuer: Issuer) -> Gate {
    let names = options.names.iter();
    let names = names.filter(|name| options.checks_names && name.parse::<IpAddr>().is_err());
    Gate {
        issuer,
        audience: options.audience.clone(),
        principals: options.principals.clone(),
        sql_logins: options.sql_logins.clone(),
        names: names.cloned().collect(),
        databases: options.databases.clone(),
        fedauth_required: options.fedauth_required,
        encryption: options.encryption,
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        let peeked = tokio::time::timeout(LOGIN_LIMIT, stream.peek(&mut first)).await;
        if peeked.map_err(io::Error::from)?? == 0 {
            return Ok(());
        }
        let (incoming, outgoing) = split(stream, self.options.checks_records);
        let is_tls = first == [TLS_HANDSHAKE];
        let ended = self
            .converse(incoming, Arc::clone(&outgoing), is_tls, peer)
            .await;
        // `outgoing` lives until here: who sees the connection end finds the violation written down.
        if let Some(violation) = ended.as_ref().err().and_then(Violation::behind) {
            tracing::warn!(%peer, %violation, "TDS connection broken off");
            self.logins.violated(violation);
        }
        ended
    }

    async fn converse(
        &self,
        incoming: Incoming,
        outgoing: Arc<Outgoing>,
        is_tls: bool,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let login = self.log_in(incoming, outgoing, is_tls, peer);
        let logged_in = tokio::time::timeout(LOGIN_LIMIT, login).await;
        match logged_in.map_err(io::Error::from)?? {
            Some(opened) => session::run(opened, &self.database).await,
            None => Ok(()),
        }
    }

    async fn log_in(
        &self,
        mut incoming: Incoming,
        outgoing: Arc<Outgoing>,
        is_tls: bool,
        peer: SocketAddr,
    ) -> io::Result<Option<Opened>> {
        let mut tls = None;
        if is_tls {
            tls = Some(incoming.strict_tls(Arc::clone(&self.strict)).await?);
        }
        let (prelogin, mars) = self.prelogin(&mut incoming, &outgoing, &mut tls).await?;

        let (data, longest) = incoming.message(kind::LOGIN7).await?;
        let login = Login7::parse(&data)?;
        let mut record = LoginRecord::new(prelogin.clone(), tls.clone(), &login, longest);
        let script = self.logins.next();
        let verdict = self.decide(
            &prelogin,
            tls.as_ref(),
            &login,
            &mut record,
            script.as_ref(),
        );
        record.verdict = verdict.clone();
        self.logins.record(record);

        let spid = self.spid.fetch_add(1, Ordering::Relaxed);
        let agreed = Agreed::new(&login, incoming.is_encrypted(), script.as_ref());
        let tokens = match &verdict {
            Verdict::Dropped => return Ok(None),
            Verdict::Violated(violation) => return Err((*violation).into()),
            Verdict::Refused(refusal) => {
                tracing::info!(%peer, reason = refusal.message, "TDS login refused");
                welcome::refusal(refusal)
            }
            Verdict::Routed(route) => welcome::routing(&login, route),
            Verdict::Admitted => welcome::admission(&agreed, &login, script.as_ref()),
        };
        let response = message(kind::RESPONSE, spid, &tokens.bytes, LOGIN_PACKET);
        if verdict != Verdict::Admitted {
            outgoing.send(&response).await?;
            goodbye(&mut incoming, &outgoing).await?;
            return Ok(None);
        }
        tracing::info!(%peer, app = login.app, "TDS login");
        // Before the answer: who has read it finds the session counted.
        let entry = self.sessions.enter();
        outgoing.send(&response).await?;
        Ok(Some(Opened {
            incoming,
            outgoing,
            spid,
            packet_size: agreed.packet_size,
            mars,
            login,
            entry,
        }))
    }

    /// PRELOGIN and the TLS in it. Gives what the client said and whether MARS was agreed on.
    async fn prelogin(
        &self,
        incoming: &mut Incoming,
        outgoing: &Outgoing,
        tls: &mut Option<TlsFacts>,
    ) -> io::Result<(Prelogin, bool)> {
        let (data, _) = incoming.message(kind::PRELOGIN).await?;
        let prelogin = Prelogin::parse(&data)?;
        let encryption = self.options.encryption.answer(prelogin.encryption);
        let answer = Answer {
            encryption,
            mars: prelogin.mars && self.options.mars,
            fedauth_required: self.gate.fedauth_answer(&prelogin),
        };
        let bytes = message(kind::RESPONSE, 0, &answer.encode(), LOGIN_PACKET);
        outgoing.send(&bytes).await?;
        if tls.is_none() && Encryption::is_on(encryption) {
            let facts = incoming.wrapped_tls(Arc::clone(&self.wrapped)).await?;
            *tls = Some(facts);
        }
        Ok((prelogin, answer.mars))
    }

    fn decide(
        &self,
        prelogin: &Prelogin,
        tls: Option<&TlsFacts>,
        login: &Login7,
        record: &mut LoginRecord,
        script: Option<&LoginScript>,
    ) -> Verdict {
        if record.longest_packet > LOGIN_PACKET {
            return Verdict::Violated(Violation::LoginPacketTooLong);
        }
        let judged = self.gate.judge(prelogin, tls, login, record);
        match (judged, script) {
            (Err(violation), _) => Verdict::Violated(violation),
            (_, Some(LoginScript::Refuse(refusal))) => Verdict::Refused(refusal.clone()),
            (_, Some(LoginScript::Drop)) => Verdict::Dropped,
            (Ok(Err(refusal)), _) => Verdict::Refused(refusal),
            (Ok(Ok(())), Some(LoginScript::Route(route))) => Verdict::Routed(route.clone()),
            (Ok(Ok(())), _) => Verdict::Admitted,
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
