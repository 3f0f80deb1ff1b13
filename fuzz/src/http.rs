//! Any bytes as HTTP: what somebody asks the endpoints, and what identity endpoints and proxies on the way to them answer.

use std::cell::LazyCell;
use std::net::SocketAddr;
use std::time::Duration;

use azdb_config::route::ListenAddr;
use azdb_config::{Admin, AdminListen};
use azdb_core::Server;
use azdb_identity::{
    Audience, Environment, IdentityConfig, Selector, SourceKind, TokenError, Tokens,
};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::house::{converse, tokens};

/// Long for an answer, and short for one that does not come.
const LIMIT: Duration = Duration::from_secs(30);

/// The answer of a proxy that opens a way.
const OPENS: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

struct Place {
    runtime: Runtime,
    health: SocketAddr,
    admin: SocketAddr,
    secret: NamedTempFile,
}

thread_local! {
    static PLACE: LazyCell<Place> = LazyCell::new(Place::new);
}

impl Place {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        // Somebody else may be given a port before it is listened at.
        let opened = || runtime.block_on(open(free(), free()));
        let (health, admin) = std::iter::repeat_with(opened)
            .find_map(|open| open)
            .expect("two ports");
        let secret = NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "s3cret").expect("room");
        Self {
            runtime,
            health,
            admin,
            secret,
        }
    }
}

/// Opens both endpoints, where they can be.
async fn open(health: SocketAddr, admin: SocketAddr) -> Option<(SocketAddr, SocketAddr)> {
    let tokens = tokens(Environment::default());
    let none = azdb_core::PassedSockets::default();
    let nobody = azdb_core::Workers::default();
    let server = Server::bind(
        &[],
        tokens,
        || unreachable!("there are no routes"),
        none,
        nobody,
    );
    let server = server.expect("no doors");
    let desks = Admin {
        listen: AdminListen::At(ListenAddr::Tcp(admin)),
        ends_over_tcp: false,
    };
    let listen = ListenAddr::Tcp(health);
    let open = server.open_endpoints(&[listen], &desks).await;
    open.ok().map(|()| (health, admin))
}

/// The first byte says who reads the rest.
pub fn run(data: &[u8]) {
    let Some((who, data)) = data.split_first() else {
        return;
    };
    PLACE.with(|place| {
        let playing = async {
            match who % 5 {
                0 => asks(place.health, data).await,
                1 => asks(place.admin, data).await,
                2 => answers(place, SourceKind::AppService, data).await,
                3 => answers(place, SourceKind::ServicePrincipal, data).await,
                // What comes behind the way that a proxy has opened.
                _ => answers(place, SourceKind::ServicePrincipal, &[OPENS, data].concat()).await,
            }
        };
        place.runtime.block_on(async {
            tokio::time::timeout(LIMIT, playing).await.expect("an end");
        });
    });
}

/// Somebody asks an endpoint.
async fn asks(at: SocketAddr, request: &[u8]) {
    let stream = TcpStream::connect(at).await.expect("an endpoint");
    stream.set_nodelay(true).expect("a socket");
    let answer = converse(stream, request.chunks(700)).await;
    if answer.is_empty() {
        return;
    }
    let status = answer
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5));
    let status = status.expect("an answer of HTTP");
    assert!(status.iter().all(u8::is_ascii_digit), "{status:?}");
    if status == b"200" && answer.windows(8).any(|part| part == b"\"routes\"") {
        assert!(names_this_machine(request), "shown to a browser");
    }
}

/// Whether a line of the request names a host of this machine, and none an origin.
fn names_this_machine(request: &[u8]) -> bool {
    let request = request.to_ascii_lowercase();
    let lines = || request.split(|byte| *byte == b'\n');
    let mut hosts = lines().filter_map(|line| line.strip_prefix(b"host:"));
    let ours = hosts.any(|host| {
        let host = host.trim_ascii();
        [&b"localhost"[..], b"127.", b"["]
            .iter()
            .any(|ours| host.starts_with(ours))
    });
    ours && !lines().any(|line| line.starts_with(b"origin:"))
}

/// Somebody answers a question for a token, which must come to a token or to an error with a remedy.
async fn answers(place: &Place, source: SourceKind, answer: &[u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let url = format!("http://{at}");
    let environment = Environment::from_iter([
        ("IDENTITY_ENDPOINT".to_owned(), format!("{url}/token")),
        ("IDENTITY_HEADER".to_owned(), "s3cret".to_owned()),
    ]);
    let identity = IdentityConfig {
        source,
        ..match source {
            SourceKind::ServicePrincipal => IdentityConfig {
                tenant_id: Some("11111111-2222-3333-4444-555555555555".to_owned()),
                selector: Some(Selector::ClientId(
                    "66666666-7777-8888-9999-000000000000".to_owned(),
                )),
                client_secret_file: Some(place.secret.path().to_owned()),
                authority_proxy: Some(url.parse().expect("a URL")),
                ..IdentityConfig::default()
            },
            _ => IdentityConfig::default(),
        }
    };
    let tokens = tokens(environment);
    let audience = Audience::new("https://ossrdbms-aad.database.windows.net");
    let answering = async {
        let (mut stream, _) = listener.accept().await.expect("a question");
        stream.set_nodelay(true).expect("a socket");
        let mut head = [0; 16];
        let _ = stream.read(&mut head).await;
        for piece in answer.chunks(700) {
            let _ = stream.write_all(piece).await;
        }
        let _ = converse(stream, [b""; 0]).await;
        // There is not more than one answer.
        std::future::pending::<()>().await;
    };
    let asking = async {
        let error: TokenError = tokio::select! {
            got = tokens.get(&identity, &audience) => match got {
                Ok(_) => return,
                Err(error) => error,
            },
            error = first_error(&tokens, &identity, &audience) => error,
        };
        let text = error.to_string();
        assert!(!text.is_empty() && !error.remedy().is_empty());
        assert!(
            !text.contains("s3cret") && !error.remedy().contains("s3cret"),
            "{text}"
        );
        assert!(!text.contains(char::is_control), "{text:?}");
    };
    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}

/// What a fetch has met that will be tried again.
async fn first_error(
    tokens: &Tokens,
    identity: &IdentityConfig,
    audience: &Audience,
) -> TokenError {
    loop {
        if let Some(error) = tokens.last_error(identity, audience) {
            return error;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
