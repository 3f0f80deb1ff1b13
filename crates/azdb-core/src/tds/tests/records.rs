//! One packet per record, whatever the writer's cuts and the reader's pauses.

use azdb_wire::tds::{Header, SmpHeader, kind};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::one_packet_per_record::OnePacketPerRecord;
use super::database::Database;
use super::*;
use crate::way::Upstream;

/// A way with TLS, and the reader of its records.
async fn sealed(pipe: usize) -> (MaybeTls<DuplexStream>, Database) {
    let house = House::new();
    let (near, far) = duplex(pipe);
    let client = visit::client(&house.authority, false);
    let name = ServerName::try_from("localhost").unwrap();
    let server = house.lobby.app_tls.clone().unwrap().in_packets.unwrap();
    let (writer, reader) = tokio::join!(
        in_packets::connect::<InPrelogin, _>(Arc::new(client), name, Leg::new(near)),
        Database::shake(far, &server),
    );
    (MaybeTls::Tls(writer.unwrap(), TlsEnd::Bare), reader)
}

/// A writer that keeps the rule, and the reader that checks it.
async fn joined(pipe: usize) -> (OnePacketPerRecord<Upstream<DuplexStream>>, Database) {
    let (way, reader) = sealed(pipe).await;
    let upstream = Upstream::Plain(Leg::new(way));
    (OnePacketPerRecord::requests(upstream), reader)
}

/// The same on the app's leg.
async fn answering(pipe: usize) -> (OnePacketPerRecord<MaybeTls<DuplexStream>>, Database) {
    let (way, reader) = sealed(pipe).await;
    (OnePacketPerRecord::answers(way), reader)
}

fn packet(length: usize, filling: u8) -> Vec<u8> {
    packet_of(kind::BULK_LOAD, length, filling)
}

fn packet_of(kind: u8, length: usize, filling: u8) -> Vec<u8> {
    let header = Header {
        kind,
        status: 0,
        length: u16::try_from(length).unwrap(),
        spid: 0,
        id: filling,
    };
    let mut packet = header.encode().to_vec();
    packet.resize(length, filling);
    packet
}

fn in_smp(packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(SmpHeader::LEN + packet.len()).unwrap();
    [
        &[kind::SMP, SmpHeader::DATA, 0, 0],
        &length.to_le_bytes()[..],
        &[0; 8],
        packet,
    ]
    .concat()
}

/// Packets of every interesting length, of both kinds, together more than 1 MiB.
fn packets() -> Vec<Vec<u8>> {
    let lengths = [8, 9, 512, 4096, 8000, 16_383, 16_384, 8000, 8000, 31];
    let plain = (0..110usize).map(|n| {
        let length = lengths.get(n % lengths.len()).copied().unwrap();
        packet(length, n.to_le_bytes().first().copied().unwrap())
    });
    plain
        .enumerate()
        .map(|(n, packet)| match packet.len() {
            ..=16_368 if n % 3 == 0 => in_smp(&packet),
            _ => packet,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stalls_for_a_mebibyte_sees_one_packet_per_record() {
    let sent = packets();
    let all = sent.concat();
    assert!(all.len() > 1024 * 1024 / 2);
    for cut in [all.len(), 64 * 1024, 8000, 4096, 1000, 17, 7] {
        let (mut writer, mut reader) = joined(16 * 1024).await;
        let all = all.clone();
        let writing = tokio::spawn(async move {
            for piece in all.chunks(cut) {
                writer.write_all(piece).await.unwrap();
            }
            writer.flush().await.unwrap();
            writer
        });
        // Whatever the pipe takes has gone in; the writer stands before it.
        tokio::time::sleep(Duration::from_secs(60)).await;
        for packet in &sent {
            assert!(
                reader.record().await.as_ref() == Some(packet),
                "cut at {cut}"
            );
        }
        drop(writing.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_stands_still_with_a_bounded_debt() {
    let (mut writer, _reader) = joined(1024).await;
    let packet = packet(8000, 1);
    let mut taken = 0;
    while tokio::time::timeout(Duration::from_secs(1), writer.write_all(&packet))
        .await
        .is_ok()
    {
        taken += packet.len();
        assert!(taken < 256 * 1024, "nobody reads, and it takes on and on");
    }
    assert!(taken >= packet.len());
}

#[tokio::test(start_paused = true)]
async fn half_a_packet_waits_for_its_other_half() {
    let (mut writer, mut reader) = joined(64 * 1024).await;
    let packet = packet(100, 5);
    let (first, second) = packet.split_at(60);
    writer.write_all(first).await.unwrap();
    writer.flush().await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(1), reader.record());
    assert!(waiting.await.is_err());
    writer.write_all(second).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(reader.record().await, Some(packet));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_never_sent() {
    let too_long = packet(16_385, 1);
    for bad in [
        &b"\x10\x01\x00\x08\0\0\0\0"[..],
        b"\x12\x01\x00\x08\0\0\0\0",
        b"\x16\x03\x01\x00\x08\0\0\0",
        b"\x01\x01\x00\x07\0\0\0\0",
        b"\x53\x08\0\0\x0f\0\0\0\0\0\0\0\0\0\0\0",
        &too_long,
    ] {
        let (mut writer, reader) = joined(64 * 1024).await;
        let error = writer.write_all(bad).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        drop(writer);
        assert!(reader.heard_nothing_more().await);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_come_through_as_they_are() {
    let (mut writer, mut reader) = joined(64 * 1024).await;
    reader.say(b"an answer").await;
    let mut answer = [0; 17];
    writer.read_exact(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"an answer"));
}

#[tokio::test(start_paused = true)]
async fn each_packet_of_an_answer_has_a_record_of_its_own() {
    let lengths = [8, 9, 512, 4096, 8000, 16_383, 16_384, 8000, 31];
    let answers: Vec<_> = (0..90u8)
        .zip(lengths.into_iter().cycle())
        .map(|(n, length)| packet_of(kind::RESPONSE, length, n))
        .map(|packet| match packet.len() {
            ..=16_368 if packet.ends_with(&[3]) => in_smp(&packet),
            _ => packet,
        })
        .collect();
    let all = answers.concat();
    for cut in [all.len(), 64 * 1024, 8000, 4096, 1000, 17] {
        let (mut writer, mut reader) = answering(16 * 1024).await;
        let all = all.clone();
        let writing = tokio::spawn(async move {
            for piece in all.chunks(cut) {
                writer.write_all(piece).await.unwrap();
            }
            writer.shutdown().await.unwrap();
        });
        for answer in &answers {
            assert!(
                reader.record().await.as_ref() == Some(answer),
                "cut at {cut}"
            );
        }
        writing.await.unwrap();
        assert_eq!(reader.record().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn no_byte_of_an_answer_is_lost_that_has_no_end_or_is_none() {
    let whole = packet_of(kind::RESPONSE, 100, 7);
    let (half, _) = whole.split_at(60);
    let too_long = [&[kind::SMP, SmpHeader::DATA, 0, 0], &[0xff; 12][..]].concat();
    for last in [
        half,
        b"\x04\x01\0",
        b"\x04\x01\0\x07\0\0\0\0",
        b"HTTP/1.1 200",
        &too_long,
    ] {
        for together in [true, false] {
            let (mut writer, mut reader) = answering(64 * 1024).await;
            match together {
                true => writer
                    .write_all(&[&whole[..], last].concat())
                    .await
                    .unwrap(),
                false => {
                    writer.write_all(&whole).await.unwrap();
                    writer.write_all(last).await.unwrap();
                }
            }
            writer.shutdown().await.unwrap();
            assert_eq!(reader.record().await.as_ref(), Some(&whole));
            assert_eq!(reader.record().await.as_deref(), Some(last));
            assert_eq!(reader.record().await, None);
        }
    }
}
