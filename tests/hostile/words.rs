//! Text of peers in every field that they control: it forges no line of the log, moves no cursor, and fills nothing.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use azdb_tests::{MysqlPeer, RawApp, packets};

use crate::apps::{login7, response};
use crate::databases::{
    Hostile, Protocol, Setup, Upto, mysql_packet, postgres_message, tds_packet, tds_report,
    tds_token, utf16,
};
use Protocol::{Mysql, Postgres, Tds};

/// A line that is none of ours, a screen wiped, text turned round, a token.
const EVIL: &str = "x`\r\n2026-11-26T00:00:00.000000Z ERROR forged\u{1b}[2J\u{9b}31m\u{202e} eyJhbGciOiJub25lIn0.e30.c2ln";

/// More than anybody wants to read.
const LONG: usize = 3000;

/// The longest line that a log may have.
const LINE: usize = 8 * 1024;

fn evil() -> String {
    EVIL.to_owned() + &"y".repeat(LONG)
}

/// That the log so far is one line per event, each of ours, in both formats.
#[track_caller]
fn assert_clean(log: &str) {
    assert!(!log.contains("eyJ"), "a token: {log}");
    for line in log.lines() {
        let is_text =
            line.starts_with("20") && line.get(26..).is_some_and(|rest| rest.starts_with("Z "));
        let is_json = serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(is_text || is_json, "a line that is none: {line}");
        let forged = line.starts_with("2026-11-26T00:00:00.000000Z");
        assert!(!forged, "a forged line: {line}");
        assert!(line.len() <= LINE, "{} bytes: {line}", line.len());
        let is_bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!line.contains(is_bad), "{line:?}");
    }
}

/// A database that is polite up to there and then says `words`: what of it stands in the log.
#[track_caller]
fn said(protocol: Protocol, upto: Upto, words: Vec<u8>) -> String {
    let hostile = protocol.before(upto, move |mouth| {
        mouth.say(&words)?;
        mouth.wait()
    });
    let told = protocol.told(hostile.proxy.address());
    assert!(!told.is_empty(), "the app is told");
    refusal_of(hostile)
}

#[track_caller]
fn refusal_of(hostile: Hostile) -> String {
    let line = hostile.proxy.log_until("login refused");
    assert_clean(&hostile.proxy.stop().stderr);
    line
}

#[test]
fn of_postgres() {
    let evil = evil();
    let fields = |with_state: bool| {
        let mut body = Vec::new();
        for field in b"SVMDHPpqWstcdnFLR" {
            body.extend([*field]);
            body.extend(evil.bytes());
            body.push(0);
        }
        if with_state {
            body.extend(b"C28000\0");
        }
        body.push(0);
        body
    };
    for upto in [Upto::Login, Upto::Token] {
        for with_state in [true, false] {
            let line = said(Postgres, upto, postgres_message(b'E', &fields(with_state)));
            assert!(
                line.contains("forged"),
                "what the upstream says is shown: {line}"
            );
        }
        let notice = postgres_message(b'N', &fields(true));
        said(
            Postgres,
            upto,
            [notice, postgres_message(b'E', b"M\0\0")].concat(),
        );
    }
    said(Postgres, Upto::Hello, evil.clone().into_bytes());
    let mechanisms = [b"\0\0\0\x0a", evil.as_bytes(), b"\0\0"].concat();
    said(Postgres, Upto::Login, postgres_message(b'R', &mechanisms));
}

#[test]
fn of_mysql() {
    let evil = evil();
    let error = |number: u8, code: u16, state: &str| {
        let payload = [
            b"\xff",
            &code.to_le_bytes()[..],
            state.as_bytes(),
            evil.as_bytes(),
        ]
        .concat();
        mysql_packet(number, &payload)
    };
    let line = said(Mysql, Upto::Hello, error(0, 1040, ""));
    assert!(line.contains("forged"), "{line}");
    for (upto, number) in [(Upto::Login, 3), (Upto::Token, 5)] {
        for state in ["#28000", "", "#\n\x1b[2J"] {
            said(Mysql, upto, error(number, 1045, state));
            said(Mysql, upto, error(number, 9000, state));
        }
    }
    let switch = [b"\xfe", evil.as_bytes(), b"\0scramble"].concat();
    said(Mysql, Upto::Login, mysql_packet(3, &switch));
    said(Mysql, Upto::Hello, evil.clone().into_bytes());
}

#[test]
fn of_sql_server() {
    let evil = evil();
    let line = said(
        Tds,
        Upto::Login,
        tds_packet(0x04, true, &tds_report(0xaa, 18456, &evil)),
    );
    assert!(line.contains("forged"), "{line}");
    let routed = utf16(&evil);
    let chars = u16::try_from(routed.len() / 2).unwrap().to_le_bytes();
    let length = u16::try_from(routed.len() + 5).unwrap().to_le_bytes();
    let body = [&[20], &length[..], &[0, 0x99, 5], &chars, &routed, &[0, 0]].concat();
    said(
        Tds,
        Upto::Login,
        tds_packet(0x04, true, &tds_token(0xe3, &body)),
    );
    said(Tds, Upto::Login, tds_packet(0x04, true, evil.as_bytes()));
    said(Tds, Upto::Hello, tds_packet(0x04, true, evil.as_bytes()));
    said(Tds, Upto::Hello, evil.clone().into_bytes());
}

#[test]
fn of_a_certificate() {
    let many: Vec<String> = (0..2000)
        .map(|number| format!("name-{number}.example.org"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (protocol, upto) in [
        (Postgres, Upto::Login),
        (Mysql, Upto::Login),
        (Tds, Upto::Hello),
    ] {
        for names in [
            many.as_slice(),
            &["evil\n2026-11-26T00:00:00.000000Z ERROR forged\u{1b}[2J.example.org"],
        ] {
            let setup = Setup {
                names,
                ..Setup::default()
            };
            let hostile = protocol.with(setup, upto, |mouth| mouth.wait());
            let told = protocol.told(hostile.proxy.address());
            assert!(told.contains("localhost"), "{told}");
            assert!(!told.contains('\u{1b}'), "{told}");
            assert!(told.len() < LINE, "{}", told.len());
            refusal_of(hostile);
        }
    }
}

/// An app that asks to be let in under such a name.
type Ask = fn(SocketAddr, &str);

#[test]
fn of_apps() {
    let evil = evil();
    let apps: [(Protocol, Ask); 3] = [
        (Postgres, |address, evil| {
            let mut app = RawApp::connect(address);
            let names = [
                ("user", evil),
                ("database", evil),
                ("application_name", evil),
            ];
            app.send(&packets::startup(0, &names));
            drop(app.rest());
        }),
        (Mysql, |address, evil| {
            let mut app = MysqlPeer::connect(address);
            if app.hear().first() != Some(&0xff) {
                app.say(&response(evil.as_bytes()));
                drop(app.rest());
            }
        }),
        (Tds, |address, evil| {
            let mut app = TcpStream::connect(address).unwrap();
            let evil: String = evil.chars().take(128).collect();
            app.write_all(&tds_packet(0x10, true, &login7(&evil, &evil)))
                .unwrap();
            drop(std::io::copy(&mut app, &mut std::io::sink()));
        }),
    ];
    let known = "user_map = { known = \"u\" }\n";
    for (protocol, ask) in apps {
        for (users, log_format) in [
            ("upstream_user = \"u\"\n", "text"),
            (known, "json"),
            (known, "text"),
        ] {
            let setup = Setup {
                users,
                log_format,
                ..Setup::default()
            };
            let hostile = protocol.with(setup, Upto::Login, |mouth| {
                mouth.say(b"nonsense")?;
                mouth.wait()
            });
            ask(hostile.proxy.address(), &evil);
            refusal_of(hostile);
        }
    }
}
