//! Handshakes of every kind, and the peer at the other end of them.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Connection, KeyLog, RootCertStore, ServerConfig,
    ServerConnection,
};

use super::forge::{Forge, Keys, Version};
use super::subject::{Config, Shaking, Subject, name};
use super::wire::{Pace, Wire};

/// Which part the subject has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    Aes128,
    Aes256,
    Chacha,
}

/// Which certificate the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Short,
    /// More than a record holds.
    Long,
    /// Of an authority that nobody trusts.
    Strange,
}

/// A handshake.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) part: Part,
    pub(super) version: Version,
    pub(super) suite: Suite,
    /// The server does not know the group that the client offers a key for.
    pub(super) retries: bool,
    pub(super) shown: Shown,
    /// The server asks for the client's certificate; there is none.
    pub(super) asks: bool,
    pub(super) alpn: [Vec<Vec<u8>>; 2],
    pub(super) resumes: bool,
}

impl Setup {
    pub(super) fn new(part: Part, version: Version) -> Self {
        Self {
            part,
            version,
            suite: Suite::Aes128,
            retries: false,
            shown: Shown::Short,
            asks: false,
            alpn: [Vec::new(), Vec::new()],
            resumes: false,
        }
    }

    /// Both parts in both versions.
    pub(super) fn four() -> [Self; 4] {
        [
            Self::new(Part::Client, Version::Tls13),
            Self::new(Part::Server, Version::Tls13),
            Self::new(Part::Client, Version::Tls12),
            Self::new(Part::Server, Version::Tls12),
        ]
    }
}

struct Identity {
    roots: Arc<RootCertStore>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn new(authority: &str, names: Vec<String>) -> Self {
        let (own, leaf) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, authority);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&own).unwrap();
        let issuer = Issuer::new(params, own);
        let signed = CertificateParams::new(names).unwrap();
        let signed = signed.signed_by(&leaf, &issuer).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        Self {
            roots: roots.into(),
            certificate: signed.der().clone(),
            key: PrivatePkcs8KeyDer::from(leaf.serialize_der()).into(),
        }
    }
}

static SHORT: LazyLock<Identity> =
    LazyLock::new(|| Identity::new("short", vec!["localhost".to_owned()]));
static LONG: LazyLock<Identity> = LazyLock::new(|| {
    let others = (0..1500).map(|n| format!("database-{n}.example.org"));
    Identity::new(
        "long",
        std::iter::once("localhost".to_owned())
            .chain(others)
            .collect(),
    )
});

/// The secrets of handshakes, by their label.
#[derive(Debug, Default)]
struct Secrets(Mutex<HashMap<String, Vec<u8>>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        let mut secrets = self.0.lock().unwrap();
        secrets.insert(label.to_owned(), secret.to_vec());
    }
}

fn provider(setup: &Setup, groups: &[&'static dyn SupportedKxGroup]) -> Arc<CryptoProvider> {
    let wanted = match (setup.version, setup.suite) {
        (Version::Tls13, Suite::Aes128) => CipherSuite::TLS13_AES_128_GCM_SHA256,
        (Version::Tls13, Suite::Aes256) => CipherSuite::TLS13_AES_256_GCM_SHA384,
        (Version::Tls13, Suite::Chacha) => CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        (Version::Tls12, Suite::Aes128) => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        (Version::Tls12, Suite::Aes256) => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        (Version::Tls12, Suite::Chacha) => {
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
    };
    let mut provider = default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.suite() == wanted);
    provider.kx_groups = groups.to_vec();
    provider.into()
}

fn versions(setup: &Setup) -> [&'static rustls::SupportedProtocolVersion; 1] {
    match setup.version {
        Version::Tls12 => [&rustls::version::TLS12],
        Version::Tls13 => [&rustls::version::TLS13],
    }
}

fn client(setup: &Setup, secrets: &Arc<Secrets>) -> ClientConfig {
    let provider = provider(setup, &[kx_group::X25519, kx_group::SECP256R1]);
    let roots = match setup.shown {
        Shown::Short | Shown::Strange => &SHORT.roots,
        Shown::Long => &LONG.roots,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(setup))
        .unwrap()
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.alpn_protocols.clone_from(&setup.alpn[0]);
    config.enable_secret_extraction = true;
    config.key_log = Arc::clone(secrets) as _;
    config
}

fn server(setup: &Setup, secrets: &Arc<Secrets>) -> ServerConfig {
    let only: &[&'static dyn SupportedKxGroup] = if setup.retries {
        &[kx_group::SECP256R1]
    } else {
        &[kx_group::X25519]
    };
    let provider = provider(setup, only);
    let identity = match setup.shown {
        Shown::Short => &SHORT,
        Shown::Long | Shown::Strange => &LONG,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(setup))
        .unwrap();
    let builder = if setup.asks {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&SHORT.roots), provider);
        builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![identity.certificate.clone()];
    let mut config = builder
        .with_single_cert(chain, identity.key.clone_key())
        .unwrap();
    config.alpn_protocols.clone_from(&setup.alpn[1]);
    config.enable_secret_extraction = true;
    config.key_log = Arc::clone(secrets) as _;
    config.send_half_rtt_data = true;
    if !setup.resumes {
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    config
}

/// Both sides' configurations. Sessions of one pair may resume each other.
pub(super) struct Pair {
    setup: Setup,
    subject: Config,
    peer: Config,
    secrets: Arc<Secrets>,
}

/// A handshake that has come to an end, whichever.
pub(super) struct Shaken<T> {
    pub(super) outcome: Option<io::Result<T>>,
    pub(super) peer: Connection,
    pub(super) peer_failed: Option<rustls::Error>,
    pub(super) wire: Wire,
    secrets: Arc<Secrets>,
    setup: Setup,
}

/// Two whose handshake is over.
pub(super) struct Session<T> {
    pub(super) stream: T,
    pub(super) forge: Forge,
    pub(super) wire: Wire,
}

impl Pair {
    pub(super) fn new(setup: &Setup) -> Self {
        let secrets = Arc::new(Secrets::default());
        let client = Config::Client(client(setup, &secrets).into());
        let server = Config::Server(server(setup, &secrets).into());
        let (subject, peer) = match setup.part {
            Part::Client => (client, server),
            Part::Server => (server, client),
        };
        Self {
            setup: setup.clone(),
            subject,
            peer,
            secrets,
        }
    }

    /// The peer, before it has said a word.
    pub(super) fn peer(&self) -> Connection {
        match &self.peer {
            Config::Client(config) => ClientConnection::new(Arc::clone(config), name())
                .unwrap()
                .into(),
            Config::Server(config) => ServerConnection::new(Arc::clone(config)).unwrap().into(),
        }
    }

    /// The subject's part over a wire.
    pub(super) fn start<T: Subject>(&self, wire: &Wire) -> Shaking<T> {
        T::shake(&self.subject, wire.clone())
    }

    /// Shakes hands over a wire that gives and takes so. What the peer says goes through `tamper`, flight by flight, and
    /// `words` go with its last one.
    pub(super) fn shake_with<T: Subject>(
        &self,
        (gives, takes): (Pace, Pace),
        words: &[u8],
        mut tamper: impl FnMut(usize, &mut Vec<u8>),
    ) -> Shaken<T> {
        let wire = Wire::new(gives, takes);
        let (mut shaking, mut peer) = (self.start::<T>(&wire), self.peer());
        peer.writer().write_all(words).unwrap();
        let (mut outcome, mut peer_failed, mut flights) = (None, None, 0);
        loop {
            if outcome.is_none() {
                outcome = wire.poll(&mut shaking);
            }
            let heard = wire.taken();
            feed(&mut peer, &heard, &mut peer_failed);
            let mut said = written(&mut peer);
            if said.is_empty() && heard.is_empty() {
                break;
            }
            if !said.is_empty() {
                tamper(flights, &mut said);
                flights += 1;
                wire.give(&said);
            }
        }
        assert!(
            outcome.is_none() || !wire.ends().is_unflushed || matches!(outcome, Some(Err(_))),
            "the end of a handshake lies about"
        );
        Shaken {
            outcome,
            peer,
            peer_failed,
            wire,
            secrets: Arc::clone(&self.secrets),
            setup: self.setup.clone(),
        }
    }

    /// Shakes hands without any mischief.
    pub(super) fn shake<T: Subject>(&self) -> Shaken<T> {
        self.shake_with((Pace::whole(), Pace::whole()), b"", |_, _| {})
    }

    pub(super) fn session<T: Subject>(&self) -> Session<T> {
        self.shake().session()
    }
}

/// Lets a peer read.
pub(super) fn feed(peer: &mut Connection, mut bytes: &[u8], failed: &mut Option<rustls::Error>) {
    while !bytes.is_empty() && failed.is_none() {
        if peer.read_tls(&mut bytes).is_err() {
            break;
        }
        *failed = peer.process_new_packets().err();
    }
}

/// What a peer has to say.
pub(super) fn written(peer: &mut Connection) -> Vec<u8> {
    let mut said = Vec::new();
    while peer.wants_write() {
        peer.write_tls(&mut said).unwrap();
    }
    said
}

impl<T> Shaken<T> {
    /// The stream of a handshake that went well, and a peer who goes on from there by the book.
    pub(super) fn session(self) -> Session<T> {
        let stream = self.outcome.expect("an end").expect("a session");
        let extracted = self.peer.dangerous_extract_secrets().unwrap();
        let secrets = self.secrets.0.lock().unwrap();
        let secret = |label: &str| secrets.get(label).cloned().unwrap_or_default();
        let (client, server) = (
            secret("CLIENT_TRAFFIC_SECRET_0"),
            secret("SERVER_TRAFFIC_SECRET_0"),
        );
        let (says, hears) = match self.setup.part {
            Part::Client => (server, client),
            Part::Server => (client, server),
        };
        let version = self.setup.version;
        Session {
            stream,
            forge: Forge::new(
                Keys::new(version, extracted.tx, says),
                Keys::new(version, extracted.rx, hears),
            ),
            wire: self.wire,
        }
    }
}
