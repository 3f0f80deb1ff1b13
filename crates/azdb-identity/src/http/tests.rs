#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::net::SocketAddr;

use rustls::RootCertStore;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

fn line() -> Line {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Line {
        tls: Arc::new(tls),
        verify_as: None,
        names: Names::of_the_system(),
        clock: Clock::system(),
        proxy: None,
    }
}

/// Says the same again and again to whoever comes.
async fn says(what: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { while stream.write_all(what).await.is_ok() {} });
        }
    });
    address
}

/// Nothing of it is kept, so time alone ends it; that must not depend on a pause of the other side.
#[tokio::test]
async fn preliminary_answers_without_end_are_left_when_the_time_is_over() {
    let address = says(b"HTTP/1.1 103 Early Hints\r\n\r\n").await;
    let url = Url::parse(&format!("http://{address}")).unwrap();
    let limit = Duration::from_millis(200);
    let asked = line().exchange_within(limit, Outgoing::get(url)).await;
    let fault = asked.err().unwrap();
    assert!(matches!(fault, HttpFault::Silent(_)), "{fault}");
}
