//! Who may come in, and what the others read.

use azdb_emulator::{
    DEFAULT_ROLE, Emulator, EmulatorOptions, Flaw, OSSRDBMS_AUDIENCE, Principal, PrincipalKind,
    Refusal, Shape,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{
    GSSENC_REQUEST, SSL_REQUEST, emulator, handshake, identity, log_in, session, tcp, token, told,
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
    assert_eq!(azure.postgres().sessions(), 1);
    let logins = azure.postgres().logins();
    let login = logins.first().unwrap();
    assert_eq!(login.token_bytes, Some(token.len()));
    assert!(token.len() >= size);
    assert_eq!(login.parameter("user"), Some(DEFAULT_ROLE));
    assert_eq!(login.parameter("database"), Some("shop"));
    assert_eq!(login.server_name.as_deref(), Some("localhost"));
    assert_eq!((login.version, &login.refusal), ((3, 0), &None));
    let shown = format!("{login:?}");
    assert!(token.split('.').all(|part| !shown.contains(part)));
}

#[tokio::test]
async fn wrong_tokens_are_refused_in_the_words_of_azure() {
    let azure = emulator().await;
    let audience = "does not have a valid audience claim. Please acquire a new token for the resource \
                    \"https://ossrdbms-aad.database.windows.net\".";
    for (flaw, words) in [
        (Flaw::Expired, "has expired. Please acquire a new token"),
        (Flaw::WrongAudience, audience),
        (Flaw::ForeignSignature, "An error occurred while validating"),
    ] {
        let issuer = azure.issuer();
        let token = issuer.issue_as(identity(&azure), OSSRDBMS_AUDIENCE, flaw);
        let token = token.unwrap().access_token;
        let (sqlstate, message) = refusal(&azure, DEFAULT_ROLE, &token).await;
        assert_eq!(sqlstate, "28000");
        assert!(message.contains(words), "{message}");
    }
    let elsewhere = token(&emulator().await);
    assert_eq!(refusal(&azure, DEFAULT_ROLE, &elsewhere).await.0, "28000");
}

#[tokio::test]
async fn token_is_good_for_the_roles_of_its_principal() {
    let mut options = EmulatorOptions::default();
    let principal = Principal::of(options.identities.first().unwrap());
    let mut stranger = principal.clone().named("other-app");
    stranger.object_id = "00000000-0000-0000-0000-000000000001".to_owned();
    let mut person = principal.clone().named("anna@example.com");
    person.kind = PrincipalKind::User;
    options.postgres.principals = vec![stranger, person, principal.named("My Identity ü")];
    let azure = Emulator::start(options).await.unwrap();
    let token = token(&azure);
    log_in(&azure, "My Identity ü", &token).await.unwrap();
    let stranger = "password authentication failed for user";
    for (user, sqlstate, words) in [
        ("nobody", "28P01", stranger),
        ("my identity ü", "28P01", stranger),
        ("other-app", "28P01", stranger),
        ("anna@example.com", "28000", "AAD_AUTH_TOKENTYPE_APP_USER"),
    ] {
        let (seen, message) = refusal(&azure, user, &token).await;
        assert_eq!(seen, sqlstate, "{user}");
        assert!(message.contains(words), "{message}");
    }
    let logins = azure.postgres().logins();
    // Who is not known is never asked for a token.
    assert_eq!(logins.get(1).unwrap().token_bytes, None);
}

#[tokio::test]
async fn scripted_refusals_come_before_authentication() {
    let azure = emulator().await;
    let full = Refusal::new("53300", "sorry, too many clients already");
    azure.postgres().refuse(1, &full);
    let (sqlstate, message) = refusal(&azure, DEFAULT_ROLE, &token(&azure)).await;
    assert_eq!((sqlstate, message), (full.sqlstate, full.message));
    log_in(&azure, DEFAULT_ROLE, &token(&azure)).await.unwrap();
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
async fn protocol_of_postgresql_18_gives_keys_of_32_bytes() {
    let mut options = EmulatorOptions::default();
    options.postgres.newest_minor = 2;
    let azure = Emulator::start(options).await.unwrap();
    let mut stream = direct(&azure, &startup(2, &[("user", DEFAULT_ROLE)])).await;
    let mut asked = [0; 9];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, [b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
    let token = token(&azure);
    let length = u32::try_from(token.len() + 5).unwrap();
    let message = [&[b'p'][..], &length.to_be_bytes(), token.as_bytes(), &[0]].concat();
    stream.write_all(&message).await.unwrap();
    loop {
        let kind = stream.read_u8().await.unwrap();
        let length = stream.read_u32().await.unwrap() as usize;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).await.unwrap();
        match kind {
            b'K' => break assert_eq!(body.len(), 4 + 32),
            b'R' | b'S' => {}
            other => panic!("unexpected message {}", char::from(other)),
        }
    }
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
