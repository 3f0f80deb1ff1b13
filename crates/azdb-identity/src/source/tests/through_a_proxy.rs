//! The proxy on the way to the authority, and everything that never goes through one.

use std::sync::{Arc, Mutex};

use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::endpoint::{Endpoint, Way};
use super::entra::authority;
use super::managed::imds_answer;
use super::{CLIENT_ID, Scratch, TENANT, around_with, fetch, of, refused, tls};
use crate::{IdentityConfig, Selector, SourceKind, TokenErrorKind};

/// A proxy that knows nothing but CONNECT, and keeps everything that passes through it.
struct Connect {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Connect {
    /// `answer` is what it says to a request that it does not serve; an empty one means that it serves.
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            heads: Arc::default(),
            passed: Arc::default(),
        };
        let (heads, passed) = (Arc::clone(&proxy.heads), Arc::clone(&proxy.passed));
        tokio::spawn(async move {
            while let Ok((app, _)) = listener.accept().await {
                tokio::spawn(pass(app, answer, Arc::clone(&heads), Arc::clone(&passed)));
            }
        });
        proxy
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn pass(
    mut from: TcpStream,
    answer: &'static str,
    heads: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<u8>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = from.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.clone());
    if !answer.is_empty() {
        from.write_all(answer.as_bytes()).await.ok();
        return;
    }
    let to = head.split(' ').nth(1).unwrap();
    let mut to = TcpStream::connect(to).await.unwrap();
    from.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    let mut from = Noting(from, passed);
    copy_bidirectional(&mut from, &mut to).await.ok();
}

/// Keeps what is read from it and written to it.
struct Noting(TcpStream, Arc<Mutex<Vec<u8>>>);

impl tokio::io::AsyncRead for Noting {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = std::pin::Pin::new(&mut self.0).poll_read(context, into);
        self.1.lock().unwrap().extend(&into.filled()[before..]);
        polled
    }
}

impl tokio::io::AsyncWrite for Noting {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.1.lock().unwrap().extend(bytes);
        std::pin::Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A service principal with a secret, and with a federated token.
fn registered(scratch: &Scratch, proxy: Option<&str>) -> [IdentityConfig; 2] {
    let file = Some(scratch.file("secret", "s3cret~of~orders"));
    let identity = IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        selector: Some(Selector::ClientId(CLIENT_ID.to_owned())),
        authority_proxy: proxy.map(|proxy| proxy.parse().unwrap()),
        ..IdentityConfig::default()
    };
    [
        IdentityConfig {
            source: SourceKind::ServicePrincipal,
            client_secret_file: file.clone(),
            ..identity.clone()
        },
        IdentityConfig {
            source: SourceKind::WorkloadIdentity,
            token_file: file,
            ..identity
        },
    ]
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn the_proxy_sees_a_host_name_and_nothing_of_secret_or_token() {
    let (scratch, authority) = (Scratch::new("proxy"), authority().await);
    let proxy = Connect::start("").await;
    let to = authority.url.strip_prefix("https://").unwrap();
    let url = format!("http://me:s3cr%40t@{}", proxy.address);
    let around = around_with(
        [
            ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
            // What is configured is not excepted from.
            ("NO_PROXY", "*"),
        ],
        tls(authority.roots()),
    );
    for identity in registered(&scratch, Some(&url)) {
        let grant = fetch(&identity, &around).await.ok().unwrap();
        let passed = proxy.passed.lock().unwrap().clone();
        assert!(!passed.is_empty());
        for secret in [
            "s3cret~of~orders",
            grant.token.expose(),
            CLIENT_ID,
            TENANT,
            "HTTP/1.1",
        ] {
            assert!(!contains(&passed, secret), "{secret}");
        }
    }
    assert_eq!(authority.seen().len(), 2);
    for head in proxy.heads() {
        assert_eq!(
            head.to_ascii_lowercase(),
            format!("connect {to} http/1.1\r\nhost: {to}\r\nproxy-authorization: basic bwu6czNjckb0\r\n\r\n").to_ascii_lowercase()
        );
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[tokio::test]
async fn the_environments_proxy_is_used_only_when_it_is_asked_for() {
    let (scratch, authority) = (Scratch::new("proxy-env"), authority().await);
    let proxy = Connect::start("").await;
    let url = format!("http://{}", proxy.address);
    let fetch_each = async |configured, except| {
        let variables = [
            ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
            ("HTTPS_PROXY", url.as_str()),
            ("NO_PROXY", except),
        ];
        let around = around_with(variables, tls(authority.roots()));
        for identity in registered(&scratch, configured) {
            fetch(&identity, &around).await.ok().unwrap();
        }
    };
    fetch_each(None, "").await;
    fetch_each(Some("env"), "127.0.0.1,localhost").await;
    assert_eq!((authority.seen().len(), proxy.heads().len()), (4, 0));
    fetch_each(Some("env"), "169.254.169.254,.example").await;
    assert_eq!((authority.seen().len(), proxy.heads().len()), (6, 2));
}

/// Endpoints of this machine, with a proxy in the environment and in the configuration.
#[tokio::test]
async fn no_endpoint_of_this_machine_is_asked_through_a_proxy() {
    let trap = Connect::start("HTTP/1.1 500 Trap\r\n\r\n").await;
    let url = format!("http://{}", trap.address);
    for source in [
        SourceKind::Imds,
        SourceKind::AppService,
        SourceKind::AzureArc,
        SourceKind::ServiceFabric,
        SourceKind::ManagedIdentity,
        SourceKind::Auto,
    ] {
        for configured in [None, Some("env"), Some(url.as_str())] {
            let way = match source {
                SourceKind::ServiceFabric => Way::Tls,
                _ => Way::Plain,
            };
            let endpoint = Endpoint::of(way, imds_answer).await;
            let mut variables = vec![
                ("IDENTITY_ENDPOINT", endpoint.url.as_str()),
                ("IDENTITY_HEADER", "h"),
                ("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str()),
            ];
            for name in [
                "HTTPS_PROXY",
                "HTTP_PROXY",
                "ALL_PROXY",
                "https_proxy",
                "http_proxy",
            ] {
                variables.push((name, url.as_str()));
            }
            let pinned = "00".repeat(20);
            if way == Way::Tls {
                variables.push(("IDENTITY_SERVER_THUMBPRINT", &pinned));
            }
            let identity = IdentityConfig {
                authority_proxy: configured.map(|proxy| proxy.parse().unwrap()),
                ..of(source)
            };
            let around = around_with(variables, tls(RootCertStore::empty()));
            let outcome = fetch(&identity, &around).await;
            // The other certificate of Service Fabric ends its way at the endpoint.
            assert_eq!(outcome.is_ok(), way == Way::Plain, "{source}");
        }
    }
    assert!(trap.heads().is_empty(), "{:?}", trap.heads());
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_with_its_remedy() {
    let scratch = Scratch::new("proxy-refuses");
    for (answer, says, advice, passes) in [
        (
            "HTTP/1.1 407 Who\r\n\r\n",
            "answered 407 to CONNECT",
            "user and password",
            false,
        ),
        (
            "HTTP/1.1 403 No\r\n\r\n",
            "answered 403 to CONNECT",
            "allow CONNECT to port 443",
            false,
        ),
        (
            "HTTP/1.1 502 Bad\r\n\r\n",
            "answered 502 to CONNECT",
            "the proxy's log",
            true,
        ),
        (
            "HTTP/1.1 302 To\r\nLocation: https://portal\r\n\r\n",
            "answered 302 to CONNECT",
            "the proxy's log",
            false,
        ),
        (
            "SSH-2.0-x\r\n\r\n",
            "broke the connection",
            "check `authority_proxy`",
            false,
        ),
    ] {
        let proxy = Connect::start(answer).await;
        let url = format!("http://me:s3cret@{}", proxy.address);
        let around = around_with([], tls(RootCertStore::empty()));
        for identity in registered(&scratch, Some(&url)) {
            let error = refused(fetch(&identity, &around).await);
            let cause = error.cause();
            let said = format!("the proxy `{}` {says}", proxy.address);
            assert!(cause.contains(&said), "{cause}");
            assert!(
                error.remedy().contains(advice),
                "{answer}: {}",
                error.remedy()
            );
            assert_eq!(error.is_transient(), passes, "{answer}");
            assert_eq!(error.kind(), TokenErrorKind::Network);
            assert!(!format!("{cause}{error:?}").contains("s3cret"));
        }
    }
}

#[tokio::test]
async fn a_proxy_that_opens_tls_or_is_not_there_gets_nothing() {
    let (scratch, authority) = (Scratch::new("proxy-opens"), authority().await);
    let proxy = Connect::start("").await;
    let variables = [("AZURE_AUTHORITY_HOST", authority.url.as_str())];
    // The certificate that is shown is of nobody that we trust.
    let around = around_with(variables, tls(RootCertStore::empty()));
    let url = format!("http://{}", proxy.address);
    for identity in registered(&scratch, Some(&url)) {
        let error = refused(fetch(&identity, &around).await);
        let cause = error.cause();
        assert!(cause.contains("TLS handshake through the proxy"), "{cause}");
        assert!(
            error.remedy().contains("without opening its TLS"),
            "{}",
            error.remedy()
        );
        assert!(!error.is_transient());
    }
    assert!(authority.seen().is_empty());
    // Taken, and not listened at.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    for identity in registered(&scratch, Some(&url)) {
        let error = refused(fetch(&identity, &around).await);
        assert!(
            error.cause().contains("cannot be reached"),
            "{}",
            error.cause()
        );
        assert!(error.is_transient() && error.is_cheap_to_repeat());
    }
}
