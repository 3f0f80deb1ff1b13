//! What the tests of all rooms stand on: a lobby whose upstreams are pipes, with a certificate and a token of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod breaking;
mod causes;
mod echo;
mod explosive;
pub(crate) mod sockets;
mod spoken;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use azdb_config::route::{
    Admission, DoorRights, Endpoint, LocalFiles, LocalTls, PlainApps, PlainPassword, Principal,
    Principals, ProtocolName, Roots, Route, TdsOptions, UpstreamAuth, UpstreamTls,
};
use azdb_config::{Keeping, Reuse};
use azdb_identity::{Audience, Environment, IdentityConfig, SourceKind, Tokens};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use breaking::{Break, Breaking, BreakingDial};
pub(crate) use causes::{every_cause, every_left};
pub(crate) use echo::{PASSWORD, assert_silent, assert_silent_of, digits, quoting, quoting_of};
pub(crate) use explosive::{ExplosiveDial, ExplosiveStream, Fuse};
pub(crate) use spoken::{Refusal, Spoken, heard_out, in_every_protocol};

use crate::fault::Cause;
use crate::gate::Gate;
use crate::lobby::{Lobby, Protocol, RouteState};
use crate::tls::{self, AppTlsConfig, LocalAuthority, PlatformRoots, UpstreamTlsConfig};
use crate::way::{Connected, Departure, Dial, Home, Stream};

/// The token of every identity.
pub(crate) const TOKEN: &str = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
/// `login_timeout` of every route.
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(9);
/// The principal of every route.
pub(crate) const PRINCIPAL: &str = "My Identity";

/// The authority of every house: its RSA key takes longer than most stories.
static AUTHORITY: LazyLock<Arc<LocalAuthority>> =
    LazyLock::new(|| Arc::new(LocalAuthority::load_or_make(None).unwrap()));

/// The far ends of the pipes that were dialled, and where to.
pub(crate) type Databases = mpsc::UnboundedReceiver<(DuplexStream, Endpoint)>;

thread_local! {
    /// Pipes that have settled on this thread.
    pub(crate) static SETTLED: Cell<usize> = const { Cell::new(0) };
}

/// Dials by making a pipe; the test holds the other end, and hears where to.
#[derive(Clone)]
pub(crate) struct Pipes(mpsc::UnboundedSender<(DuplexStream, Endpoint)>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn resolve(&self, target: &Endpoint, _: Duration) -> Result<Vec<SocketAddr>, Cause> {
        Ok(vec![([127, 0, 0, 1], target.port).into()])
    }

    async fn connect(
        &self,
        target: &Endpoint,
        _: SocketAddr,
    ) -> Result<Connected<DuplexStream>, Cause> {
        let (stream, far) = duplex(64 * 1024);
        self.0.send((far, target.clone())).expect("a database");
        let departure = Departure::default();
        Ok(Connected { stream, departure })
    }

    fn settle(_: &mut DuplexStream) -> io::Result<()> {
        SETTLED.set(SETTLED.get() + 1);
        Ok(())
    }
}

/// A route with everything that a test may look at or replace.
pub(crate) struct House<P: Protocol> {
    pub(crate) lobby: Lobby<P, Pipes>,
    pub(crate) databases: Databases,
    /// TLS of the databases.
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) token_file: tempfile::NamedTempFile,
    pub(crate) authority: Arc<LocalAuthority>,
}

impl<P: Protocol> House<P> {
    /// A route in token mode to a database of these names, the first of which is the upstream's, with a certificate of its own.
    pub(crate) fn with(
        protocol: ProtocolName,
        names: &[&str],
        change: impl FnOnce(&mut Route),
    ) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let upstream = Endpoint {
            host: names.first().unwrap().clone(),
            port: protocol.default_port(),
        };
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let token_file = tempfile::NamedTempFile::new().unwrap();
        write_token(&token_file, TOKEN);
        let mut route = Route {
            upstream: vec![upstream],
            tls: UpstreamTls::Verified {
                roots: Roots::File {
                    file: "house.pem".into(),
                    certificates: vec![made.cert.der().clone()],
                },
                name: None,
            },
            principals: Principals::One(principal(&token_file)),
            ..route(protocol)
        };
        change(&mut route);
        let authority = Arc::clone(&AUTHORITY);
        let (sender, databases) = mpsc::unbounded_channel();
        Self {
            server: Arc::new(server::<P>(&route, &made)),
            lobby: lobby(Arc::new(route), &authority, Pipes(sender)),
            databases,
            token_file,
            authority,
        }
    }
}

/// A route to nowhere.
pub(crate) fn route(protocol: ProtocolName) -> Route {
    let identity = IdentityConfig {
        source: SourceKind::File,
        ..IdentityConfig::default()
    };
    let principal = Principal {
        user: PRINCIPAL.into(),
        identity: Arc::new(identity),
    };
    Route {
        name: "test".into(),
        protocol,
        listen: Vec::new(),
        upstream: Vec::new(),
        connect_to: None,
        principals: Principals::One(Arc::new(principal)),
        default_database: None,
        auth: UpstreamAuth::Token(Audience::new("https://example.org")),
        tls: UpstreamTls::Verified {
            roots: Roots::Platform,
            name: None,
        },
        tls_first: false,
        plain_password: PlainPassword::ToVerified,
        label_sessions: false,
        local_files: LocalFiles::Allow,
        local_tls: LocalTls::Auto,
        plain_apps: PlainApps::Welcome,
        local_tls_names: Vec::new(),
        admission: Admission::default(),
        app_passwords: None,
        rights: DoorRights {
            mode: 0o600,
            group: None,
            pipe_users: Vec::new(),
        },
        max_connections: 10,
        login_timeout: LOGIN_TIMEOUT,
        upstream_timeout: Duration::from_secs(30),
        idle_timeout: None,
        hold_logins: false,
        follow_dns: false,
        keeping: Keeping {
            ready: 0,
            reuse: Reuse::Off,
            most: 10,
            patience: Duration::from_secs(60),
            age: Duration::from_secs(600),
        },
        tds: TdsOptions::default(),
    }
}

/// Tokens of sources that need no environment.
pub(crate) fn tokens() -> Tokens {
    Tokens::new(
        Environment::from_iter(Vec::<(String, String)>::new()),
        tls::platform_client(),
    )
}

/// A lobby to which nobody has come, which dials in another way.
pub(crate) fn dialling<P: Protocol, D: Dial>(
    lobby: Lobby<P, Pipes>,
    through: impl FnOnce(Pipes) -> D,
) -> Lobby<P, D> {
    Lobby {
        dialler: through(lobby.dialler),
        state: Arc::new(RouteState::new(&lobby.route)),
        route: lobby.route,
        upstream_tls: lobby.upstream_tls,
        app_tls: lobby.app_tls,
        gate: lobby.gate,
        tokens: lobby.tokens,
        home: lobby.home,
        closing: lobby.closing,
        goodbye: lobby.goodbye,
        tasks: lobby.tasks,
    }
}

/// Lets the token's source give this from now on.
pub(crate) fn write_token(file: &tempfile::NamedTempFile, token: &str) {
    let json = format!(r#"{{"access_token":"{token}","expires_on":4102444800}}"#);
    std::fs::write(file.path(), json).unwrap();
}

fn principal(token_file: &tempfile::NamedTempFile) -> Arc<Principal> {
    let identity = IdentityConfig {
        source: SourceKind::File,
        token_file: Some(token_file.path().to_owned()),
        ..IdentityConfig::default()
    };
    Arc::new(Principal {
        user: PRINCIPAL.into(),
        identity: Arc::new(identity),
    })
}

fn lobby<P: Protocol>(
    route: Arc<Route>,
    authority: &Arc<LocalAuthority>,
    dialler: Pipes,
) -> Lobby<P, Pipes> {
    let local = || Ok(Arc::clone(authority));
    Lobby {
        upstream_tls: UpstreamTlsConfig::of(&route, &P::TLS, &PlatformRoots::default())
            .unwrap()
            .map(Arc::new),
        app_tls: AppTlsConfig::of(&route.local_tls, &P::TLS, &local).unwrap(),
        gate: Arc::new(Gate::of(&route)),
        tokens: tokens(),
        dialler,
        home: Home::with([]),
        closing: CancellationToken::new(),
        goodbye: CancellationToken::new(),
        tasks: TaskTracker::new(),
        state: Arc::new(RouteState::new(&route)),
        route,
    }
}

/// TLS of a database. One with packets of its own for the handshake names its protocol, as SQL Server does when TLS comes first.
fn server<P: Protocol>(route: &Route, made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> ServerConfig {
    let in_packets = P::TLS.in_packets;
    let versions = if in_packets && !route.tls_first {
        tls::IN_PACKETS
    } else {
        rustls::ALL_VERSIONS
    };
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    if in_packets {
        server.alpn_protocols = P::TLS.alpn.iter().map(|name| name.to_vec()).collect();
    }
    server
}

/// Whether a login ended with this fault, and the app was told.
macro_rules! was_told {
    ($outcome:expr, $pattern:pat) => {
        matches!(&$outcome, Err(crate::parting::NotIn::Told(told)) if matches!(told.fault(), $pattern))
    };
}
pub(crate) use was_told;

/// What a story waits for. With a paused clock one that would wait for ever fails at once: the proxy waits for nothing so long.
pub(crate) async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let came = tokio::time::timeout(A_DAY, awaited).await;
    came.expect("what the story waits for has not come")
}

/// Waits until this is so. The bound guards against a hang.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    unreachable!("it never came to that");
}

/// Whether no byte comes for a while.
pub(crate) async fn is_silent<S: Stream>(stream: &mut S) -> bool {
    const A_WHILE: Duration = Duration::from_secs(1);
    let byte = tokio::time::timeout(A_WHILE, stream.read_u8()).await;
    byte.is_err()
}
