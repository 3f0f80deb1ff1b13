use crate::mysql::*;
use alloc::vec;
use alloc::vec::Vec;
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
