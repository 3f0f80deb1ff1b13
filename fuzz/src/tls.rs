//! TLS of both legs behind the login, with peers who keep to it or do not.
//!
//! A script says what an app and a database say: messages, new keys, and how their records are cut; or a bit that is another, a
//! record once more, and bytes that are no record. As long as both are honest, each hears all that the other one said. Whoever is
//! not is broken with, and nobody hears anything else than what was said to him.

use std::cell::LazyCell;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion, version,
};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::house::House;
use super::script::Script;

/// Bytes that either side says at most.
const MOST: usize = 1 << 20;

/// Pieces that what a side says comes in at most.
const PIECES: usize = 300;

const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const STARTUP: &[u8] = b"\0\0\0\x15\0\x03\0\0user\0anyone\0\0";
const ADMITTED: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
const READY: &[u8] = b"Z\0\0\0\x05I";

struct Place {
    house: House,
    apps: [Arc<ClientConfig>; 2],
    databases: [Arc<ServerConfig>; 2],
    _roots: NamedTempFile,
}

thread_local! {
    static PLACE: LazyCell<Place> = LazyCell::new(Place::new);
}

impl Place {
    fn new() -> Self {
        let signed =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let roots = NamedTempFile::new().expect("a file");
        std::fs::write(roots.path(), signed.cert.pem()).expect("room");
        let keys = format!("local_tls=auto&upstream_ca_file={}", roots.path().display());
        let house = House::new(&["postgres"], &keys);
        let mut trusted = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(house.authority().as_bytes());
        trusted.add(authority.expect("PEM")).expect("an authority");
        let app = |version: &'static SupportedProtocolVersion| {
            let builder = ClientConfig::builder_with_provider(default_provider().into())
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_root_certificates(trusted.clone());
            Arc::new(builder.with_no_client_auth())
        };
        let key = signed.signing_key.serialize_der();
        let database = |version: &'static SupportedProtocolVersion| {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
            let builder = ServerConfig::builder_with_provider(default_provider().into())
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_no_client_auth();
            let config = builder.with_single_cert(vec![signed.cert.der().clone()], key);
            Arc::new(config.expect("a certificate"))
        };
        Self {
            apps: [app(&version::TLS13), app(&version::TLS12)],
            databases: [database(&version::TLS13), database(&version::TLS12)],
            house,
            _roots: roots,
        }
    }
}

/// Plays a script.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let versions = script.next().unwrap_or(0);
    let [app_says, database_says] = says(&mut script);
    let honest = app_says.is_honest && database_says.is_honest;
    let [from_app, from_database] = [app_says.plain(), database_says.plain()];
    PLACE.with(|place| {
        let (app, database) = place.house.play(
            0,
            async |stream| {
                let config = Arc::clone(&place.apps[usize::from(versions & 1)]);
                let name = ServerName::try_from("localhost").expect("a name");
                let tls = ClientConnection::new(config, name)
                    .expect("a client")
                    .into();
                let mut side = Side { stream, tls };
                match side.app_in().await {
                    Ok(heard) => {
                        let enough = honest.then_some(from_database.len());
                        side.talk(&app_says, heard, enough).await
                    }
                    // The flaw may come with the login's last word.
                    Err(error) => {
                        assert!(!honest, "{error}");
                        Vec::new()
                    }
                }
            },
            async |stream| {
                let config = Arc::clone(&place.databases[usize::from(versions >> 1 & 1)]);
                let tls = ServerConnection::new(config).expect("a server").into();
                let mut side = Side { stream, tls };
                side.database_in().await.expect("a login");
                side.talk(&database_says, Vec::new(), honest.then_some(from_app.len()))
                    .await
            },
        );
        let database = database.expect("a login");
        if honest {
            assert!(app.starts_with(&from_database), "what the app heard");
            assert!(database.starts_with(&from_app), "what the database heard");
        }
        // Words of ours come between two messages, or not at all.
        assert_beginning(&app, &from_database, b'E');
        assert_beginning(&database, &from_app, b'X');
    });
}

/// That somebody heard the beginning of what was said, and then perhaps a message of this kind.
fn assert_beginning(heard: &[u8], said: &[u8], word: u8) {
    let same = heard.iter().zip(said).take_while(|(a, b)| a == b).count();
    let rest = &heard[same..];
    assert!(rest.is_empty() || rest[0] == word, "heard what nobody said");
}

enum Act {
    Says(Vec<u8>),
    NewKeys,
    /// What is said from here on is in records of at most so many bytes.
    Records(usize),
    /// Of the last record.
    Flips(usize),
    Repeats,
    Raw(Vec<u8>),
}

/// What one side says.
struct Says {
    acts: Vec<Act>,
    /// Bytes of each write, over and over.
    cuts: Vec<usize>,
    is_honest: bool,
}

impl Says {
    fn plain(&self) -> Vec<u8> {
        let said = self.acts.iter().filter_map(|act| match act {
            Act::Says(message) => Some(&message[..]),
            _ => None,
        });
        said.collect::<Vec<_>>().concat()
    }
}

fn says(script: &mut Script<'_>) -> [Says; 2] {
    let new = || Says {
        acts: Vec::new(),
        cuts: Vec::new(),
        is_honest: true,
    };
    let (mut both, mut left) = ([new(), new()], MOST);
    while let Some(what) = script.next() {
        let side = &mut both[usize::from(what >> 7)];
        let bits = usize::from(what >> 3 & 0x0f);
        let mut message = |length: usize| {
            let length = length.min(left);
            left -= length;
            let [a, b, c, d] = u32::try_from(length + 4)
                .expect("it is short")
                .to_be_bytes();
            let filling = (0..length).map(|at| at.to_le_bytes()[0] ^ what);
            Act::Says([b'd', a, b, c, d].into_iter().chain(filling).collect())
        };
        let act = match what & 0x07 {
            0 => message(bits),
            1 => message(script.number()),
            2 => Act::NewKeys,
            3 => Act::Records(script.number() + 1),
            4 => {
                side.cuts.push(bits * bits * bits + 1);
                continue;
            }
            5 => Act::Flips(script.number()),
            6 => Act::Repeats,
            _ => Act::Raw(script.bytes(bits + 1).to_vec()),
        };
        let is_honest = !matches!(act, Act::Flips(_) | Act::Repeats | Act::Raw(_));
        side.is_honest &= is_honest;
        side.acts.push(act);
    }
    // rustls has enough of so many without any data.
    for side in &mut both {
        let mut in_a_row = side.acts.split(|act| matches!(act, Act::Says(_)));
        let keys = |acts: &[Act]| {
            acts.iter()
                .filter(|act| matches!(act, Act::NewKeys))
                .count()
        };
        side.is_honest &= in_a_row.all(|acts| keys(acts) < 32);
    }
    both
}

/// A side, and its own TLS.
struct Side<S> {
    stream: S,
    tls: Connection,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Side<S> {
    /// Logs in. What came behind it.
    async fn app_in(&mut self) -> io::Result<Vec<u8>> {
        self.stream.write_all(SSL_REQUEST).await?;
        assert_eq!(self.stream.read_u8().await?, b'S');
        let mut heard = Vec::new();
        self.shake(&mut heard).await?;
        self.say(STARTUP).await?;
        loop {
            if let Some(at) = heard.windows(READY.len()).position(|six| six == READY) {
                return Ok(heard.split_off(at + READY.len()));
            }
            self.hear(&mut heard).await?;
        }
    }

    async fn database_in(&mut self) -> io::Result<()> {
        let mut request = [0; 8];
        self.stream.read_exact(&mut request).await?;
        self.stream.write_all(b"S").await?;
        let mut startup = Vec::new();
        self.shake(&mut startup).await?;
        while startup.len() < 4
            || startup.len()
                < u32::from_be_bytes([startup[0], startup[1], startup[2], startup[3]]) as usize
        {
            self.hear(&mut startup).await?;
        }
        self.say(ADMITTED).await
    }

    /// Data may come with the end of it.
    async fn shake(&mut self, heard: &mut Vec<u8>) -> io::Result<()> {
        while self.tls.is_handshaking() || self.tls.wants_write() {
            let flight = written(&mut self.tls);
            self.stream.write_all(&flight).await?;
            if self.tls.is_handshaking() {
                self.hear(heard).await?;
            }
        }
        Ok(())
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(bytes)?;
        let records = written(&mut self.tls);
        self.stream.write_all(&records).await
    }

    /// Reads once, and adds what is in it.
    async fn hear(&mut self, heard: &mut Vec<u8>) -> io::Result<()> {
        hear(&mut self.stream, &mut self.tls, heard).await
    }

    /// Says it all, and listens until so much has come, or to the end. What it heard.
    async fn talk(mut self, says: &Says, mut heard: Vec<u8>, enough: Option<usize>) -> Vec<u8> {
        // rustls keeps 64 KiB for a caller to fetch, and a message may be longer.
        self.tls.set_buffer_limit(None);
        let records = self.records(says);
        let Self { stream, mut tls } = self;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let speaking = async {
            let (mut rest, mut cuts) = (&records[..], says.cuts.iter().cycle());
            let least = records.len() / PIECES + 1;
            while !rest.is_empty() {
                let cut = cuts.next().map_or(rest.len(), |cut| (*cut).max(least));
                let (now, later) = rest.split_at(cut.min(rest.len()));
                if writer.write_all(now).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
                rest = later;
            }
            if enough.is_none() {
                let _ = writer.shutdown().await;
            }
        };
        let listening = async {
            while enough.is_none_or(|enough| heard.len() < enough) {
                if hear(&mut reader, &mut tls, &mut heard).await.is_err() {
                    break;
                }
            }
            heard
        };
        tokio::join!(speaking, listening).1
    }

    /// What it says, as it goes over the wire.
    fn records(&mut self, says: &Says) -> Vec<u8> {
        let (mut all, mut last, mut most) = (Vec::new(), Vec::new(), usize::MAX);
        for act in &says.acts {
            match act {
                Act::Says(message) => {
                    for piece in message.chunks(most.max(message.len() / PIECES + 1)) {
                        self.tls.writer().write_all(piece).expect("memory");
                        last = written(&mut self.tls);
                        all.extend_from_slice(&last);
                    }
                }
                Act::NewKeys => {
                    // TLS 1.2 has none.
                    let _ = self.tls_new_keys();
                    all.extend(written(&mut self.tls));
                }
                Act::Records(length) => most = *length,
                Act::Flips(at) => {
                    let length = last.len().max(1);
                    let at = (at / 8 % length, at % 8);
                    let from = all.len() - last.len().min(all.len());
                    if let Some(byte) = all.get_mut(from + at.0) {
                        *byte ^= 1 << at.1;
                    }
                }
                Act::Repeats => all.extend_from_slice(&last),
                Act::Raw(bytes) => all.extend_from_slice(bytes),
            }
        }
        all
    }

    fn tls_new_keys(&mut self) -> Result<(), rustls::Error> {
        match &mut self.tls {
            Connection::Client(tls) => tls.refresh_traffic_keys(),
            Connection::Server(tls) => tls.refresh_traffic_keys(),
        }
    }
}

fn written(tls: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).expect("memory");
    }
    bytes
}

async fn hear(
    reader: &mut (impl AsyncRead + Unpin),
    tls: &mut Connection,
    heard: &mut Vec<u8>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    let count = reader.read(&mut bytes).await?;
    let mut rest = &bytes[..count];
    if rest.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    while !rest.is_empty() {
        if tls.read_tls(&mut rest)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        // The error is "no more for now".
        let _ = tls.reader().read_to_end(heard);
    }
    Ok(())
}
