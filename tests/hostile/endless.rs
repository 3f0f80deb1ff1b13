//! Databases that never stop.

use azdb_tests::Proxy;

use crate::databases::{
    Protocol, Upto, mysql_packet, postgres_message, tds_packet, tds_report, tds_token,
};
use Protocol::{Mysql, Postgres, Tds};
use Upto::{Hello, Login, Token};

/// Bytes that a database offers.
const OFFERED: usize = 256 * 1024 * 1024;

/// Bytes of them that may be taken: what the system's own buffers of a connection hold, and what a login may read.
const TAKEN: usize = 16 * 1024 * 1024;

/// Bytes by which the process may grow.
pub(crate) const GROWTH: usize = 8 * 1024 * 1024;

/// The most memory that the process has ever had, in bytes.
pub(crate) fn peak(proxy: &Proxy) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

/// A database that says `first` and then `again` without end: the app is told, and the process stays small.
#[track_caller]
fn ends(protocol: Protocol, upto: Upto, first: &[u8], again: &[u8]) {
    let (first, again) = (first.to_vec(), again.repeat(1 + 64 * 1024 / again.len()));
    let hostile = protocol.before(upto, move |mouth| {
        mouth.say(&first)?;
        for _ in 0..OFFERED / again.len() {
            mouth.say(&again)?;
        }
        mouth.wait()
    });
    let before = peak(&hostile.proxy);
    let told = protocol.told(hostile.proxy.address());
    assert!(told.contains("azdb-proxy: "), "{told:?}");
    let said = hostile.said();
    assert!(said <= TAKEN, "{said} bytes taken");
    let growth = peak(&hostile.proxy) - before;
    assert!(growth <= GROWTH, "grew by {growth} bytes");
}

#[test]
fn postgres_answer_to_the_request_for_tls() {
    ends(Postgres, Hello, b"", b"S");
}

#[test]
fn postgres_messages_before_the_token() {
    for (tag, body) in [
        (b'N', &b"SNOTICE\0Mhello\0\0"[..]),
        (b'N', b"\0"),
        (b'v', b"\0\x03\0\0\0\0\0\0"),
        (b'R', b"\0\0\0\x0b"),
        (b'R', b"\0\0\0\x03"),
        (b'S', b"a\0b\0"),
    ] {
        ends(Postgres, Login, b"", &postgres_message(tag, body));
    }
}

#[test]
fn postgres_messages_after_its_ok() {
    for (tag, body) in [
        (b'S', &b"a\0b\0"[..]),
        (b'N', b"SNOTICE\0Mhello\0\0"),
        (b'K', b"\0\0\0\x01\0\0\0\x02"),
        (b'R', b"\0\0\0\0"),
    ] {
        ends(Postgres, Token, b"", &postgres_message(tag, body));
    }
}

#[test]
fn postgres_messages_that_say_they_are_long() {
    for length in [0x0100_0000_u32, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        for (upto, tag) in [(Login, b'N'), (Login, b'E'), (Token, b'S')] {
            let first = [&[tag], &length.to_be_bytes()[..]].concat();
            ends(Postgres, upto, &first, b"x");
        }
    }
}

#[test]
fn mysql_greeting_without_an_end() {
    ends(Mysql, Hello, b"\xff\xff\xff\0\x0a", b"8");
    ends(Mysql, Hello, b"\xff\xff\xff\0\xff\x10\x04", b"x");
}

#[test]
fn mysql_packets_before_the_token() {
    for payload in [&b"\x01"[..], b"\x01\x04", b""] {
        ends(Mysql, Login, b"", &mysql_packet(3, payload));
    }
    ends(Mysql, Login, b"\xff\xff\xff\x03\xfe", b"x");
}

#[test]
fn mysql_packets_after_the_token() {
    for payload in [&b"\x01"[..], b"\xfemysql_clear_password\0", b""] {
        ends(Mysql, Token, b"", &mysql_packet(5, payload));
    }
    ends(Mysql, Token, b"\xff\xff\xff\x05\xff\x15\x04", b"x");
}

#[test]
fn tds_options_without_an_end() {
    ends(Tds, Hello, b"", &tds_packet(0x04, false, &[0xff; 100]));
    ends(Tds, Hello, b"", &tds_packet(0x04, false, b""));
}

#[test]
fn tds_answer_without_an_end() {
    let database = tds_token(0xe3, b"\x01\x01a\0\x00");
    for tokens in [
        tds_report(0xab, 5701, "hello"),
        database,
        vec![0xfd; 13],
        vec![0x53; 16],
        Vec::new(),
        vec![0],
    ] {
        ends(Tds, Login, b"", &tds_packet(0x04, false, &tokens));
    }
}

#[test]
fn tds_packets_in_a_session_of_another_kind() {
    // SMP: SYN of session 0, and packets within it.
    ends(Tds, Login, b"", b"\x53\x01\0\0\x10\0\0\0\0\0\0\0\x04\0\0\0");
}
