//! The near side: an app's login under way.

use azdb_wire::tds::{
    Encryption, Header, Prelogin, Report, StreamToken, StreamTokens, Width, kind, push_message,
};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

use super::database::{Database, app_login};
use super::*;
use crate::socket::Peer;
use crate::way::Framing;

pub(super) type Outcome = Result<Login<Tds, DuplexStream, DuplexStream>, NotIn<TdsFault>>;

/// One app, whatever its connection is wrapped in.
pub(super) struct Visit<S = DuplexStream> {
    pub(super) app: S,
    pub(super) rest: Rest,
}

/// What belongs to a visit besides the app's own stream.
pub(super) struct Rest {
    databases: Databases,
    pub(super) server: Arc<ServerConfig>,
    authority: Arc<LocalAuthority>,
    login: JoinHandle<Outcome>,
    pub(super) token_file: tempfile::NamedTempFile,
}

impl House {
    /// An app that has just connected.
    pub(super) fn app(self) -> Visit {
        self.app_from(Peer::InProcess)
    }

    /// The same of somebody.
    pub(super) fn app_from(self, peer: Peer) -> Visit {
        let (app, socket) = duplex(64 * 1024);
        let lobby = self.lobby;
        let login = tokio::spawn(async move {
            let place = Place::outside_of(peer);
            Tds::login(socket, &place, &lobby, &lobby.deadline_of(&place)).await
        });
        let rest = Rest {
            databases: self.databases,
            server: self.server,
            authority: self.authority,
            login,
            token_file: self.token_file,
        };
        Visit { app, rest }
    }
}

impl Rest {
    /// The connection that the proxy makes to the database, and where it wanted to.
    pub(super) async fn dialled(&mut self) -> (DuplexStream, Endpoint) {
        in_time(self.databases.recv()).await.expect("a dial")
    }

    /// A database that has agreed to TLS.
    pub(super) async fn database(&mut self) -> Database {
        let (stream, _) = self.dialled().await;
        Database::greet(stream, &self.server).await
    }

    pub(super) fn nobody_dialled(&mut self) -> bool {
        self.databases.try_recv().is_err()
    }

    pub(super) async fn outcome(self) -> Outcome {
        in_time(self.login).await.expect("no panic")
    }
}

/// A client that trusts the proxy's own authority.
pub(super) fn client(authority: &LocalAuthority, strict: bool) -> ClientConfig {
    let root = rustls::pki_types::CertificateDer::from_pem_slice(authority.ca_pem().as_bytes());
    let mut roots = RootCertStore::empty();
    roots.add(root.unwrap()).unwrap();
    let versions = if strict {
        rustls::ALL_VERSIONS
    } else {
        tls::IN_PACKETS
    };
    let mut client = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    if strict {
        client.alpn_protocols = vec![b"tds/8.0".to_vec()];
    }
    client
}

impl Visit {
    /// Wraps the connection in TLS around everything.
    pub(super) async fn with_strict_tls(self) -> Visit<impl Stream> {
        let Self { app, rest } = self;
        let client = tokio_rustls::TlsConnector::from(Arc::new(client(&rest.authority, true)));
        let name = ServerName::try_from("localhost").unwrap();
        let app = client.connect(name, app).await.expect("TLS with the proxy");
        Visit { app, rest }
    }

    /// Wraps the connection in TLS whose handshake goes inside such packets.
    pub(super) async fn with_tls<F: Framing>(self) -> Visit<impl Stream> {
        let Self { app, rest } = self;
        let client = Arc::new(client(&rest.authority, false));
        let name = ServerName::try_from("localhost").unwrap();
        let app = in_packets::connect::<F, _>(client, name, Leg::new(app)).await;
        let app = app.expect("TLS with the proxy");
        Visit { app, rest }
    }
}

impl Visit {
    /// Says LOGIN7 in TLS, and takes TLS off behind it.
    pub(super) async fn say_login_in_tls(self, login: &[u8]) -> Self {
        let mut message = Vec::new();
        push_message(kind::LOGIN7, 0, login, &mut message);
        self.say_in_tls(&message).await
    }

    /// The same of these bytes.
    pub(super) async fn say_in_tls(self, bytes: &[u8]) -> Self {
        let Self { app, rest } = self;
        let client = Arc::new(client(&rest.authority, false));
        let name = ServerName::try_from("localhost").unwrap();
        let tls = in_packets::connect::<InPrelogin, _>(client, name, Leg::new(app)).await;
        let mut tls = tls.expect("TLS with the proxy");
        tls.write_all(bytes).await.unwrap();
        tls.flush().await.unwrap();
        let app = tls.into_inner().0;
        Self { app, rest }
    }
}

impl<S: Stream> Visit<S> {
    pub(super) async fn say(&mut self, kind: u8, payload: &[u8]) {
        let mut message = Vec::new();
        push_message(kind, 0, payload, &mut message);
        self.app.write_all(&message).await.unwrap();
        self.app.flush().await.unwrap();
    }

    /// The payload of the next answer.
    pub(super) async fn hear(&mut self) -> Vec<u8> {
        hear(&mut self.app).await
    }

    /// Asks with PRELOGIN.
    pub(super) async fn prelogin(&mut self, encryption: Encryption, mars: bool) -> Prelogin {
        let asked = Prelogin {
            encryption: Some(encryption),
            mars: Some(mars),
            trace_id: None,
            fed_auth_required: None,
        };
        let mut payload = Vec::new();
        asked.encode_request(&mut payload);
        self.say(kind::PRELOGIN, &payload).await;
        Prelogin::parse(&self.hear().await).unwrap()
    }

    /// PRELOGIN without encryption, and a login.
    pub(super) async fn log_in(&mut self) {
        self.prelogin(Encryption::Off, false).await;
        self.say(kind::LOGIN7, &app_login("sa", "orders")).await;
    }

    /// The number and the text of the error that the app reads, and nothing behind it.
    pub(super) async fn error(&mut self) -> (u32, String) {
        let payload = self.hear().await;
        let mut after = Vec::new();
        // Over TLS the end is bare, as SQL Server's.
        let _ = in_time(self.app.read_to_end(&mut after)).await;
        assert!(after.is_empty(), "nothing behind the error");
        error_in(&payload)
    }
}

/// The payload of the next answer.
pub(super) async fn hear<S: Stream>(app: &mut S) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let mut header = [0; Header::LEN];
        in_time(app.read_exact(&mut header)).await.unwrap();
        let header = Header::parse(header).unwrap();
        assert_eq!(header.kind, kind::RESPONSE);
        let mut payload = vec![0; header.payload()];
        in_time(app.read_exact(&mut payload)).await.unwrap();
        all.extend_from_slice(&payload);
        if header.is_last() {
            return all;
        }
    }
}

/// The first error of an answer in the widths of 7.2 and later.
pub(super) fn error_in(payload: &[u8]) -> (u32, String) {
    let reports = StreamTokens::of(payload, Width::Wide).map(|token| token.unwrap());
    let mut errors = reports.filter_map(|token| match token {
        StreamToken::Report(Report {
            is_error: true,
            number,
            message,
            ..
        }) => Some((number, from_utf16(message))),
        _ => None,
    });
    errors.next().expect("an error")
}

/// That an answer is this error of the upstream's, and behind it a remark of ours, which is no error.
#[track_caller]
pub(super) fn assert_remarked(payload: &[u8], number: u32, text: &str) -> String {
    let reports = StreamTokens::of(payload, Width::Wide).filter_map(|token| match token.unwrap() {
        StreamToken::Report(report) => Some(report),
        _ => None,
    });
    let [error, remark] = <[Report<'_>; 2]>::try_from(reports.collect::<Vec<_>>()).unwrap();
    assert!(error.is_error);
    assert_eq!(
        (error.number, from_utf16(error.message)),
        (number, text.to_owned())
    );
    let said = from_utf16(remark.message);
    assert!(
        !remark.is_error && said.starts_with("azdb-proxy: "),
        "{said}"
    );
    said
}
