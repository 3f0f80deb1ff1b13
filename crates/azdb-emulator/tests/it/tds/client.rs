//! A TDS client made of bytes: it can do what drivers never would.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use azdb_emulator::{Emulator, EmulatorOptions, SQL_AUDIENCE, TdsOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::runtime::Runtime;

use crate::support::identity;

pub(super) const PRELOGIN: u8 = 0x12;
pub(super) const LOGIN7: u8 = 0x10;
pub(super) const BATCH: u8 = 0x01;

/// An emulator and what it runs on; the client beside it blocks.
pub(super) struct Azure {
    pub(super) emulator: Emulator,
    _runtime: Runtime,
}

impl Azure {
    pub(super) fn new() -> Self {
        Self::with(TdsOptions::default())
    }

    pub(super) fn with(tds: TdsOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = EmulatorOptions {
            tds,
            ..EmulatorOptions::default()
        };
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        Self::of(emulator, runtime)
    }

    pub(super) fn of(emulator: Emulator, runtime: Runtime) -> Self {
        Self {
            emulator,
            _runtime: runtime,
        }
    }

    pub(super) fn token(&self) -> String {
        let issuer = self.emulator.issuer();
        let token = issuer.issue(identity(&self.emulator), SQL_AUDIENCE);
        token.unwrap().access_token
    }
}

/// A LOGIN7 to be written.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) version: u32,
    pub(super) flags2: u8,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) server: String,
    pub(super) token: Option<String>,
    pub(super) echo: bool,
}

impl Login {
    /// The login that Azure lets in.
    pub(super) fn good(token: String) -> Self {
        Self {
            version: 0x7400_0004,
            flags2: 0,
            user: String::new(),
            password: String::new(),
            server: "localhost".to_owned(),
            token: Some(token),
            echo: true,
        }
    }

    /// A login with a password.
    pub(super) fn password(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            token: None,
            ..Self::good(String::new())
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let password = utf16(&self.password).into_iter();
        let password = password.map(|byte| byte.rotate_left(4) ^ 0xa5).collect();
        let (user, server) = (utf16(&self.user), utf16(&self.server));
        let mut pairs = Vec::new();
        let mut values = Vec::new();
        let put = |pairs: &mut Vec<u8>, values: &mut Vec<u8>, value: &[u8], unit: usize| {
            pairs.extend(u16::try_from(94 + values.len()).unwrap().to_le_bytes());
            pairs.extend(u16::try_from(value.len() / unit).unwrap().to_le_bytes());
            values.extend_from_slice(value);
        };
        for field in &[utf16("test"), user, password, utf16("tests"), server] {
            put(&mut pairs, &mut values, field, 2);
        }
        let extension_at = values.len();
        put(&mut pairs, &mut values, &[0; 4], 1);
        for field in ["raw", "", "shop"] {
            put(&mut pairs, &mut values, &utf16(field), 2);
        }
        pairs.extend([0; 6]);
        for _ in 0..3 {
            put(&mut pairs, &mut values, &[], 1);
        }
        pairs.extend([0; 4]);
        let features_at = u32::try_from(94 + values.len()).unwrap();
        values[extension_at..extension_at + 4].copy_from_slice(&features_at.to_le_bytes());
        if let Some(token) = &self.token {
            let token = utf16(token);
            let length = u32::try_from(token.len()).unwrap();
            values.push(2);
            values.extend((length + 5).to_le_bytes());
            values.push(2 | u8::from(self.echo));
            values.extend(length.to_le_bytes());
            values.extend(token);
        }
        values.push(0xff);
        let total = u32::try_from(94 + values.len()).unwrap();
        let mut login = Vec::new();
        for number in [total, self.version, 4096, 7, 1, 0] {
            login.extend(number.to_le_bytes());
        }
        login.extend([0xe0, self.flags2, 0, 0x10]);
        login.extend([0; 8]);
        login.extend(pairs);
        login.extend(values);
        login
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// One packet.
pub(super) fn packet(kind: u8, last: bool, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 8).unwrap().to_be_bytes();
    let header = [kind, u8::from(last), length[0], length[1], 0, 0, 1, 0];
    [&header[..], data].concat()
}

/// The packets of a message.
pub(super) fn packets(kind: u8, data: &[u8], size: usize) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = data.chunks(size - 8).collect();
    let last = chunks.len() - 1;
    let numbered = chunks.iter().enumerate();
    numbered
        .map(|(at, chunk)| packet(kind, at == last, chunk))
        .collect()
}

/// A batch of SQL with the header that TDS 7.2 and later want.
pub(super) fn batch(sql: &str) -> Vec<u8> {
    let mut data = vec![22, 0, 0, 0, 18, 0, 0, 0, 2, 0];
    data.extend([0; 8]);
    data.extend([1, 0, 0, 0]);
    data.extend(utf16(sql));
    data
}

/// A PRELOGIN with this ENCRYPTION byte that asks whether FEDAUTH is required.
pub(super) fn prelogin(encryption: u8) -> Vec<u8> {
    // VERSION, ENCRYPTION, MARS and FEDAUTHREQUIRED: token, offset and length of each.
    let table = [
        [0, 0, 21, 0, 6],
        [1, 0, 27, 0, 1],
        [4, 0, 28, 0, 1],
        [6, 0, 29, 0, 1],
    ];
    let values = [0, 0, 0, 0, 0, 0, encryption, 0, 1];
    [table.as_flattened(), &[0xff], &values].concat()
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// A connection.
pub(super) struct Client {
    tcp: TcpStream,
    /// TLS over it, once that is there.
    stream: Box<dyn Stream>,
}

impl Client {
    pub(super) fn connect(azure: &Azure) -> Self {
        let tcp = TcpStream::connect(azure.emulator.tds().address()).unwrap();
        let stream = Box::new(tcp.try_clone().unwrap());
        Self { tcp, stream }
    }

    /// PRELOGIN and TLS, as Azure wants them.
    pub(super) fn encrypted(azure: &Azure) -> Self {
        Self::encrypted_for(azure, "localhost")
    }

    /// The same with this server name in TLS.
    pub(super) fn encrypted_for(azure: &Azure, name: &'static str) -> Self {
        let mut client = Self::connect(azure);
        client.send(&packet(PRELOGIN, true, &prelogin(1)));
        let (kind, _) = client.message().unwrap();
        assert_eq!(kind, 4);
        let mut tls = ClientConnection::new(config(azure), name.try_into().unwrap()).unwrap();
        while tls.is_handshaking() || tls.wants_write() {
            let mut flight = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut flight).unwrap();
            }
            client.send(&packet(PRELOGIN, true, &flight));
            let (kind, answer) = client.message().unwrap();
            assert_eq!(kind, PRELOGIN);
            let mut answer = answer.as_slice();
            while !answer.is_empty() {
                tls.read_tls(&mut answer).unwrap();
                tls.process_new_packets().unwrap();
            }
        }
        client.stream = Box::new(StreamOwned::new(tls, client.tcp.try_clone().unwrap()));
        client
    }

    /// One that has logged in.
    pub(super) fn admitted(azure: &Azure) -> Self {
        let mut client = Self::encrypted(azure);
        client.log_in(&Login::good(azure.token())).unwrap();
        client
    }

    /// Sends bytes: one TLS record where there is TLS.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub(super) fn log_in(&mut self, login: &Login) -> io::Result<(u8, Vec<u8>)> {
        for packet in packets(LOGIN7, &login.encode(), 4096) {
            self.send(&packet);
        }
        self.message()
    }

    pub(super) fn ask(&mut self, sql: &str) -> io::Result<(u8, Vec<u8>)> {
        self.send(&packet(BATCH, true, &batch(sql)));
        self.message()
    }

    /// The next message: its type and data. An error when the server has hung up.
    pub(super) fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut data = Vec::new();
        loop {
            let mut header = [0; 8];
            self.stream.read_exact(&mut header)?;
            let [kind, status, high, low, ..] = header;
            let before = data.len();
            data.resize(before + usize::from(u16::from_be_bytes([high, low])) - 8, 0);
            self.stream.read_exact(&mut data[before..])?;
            if status & 1 != 0 {
                return Ok((kind, data));
            }
        }
    }

    /// The server hangs up without a word.
    pub(super) fn assert_dropped(&mut self) {
        let answer = self.message();
        assert!(answer.is_err(), "{answer:?}");
    }
}

/// TLS 1.2, which is all that fits into PRELOGIN packets.
fn config(azure: &Azure) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(azure.emulator.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Number and text of the first error of a response.
pub(super) fn told(response: &(u8, Vec<u8>)) -> (u32, String) {
    let (_, data) = response;
    assert_eq!(data[0], 0xaa, "no error: {data:02x?}");
    let number = u32::from_le_bytes(data[3..7].try_into().unwrap());
    let chars = usize::from(u16::from_le_bytes([data[9], data[10]]));
    let units = data[11..11 + chars * 2].chunks(2);
    let units: Vec<u16> = units
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    (number, String::from_utf16(&units).unwrap())
}

/// Whether a response has this token byte, followed by these bytes, anywhere.
pub(super) fn has(response: &(u8, Vec<u8>), bytes: &[u8]) -> bool {
    response
        .1
        .windows(bytes.len())
        .any(|window| window == bytes)
}
