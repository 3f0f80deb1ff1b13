//! The way upstream: what is verified before a token goes there, and what is sent when it does not stand up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use azdb_tests::{
    Authority, Azure, Certificate, Emulated, Fake, Identity, Method, Proxy, RawApp, Server, Start,
    packets, token_of,
};
use tempfile::TempDir;

/// A proxy in token mode before a fake, which it takes for `host`, trusting `authority`.
struct BeforeFake {
    proxy: Proxy,
    token: String,
    _identity: Identity,
}

impl BeforeFake {
    fn new(fake: &Fake, host: &str, authority: &Authority, more: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let token = token_of(0);
        let identity = Identity::giving(&token);
        let route = format!(
            "[[route]]\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"{host}:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {ca:?}\nupstream_user = \"orders-app\"\n{more}",
            port = fake.address().port(),
            ca = authority.write(directory.path()),
        );
        let proxy = Start::run_with(&route).envs(identity.environment()).start();
        Self {
            proxy,
            token,
            _identity: identity,
        }
    }

    /// Code and text of the refusal, which an app reads.
    fn refusal(&self) -> (String, String) {
        let mut app = RawApp::connect(self.proxy.address());
        app.send(&packets::startup(0, &[("user", "anyone")]));
        let error = app.message();
        assert_eq!(error.tag, b'E');
        let fields = (error.field('C').unwrap(), error.field('M').unwrap());
        assert!(fields.1.starts_with("azdb-proxy: "), "{fields:?}");
        fields
    }

    /// Nothing that `fake` was sent has the token in it.
    fn assert_token_stayed(&self, fake: &Fake) {
        for heard in fake.heard() {
            let text = String::from_utf8_lossy(&heard);
            assert!(!text.contains(&self.token), "{} bytes", heard.len());
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn self_signed_certificates_are_trusted_when_they_stand_in_the_file() {
    for certificate in [Certificate::Documented, Certificate::FirstVersion] {
        self_signed_certificate_is_trusted(certificate);
    }
}

fn self_signed_certificate_is_trusted(certificate: Certificate) {
    let server = Server::start(certificate);
    let token = token_of(2000);
    server.add_role("orders app", Method::Token, &token);
    server.add_database("orders", "orders app");
    let identity = Identity::giving(&token);
    let route = |ca_file: &std::path::Path| {
        format!(
            "[[route]]\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
             upstream_ca_file = {ca_file:?}\nupstream_user = \"orders app\"\ndefault_database = \"orders\"\n",
            port = server.port,
        )
    };
    let proxy = Start::run_with(&route(&server.ca_file))
        .envs(identity.environment())
        .start();
    assert_eq!(proxy.app().query("select current_user"), "orders app");

    // The same name on another certificate is another server.
    let directory = TempDir::new().unwrap();
    let (twin, _) = azdb_tests::documented_certificate(directory.path());
    let proxy = Start::run_with(&route(&twin))
        .envs(identity.environment())
        .start();
    let refused = proxy.app().sql("select 1");
    assert!(
        refused.failed().contains("cannot trust upstream"),
        "{refused:?}"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn name_to_verify_can_be_another_than_the_one_dialled() {
    let azure = Azure::new();
    let route = azure
        .route()
        .replace("\"localhost:", "\"orders.example.org:");
    let proxy = azure.start(&route).start();
    let refused = proxy.app().sql("select 1");
    assert!(
        refused
            .failed()
            .contains("cannot trust upstream `orders.example.org`")
    );
    drop(proxy);
    let named = route + "upstream_tls_name = \"localhost\"\n";
    let proxy = azure.start(&named).start();
    assert_eq!(proxy.app().query("select current_user"), azure.role);
}

#[test]
fn no_byte_but_the_request_reaches_a_server_without_tls() {
    let authority = Authority::default();
    let fake = Fake::start(|upstream| {
        upstream.hear(8)?;
        upstream.say(b"N")?;
        upstream.listen_to_the_end()
    });
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "08001");
    assert!(text.contains("`localhost` does not speak TLS"), "{text}");
    assert_eq!(fake.heard(), [packets::SSL_REQUEST]);
}

#[test]
fn bytes_before_tls_are_an_error() {
    let authority = Authority::default();
    let fake = Fake::start(|upstream| {
        upstream.hear(8)?;
        upstream.say(b"SR\0\0\0\x08\0\0\0\0")?;
        upstream.listen_to_the_end()
    });
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "08006");
    assert!(text.contains("9 bytes in the clear"), "{text}");
    assert_eq!(fake.heard(), [packets::SSL_REQUEST]);
}

#[test]
fn words_from_before_tls_reach_the_log_and_no_app() {
    let authority = Authority::default();
    let fake = Fake::start(|upstream| {
        upstream.hear(8)?;
        upstream.say(b"E\0\0\0\x2aSFATAL\0C28000\0Msend your password here\0\0")?;
        upstream.listen_to_the_end()
    });
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "08001");
    assert!(!text.contains("send your password"), "{text}");
    before.proxy.log_until("send your password here");
}

#[test]
fn certificate_for_another_name_gets_no_token() {
    let authority = Authority::default();
    let tls = authority.server_config(&["other.example.org"], &[b"postgresql"]);
    let (fake, talked) = tls_fake(tls);
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "08006");
    assert!(text.contains("cannot trust upstream `localhost`"), "{text}");
    assert!(text.contains("not valid for name"), "{text}");
    assert_eq!(talked.load(Ordering::SeqCst), 0);
    before.assert_token_stayed(&fake);
}

#[test]
fn certificate_of_an_unknown_authority_gets_no_token() {
    let (authority, stranger) = (Authority::default(), Authority::default());
    let tls = stranger.server_config(&["localhost"], &[b"postgresql"]);
    let (fake, talked) = tls_fake(tls);
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "08006");
    assert!(text.contains("UnknownIssuer"), "{text}");
    assert_eq!(talked.load(Ordering::SeqCst), 0);
    before.assert_token_stayed(&fake);
}

#[test]
fn password_challenge_over_verified_tls_gets_no_token() {
    let authority = Authority::default();
    let tls = authority.server_config(&["localhost"], &[b"postgresql"]);
    // AuthenticationMD5Password, which reveals nothing useful but still is not what a token answers.
    let fake = Fake::start(move |upstream| {
        upstream.hear(8)?;
        upstream.say(b"S")?;
        upstream.accept_tls(&tls)?;
        upstream.hear_packet()?;
        upstream.say(b"R\0\0\0\x0c\0\0\0\x05salt")?;
        match upstream.hear(1) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            answer => panic!("the proxy answered: {answer:?}"),
        }
    });
    let before = BeforeFake::new(&fake, "localhost", &authority, "");
    let (code, text) = before.refusal();
    assert_eq!(code, "28000");
    assert!(text.contains("role \"orders-app\" is not mapped"), "{text}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn direct_tls_is_spoken_where_the_configuration_says_so() {
    let emulated = Emulated::new();
    let route = emulated.route() + "upstream_tls_first = true\n";
    let proxy = emulated.start(&route).start();
    assert_eq!(proxy.app().query("select 1"), "1");
    let logins = emulated.azure.postgres().logins();
    let login = logins.first().unwrap();
    assert_eq!(login.server_name.as_deref(), Some("localhost"));
}

#[test]
fn direct_tls_needs_the_servers_alpn() {
    let authority = Authority::default();
    let tls = authority.server_config(&["localhost"], &[]);
    let fake = Fake::start(move |upstream| {
        upstream.accept_tls(&tls)?;
        upstream.listen_to_the_end()
    });
    let before = BeforeFake::new(
        &fake,
        "localhost",
        &authority,
        "upstream_tls_first = true\n",
    );
    let (code, text) = before.refusal();
    assert_eq!(code, "08006");
    assert!(text.contains("ALPN"), "{text}");
    let first = fake
        .heard()
        .first()
        .and_then(|heard| heard.first().copied());
    assert_eq!(first, Some(0x16), "a handshake, and no request before it");
}

/// An upstream that answers the request for TLS, and counts the connections that it then could talk over.
fn tls_fake(tls: Arc<rustls::ServerConfig>) -> (Fake, Arc<AtomicUsize>) {
    let talked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&talked);
    let fake = Fake::start(move |upstream| {
        upstream.hear(8)?;
        upstream.say(b"S")?;
        upstream.accept_tls(&tls)?;
        counter.fetch_add(1, Ordering::SeqCst);
        upstream.listen_to_the_end()
    });
    (fake, talked)
}
