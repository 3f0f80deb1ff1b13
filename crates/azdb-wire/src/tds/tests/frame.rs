use crate::tds::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn a_message_that_fits_is_one_packet() {
    let mut out = Vec::new();
    push_message(kind::ATTENTION, 0, &[], &mut out);
    assert_eq!(out, [0x06, 1, 0, 8, 0, 0, 1, 0]);
    out.clear();
    push_message(kind::RESPONSE, 0x0102, &[7; 4088], &mut out);
    assert_eq!(out.first_chunk(), Some(&[0x04, 1, 0x10, 0, 1, 2, 1, 0]));
    assert_eq!(out.len(), 4096);
}

#[test]
fn a_longer_one_is_cut_at_4096() {
    let lengths: Vec<_> = packets(kind::LOGIN7, 0, &vec![0; 5201])
        .map(|(header, share)| {
            let header = Header::parse(header).unwrap();
            assert_eq!(header.payload(), share.len());
            (header.length, header.is_last(), header.id)
        })
        .collect();
    assert_eq!(lengths, [(4096, false, 1), (1121, true, 2)]);
}

#[test]
fn a_packet_cannot_be_shorter_than_its_header() {
    for length in 0..8 {
        assert_eq!(
            frame_length(&[1, 1, 0, length, 0, 0, 1, 0]),
            Err(PacketError::Length(u16::from(length)))
        );
    }
    let smp = [0x53, 8, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(frame_length(&smp), Err(PacketError::SmpLength(15)));
}

#[test]
fn smp_packets_have_their_own_length() {
    let syn = [0x53, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    assert_eq!(frame_length(&syn), Ok(Some(16)));
    assert_eq!(frame_length(&syn[..15]), Ok(None));
}

proptest! {
    #[test]
    fn packets_hold_the_payload_and_nothing_else(payload in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        let mut out = Vec::new();
        push_message(kind::RESPONSE, 51, &payload, &mut out);
        let (mut rest, mut seen, mut ends) = (&out[..], Vec::new(), Vec::new());
        while let Some(length) = frame_length(rest).unwrap() {
            prop_assert!(length <= LOGIN_PACKET);
            let (packet, behind) = rest.split_at(length);
            let header = Header::parse(*packet.first_chunk().unwrap()).unwrap();
            ends.push(header.is_last());
            seen.extend_from_slice(packet.get(Header::LEN..).unwrap());
            rest = behind;
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(seen, payload);
        prop_assert_eq!(ends.iter().filter(|last| **last).count(), 1);
        prop_assert_eq!(ends.last(), Some(&true));
    }

    #[test]
    fn a_header_reads_as_it_was_written(kind: u8, status: u8, length in 8u16.., spid: u16, id: u8) {
        let header = Header { kind, status, length, spid, id };
        prop_assert_eq!(Header::parse(header.encode()), Ok(header));
    }
}
