//! Sessions of SQL Server whose handshakes go inside packets, on both legs, and the records behind them.
//!
//! A script says how each flight of a handshake is put into packets, and behind the login how what an app says is put into
//! records. As long as it keeps to what drivers and servers may do, the app must be let in, its packets must come out whole and
//! each in a record of its own, and the answers as they were. Where it does not, both sides must come to an end.

mod side;

use std::cell::{Cell, LazyCell};
use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;

use super::house::House;
use super::script::Script;
use side::{ANSWER, PACKET, PRELOGIN, Side, Speaker, records, tds_packet};

/// Bytes that either side says at most.
const MOST: usize = 1 << 20;

struct Place {
    house: House,
    app: Arc<ClientConfig>,
    database: Arc<ServerConfig>,
    _roots: NamedTempFile,
}

thread_local! {
    static PLACE: LazyCell<Place> = LazyCell::new(Place::new);
}

impl Place {
    fn new() -> Self {
        let versions = &[&rustls::version::TLS12];
        let signed =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let roots = NamedTempFile::new().expect("a file");
        std::fs::write(roots.path(), signed.cert.pem()).expect("room");
        let key =
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
        let database = ServerConfig::builder_with_provider(default_provider().into())
            .with_protocol_versions(versions)
            .expect("TLS 1.2")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("a certificate");
        let keys = format!("local_tls=auto&upstream_ca_file={}", roots.path().display());
        let house = House::new(&["tds"], &keys);
        let mut trusted = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(house.authority().as_bytes());
        trusted.add(authority.expect("PEM")).expect("an authority");
        let mut app = ClientConfig::builder_with_provider(default_provider().into())
            .with_protocol_versions(versions)
            .expect("TLS 1.2")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        app.resumption = rustls::client::Resumption::disabled();
        Self {
            house,
            app: Arc::new(app),
            database: Arc::new(database),
            _roots: roots,
        }
    }
}

/// Plays a script: how the app's flights go, how the database's, and what is said behind the login.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let flights = script.next().unwrap_or(0);
    let app_flights = script.bytes(usize::from(flights & 0x0f));
    let database_flights = script.bytes(usize::from(flights >> 4));
    let says = Says::of(&mut script);
    let honest = Cell::new(says.honest);
    PLACE.with(|place| {
        let (app, database) = place.house.play(
            0,
            async |stream| {
                let mut side = Side::new(Speaker::App, stream, app_flights, &honest);
                side.app(&place.app, &says).await.unwrap_or_default()
            },
            async |stream| {
                let mut side = Side::new(Speaker::Database, stream, database_flights, &honest);
                side.database(&place.database, &says)
                    .await
                    .unwrap_or_default()
            },
        );
        if honest.get() {
            let heard = database.expect("a login");
            assert_eq!(heard.len(), says.packets.len(), "records");
            assert!(
                heard == says.packets,
                "a record that is no packet of the app's"
            );
            assert!(app.concat().ends_with(&says.answers), "the answers");
        }
    });
}

/// What is said when both handshakes are over.
struct Says {
    /// The app's packets, each of which must be in a record of its own in the end.
    packets: Vec<Vec<u8>>,
    /// Bytes in each of the app's own records, over and over.
    cuts: Vec<usize>,
    answers: Vec<u8>,
    /// Bytes that either side sends behind it all, and not in a record.
    noise: [Vec<u8>; 2],
    honest: bool,
}

impl Says {
    fn of(script: &mut Script<'_>) -> Self {
        const KINDS: [u8; 4] = [0x01, 0x03, 0x07, 0x0e];
        let mut says = Self {
            packets: Vec::new(),
            cuts: Vec::new(),
            answers: Vec::new(),
            noise: [Vec::new(), Vec::new()],
            honest: true,
        };
        let mut left = MOST;
        while let Some(what) = script.next() {
            let bits = usize::from(what >> 3);
            let mut packet = |kind, status, length: usize| {
                let length = length.clamp(8, PACKET).min(left.max(8));
                left -= length.min(left);
                tds_packet(kind, status, &vec![what; length - 8])
            };
            match what & 0x07 {
                0 => says
                    .packets
                    .push(packet(KINDS[bits & 0x03], what >> 7, 8 + bits)),
                1 => says
                    .packets
                    .push(packet(KINDS[bits & 0x03], what >> 7, script.number())),
                2 => says.cuts.push(bits + 1),
                3 => says.cuts.push(script.number() + 1),
                4 | 5 => says
                    .answers
                    .extend(packet(ANSWER, what >> 7, script.number())),
                6 => {
                    // A packet that is none, or one that nobody may send.
                    says.honest = false;
                    says.packets.push(script.bytes(bits).to_vec());
                }
                _ => {
                    says.honest = false;
                    says.noise[bits & 1].extend_from_slice(script.bytes(bits));
                }
            }
        }
        says
    }
}

impl Side<'_, DuplexStream> {
    /// Asks for TLS, logs in and says what there is to say. What it hears behind the login, record by record.
    async fn app(&mut self, config: &Arc<ClientConfig>, says: &Says) -> io::Result<Vec<Vec<u8>>> {
        const ASKS: &[u8] = b"\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x10\0\0\0\0\0\x01";
        self.stream
            .write_all(&tds_packet(PRELOGIN, 1, ASKS))
            .await?;
        self.packet().await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::clone(config), name);
        let mut tls = tls.map_err(io::Error::other)?;
        self.shake(&mut tls).await?;

        let (mut login, at) = (vec![0; 94], 94_u16.to_le_bytes());
        login[..20].copy_from_slice(b"\x5e\0\0\0\x04\0\0\x74\0\x10\0\0\0\0\0\0\0\0\0\0");
        login[24] = 0xe0;
        login[25] = 0x03;
        for place in (36..72).step_by(4).chain([78, 82, 86]) {
            login[place..place + 2].copy_from_slice(&at);
        }
        let login = records(&mut tls, &tds_packet(0x10, 1, &login), &says.cuts);
        self.stream.write_all(&login).await?;
        // An app that leaves before its answer is no session.
        let mut heard = vec![self.record(&mut tls).await?];
        let mut sent = records(&mut tls, &says.packets.concat(), &says.cuts);
        sent.extend_from_slice(&says.noise[0]);
        heard.extend(self.talk(&mut tls, sent).await?);
        Ok(heard)
    }
}

impl Side<'_, TcpStream> {
    /// Agrees to TLS, lets whoever logs in come in, and answers. What it hears behind the login, record by record.
    async fn database(
        &mut self,
        config: &Arc<ServerConfig>,
        says: &Says,
    ) -> io::Result<Vec<Vec<u8>>> {
        const AGREES: &[u8] =
            b"\0\0\x10\0\x06\x01\0\x16\0\x01\x06\0\x17\0\x01\xff\x10\0\0\0\0\0\x01\0";
        const LETS_IN: &[u8] =
            b"\xad\x0a\0\x01\x74\0\0\x04\0\x10\0\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0";
        self.packet().await?;
        self.stream
            .write_all(&tds_packet(ANSWER, 1, AGREES))
            .await?;
        let tls = ServerConnection::new(Arc::clone(config));
        let mut tls = tls.map_err(io::Error::other)?;
        self.shake(&mut tls).await?;
        self.record(&mut tls).await?;
        let said = records(&mut tls, &tds_packet(ANSWER, 1, LETS_IN), &[]);
        self.stream.write_all(&said).await?;
        let mut sent = records(&mut tls, &says.answers, &[]);
        sent.extend_from_slice(&says.noise[1]);
        self.talk(&mut tls, sent).await
    }
}
