//! Apps of MySQL whose envelopes become far more than they are.

use std::io::Write as _;
use std::sync::mpsc;

use azdb_tests::{MysqlPeer, PATIENCE};
use flate2::write::ZlibEncoder;

use crate::apps::response_with;
use crate::databases::Protocol::Mysql;
use crate::databases::{Upto, mysql_packet};
use crate::endless::{GROWTH, peak};

/// Bytes that an envelope can become.
const INFLATED: usize = 0xFF_FFFF;

const ENVELOPES: usize = 4;

/// Bytes that the database reads at a time.
const CHUNK: usize = 64 * 1024;

/// CLIENT_COMPRESS and CLIENT_ZSTD_COMPRESSION_ALGORITHM.
const FLAGS: [u32; 2] = [0x0000_0020, 0x0400_0000];

/// A level of zstd whose window is all that an envelope can become, which is what an opened one may keep.
const WIDE: i32 = 19;

/// An envelope of zeros, which says that it becomes `says` bytes of the [`INFLATED`].
fn bomb(flag: u32, level: i32, says: usize) -> Vec<u8> {
    let zeros = vec![0; INFLATED];
    let contents = if flag == FLAGS[0] {
        let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&zeros).unwrap();
        encoder.finish().unwrap()
    } else {
        zstd::bulk::compress(&zeros, level).unwrap()
    };
    let [a, b, c, ..] = contents.len().to_le_bytes();
    let [d, e, f, ..] = says.to_le_bytes();
    [&[a, b, c, 0, d, e, f], &contents[..]].concat()
}

/// What comes of an app that has been let in, compresses so and sends these bytes: how many the database hears, in whole chunks,
/// and by how many the process grows.
fn heard_of(flag: u32, sent: &[u8]) -> (usize, usize) {
    let (tell, told) = mpsc::channel();
    let hostile = Mysql.before(Upto::Token, move |mouth| {
        mouth.say(&mysql_packet(5, b"\0\0\0\x02\0\0\0"))?;
        let mut heard = 0;
        while mouth.hear(CHUNK).is_ok() {
            heard += CHUNK;
        }
        let _ = tell.send(heard);
        Ok(())
    });
    let mut app = MysqlPeer::connect(hostile.proxy.address());
    let _ = app.hear();
    app.say(&response_with(flag, b"anyone"));
    assert_eq!(app.hear().first(), Some(&0), "let in");
    let before = peak(&hostile.proxy);
    app.say_bytes(sent);
    drop(app);
    let heard = told.recv_timeout(PATIENCE).unwrap();
    (heard, peak(&hostile.proxy) - before)
}

#[test]
fn what_becomes_a_thousand_times_as_long_is_never_held() {
    for (flag, level, window) in [
        (FLAGS[0], 0, 0),
        (FLAGS[1], 1, 0),
        (FLAGS[1], WIDE, INFLATED),
    ] {
        let (heard, growth) = heard_of(flag, &bomb(flag, level, INFLATED).repeat(ENVELOPES));
        let all = ENVELOPES * INFLATED;
        assert!(heard > all - CHUNK && heard <= all, "{heard} of {all}");
        assert!(growth <= GROWTH + window, "grew by {growth} bytes");
    }
}

#[test]
fn what_becomes_longer_than_it_says_ends_the_session() {
    for flag in FLAGS {
        let (heard, growth) = heard_of(flag, &bomb(flag, WIDE, 64).repeat(ENVELOPES));
        assert_eq!(heard, 0);
        assert!(growth <= GROWTH, "grew by {growth} bytes");
    }
}
