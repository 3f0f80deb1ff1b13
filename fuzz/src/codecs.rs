//! Every parser of the wire, given the same bytes: no panic, and what is encoded is parsed as what it was.

use azdb_wire::mysql::{self, Capabilities};
use azdb_wire::postgres::{self, First};
use azdb_wire::tds::{self, Login7, LoginAnswer, LoginSecret, Manner, Relogin, Version, Width};

/// Runs them all.
pub fn run(data: &[u8]) {
    postgres(data);
    mysql(data);
    tds(data);
}

fn postgres(data: &[u8]) {
    let _ = postgres::next_message(data);
    if let Some(prefix) = data.first_chunk() {
        let _ = postgres::first_length(*prefix);
    }
    if let Ok(First::Startup(startup)) = First::parse(data)
        && startup.user().is_some()
        && let Ok(encoded) = startup.encode_as(b"role", b"orders")
    {
        let Ok(First::Startup(again)) = First::parse(&encoded) else {
            panic!("a startup that is none: {encoded:?}");
        };
        assert_eq!(again.user(), Some(&b"role"[..]));
        assert_eq!(again.database(), Some(&b"orders"[..]));
    }
    let _ = postgres::Authentication::parse(data).map(|request| request.name());
    let _ = postgres::ScramFirst::parse(data);
    for code in *b"SVCMDHPpqWstcdnFLR" {
        let _ = postgres::ErrorFields::of(data).get(code);
    }
    let mut out = Vec::new();
    postgres::append_hint(data, Some("a hint"), &mut out);
    assert!(
        out.len() <= data.len() + 64,
        "{} bytes of {}",
        out.len(),
        data.len()
    );
}

fn mysql(data: &[u8]) {
    let _ = mysql::next_packet(data);
    if let Ok(greeting) = mysql::Greeting::parse(data) {
        let encoded = greeting.encode();
        let again = mysql::Greeting::parse(&encoded);
        assert_eq!(
            again.as_ref().map(|again| again.capabilities),
            Ok(greeting.capabilities)
        );
    }
    if let Ok(mysql::ResponsePacket::Response(response)) = mysql::ResponsePacket::parse(data)
        && let Ok(encoded) = response.encode()
    {
        let again = mysql::ResponsePacket::parse(&encoded);
        assert!(
            matches!(again, Ok(mysql::ResponsePacket::Response(again)) if again.user == response.user)
        );
    }
    let _ = mysql::Answer::parse(data);
    let _ = mysql::ErrorPacket::parse(data).map(|error| error.encode());
    for capabilities in [0, 0x0000_8200, 0x0028_8200, u32::MAX] {
        let _ = mysql::ChangeUser::parse(data, Capabilities(capabilities));
    }
}

fn tds(data: &[u8]) {
    let _ = tds::frame_length(data);
    if let Ok(prelogin) = tds::Prelogin::parse(data) {
        let mut out = Vec::new();
        prelogin.encode_answer(&mut out);
        tds::Prelogin::parse(&out).expect("our own answer");
    }
    if let Ok(login) = Login7::parse(data) {
        let manner = Manner::of(&login);
        let _ = (login.fed_auth(), manner.granted(Version::V7_4));
        let relogin = Relogin {
            server: "orders.example.org",
            database: b"o\0r\0",
            secret: LoginSecret::Token {
                token: "eyJ.a.b",
                echo: true,
            },
        };
        let length = tds::rebuilt_len(&login, &relogin);
        let mut out = Vec::new();
        if tds::rebuild(&login, &relogin, &mut out).is_ok() {
            assert_eq!(length, Ok(out.len()));
            Login7::parse(&out).expect("our own login");
        }
    }
    for asked in [Version::V7_1, Version::V7_4] {
        if let Ok(answer) = LoginAnswer::parse(data, asked) {
            let _ = answer.reports().count();
        }
    }
    for token in tds::StreamTokens::of(data, Width::Wide) {
        if token.is_err() {
            break;
        }
    }
    let _ = tds::from_utf16(data);
}
