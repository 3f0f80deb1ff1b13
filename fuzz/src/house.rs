//! Routes of this process, and a listener that is their upstream.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use azdb_config::{Overrides, load};
use azdb_core::{LocalAuthority, PlatformRoots, Reception, Resources};
use azdb_identity::{Environment, Tokens};
use azdb_names::Names;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// Longer than any clock of a session runs for those who have nothing more to say. It passes at once, as all clocks here.
const LIMIT: Duration = Duration::from_secs(200);

/// Bytes that are read of either side.
const MOST: u64 = 32 << 20;

/// Where conversations take place. Each has a route of its own, so that none depends on what came before it.
pub struct House {
    runtime: Runtime,
    tokens: Tokens,
    authority: Arc<LocalAuthority>,
    protocols: &'static [&'static str],
    keys: String,
    _password: NamedTempFile,
}

impl House {
    /// With routes of these protocols, and these keys in each. They log in with a password: `u` and "secret".
    pub fn new(protocols: &'static [&'static str], keys: &str) -> Self {
        let password = NamedTempFile::new().expect("a file");
        std::fs::write(password.path(), "secret").expect("room");
        Self {
            runtime: Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .expect("a runtime"),
            tokens: tokens(Environment::default()),
            authority: Arc::new(LocalAuthority::load_or_make(None).expect("a certificate")),
            protocols,
            keys: format!(
                "listen=127.0.0.1:0&hold_logins=false&upstream_auth=password&upstream_password_file={}&{keys}",
                password.path().display()
            ),
            _password: password,
        }
    }

    /// The authority of the certificate that apps are shown, as PEM.
    pub fn authority(&self) -> &str {
        self.authority.ca_pem()
    }

    /// Lets `app` come in by a route and `database` speak with whoever comes out of it. Says how it went for both; there may have
    /// been no need for a database.
    pub fn play<A, D>(
        &self,
        route: usize,
        app: impl AsyncFnOnce(DuplexStream) -> A,
        database: impl AsyncFnOnce(TcpStream) -> D,
    ) -> (A, Option<D>) {
        let playing = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let came = Cell::new(false);
            let apps = app(self.open(route, &listener).connect());
            let databases = async {
                let (stream, _) = listener.accept().await.expect("a connection");
                // What it says in pieces is not to wait for one another.
                stream.set_nodelay(true).expect("a socket");
                came.set(true);
                database(stream).await
            };
            tokio::pin!(apps, databases);
            let (mut seen, mut heard) = (None, None);
            loop {
                tokio::select! {
                    outcome = &mut apps, if seen.is_none() => seen = Some(outcome),
                    outcome = &mut databases, if heard.is_none() => heard = Some(outcome),
                }
                // An app that is gone leaves no database behind.
                if (heard.is_some() || !came.get())
                    && let Some(seen) = seen.take()
                {
                    return (seen, heard);
                }
            }
        };
        self.runtime.block_on(async {
            tokio::time::timeout(LIMIT, playing)
                .await
                .expect("an end for both sides")
        })
    }

    /// A route whose upstream is this listener.
    fn open(&self, route: usize, listener: &TcpListener) -> Reception {
        let at = listener.local_addr().expect("an address");
        let (protocol, keys) = (self.protocols[route], &self.keys);
        let url = format!("{protocol}://u@localhost:1/orders?connect_to={at}&{keys}");
        let overrides = Overrides {
            urls: vec![url],
            ..Overrides::default()
        };
        let config =
            load(&overrides, &Environment::default()).unwrap_or_else(|error| panic!("{error}"));
        let authority = || Ok(Arc::clone(&self.authority));
        let resources = Resources {
            tokens: &self.tokens,
            names: Names::of_the_system(),
            home: Arc::default(),
            roots: PlatformRoots::default(),
            authority: &authority,
        };
        Reception::new(&config.routes[0], &resources).expect("a route")
    }
}

/// Tokens for this environment. The roots of the platform are read once.
pub fn tokens(environment: Environment) -> Tokens {
    thread_local! {
        static TLS: Arc<rustls::ClientConfig> = azdb_core::platform_client();
    }
    Tokens::new(environment, TLS.with(Arc::clone))
}

/// Says it all, ends, and listens to the end. Says what it heard.
pub async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    says: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let speaking = async {
        for message in says {
            if writer.write_all(message.as_ref()).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    };
    let (mut listening, mut heard) = ((&mut reader).take(MOST), Vec::new());
    let _ = tokio::join!(speaking, listening.read_to_end(&mut heard));
    heard
}
