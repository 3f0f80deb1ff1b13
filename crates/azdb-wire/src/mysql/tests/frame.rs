use crate::mysql::frame::read_counted;
use crate::mysql::*;
use crate::reader::Reader;
use alloc::vec;
use alloc::vec::Vec;
use mysql_common::misc::raw::RawBytes;
use mysql_common::misc::raw::bytes::LenEnc;
use mysql_common::proto::MySerialize as _;
use proptest::prelude::*;

#[test]
fn a_packet_is_whole_or_says_what_it_needs() {
    let bytes = b"\x02\0\0\x07hinext";
    for (length, need) in [(0, 4), (3, 4), (4, 6), (5, 6)] {
        let front = bytes.get(..length).unwrap_or_default();
        assert_eq!(next_packet(front), Ok(Next::NeedBytes(need)));
    }
    let (number, payload) = (7, &b"hi"[..]);
    assert_eq!(next_packet(bytes), Ok(Next::Packet { number, payload }));
}

#[test]
fn a_login_needs_no_long_packets() {
    assert_eq!(
        next_packet(&[1, 0, 2, 0]),
        Err(PacketError::Length(128 * 1024 + 1))
    );
    assert_eq!(
        next_packet(&[255, 255, 255, 0]),
        Err(PacketError::Length(MAX_PAYLOAD))
    );
}

#[test]
fn a_packet_of_ours_is_never_one_that_goes_on() {
    let mut out = Vec::new();
    push_packet(&mut out, 0, &vec![0; MAX_PAYLOAD]);
    assert_eq!(out.first_chunk(), Some(&[0xfe, 0xff, 0xff, 0]));
}

proptest! {
    #[test]
    fn packets_are_read_as_they_were_written(
        number: u8,
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut out = Vec::new();
        push_packet(&mut out, number, &payload);
        out.extend_from_slice(&behind);
        let payload = &payload[..];
        prop_assert_eq!(next_packet(&out), Ok(Next::Packet { number, payload }));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = next_packet(&bytes);
    }
}

/// A length-encoded string in the form that its first byte chooses, the shortest that fits or a longer one.
fn counted(bytes: &[u8], form: u8) -> Vec<u8> {
    let length = u64::try_from(bytes.len()).unwrap().to_le_bytes();
    let count = match form {
        0 if bytes.len() <= 250 => vec![length[0]],
        0 | 1 => [&[252], &length[..2]].concat(),
        2 => [&[253], &length[..3]].concat(),
        _ => [&[254], &length[..]].concat(),
    };
    [&count, bytes].concat()
}

#[test]
fn a_count_that_is_none_is_an_error() {
    for first in [251u8, 255] {
        assert_eq!(read_counted(&mut Reader::new(&[first, 0, 0])), None);
    }
    let endless = [254, 255, 255, 255, 255, 255, 255, 255, 255, 0];
    assert_eq!(read_counted(&mut Reader::new(&endless)), None);
}

proptest! {
    #[test]
    fn a_counted_string_reads_in_each_of_its_forms(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        behind in proptest::collection::vec(any::<u8>(), 0..9),
        form in 0..4u8,
    ) {
        let written = counted(&bytes, form);
        let all = [&written[..], &behind].concat();
        let mut reader = Reader::new(&all);
        prop_assert_eq!(read_counted(&mut reader), Some(&bytes[..]));
        prop_assert_eq!(reader.rest(), behind);
        for length in 0..written.len() {
            prop_assert_eq!(read_counted(&mut Reader::new(&written[..length])), None);
        }
        if form == 0 {
            let mut theirs = Vec::new();
            RawBytes::<LenEnc>::new(&bytes[..]).serialize(&mut theirs);
            prop_assert_eq!(written, theirs);
        }
    }

    #[test]
    fn packets_come_out_one_by_one_and_nobody_waits_for_more_than_the_next(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
    ) {
        let mut bytes = Vec::new();
        for (number, payload) in (0..).zip(&payloads) {
            push_packet(&mut bytes, number, payload);
        }
        let (mut at, mut read) = (0, Vec::new());
        for end in 0..=bytes.len() {
            match next_packet(&bytes[at..end]).unwrap() {
                Next::Packet { number, payload } => {
                    prop_assert_eq!(usize::from(number), read.len());
                    at += Header::LEN + payload.len();
                    read.push(payload.to_vec());
                }
                Next::NeedBytes(need) => {
                    let next = payloads.get(read.len());
                    prop_assert!(need > end - at);
                    prop_assert!(next.is_none_or(|next| need <= next.len() + Header::LEN));
                }
            }
        }
        prop_assert_eq!(read, payloads);
    }
}
