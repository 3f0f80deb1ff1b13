//! Bytes that no peer sends: nothing panics, nothing grows.

use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_request::any_sent;
use super::any_stream::any_session;
use super::app::Old;
use super::server::packets;
use super::through::{Checked, Way, cut, translator};

/// Bytes for the app at most, for each byte of the upstream's: a bit of an NBCROW becomes the eight bytes of a NULL of 7.2, and
/// packets of the smallest size have headers of their own.
const GROWTH: usize = 80;
/// And so many for whatever came before them.
const ALLOWANCE: usize = 4096;

const LIMIT: usize = 64;

/// Everything a peer says, whatever comes of it; who has been told of an error may go on all the same.
fn endure(old: Old, way: Way, bytes: &[u8], sizes: &[usize]) -> Checked<()> {
    let mut translator = translator(old, 512, LIMIT);
    let mut out = Vec::new();
    for piece in cut(bytes, sizes) {
        let _ = match way {
            Way::Down => translator.from_upstream(piece, &mut out),
            Way::Up => translator.from_app(piece, &mut out),
        };
    }
    translator.upstream_ended(&mut out);
    let most = GROWTH * bytes.len() + ALLOWANCE;
    prop_assert!(out.len() <= most, "{} bytes of {}", out.len(), bytes.len());
    Ok(())
}

fn any_old() -> impl Strategy<Value = Old> {
    select(&Old::ALL[..])
}

fn any_way() -> impl Strategy<Value = Way> {
    select(&[Way::Down, Way::Up][..])
}

/// A first byte that means something, then bytes that may.
fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    const TAGS: [u8; 14] = [
        0x81, 0xd1, 0xd2, 0xac, 0xa4, 0xaa, 0xe3, 0xfd, 0xa9, 0xae, 0xe4, 0x79, 0x62, 0xe7,
    ];
    let byte = prop_oneof![
        4 => any::<u8>(), 3 => 0..4u8, 2 => Just(0xffu8), 2 => select(&TAGS[..]), 1 => 0x1f..0x40u8,
    ];
    (select(&TAGS[..]), vec(byte, 0..200)).prop_map(|(tag, rest)| [&[tag], &rest[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_endured(
        old in any_old(), way in any_way(), bytes in vec(any::<u8>(), 0..300),
    ) {
        endure(old, way, &bytes, &[bytes.len().max(1)])?;
    }

    #[test]
    fn any_payload_in_packets_is_endured(
        old in any_old(), kind in select(&[1u8, 3, 4, 7, 14][..]), payload in any_payload(),
        share in 1..60usize, size in 1..90usize,
    ) {
        let bytes = packets(kind, 1, &payload, &[share]).concat();
        endure(old, if kind == 4 { Way::Down } else { Way::Up }, &bytes, &[size])?;
    }

    #[test]
    fn a_session_with_wrong_bytes_is_endured(
        old in any_old(), session in any_session(3),
        wrong in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = session.bytes();
        for (index, byte) in wrong {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        endure(old, Way::Down, &bytes, &[1000])?;
    }

    #[test]
    fn a_request_with_wrong_bytes_is_endured(
        old in any_old(), sent in any_sent(),
        wrong in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = sent.packets(old, &[200]).concat();
        for (index, byte) in wrong {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        endure(old, Way::Up, &bytes, &[1000])?;
    }
}
