//! An app that speaks TDS by itself, in the version that it is told and in no other: one of 7.1 is translated, one of 7.4 is not.
//!
//! It has nothing of the proxy's codec, and reads no more than it must to know that all has come.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::way::Way;

/// Kinds of packets.
mod packet {
    pub(super) const BATCH: u8 = 0x01;
    pub(super) const RPC: u8 = 0x03;
    pub(super) const LOGIN7: u8 = 0x10;
    pub(super) const PRELOGIN: u8 = 0x12;
}

const HEADER: usize = 8;
/// What both versions ask for.
const PACKET_SIZE: u32 = 4096;
/// The first tokens of the last words of an answer: DONE, DONEPROC.
const DONES: [u8; 2] = [0xfd, 0xfe];
/// Status of those: something went wrong.
const ERROR: u8 = 0x02;
/// Status of those: the count of rows stands for something.
const COUNT: u8 = 0x10;
const LOGINACK: u8 = 0xad;
/// Headers of a request from 7.2 on: no transaction, one request at a time.
const ALL_HEADERS: [u8; 22] = [
    22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
];
/// sp_executesql with a text and the declaration of its parameters.
const EXECUTE: [u8; 6] = [0xff, 0xff, 10, 0, 0, 0];

/// What a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V7_1,
    V7_4,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V7_1 => "7.1",
            Self::V7_4 => "7.4",
        }
    }

    /// As LOGIN7 has it, and as LOGINACK does.
    fn numbers(self) -> ([u8; 4], [u8; 4]) {
        match self {
            Self::V7_1 => ([0x01, 0, 0, 0x71], [0x71, 0, 0, 0x01]),
            Self::V7_4 => ([0x04, 0, 0, 0x74], [0x74, 0, 0, 0x04]),
        }
    }

    /// What a request begins with.
    fn headers(self) -> &'static [u8] {
        match self {
            Self::V7_1 => &[],
            Self::V7_4 => &ALL_HEADERS,
        }
    }

    /// Bytes of a DONE with its token.
    fn done(self) -> usize {
        match self {
            Self::V7_1 => 9,
            Self::V7_4 => 13,
        }
    }
}

/// A session.
pub(super) struct Reader {
    stream: BufReader<TcpStream>,
    version: Version,
    packet: Vec<u8>,
}

/// What an answer came to.
struct Answer {
    /// Where one DONE tells it.
    rows: Option<u64>,
    /// Its last packet.
    last: Vec<u8>,
}

impl Reader {
    /// Logs in, in the clear, with any password.
    pub(super) async fn connect(way: &Way, version: Version) -> anyhow::Result<Self> {
        let at = (Ipv4Addr::LOCALHOST, way.address.port());
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let mut reader = Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            version,
            packet: Vec::new(),
        };
        reader.say(packet::PRELOGIN, &prelogin()).await?;
        reader.read(|_| ()).await?;
        reader.say(packet::LOGIN7, &login(version)).await?;
        let granted = reader.hear().await?.last;
        let (_, number) = version.numbers();
        let acks = granted.windows(8).any(|ack| {
            // The token, its length, the interface, the version.
            matches!(ack, [LOGINACK, _, _, _, granted @ ..] if granted == number)
        });
        anyhow::ensure!(acks, "not granted {}: {granted:02x?}", version.name());
        Ok(reader)
    }

    /// Runs a batch that gives one result, and counts its rows.
    pub(super) async fn batch(&mut self, sql: &str) -> anyhow::Result<u64> {
        let mut body = self.version.headers().to_vec();
        body.extend(utf16(sql));
        self.say(packet::BATCH, &body).await?;
        let rows = self.hear().await?.rows;
        rows.context("an answer without a count of rows")
    }

    /// A select of one row by its key, as drivers with parameters have it.
    pub(super) async fn select(&mut self) -> anyhow::Result<()> {
        let mut body = self.version.headers().to_vec();
        body.extend(EXECUTE);
        for text in ["select name from products where id = @P1", "@P1 int"] {
            let text = utf16(text);
            let length = u16::try_from(text.len())?.to_le_bytes();
            // No name, no status, nvarchar(4000) of Latin1_General, case-insensitive.
            body.extend([0, 0, 0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34]);
            body.extend(length);
            body.extend(text);
        }
        body.push(3);
        body.extend(utf16("@P1"));
        body.extend([0, 0x26, 4, 4, 3, 0, 0, 0]);
        self.say(packet::RPC, &body).await?;
        self.hear().await?;
        Ok(())
    }

    /// One message of one packet.
    async fn say(&mut self, kind: u8, body: &[u8]) -> anyhow::Result<()> {
        let length = u16::try_from(HEADER + body.len())?;
        let [high, low] = length.to_be_bytes();
        let mut message = vec![kind, 1, high, low, 0, 0, 1, 0];
        message.extend(body);
        self.stream.get_mut().write_all(&message).await?;
        Ok(())
    }

    /// Reads an answer, and looks how it ends.
    async fn hear(&mut self) -> anyhow::Result<Answer> {
        let mut last = Vec::new();
        // A DONE may be cut between two packets.
        let mut end = Vec::new();
        let done = self.version.done();
        self.read(|packet| {
            end.extend_from_slice(&packet[packet.len().saturating_sub(done)..]);
            end.drain(..end.len().saturating_sub(done));
            last.clear();
            last.extend_from_slice(packet);
        })
        .await?;
        let [token, status, _, _, _, count @ ..] = end.as_slice() else {
            anyhow::bail!("an answer of {} bytes", end.len());
        };
        let is_fine = DONES.contains(token) && status & ERROR == 0;
        anyhow::ensure!(is_fine, "refused: {}", String::from_utf8_lossy(&last));
        let mut rows = [0; 8];
        rows.iter_mut()
            .zip(count)
            .for_each(|(to, byte)| *to = *byte);
        let rows = (status & COUNT != 0).then_some(u64::from_le_bytes(rows));
        Ok(Answer { rows, last })
    }

    /// Shows the packets of a message, one after the other.
    async fn read(&mut self, mut show: impl FnMut(&[u8])) -> anyhow::Result<()> {
        loop {
            let mut header = [0; HEADER];
            self.stream.read_exact(&mut header).await?;
            let [_, status, high, low, ..] = header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let body = length.checked_sub(HEADER).context("a short packet")?;
            self.packet.resize(body, 0);
            self.stream.read_exact(&mut self.packet).await?;
            show(&self.packet);
            if status & 1 != 0 {
                return Ok(());
            }
        }
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// VERSION, ENCRYPTION (none), INSTOPT, THREADID, MARS (no).
fn prelogin() -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [
        (0, &[12, 0, 0, 0, 0, 0]),
        (1, &[2]),
        (2, &[0]),
        (3, &[0, 0, 0, 1]),
        (4, &[0]),
    ];
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (option, value) in options {
        let offset = options.len() * 5 + 1 + data.len();
        table.extend([option, 0, low(offset), 0, low(value.len())]);
        data.extend(value);
    }
    table.push(0xff);
    [table, data].concat()
}

/// LOGIN7 with a user, a password and a database; what is empty stands nowhere.
fn login(version: Version) -> Vec<u8> {
    const FIXED: usize = 36;
    // Seven texts, a place of nothing, the language and the database; the machine; SSPI and the file.
    let texts = [
        "bench",
        "anyone",
        "any password",
        "azdb-bench",
        "localhost",
        "",
        "reader",
        "",
        "shop",
    ];
    const MACHINE: [u8; 6] = [2, 0, 0, 0, 0, 1];
    let table = texts.len() * 4 + MACHINE.len() + 2 * 4;
    // From 7.2 on: a new password, and the long length of SSPI.
    let more = match version {
        Version::V7_1 => 0,
        Version::V7_4 => 8,
    };
    let (mut places, mut data) = (Vec::new(), Vec::new());
    let first = FIXED + table + more;
    for (at, text) in texts.iter().enumerate() {
        let (mut text, offset) = (utf16(text), first + data.len());
        if at == 2 {
            text.iter_mut()
                .for_each(|byte| *byte = byte.rotate_left(4) ^ 0xa5);
        }
        places.extend([low(offset), high(offset), low(text.len() / 2), 0]);
        data.extend(text);
    }
    places.extend(MACHINE);
    let end = first + data.len();
    places.extend([[low(end), high(end), 0, 0]; 2].concat());
    places.extend([low(end), high(end), 0, 0, 0, 0, 0, 0].iter().take(more));
    let (number, _) = version.numbers();
    let mut login = Vec::new();
    for word in [
        u32::try_from(end).unwrap_or_default().to_le_bytes(),
        number,
        PACKET_SIZE.to_le_bytes(),
        [7, 0, 0, 0],
        std::process::id().to_le_bytes(),
        [0; 4],
        // USE_DB and SET_LANG fatal or told; ODBC; no more.
        [0xe0, 0x03, 0, 0],
        [0; 4],
        [9, 4, 0, 0],
    ] {
        login.extend(word);
    }
    [login, places, data].concat()
}

fn low(number: usize) -> u8 {
    u8::try_from(number & 0xff).unwrap_or_default()
}

fn high(number: usize) -> u8 {
    low(number >> 8)
}
