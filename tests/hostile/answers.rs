//! Databases that answer in a session what nobody understands: every byte of it reaches the app, and the proxy stays small.

use azdb_tests::MysqlPeer;

use crate::databases::{Protocol, Upto, mysql_packet};
use crate::endless::{GROWTH, peak};

/// Bytes that a database says.
const SAID: usize = 32 * 1024 * 1024;

const OK: &[u8] = b"\0\0\0\x02\0\0\0";

/// A session of MySQL in which a database says `again` and again.
#[track_caller]
fn passes(asks: &[u8], first: &[u8], again: &[u8]) {
    let said = [first, &again.repeat(SAID / again.len())].concat();
    let (saying, asked) = (said.clone(), mysql_packet(0, asks));
    let count = asked.len();
    let hostile = Protocol::Mysql.before(Upto::Token, move |mouth| {
        mouth.say(&mysql_packet(5, OK))?;
        mouth.hear(count)?;
        mouth.say(&saying)
    });
    let before = peak(&hostile.proxy);
    let mut app = MysqlPeer::log_in(hostile.proxy.address());
    app.say_bytes(&asked);
    assert!(app.rest() == said, "not what was said");
    let growth = peak(&hostile.proxy) - before;
    assert!(growth <= GROWTH, "grew by {growth} bytes");
}

#[test]
fn answers_without_an_end() {
    let head = [mysql_packet(1, b"\x01"), mysql_packet(2, b"\x03def")].concat();
    for (asks, first, again) in [
        // Rows, definitions, and results.
        (&b"\x03select"[..], &head[..], mysql_packet(3, b"\x05hello")),
        (
            b"\x03select",
            b"\x03\0\0\x01\xfc\xff\xff",
            mysql_packet(2, b"\x03def"),
        ),
        (b"\x04items", b"", mysql_packet(1, b"\x03def")),
        (b"\x03select", b"", mysql_packet(1, b"\0\0\0\x0a\0\0\0")),
        // How far it is.
        (
            b"\x03alter",
            b"",
            mysql_packet(1, b"\xff\xff\xff\x01\x01\x01\0\0\0\0"),
        ),
        (b"\x12log", b"", mysql_packet(1, b"\0an event")),
    ] {
        passes(asks, first, &again);
    }
}

#[test]
fn what_belongs_nowhere() {
    let full = [&[0xff, 0xff, 0xff, 1][..], &[0xfe; 1 << 20]].concat();
    for again in [
        mysql_packet(1, OK),
        mysql_packet(7, b""),
        mysql_packet(1, b"\xfbfile"),
        mysql_packet(1, b"\xff\x1d\x04#08S01Server shutdown in progress"),
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        full,
        (0..=255).rev().collect(),
    ] {
        for asks in [&b"\x03select"[..], b"\x19\x01\0\0\0"] {
            passes(asks, b"", &again);
        }
    }
}

#[test]
fn more_commands_sent_ahead_than_anybody_counts() {
    const COUNT: usize = 100_000;
    let pings = mysql_packet(0, b"\x0e").repeat(COUNT);
    let length = pings.len();
    let hostile = Protocol::Mysql.before(Upto::Token, move |mouth| {
        mouth.say(&mysql_packet(5, OK))?;
        mouth.hear(length)?;
        mouth.say(&mysql_packet(1, OK).repeat(COUNT))
    });
    let before = peak(&hostile.proxy);
    let mut app = MysqlPeer::log_in(hostile.proxy.address());
    app.say_bytes(&pings);
    assert!(app.rest() == mysql_packet(1, OK).repeat(COUNT));
    let growth = peak(&hostile.proxy) - before;
    assert!(growth <= GROWTH, "grew by {growth} bytes");
}
