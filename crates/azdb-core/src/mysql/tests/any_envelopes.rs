//! Properties of the adapter, held against codecs of others.

use azdb_wire::mysql::Envelope;
use bytes::BytesMut;
use mysql_common::proto::codec::{Compression as Level, PacketCodec, compress};
use proptest::prelude::*;

use super::envelopes::{METHODS, noise, packet, read_of, sealed_up, stored, written_as};
use super::*;

fn block_on<O>(future: impl Future<Output = O>) -> O {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #[test]
    fn an_app_reads_what_was_written(
        payloads in proptest::collection::vec((0..9000usize, 0..4u8), 1..12),
        cuts in proptest::collection::vec(1..20_000usize, 1..8),
        pipe in 1..40_000usize,
    ) {
        let payloads: Vec<Vec<u8>> = payloads.iter().map(|(length, kind)| match kind {
            0 => noise(*length),
            kind => vec![*kind; *length],
        }).collect();
        let mut all = Vec::new();
        for (number, payload) in (0..).zip(&payloads) {
            all.extend_from_slice(&packet(number, payload));
        }
        let mut writes = Vec::new();
        let (mut rest, mut cuts) = (&all[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            writes.push(now.to_vec());
            rest = later;
        }
        let read = block_on(written_as(Method::Zlib, writes, pipe));
        // A codec of Rust's own driver, which looks at the numbers of envelopes and of packets.
        let (mut codec, mut source) = (PacketCodec::default(), BytesMut::from(&read[..]));
        codec.compress(Level::fast());
        for payload in &payloads {
            let mut heard = Vec::new();
            prop_assert!(codec.decode(&mut source, &mut heard).unwrap());
            prop_assert_eq!(&heard, payload);
        }
        prop_assert!(source.is_empty());
    }

    #[test]
    fn the_proxy_reads_what_an_app_has_sent(
        commands in proptest::collection::vec((0..9000usize, 0..4u8), 1..12),
        cuts in proptest::collection::vec(1..20_000usize, 1..8),
        pipe in 1..40_000usize,
        packs in proptest::collection::vec(0..3u8, 1..5),
    ) {
        let commands = commands.iter().map(|(length, kind)| match kind {
            0 => packet(0, &noise(*length)),
            kind => packet(0, &vec![*kind; *length]),
        });
        let all = commands.collect::<Vec<_>>().concat();
        for method in METHODS {
            let (mut sent, mut rest) = (Vec::new(), &all[..]);
            let (mut cuts, mut packs) = (cuts.iter().cycle(), packs.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                match packs.next().unwrap() {
                    0 => sent.extend(stored(1, now)),
                    1 if method == Method::Zlib => {
                        // It cuts off what its buffer has no room for.
                        let (mut now, mut out) = (BytesMut::from(now), BytesMut::with_capacity(1 << 16));
                        compress(1, Level::best(), Envelope::MOST, &mut now, &mut out).unwrap();
                        sent.extend_from_slice(&out);
                    }
                    _ => sent.extend(sealed_up(method, 1, now)),
                }
                rest = later;
            }
            let read = block_on(read_of(method, sent, pipe)).unwrap();
            prop_assert!(read == all);
        }
    }

    #[test]
    fn damaged_envelopes_bring_no_more_than_they_say(
        length in 1..3000usize, at in any::<prop::sample::Index>(), bit in 0..8u8, pipe in 1..4000usize,
    ) {
        for method in METHODS {
            let mut sent = sealed_up(method, 0, &packet(0, &noise(length)));
            sent.extend_from_slice(&sealed_up(method, 1, &packet(1, &vec![b'x'; length])));
            let at = at.index(sent.len());
            sent[at] ^= 1 << bit;
            if let Ok(read) = block_on(read_of(method, sent, pipe)) {
                // A number, or bits that mean nothing.
                prop_assert_eq!(read.len(), 2 * (Header::LEN + length));
            }
        }
    }
}
