//! Logins between an app and a database that both say what a script has: valid messages, mutated ones, and noise.
//!
//! A script is a route, and then what is said in turn: by whom, a message of the protocol or bytes of the script's own, and
//! changes to it. When it is over both sides hang up, and the login, or the session that came of it, must end.

use std::cell::LazyCell;

use super::house::{House, converse};

thread_local! {
    static HOUSE: LazyCell<House> = LazyCell::new(|| {
        let keys = "local_tls=off&upstream_tls=off&upstream_password_in_clear=true";
        House::new(&["postgres", "mysql", "tds"], keys)
    });
}

/// Plays a script.
pub fn run(data: &[u8]) {
    let Some((protocol, script)) = data.split_first() else {
        return;
    };
    let protocol = usize::from(protocol % 3);
    let (app, database) = said(script, protocol);
    HOUSE.with(|house| {
        house.play(
            protocol,
            async |stream| converse(stream, app).await,
            async |stream| converse(stream, database).await,
        )
    });
}

/// What the app and the database say.
fn said(mut script: &[u8], protocol: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut app, mut database) = (Vec::new(), Vec::new());
    while let [head, rest @ ..] = script {
        let (side, templates) = if head & 0x80 == 0 {
            (&mut app, APP[protocol])
        } else {
            (&mut database, DATABASE[protocol])
        };
        let choice = usize::from(head & 0x0f);
        let mut message = match templates.get(choice) {
            Some(template) => template.to_vec(),
            None => Vec::new(),
        };
        let (own, behind) = match (message.is_empty(), rest) {
            (true, [length, rest @ ..]) => rest.split_at(rest.len().min(usize::from(*length))),
            _ => (&[][..], rest),
        };
        message.extend_from_slice(own);
        script = behind;
        // Up to seven bytes of it are others.
        for _ in 0..(head >> 4) & 0x07 {
            let [at, byte, behind @ ..] = script else {
                break;
            };
            let length = message.len();
            if let Some(place) = message.get_mut(usize::from(*at) % length.max(1)) {
                *place = *byte;
            }
            script = behind;
        }
        side.push(message);
    }
    (app, database)
}

const APP: [&[&[u8]]; 3] = [
    &[
        b"\0\0\0\x21\0\x03\0\0user\0anyone\0database\0shop\0\0",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x08\x04\xd2\x16\x30",
        b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
        b"Q\0\0\0\x0dselect 1\0",
        b"P\0\0\0\x10\0select 1\0\0\0S\0\0\0\x04H\0\0\0\x04",
        b"X\0\0\0\x04",
    ],
    &[
        b"\x29\0\0\x01\x01\x82\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0anyone\0\0\0",
        b"\x20\0\0\x01\x01\x8a\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x09\0\0\0\x03select 1",
        b"\x0c\0\0\0\x11other\0\0shop\0",
        b"\0\0\0\x02",
        b"\x01\0\0\0\x1f",
        b"\x01\0\0\0\x01",
    ],
    &[
        b"\x12\x01\0\x1a\0\0\0\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x10\0\0\0\0\0\x02",
        b"\x10\x01\0\x66\0\0\0\0\x5e\0\0\0\x04\0\0\x74\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe0\x03\0\0\0\0\0\0\0\0\0\0\
          \x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\
          \0\0\0\0\0\0\x5e\0\0\0\x5e\0\0\0\x5e\0\0\0\0\0\0\0",
        b"\x01\x01\0\x18\0\0\x01\0s\0e\0l\0e\0c\0t\0 \0\x31\0",
        b"\x06\x01\0\x08\0\0\x01\0",
        b"\x53\x08\0\0\x18\0\0\0\0\0\0\0\x04\0\0\0\x01\x01\0\x08\0\0\x01\0",
    ],
];

const DATABASE: [&[&[u8]]; 3] = [
    &[
        b"R\0\0\0\x08\0\0\0\0",
        b"R\0\0\0\x08\0\0\0\x03",
        b"R\0\0\0\x0c\0\0\0\x05salt",
        b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
        b"R\0\0\0\x22\0\0\0\x0br=nonce,s=c2FsdA==,i=4096",
        b"S\0\0\0\x08a\0b\0",
        b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02",
        b"Z\0\0\0\x05I",
        b"E\0\0\0\x15SFATAL\0C28000\0Mno\0\0",
        b"N\0\0\0\x0bMhello\0\0",
        b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0",
        b"G\0\0\0\x07\0\0\0",
    ],
    &[
        b"\x4a\0\0\0\x0a8.0.40-fake\0\x07\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0",
        b"\x07\0\0\x02\0\0\0\x02\0\0\0",
        b"\x07\0\0\x04\0\0\0\x02\0\0\0",
        b"\x19\0\0\x02\xfemysql_native_password\0ab",
        b"\x18\0\0\x02\xfecaching_sha2_password\0",
        b"\x02\0\0\x02\x01\x04",
        b"\x02\0\0\x02\x01\x03",
        b"\x0b\0\0\x02\xff\x15\x04#28000no",
        b"\x05\0\0\x01\xfbfile",
    ],
    &[
        b"\x04\x01\0\x20\0\0\0\0\0\0\x10\0\x06\x01\0\x16\0\x01\x06\0\x17\0\x01\xff\x10\0\0\0\0\0\x02\x01",
        b"\x04\x01\0\x22\0\x34\x01\0\xad\x0a\0\x01\x74\0\0\x04\0\x10\0\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x04\x01\0\x15\0\x34\x01\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x04\0\0\x08\0\x34\x01\0",
        b"\xae\x02\0\0\0\0\xff",
        b"\x04\x01\0\x28\0\x34\x01\0\xaa\x12\0\x18\x48\0\0\x01\x0e\x02\0n\0o\0\0\0\x01\0\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0",
    ],
];
