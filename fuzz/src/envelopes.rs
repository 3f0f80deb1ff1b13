//! Sessions of MySQL whose app compresses. Its envelopes are made by the libraries themselves, and some of them lie.
//!
//! A script is a method, how writes are cut, and then what is done in turn: a command of the app's, an envelope with some of what
//! it has to say, a lie, an answer of the database's. As long as nobody lies, each side must hear exactly what the other has
//! said; and whatever an app does, what the database hears of it is what it said until then, and what the app hears is in
//! envelopes that are as long as they say.

use std::cell::LazyCell;
use std::io::{Read as _, Write as _};

use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;

use super::house::{House, converse};
use super::script::Script;

/// Bytes that either side has to say at most.
const MOST: usize = 300 << 10;

thread_local! {
    static HOUSE: LazyCell<House> = LazyCell::new(|| {
        House::new(&["mysql"], "local_tls=off&upstream_tls=off")
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Zlib,
    Zstd,
}

/// What happens in a session.
struct Play {
    method: Method,
    /// What the app says, in envelopes, and what of it is nobody's lie.
    app: Wire,
    /// What the database says.
    answers: Vec<u8>,
    /// How long a write of either side is, where that makes not too many of them.
    cuts: [usize; 2],
}

/// The app's side.
#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    /// What is in the envelopes in front of the first lie.
    said: Vec<u8>,
    /// What is to be put into envelopes yet.
    unsaid: Vec<u8>,
    number: u8,
    lied: bool,
    /// There is a command that the proxy answers itself, or that ends the session.
    special: bool,
}

/// Plays a script.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let play = Play::of(&mut script);
    let (heard_by_app, heard_by_database) = HOUSE.with(|house| {
        house.play(
            0,
            async |stream| app(stream, &play).await,
            async |stream| database(stream, &play).await,
        )
    });
    let heard_by_app = heard_by_app.expect("an honest login");
    let heard_by_database = heard_by_database.flatten().expect("an honest login");
    let (opened, rest) = opened(play.method, &heard_by_app);
    let wire = &play.app;
    if wire.special {
        return;
    }
    let both = wire.said.len().min(heard_by_database.len());
    assert!(
        wire.said[..both] == heard_by_database[..both],
        "the database hears something else"
    );
    assert!(
        opened.len() <= play.answers.len() && play.answers.starts_with(&opened),
        "the app hears something else"
    );
    if !wire.lied {
        assert_eq!(wire.said.len(), heard_by_database.len(), "bytes of the app");
        assert_eq!(play.answers.len(), opened.len(), "bytes of the database");
        assert!(rest.is_empty(), "half an envelope");
    }
}

impl Play {
    fn of(script: &mut Script<'_>) -> Self {
        const CUTS: [usize; 8] = [1, 2, 3, 7, 64, 1000, 16 * 1024, 1 << 20];
        let head = script.next().unwrap_or(0);
        let cut = |bits: u8| CUTS[usize::from(bits & 0x07)];
        let mut play = Self {
            method: if head & 1 == 0 {
                Method::Zlib
            } else {
                Method::Zstd
            },
            app: Wire::default(),
            answers: Vec::new(),
            cuts: [cut(head >> 1), cut(head >> 4)],
        };
        while let Some(what) = script.next() {
            play.act(what, script);
        }
        play.app.envelope(play.method, usize::MAX, what_fits);
        play
    }

    /// One thing more.
    fn act(&mut self, what: u8, script: &mut Script<'_>) {
        const COMMANDS: [u8; 6] = [0x03, 0x16, 0x17, 0x19, 0x0e, 0x02];
        let bits = usize::from(what >> 3);
        let method = self.method;
        match what & 0x07 {
            0 => {
                let length = script.number() << (bits & 0x07);
                let command = COMMANDS[bits % COMMANDS.len()];
                push_packet(&mut self.app.unsaid, 0, length, Some(command), what);
            }
            1 => {
                // As it is: a login anew, a goodbye, half a packet.
                let own = script.bytes(bits);
                self.app.special = true;
                self.app.unsaid.extend_from_slice(own);
            }
            2 => self.app.envelope(method, script.number(), what_fits),
            3 => self.app.envelope(method, script.number(), as_it_is),
            4 => self.app.empty(),
            5 => {
                let at = script.number();
                self.app.lie(method, bits, at);
            }
            6 => {
                self.app.lied = true;
                self.app.bytes.extend_from_slice(script.bytes(bits));
            }
            _ => {
                let (number, length) = (script.next().unwrap_or(1), script.number());
                push_packet(
                    &mut self.answers,
                    number,
                    length << (bits & 0x07),
                    None,
                    what,
                );
            }
        }
    }
}

/// A packet of a command and this filling; of nothing where there is no room for more.
fn push_packet(out: &mut Vec<u8>, number: u8, length: usize, command: Option<u8>, filling: u8) {
    let length = length.min(MOST.saturating_sub(out.len()));
    let length = length.max(usize::from(command.is_some()));
    let [a, b, c, _] = u32::try_from(length).expect("it is short").to_le_bytes();
    out.extend_from_slice(&[a, b, c, number]);
    let begin = out.len();
    out.extend(command);
    out.resize(begin + length, filling);
    // Not all of it is the same: what is all the same comes in one piece.
    let others = out.iter_mut().skip(begin + 1).step_by(97);
    others
        .zip(0_u8..=255)
        .for_each(|(byte, noise)| *byte ^= noise.wrapping_mul(59));
}

type Pack = fn(Method, &[u8]) -> (usize, Vec<u8>);

/// Compressed, whatever that does to it.
fn what_fits(method: Method, bytes: &[u8]) -> (usize, Vec<u8>) {
    let packed = match method {
        Method::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
        Method::Zstd => zstd::bulk::compress(bytes, 1).expect("memory"),
    };
    (bytes.len(), packed)
}

fn as_it_is(_: Method, bytes: &[u8]) -> (usize, Vec<u8>) {
    (0, bytes.to_vec())
}

impl Wire {
    /// An envelope with the next bytes of what is to be said.
    fn envelope(&mut self, method: Method, most: usize, pack: Pack) {
        let count = most.min(self.unsaid.len());
        let bytes: Vec<u8> = self.unsaid.drain(..count).collect();
        if bytes.is_empty() {
            return;
        }
        let (inflated, contents) = pack(method, &bytes);
        self.push(contents.len(), inflated, &contents);
        if !self.lied {
            self.said.extend_from_slice(&bytes);
        }
    }

    fn empty(&mut self) {
        self.push(0, 0, &[]);
    }

    /// An envelope that is not what it says.
    fn lie(&mut self, method: Method, how: usize, at: usize) {
        self.lied = true;
        let bytes = std::mem::take(&mut self.unsaid);
        let (inflated, mut contents) = what_fits(method, &bytes);
        let length = contents.len();
        match how & 0x07 {
            0 => self.push(length, inflated.wrapping_add(at + 1), &contents),
            1 => self.push(length, inflated.saturating_sub(at + 1), &contents),
            2 => self.push(length + at + 1, inflated, &contents),
            3 => self.push(length.saturating_sub(at + 1), inflated, &contents),
            4 => self.push(0, at, &contents),
            5 => {
                // More in it than it says: another one behind its end.
                let behind = what_fits(method, &bytes).1;
                self.push(
                    length + behind.len(),
                    2 * inflated,
                    &[contents, behind].concat(),
                );
            }
            6 => {
                // Hundreds of times as long as it is, and it says less.
                let bomb = what_fits(method, &vec![0; 1 << 17]).1;
                self.push(bomb.len(), at, &bomb);
            }
            _ => {
                let length = contents.len().max(1);
                if let Some(place) = contents.get_mut(at % length) {
                    *place ^= 1 << (how >> 3 & 0x07);
                }
                self.push(contents.len(), inflated, &contents);
            }
        }
    }

    fn push(&mut self, length: usize, inflated: usize, contents: &[u8]) {
        let three = |number: usize| {
            let [a, b, c, ..] = number.to_le_bytes();
            [a, b, c]
        };
        self.bytes.extend_from_slice(&three(length));
        self.bytes.push(self.number);
        self.bytes.extend_from_slice(&three(inflated));
        self.bytes.extend_from_slice(contents);
        self.number = self.number.wrapping_add(1);
    }
}

/// Logs in, and says what is in envelopes. What it hears behind the login.
async fn app(mut stream: DuplexStream, play: &Play) -> Option<Vec<u8>> {
    hear_packet(&mut stream).await?;
    let flags: u32 = match play.method {
        Method::Zlib => 0x0000_8221,
        Method::Zstd => 0x0400_8201,
    };
    let mut response = flags.to_le_bytes().to_vec();
    response.extend_from_slice(&[0, 0, 0, 1, 45]);
    response.resize(32, 0);
    // The name, no proof, and the level of zstd.
    response.extend_from_slice(b"anyone\0\0\x01");
    stream.write_all(&packet(1, &response)).await.ok()?;
    let answer = hear_packet(&mut stream).await?;
    assert_eq!(answer.first(), Some(&0), "{answer:?}");
    Some(converse(stream, cut(&play.app.bytes, play.cuts[0])).await)
}

/// Lets whoever comes in, and answers. What it hears behind the login.
async fn database(mut stream: TcpStream, play: &Play) -> Option<Vec<u8>> {
    const GREETING: &[u8] = b"\x0a8.0.40-fake\0\x07\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0\
        mysql_native_password\0";
    stream.write_all(&packet(0, GREETING)).await.ok()?;
    hear_packet(&mut stream).await?;
    let ok = packet(2, b"\0\0\0\x02\0\0\0");
    stream.write_all(&ok).await.ok()?;
    Some(converse(stream, cut(&play.answers, play.cuts[1])).await)
}

fn cut(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(size.max(bytes.len() / 300))
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len())
        .expect("it is short")
        .to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

async fn hear_packet(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = stream.read_u32_le().await.ok()? & 0x00ff_ffff;
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some(payload)
}

/// What is in envelopes, and what is left behind the last whole one.
fn opened(method: Method, mut bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut opened = Vec::new();
    while let [a, b, c, _number, d, e, f, rest @ ..] = bytes {
        let three = |a, b, c| u32::from_le_bytes([a, b, c, 0]) as usize;
        let (length, inflated) = (three(*a, *b, *c), three(*d, *e, *f));
        let Some((contents, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let before = opened.len();
        match (inflated, method) {
            (0, _) => opened.extend_from_slice(contents),
            (_, Method::Zlib) => {
                let mut decoder = ZlibDecoder::new(contents);
                decoder.read_to_end(&mut opened).expect("zlib");
                assert_eq!(decoder.total_in(), contents.len() as u64, "bytes behind it");
            }
            (most, Method::Zstd) => {
                opened.extend(zstd::bulk::decompress(contents, most).expect("zstd"));
            }
        }
        assert!(
            inflated == 0 || inflated == opened.len() - before,
            "its length"
        );
        bytes = rest;
    }
    (opened, bytes)
}
