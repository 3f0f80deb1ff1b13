use crate::mysql::{Exchange, Form, MAX_PAYLOAD, MOST_OWED, push_packet};
use alloc::vec;
use alloc::vec::Vec;

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const EOF: &[u8] = b"\xfe\0\0\x02\0";
const ERROR: &[u8] = b"\xff\x7a\x04#42S02no such table";
const COLUMN: &[u8] = b"\x03def\0";

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_packet(&mut out, number, payload);
    out
}

/// A packet that the next one continues.
fn full(number: u8, first: u8) -> Vec<u8> {
    let mut packet = vec![0xff, 0xff, 0xff, number, first];
    packet.resize(4 + MAX_PAYLOAD, 0xfe);
    packet
}

impl Exchange {
    fn ask(&mut self, command: &[u8]) {
        self.app_sent(&packet(0, command));
    }

    /// Packets that are numbered from there on.
    fn hear(&mut self, from: u8, payloads: &[&[u8]]) {
        let mut number = from;
        for payload in payloads {
            self.upstream_sent(&packet(number, payload));
            number = number.wrapping_add(1);
        }
    }
}

/// What is next to be said, and whether a session in no transaction is at rest.
#[track_caller]
fn assert_next(exchange: &Exchange, number: Option<u8>) {
    assert_eq!(exchange.error_number(), number);
    assert!(!exchange.at_rest());
}

#[track_caller]
fn assert_at_rest(exchange: &Exchange) {
    assert!(exchange.at_rest() && exchange.is_idle(), "{exchange:?}");
    assert_eq!(exchange.error_number(), None);
}

#[test]
fn an_app_that_has_asked_waits_until_all_of_its_answer_has_come() {
    let mut exchange = Exchange::default();
    assert_at_rest(&exchange);
    for byte in packet(0, b"\x03select 1") {
        assert_eq!(exchange.error_number(), None);
        exchange.app_sent(&[byte]);
        assert!(!exchange.at_rest());
    }
    assert_next(&exchange, Some(1));
    let (first, rest) = (packet(1, b"\x01"), packet(2, COLUMN));
    exchange.upstream_sent(first.get(..1).unwrap());
    assert_next(&exchange, None);
    exchange.upstream_sent(first.get(1..).unwrap());
    assert_next(&exchange, None);
    exchange.upstream_sent(&rest);
    exchange.hear(3, &[EOF]);
    assert_next(&exchange, Some(4));
    exchange.hear(4, &[b"\x011", b"\xfb"]);
    assert_next(&exchange, Some(6));
    exchange.hear(6, &[EOF]);
    assert_at_rest(&exchange);
}

#[test]
fn an_end_looks_different_where_ends_are_oks() {
    let mut exchange = Exchange::new(Form {
        no_eof: true,
        ..Form::default()
    });
    exchange.ask(b"\x03select 1");
    exchange.hear(1, &[b"\x01", COLUMN, b"\x011"]);
    // With what the session tracks, which is longer than an EOF.
    let end = [b"\xfe\0\0\x02\x40\0\0\0\x0e", &b"\x03\x04auto\x03OFF"[..]].concat();
    exchange.hear(4, &[&end]);
    assert_at_rest(&exchange);
}

#[test]
fn nobody_waits_for_an_answer_to_what_has_none() {
    let mut exchange = Exchange::default();
    for command in [&b"\x19\x01\0\0\0"[..], b"\x18\x01\0\0\0\0\0data"] {
        exchange.ask(command);
        assert_at_rest(&exchange);
    }
    exchange.ask(b"\x01");
    assert_next(&exchange, None);
}

#[test]
fn a_transaction_is_at_rest_and_not_idle() {
    let mut exchange = Exchange::default();
    for (flags, is_idle) in [(b"\x03", false), (b"\x03", false), (b"\x02", true)] {
        exchange.ask(b"\x03begin, or whatever");
        exchange.hear(1, &[&[b"\0\0\0", &flags[..], b"\0\0\0"].concat()]);
        assert!(exchange.at_rest());
        assert_eq!(exchange.is_idle(), is_idle);
    }
    exchange.ask(b"\x03begin");
    exchange.hear(1, &[b"\0\0\0\x03\0\0\0"]);
    // An error says nothing of it.
    exchange.ask(b"\x03select");
    exchange.hear(1, &[ERROR]);
    assert!(exchange.at_rest() && !exchange.is_idle());
    exchange.begin_anew();
    assert_at_rest(&exchange);
}

#[test]
fn a_cursor_is_read_to_its_end_or_closed() {
    for ends in [&b"\x1c\x01\0\0\0"[..], b"\x19\x01\0\0\0"] {
        let mut exchange = Exchange::default();
        exchange.ask(b"\x17\x01\0\0\0\x01");
        exchange.hear(1, &[b"\x01", COLUMN, b"\xfe\0\0\x42\0"]);
        assert!(exchange.at_rest() && !exchange.is_idle());
        exchange.ask(b"\x1c\x01\0\0\0\x05\0\0\0");
        exchange.hear(1, &[b"\0\0\x07", b"\xfe\0\0\x42\0"]);
        assert!(exchange.at_rest() && !exchange.is_idle());
        exchange.ask(ends);
        if ends[0] == 0x1c {
            exchange.hear(1, &[b"\xfe\0\0\x82\0"]);
        }
        assert_at_rest(&exchange);
    }
}

#[test]
fn the_end_of_a_file_is_answered_with_the_number_behind_it() {
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03load data local ...");
    exchange.hear(1, &[b"\xfbfile"]);
    assert_next(&exchange, None);
    exchange.app_sent(&packet(2, b"\x01looks like COM_QUIT"));
    assert_next(&exchange, None);
    exchange.app_sent(&packet(3, b""));
    assert_next(&exchange, Some(4));
    exchange.hear(4, &[OK]);
    assert_at_rest(&exchange);
}

#[test]
fn a_file_may_go_over_full_packets_and_begin_with_any_number() {
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03select 1; load data local ...");
    exchange.hear(1, &[b"\x01", COLUMN, EOF]);
    (4..=252).for_each(|number| exchange.hear(number, &[b"\x011"]));
    exchange.hear(253, &[b"\xfe\0\0\x0a\0", b"\xfbfile"]);
    exchange.app_sent(&full(255, 0));
    exchange.app_sent(&packet(0, b""));
    assert_next(&exchange, None);
    exchange.app_sent(&packet(1, b""));
    assert_next(&exchange, Some(2));
    exchange.hear(2, &[OK]);
    assert_at_rest(&exchange);
}

#[test]
fn rows_and_commands_go_over_full_packets() {
    for no_eof in [false, true] {
        let mut exchange = Exchange::new(Form {
            no_eof,
            ..Form::default()
        });
        exchange.app_sent(&full(0, 0x03));
        assert_next(&exchange, None);
        exchange.app_sent(&packet(1, b"\x11the rest"));
        assert_next(&exchange, Some(2));
        let head = [&b"\x01"[..], COLUMN, EOF];
        exchange.hear(2, if no_eof { &head[..2] } else { &head });
        // Rows, of which one begins as an end does, and whose last packets look like one.
        for (first, rest) in [(0xfe, EOF), (5, EOF), (0xfe, b""), (5, ERROR), (0, b"row")] {
            exchange.upstream_sent(&full(9, first));
            assert_next(&exchange, None);
            exchange.hear(10, &[rest]);
            assert_next(&exchange, Some(11));
        }
        exchange.hear(11, &[if no_eof { b"\xfe\0\0\x02\0\0\0" } else { EOF }]);
        assert_at_rest(&exchange);
    }
}

#[test]
fn a_long_packet_that_is_not_answered_gives_no_answer_its_number() {
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03select 1");
    exchange.app_sent(&full(0, 0x18));
    exchange.app_sent(&packet(1, b"data"));
    assert_next(&exchange, Some(1));
    exchange.hear(1, &[OK]);
    assert_at_rest(&exchange);
}

#[test]
fn a_refusal_of_a_command_that_goes_on_does_not_end_the_command() {
    let mut exchange = Exchange::default();
    exchange.app_sent(&full(0, 0x03));
    exchange.hear(1, &[ERROR]);
    assert!(!exchange.at_rest());
    exchange.app_sent(&packet(1, b"the rest"));
    assert_at_rest(&exchange);
}

#[test]
fn as_many_commands_as_are_remembered_may_be_sent_ahead() {
    for more in [0, 1] {
        let mut exchange = Exchange::default();
        (0..=MOST_OWED + more).for_each(|_| exchange.ask(b"\x0e"));
        for _ in 0..=MOST_OWED + more {
            assert!(!exchange.at_rest());
            exchange.hear(1, &[OK]);
        }
        assert_eq!(exchange.at_rest(), more == 0);
    }
}

#[test]
fn what_is_not_understood_is_never_at_rest_again() {
    let stories: [(&[u8], &[&[u8]]); 10] = [
        // A log of changes.
        (b"\x12\x04\0\0\0", &[b"\0event", EOF]),
        (b"\x1e\x04\0\0\0", &[b"\0event"]),
        // What nobody has asked for.
        (b"\x19\x01\0\0\0", &[ERROR]),
        (b"\x0e", &[OK, ERROR]),
        // What does not belong there.
        (b"\x03select", &[b""]),
        (b"\x03select", &[EOF]),
        (b"\x03select", &[b"\x01", COLUMN, b"\x011"]),
        (b"\x03select", &[b"\0\0\0"]),
        (b"\x16select", &[b"\x01"]),
        (b"\x0e", &[b"\x01"]),
    ];
    for (command, answer) in stories {
        let mut exchange = Exchange::default();
        exchange.ask(command);
        exchange.hear(1, answer);
        exchange.ask(b"\x0e");
        exchange.hear(1, &[OK]);
        assert!(!exchange.at_rest(), "{command:?} {answer:?}");
        assert_eq!(exchange.error_number(), None);
    }
    // An answer before the end of a file.
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03load data local");
    exchange.hear(1, &[b"\xfbfile", ERROR]);
    exchange.app_sent(&packet(2, b""));
    assert_next(&exchange, None);
    // A packet that begins no command, without a file; a file that is sent ahead of the wish for it.
    let mut exchange = Exchange::default();
    exchange.app_sent(&packet(1, b"\xef"));
    assert_next(&exchange, None);
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03load data local");
    exchange.ask(b"\x0e");
    exchange.hear(1, &[b"\xfbfile"]);
    exchange.app_sent(&packet(2, b""));
    exchange.hear(3, &[OK]);
    exchange.hear(1, &[OK]);
    assert_next(&exchange, None);
}

#[test]
fn what_servers_do_not_know_is_answered_by_an_error() {
    let mut exchange = Exchange::default();
    for command in [&b""[..], b"\x0f", b"\x12", b"\x20", b"\x63", b"\xfe"] {
        exchange.ask(command);
        assert_next(&exchange, Some(1));
        exchange.hear(1, &[ERROR]);
        assert_at_rest(&exchange);
    }
}

#[test]
fn forms_follow_from_capabilities() {
    use crate::mysql::Capabilities as C;
    let form = |no_eof, says_columns, says_prepared| Form {
        no_eof,
        says_columns,
        says_prepared,
    };
    // MariaDB's bit means something only where MySQL's is not set.
    let cases = [
        (C(0), 0, form(false, false, false)),
        (C::DEPRECATE_EOF, 0xef, form(true, false, false)),
        (C(0), 1 << 4, form(false, true, false)),
        (C::MYSQL, 1 << 4, form(false, false, false)),
        (C::MYSQL | C::OPTIONAL_METADATA, 0, form(false, true, true)),
    ];
    for (capabilities, extended, expected) in cases {
        assert_eq!(Form::agreed(capabilities, extended), expected);
    }
}

#[test]
fn what_no_reset_takes_back_and_what_is_not_known_spoils_a_session_for_good() {
    let ok: [&[u8]; 1] = [OK];
    for command in [0x02, 0x03, 0x07, 0x0c, 0x0e, 0x1a, 0x1f] {
        let mut exchange = Exchange::default();
        exchange.ask(&[command]);
        assert!(!exchange.is_resettable(), "{command:#x} is not answered");
        exchange.hear(1, &ok);
        assert!(exchange.is_resettable(), "{command:#x}");
    }
    for command in [0x12, 0x13, 0x15, 0x1b, 0x1e, 0x1d, 0x20, 0x99, 0x00] {
        let mut exchange = Exchange::default();
        exchange.ask(&[command]);
        // Refused or not: an error is all that can be followed of what is not known.
        exchange.hear(1, &[ERROR]);
        assert!(
            exchange.at_rest() && !exchange.is_resettable(),
            "{command:#x}"
        );
        exchange.begin_anew();
        exchange.ask(b"\x0e");
        exchange.hear(1, &ok);
        assert!(!exchange.is_resettable(), "{command:#x}");
    }
}

#[test]
fn a_session_that_is_half_said_or_wants_a_file_cannot_be_reset() {
    let mut exchange = Exchange::default();
    exchange.app_sent(&packet(0, b"\x03select 1")[..6]);
    assert!(!exchange.is_resettable(), "half a command");
    let mut exchange = Exchange::default();
    exchange.ask(b"\x03load data local infile");
    exchange.hear(1, &[b"\xfbfile"]);
    assert!(!exchange.is_resettable(), "a file is wanted");
    exchange.app_sent(&packet(2, b"\x01"));
    assert!(!exchange.is_resettable(), "within the file");
    exchange.app_sent(&packet(3, b""));
    exchange.hear(4, &[OK]);
    assert!(exchange.is_resettable());
    exchange.hear(1, &[ERROR]);
    assert!(
        !exchange.is_resettable(),
        "a word that nobody has asked for"
    );
}
