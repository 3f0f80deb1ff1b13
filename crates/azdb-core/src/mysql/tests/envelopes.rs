//! The adapter alone, against envelopes of another's making.

use std::io::{self, Read as _};

use azdb_wire::mysql::{Envelope, MAX_PAYLOAD};
use flate2::read::ZlibDecoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::mysql::compression::{MaybeEnveloped, begin};
use crate::socket::AppSocket;
use crate::way::{AppLeg, MaybeTls};

pub(super) const METHODS: [Method; 2] = [Method::Zlib, Method::Zstd(3)];

/// An envelope that is compressed whatever that does to its length.
pub(super) fn sealed_up(method: Method, number: u8, bytes: &[u8]) -> Vec<u8> {
    let contents = match method {
        Method::Zlib => {
            let mut out = Vec::new();
            let mut encoder = flate2::read::ZlibEncoder::new(bytes, flate2::Compression::default());
            encoder.read_to_end(&mut out).unwrap();
            out
        }
        Method::Zstd(_) => zstd::bulk::compress(bytes, 19).unwrap(),
    };
    with_header(contents.len(), number, bytes.len(), &contents)
}

fn with_header(length: usize, number: u8, inflated: usize, contents: &[u8]) -> Vec<u8> {
    let header = Envelope {
        length,
        number,
        inflated,
    };
    [&header.encode(), contents].concat()
}

/// An envelope with bytes as they are.
pub(super) fn stored(number: u8, bytes: &[u8]) -> Vec<u8> {
    with_header(bytes.len(), number, 0, bytes)
}

/// The envelope at the front of `bytes`, and its number; takes it off.
pub(super) fn opened(method: Method, bytes: &mut Vec<u8>) -> (u8, Vec<u8>) {
    let header = Envelope::parse(*bytes.first_chunk().unwrap());
    let contents = bytes.split_off(Envelope::LEN);
    let (contents, rest) = contents.split_at(header.length);
    let inflated = match (header.inflated, method) {
        (0, _) => contents.to_vec(),
        (_, Method::Zlib) => {
            let mut out = Vec::new();
            ZlibDecoder::new(contents).read_to_end(&mut out).unwrap();
            assert_eq!(out.len(), header.inflated);
            out
        }
        (length, Method::Zstd(_)) => zstd::bulk::decompress(contents, length).unwrap(),
    };
    *bytes = rest.to_vec();
    (header.number, inflated)
}

/// A leg with the adapter around it, and the app's end.
fn joined(method: Method, pipe: usize) -> (Leg<AppWay<DuplexStream>>, DuplexStream) {
    let (near, far) = duplex(pipe);
    let leg: AppLeg<_> = Leg::new(MaybeTls::Plain(Leg::new(near)));
    (begin(leg, Some(method)), far)
}

/// What the proxy reads of an app that sends this and leaves.
pub(super) async fn read_of(method: Method, sent: Vec<u8>, pipe: usize) -> io::Result<Vec<u8>> {
    let (mut leg, mut app) = joined(method, pipe);
    let sending = tokio::spawn(async move {
        let _ = app.write_all(&sent).await;
    });
    let mut read = Vec::new();
    let outcome = leg.read_to_end(&mut read).await;
    drop(leg);
    sending.await.unwrap();
    outcome.map(|_| read)
}

/// What the app reads of these writes, which are followed by a flush each.
pub(super) async fn written_as(method: Method, writes: Vec<Vec<u8>>, pipe: usize) -> Vec<u8> {
    let (mut leg, mut app) = joined(method, pipe);
    let writing = tokio::spawn(async move {
        for bytes in writes {
            leg.say(&bytes).await.unwrap();
        }
        leg.shutdown().await.unwrap();
    });
    let mut read = Vec::new();
    app.read_to_end(&mut read).await.unwrap();
    writing.await.unwrap();
    read
}

pub(super) fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

/// Bytes that no method makes shorter.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_leg_of_an_app_that_does_not_compress_is_no_larger() {
    assert_eq!(
        size_of::<AppWay<AppSocket>>(),
        size_of::<MaybeTls<Leg<AppSocket>>>()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_read_too_far_at_the_login_is_in_envelopes_too() {
    for method in METHODS {
        let (near, mut far) = duplex(1024);
        let sent = sealed_up(method, 0, &packet(0, b"\x03select 1"));
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut leg: AppLeg<_> = Leg::new(MaybeTls::Plain(Leg::new(near)));
        leg.fill(9).await.unwrap();
        let mut read = Vec::new();
        let mut leg = begin(leg, Some(method));
        leg.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, packet(0, b"\x03select 1"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_envelope_is_an_error_and_never_more_than_it_says() {
    for method in METHODS {
        let bytes = packet(0, &[b'x'; 5000]);
        let good = sealed_up(method, 0, &bytes);
        let (_, contents) = good.split_at(Envelope::LEN);
        let bomb = sealed_up(method, 0, &packet(0, &vec![0; 10 << 20]));
        let (_, bomb) = bomb.split_at(Envelope::LEN);
        let half = contents.len() / 2;
        for (says, envelope, kind) in [
            (
                "of more bytes",
                with_header(contents.len(), 0, 5003, contents),
                None,
            ),
            ("of more bytes", with_header(bomb.len(), 0, 64, bomb), None),
            (
                "of fewer bytes",
                with_header(contents.len(), 0, 5005, contents),
                None,
            ),
            (
                "of fewer bytes",
                with_header(contents.len() + 1, 0, 5004, &[contents, b"x"].concat()),
                None,
            ),
            ("cut short", with_header(half, 0, 5004, contents), None),
            ("without contents", with_header(0, 0, 5004, contents), None),
            (
                "envelope of no",
                with_header(40, 0, 5004, &[b'x'; 40]),
                None,
            ),
            (
                "",
                good[..good.len() - 1].to_vec(),
                Some(io::ErrorKind::UnexpectedEof),
            ),
            ("", good[..3].to_vec(), Some(io::ErrorKind::UnexpectedEof)),
        ] {
            let error = read_of(method, envelope, 1 << 20).await.unwrap_err();
            assert_eq!(
                error.kind(),
                kind.unwrap_or(io::ErrorKind::InvalidData),
                "{error}"
            );
            assert!(error.to_string().contains(says), "{error}, not {says}");
        }
        let empty = with_header(0, 7, 0, b"");
        let read = read_of(method, [empty.clone(), good, empty].concat(), 64).await;
        assert_eq!(read.unwrap(), bytes, "empty ones are allowed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_packet_is_in_two_envelopes_at_most_and_its_header_in_one() {
    let long: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let packets = [
        packet(1, b"5"),
        packet(2, &long),
        packet(3, &noise(200_000)),
        packet(4, &long[..300]),
        packet(5, b""),
        packet(6, &long[..70_000]),
    ];
    for method in METHODS {
        for cut in [1, 3, 7, 1000, 16 * 1024, 64 * 1024, 1 << 20] {
            let all = packets.concat();
            let writes = match cut {
                // Byte by byte only where it matters: at the beginning and at the end.
                1..10 => [
                    &all[..2000],
                    &all[2000..all.len() - 2000],
                    &all[all.len() - 2000..],
                ]
                .iter()
                .flat_map(|piece| piece.chunks(if piece.len() == 2000 { cut } else { 4096 }))
                .map(<[u8]>::to_vec)
                .collect(),
                cut => all.chunks(cut).map(<[u8]>::to_vec).collect(),
            };
            let mut read = written_as(method, writes, 5000).await;
            let (mut rest, mut number) = (&all[..], 0);
            while !read.is_empty() {
                let (numbered, bytes) = opened(method, &mut read);
                assert_eq!(numbered, number);
                number = number.wrapping_add(1);
                assert_eq!(bytes, rest[..bytes.len()]);
                rest = &rest[bytes.len()..];
                let ends = packets.iter().scan(0, |at, packet| {
                    *at += packet.len();
                    Some(*at)
                });
                let at = all.len() - rest.len();
                assert!(ends.into_iter().any(|end| end == at), "{at} in {cut}");
            }
            assert_eq!(rest, b"");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_packet_as_long_as_they_come_goes_through() {
    for (method, payload) in [
        (Method::Zstd(1), noise(MAX_PAYLOAD)),
        (Method::Zlib, vec![b'x'; MAX_PAYLOAD]),
    ] {
        let all = [packet(1, &payload), packet(2, b"rest"), packet(3, b"ok")].concat();
        let writes = all.chunks(64 * 1024).map(<[u8]>::to_vec).collect();
        let mut read = written_as(method, writes, 1 << 20).await;
        let (_, mut first) = opened(method, &mut read);
        let (_, second) = opened(method, &mut read);
        first.extend_from_slice(&second);
        assert!(first.starts_with(&packet(1, &payload)));
        while !read.is_empty() {
            first.extend_from_slice(&opened(method, &mut read).1);
        }
        assert!(first == all);
    }
}

#[tokio::test(start_paused = true)]
async fn between_packets_a_session_holds_nothing() {
    for method in METHODS {
        let (mut leg, mut app) = joined(method, 1 << 20);
        let asked = sealed_up(method, 0, &packet(0, &[b'x'; 10_000]));
        app.write_all(&asked).await.unwrap();
        let mut read = vec![0; 10_004];
        leg.read_exact(&mut read).await.unwrap();
        for answer in [&b"short"[..], &[b'x'; 10_000], &vec![b'y'; 200_000]] {
            leg.say(&packet(1, answer)).await.unwrap();
        }
        let MaybeEnveloped::Enveloped(enveloped) = leg.stream() else {
            unreachable!("it was begun");
        };
        assert_eq!(enveloped.holds(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_does_not_read_stops_its_upstream() {
    for method in METHODS {
        let (mut leg, _app) = joined(method, 1000);
        let mut taken = 0;
        let writing = async {
            loop {
                taken += leg.write(&packet(1, &noise(4000))).await.unwrap();
            }
        };
        let patience = std::time::Duration::from_secs(1);
        tokio::time::timeout(patience, writing).await.unwrap_err();
        assert_eq!(taken, 4004);
    }
}
