use crate::mysql::*;
use alloc::vec::Vec;
use bytes::BytesMut;
use mysql_common::proto::codec::{Compression as Level, compress};
use proptest::prelude::*;

/// The example of MySQL's source documentation.
const DOCUMENTED: [u8; Envelope::LEN] = [0x22, 0, 0, 0, 0x32, 0, 0];

#[test]
fn the_documented_header_is_read_and_written() {
    let header = Envelope {
        length: 34,
        number: 0,
        inflated: 50,
    };
    assert_eq!(Envelope::parse(DOCUMENTED), header);
    assert_eq!(header.encode(), DOCUMENTED);
}

#[test]
fn an_app_that_announces_both_speaks_zlib() {
    for (flags, expected) in [
        (Capabilities(0), None),
        (Capabilities::COMPRESS, Some(Compression::Zlib)),
        (Capabilities::ZSTD_COMPRESSION, Some(Compression::Zstd)),
        (Capabilities(u32::MAX), Some(Compression::Zlib)),
    ] {
        assert_eq!(flags.compression(), expected);
    }
}

proptest! {
    #[test]
    fn every_seven_bytes_are_a_header(bytes: [u8; Envelope::LEN]) {
        prop_assert_eq!(Envelope::parse(bytes).encode(), bytes);
    }

    #[test]
    fn a_header_is_the_one_that_mysql_common_writes(
        bytes in proptest::collection::vec(0..4u8, 1..300), number: u8, level in 0..2u32,
    ) {
        let (mut plain, mut out) = (BytesMut::from(&bytes[..]), BytesMut::new());
        compress(number, Level::new(level), Envelope::MOST, &mut plain, &mut out).unwrap();
        let (header, contents) = out.split_first_chunk().unwrap();
        let is_compressed = level > 0 && bytes.len() >= Envelope::WORTHWHILE;
        let expected = Envelope {
            length: contents.len(),
            number,
            inflated: if is_compressed { bytes.len() } else { 0 },
        };
        prop_assert_eq!(Envelope::parse(*header), expected);
    }
}

#[test]
fn lengths_are_those_that_three_bytes_hold() {
    let all: Vec<u8> = [0xff; Envelope::LEN].to_vec();
    let read = Envelope::parse(*all.first_chunk().unwrap());
    assert_eq!(
        (read.length, read.inflated),
        (Envelope::MOST, Envelope::MOST)
    );
}
