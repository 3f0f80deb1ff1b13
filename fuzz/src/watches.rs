//! Both directions of a session, cut anywhere: what a watch makes of them does not depend on the cuts.

use azdb_wire::mysql::{self, Commands, Form, Found};
use azdb_wire::{postgres, tds};

/// Who says a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    App,
    Upstream,
}

/// The forms of MySQL's answers: those of its oldest drivers and of MariaDB's newest.
const FORMS: [Form; 2] = [
    Form {
        no_eof: false,
        says_columns: false,
        says_prepared: false,
    },
    Form {
        no_eof: true,
        says_columns: true,
        says_prepared: false,
    },
];

/// Plays the pieces to every watch, as they are and byte by byte.
pub fn run(data: &[u8]) {
    let pieces = pieces(data);
    let [one, other] = played(
        &pieces,
        postgres::Exchange::default,
        |watch: &mut postgres::Exchange, side, bytes| match side {
            Side::App => watch.app_sent(bytes),
            Side::Upstream => watch.upstream_sent(bytes),
        },
    );
    assert_eq!(
        (one.at_rest(), one.app_left()),
        (other.at_rest(), other.app_left()),
        "postgres"
    );

    let [one, other] = played(
        &pieces,
        tds::Exchange::default,
        |watch: &mut tds::Exchange, side, bytes| match side {
            Side::App => watch.app_sent(bytes),
            Side::Upstream => watch.upstream_sent(bytes),
        },
    );
    assert_eq!(one.at_rest(), other.at_rest(), "tds");

    for form in FORMS {
        let said = played(
            &pieces,
            || mysql::Exchange::new(form),
            |watch: &mut mysql::Exchange, side, bytes| match side {
                Side::App => watch.app_sent(bytes),
                Side::Upstream => watch.upstream_sent(bytes),
            },
        )
        .map(|watch| (watch.at_rest(), watch.is_idle(), watch.error_number()));
        let [one, other] = said;
        assert_eq!(one, other, "mysql");
        let (at_rest, is_idle, error) = one;
        assert!(at_rest || !is_idle, "idle in the middle of something");
        assert!(!at_rest || error.is_none(), "an error for nothing");
    }

    let app: Vec<u8> = pieces
        .iter()
        .filter(|(side, _)| *side == Side::App)
        .flat_map(|(_, bytes)| bytes.iter().copied())
        .collect();
    assert_eq!(found(&app, app.len().max(1)), found(&app, 1), "mysql");
}

/// Two watches: one has followed the pieces as they are, the other byte by byte.
fn played<W>(
    pieces: &[(Side, &[u8])],
    begin: impl Fn() -> W,
    follow: fn(&mut W, Side, &[u8]),
) -> [W; 2] {
    let (mut one, mut other) = (begin(), begin());
    for (side, piece) in pieces {
        follow(&mut one, *side, piece);
        for byte in piece.chunks(1) {
            follow(&mut other, *side, byte);
        }
    }
    [one, other]
}

/// Where the first COM_CHANGE_USER or goodbye is, if the bytes come in pieces of this size.
fn found(app: &[u8], size: usize) -> Option<usize> {
    let mut commands = Commands::default();
    commands.hold_quit(true);
    let (mut followed, mut shown) = (0, 0);
    while shown < app.len() {
        shown = (shown + size).min(app.len());
        match commands.follow(&app[followed..shown]) {
            Found::Nothing => followed = shown,
            Found::Unsure(at) => {
                assert!(shown - followed - at <= 4, "so much is not unsure");
                followed += at;
            }
            Found::ChangeUser(at) | Found::Quit(at) => return Some(followed + at),
        }
    }
    None
}

/// Each piece begins with its side and its length.
fn pieces(mut data: &[u8]) -> Vec<(Side, &[u8])> {
    let mut pieces = Vec::new();
    while let [head, rest @ ..] = data {
        let side = if head & 0x80 == 0 {
            Side::App
        } else {
            Side::Upstream
        };
        let (piece, behind) = rest.split_at(rest.len().min(usize::from(head & 0x7f)));
        pieces.push((side, piece));
        data = behind;
    }
    pieces
}
