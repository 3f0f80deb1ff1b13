//! Who may come in, and what the others read.

use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions, Principal, Shape};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{
    GSSENC_REQUEST, SSL_REQUEST, emulator, handshake, log_in, session, tcp, token, told,
};

/// A StartupMessage of protocol 3.`minor`.
fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = vec![0, 3];
    body.extend(minor.to_be_bytes());
    for (name, value) in parameters {
        body.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap();
    [length.to_be_bytes().to_vec(), body].concat()
}

/// A connection that begins with TLS and the protocol's name, and this packet.
async fn direct(azure: &Emulator, packet: &[u8]) -> TlsStream<TcpStream> {
    let stream = tcp(azure).await;
    let stream = handshake(azure, stream, Some(b"postgresql")).await;
    let mut stream = stream.unwrap();
    stream.write_all(packet).await.unwrap();
    stream
}

async fn refusal(azure: &Emulator, user: &str, password: &str) -> (String, String) {
    let refused = log_in(azure, user, password).await;
    told(&refused.unwrap_err())
}

#[tokio::test]
async fn token_of_any_size_comes_in_and_no_record_shows_it() {
    let azure = emulator().await;
    let size = 60_000;
    let shape = Shape::default();
    azure.issuer().script(1, Shape { size, ..shape });
    let token = token(&azure);
    let _client = log_in(&azure, DEFAULT_ROLE, &token).await.unwrap();
    let logins = azure.postgres().logins();
    let login = logins.first().unwrap();
    assert!(token.len() >= size);
    assert_eq!((login.user.as_str(), &login.refusal), (DEFAULT_ROLE, &None));
    assert_eq!(login.server_name.as_deref(), Some("localhost"));
    let shown = format!("{login:?}");
    assert!(token.split('.').all(|part| !shown.contains(part)));
}

#[tokio::test]
async fn token_is_good_for_the_roles_of_its_principal() {
    let mut options = EmulatorOptions::default();
    let principal = Principal::of(options.identities.first().unwrap());
    let named = |name: &str| Principal {
        name: name.to_owned(),
        ..principal.clone()
    };
    let stranger = Principal {
        object_id: "00000000-0000-0000-0000-000000000001".to_owned(),
        ..named("other-app")
    };
    options.principals = vec![stranger, named("My Identity ü")];
    let azure = Emulator::start(options).await.unwrap();
    let token = token(&azure);
    log_in(&azure, "My Identity ü", &token).await.unwrap();
    for user in ["nobody", "my identity ü", "other-app"] {
        let (sqlstate, message) = refusal(&azure, user, &token).await;
        assert_eq!(sqlstate, "28P01", "{user}");
        let words = "password authentication failed for user";
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn plaintext_session_is_refused_in_the_words_of_azure() {
    let azure = emulator().await;
    let mut stream = tcp(&azure).await;
    let packet = startup(0, &[("user", DEFAULT_ROLE), ("database", "shop")]);
    stream.write_all(&packet).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let words = "no pg_hba.conf entry for host \"127.0.0.1\", user \"orders-app\", database \"shop\", \
                 no encryption";
    assert!(
        answer.starts_with('E') && answer.contains("C28000\0"),
        "{answer:?}"
    );
    assert!(answer.contains(words), "{answer:?}");
}

#[tokio::test]
async fn bytes_stuffed_in_before_tls_never_reach_the_session() {
    let azure = emulator().await;
    let mut stream = tcp(&azure).await;
    let stuffed = startup(0, &[("user", DEFAULT_ROLE)]);
    let packets = [SSL_REQUEST.to_vec(), stuffed].concat();
    stream.write_all(&packets).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    assert!(handshake(&azure, stream, None).await.is_err());
    assert_eq!(azure.postgres().logins(), []);
}

#[tokio::test]
async fn tls_begins_after_a_request_or_with_the_protocols_name() {
    let azure = emulator().await;
    let mut stream = tcp(&azure).await;
    for (request, answer) in [(GSSENC_REQUEST, b'N'), (SSL_REQUEST, b'S')] {
        stream.write_all(&request).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), answer);
    }
    handshake(&azure, stream, None).await.unwrap();

    let packet = startup(0, &[("user", DEFAULT_ROLE)]);
    let mut stream = direct(&azure, &packet).await;
    assert_eq!(stream.read_u8().await.unwrap(), b'R');

    let stream = tcp(&azure).await;
    assert!(handshake(&azure, stream, Some(b"http/1.1")).await.is_err());
    let stream = tcp(&azure).await;
    let mut without = handshake(&azure, stream, None).await.unwrap();
    without.write_all(&packet).await.unwrap();
    let mut answer = Vec::new();
    // The server hangs up; whether that is seen as an end or a reset is the kernel's choice.
    let _ = without.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn newer_protocol_and_unknown_options_are_negotiated_down() {
    let azure = emulator().await;
    let packet = startup(9999, &[("user", DEFAULT_ROLE), ("_pq_.test", "on")]);
    let mut stream = direct(&azure, &packet).await;
    let mut answer = [0; 23];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[0], b'v');
    assert_eq!(answer[5..13], [0, 3, 0, 0, 0, 0, 0, 1]);
    assert_eq!(&answer[13..], b"_pq_.test\0");
}

#[tokio::test]
async fn shutdown_ends_sessions_and_frees_the_ports() {
    let azure = emulator().await;
    let client = session(&azure).await;
    let addresses = [azure.postgres().address(), azure.identity().address()];
    azure.shutdown().await;
    client.simple_query("select 1").await.unwrap_err();
    for address in addresses {
        tokio::net::TcpListener::bind(address).await.unwrap();
    }
}
