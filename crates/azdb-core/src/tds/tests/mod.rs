//! The login conversation on pipes, with TLS on both legs and a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod apps;
mod database;
mod logins;
mod records;
mod refusals;
mod routes;
mod tokens;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azdb_identity::{Audience, Environment, IdentityConfig, SourceKind, Tokens};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::postgres::Cancels;
use crate::tls::{self, LocalAuthority, UpstreamTlsConfig};
use azdb_config::route::{
    Admission, Endpoint, LocalFiles, LocalTls as LocalTlsKey, Principal, Principals, ProtocolName,
    Roots, Route, TdsOptions, UpstreamTls,
};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
const HOST: &str = "orders.database.windows.net";
const WORKER: &str = "db1.tr1.europe1-a.worker.database.windows.net";
const LOGIN_TIMEOUT: Duration = Duration::from_secs(9);

/// Dials by making a pipe; the test holds the other end, and hears where to.
struct Pipes(mpsc::UnboundedSender<(DuplexStream, Endpoint)>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&self, target: &Endpoint) -> Result<(DuplexStream, SocketAddr), LoginError> {
        let (near, far) = duplex(64 * 1024);
        self.0.send((far, target.clone())).expect("a database");
        Ok((near, ([127, 0, 0, 1], target.port).into()))
    }
}

/// A route with everything that a test may look at or replace.
struct House {
    lobby: Lobby<Pipes>,
    databases: mpsc::UnboundedReceiver<(DuplexStream, Endpoint)>,
    server: Arc<ServerConfig>,
    token_file: tempfile::NamedTempFile,
    authority: Arc<LocalAuthority>,
}

impl House {
    /// A route in token mode to a database with a certificate of its own.
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Route)) -> Self {
        let names = [HOST.to_owned(), WORKER.to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = made.cert.der().clone();
        let token_file = tempfile::NamedTempFile::new().unwrap();
        write_token(&token_file, TOKEN);
        let identity = IdentityConfig {
            source: SourceKind::File,
            token_file: Some(token_file.path().to_owned()),
            ..IdentityConfig::default()
        };
        let principal = Principal {
            user: String::new(),
            identity: Arc::new(identity),
        };
        let mut route = Route {
            name: "orders".into(),
            protocol: ProtocolName::Tds,
            listen: Vec::new(),
            upstream: vec![Endpoint {
                host: HOST.into(),
                port: 1433,
            }],
            connect_to: None,
            principals: Principals::One(Arc::new(principal)),
            default_database: None,
            auth: UpstreamAuth::Token(Audience::new("https://database.windows.net")),
            tls: UpstreamTls::Verified {
                roots: Roots::File(vec![certificate.clone()]),
                name: None,
            },
            tls_first: false,
            local_files: LocalFiles::Allow,
            local_tls: LocalTlsKey::Auto,
            admission: Admission::default(),
            unix_mode: 0o600,
            max_connections: 10,
            login_timeout: LOGIN_TIMEOUT,
            tds: TdsOptions::default(),
        };
        change(&mut route);
        let versions = if route.tls_first {
            rustls::ALL_VERSIONS
        } else {
            tls::IN_PACKETS
        };
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut server = ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        server.alpn_protocols = vec![b"tds/8.0".to_vec()];
        let authority = Arc::new(LocalAuthority::load_or_make(None).unwrap());
        let (sender, databases) = mpsc::unbounded_channel();
        let lobby = lobby(route, &authority, Pipes(sender));
        Self {
            lobby,
            databases,
            server: Arc::new(server),
            token_file,
            authority,
        }
    }
}

fn lobby(route: Route, authority: &Arc<LocalAuthority>, dialler: Pipes) -> Lobby<Pipes> {
    let local = || Ok(Arc::clone(authority));
    let upstream_tls = if route.tls_first {
        UpstreamTlsConfig::of(route.protocol, &route.tls)
    } else {
        UpstreamTlsConfig::in_packets(&route.tls)
    };
    Lobby {
        upstream_tls: upstream_tls.unwrap(),
        local_tls: tls::server_config(route.protocol, &route.local_tls, local).unwrap(),
        wrapped_tls: tls::wrapped_server_config(&route.local_tls, local).unwrap(),
        tokens: Tokens::new(
            Environment::from_iter(Vec::<(String, String)>::new()),
            tls::platform_client().unwrap(),
        ),
        cancels: Cancels::default(),
        spares: crate::mysql::Spares::default(),
        sessions: Arc::new(Semaphore::new(route.max_connections)),
        counters: Arc::default(),
        dialler,
        closing: CancellationToken::new(),
        route: Arc::new(route),
    }
}

/// Lets the token's source give this from now on.
fn write_token(file: &tempfile::NamedTempFile, token: &str) {
    let json = format!(r#"{{"access_token":"{token}","expires_on":4102444800}}"#);
    std::fs::write(file.path(), json).unwrap();
}

fn utf16(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    push_utf16(text, &mut out);
    out
}
