//! Both directions of a session, cut anywhere: what a watch makes of them does not depend on the cuts.

use azdb_wire::mysql::{Commands, Found};
use azdb_wire::{postgres, tds};

/// Who says a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    App,
    Upstream,
}

/// Plays the pieces to every watch, as they are and byte by byte.
pub fn run(data: &[u8]) {
    let pieces = pieces(data);
    let [one, other] = played(
        &pieces,
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
        |watch: &mut tds::Exchange, side, bytes| match side {
            Side::App => watch.app_sent(bytes),
            Side::Upstream => watch.upstream_sent(bytes),
        },
    );
    assert_eq!(one.at_rest(), other.at_rest(), "tds");

    let app: Vec<u8> = pieces
        .iter()
        .filter(|(side, _)| *side == Side::App)
        .flat_map(|(_, bytes)| bytes.iter().copied())
        .collect();
    assert_eq!(found(&app, app.len().max(1)), found(&app, 1), "mysql");
}

/// Two watches: one has followed the pieces as they are, the other byte by byte.
fn played<W: Default>(pieces: &[(Side, &[u8])], follow: fn(&mut W, Side, &[u8])) -> [W; 2] {
    let (mut one, mut other) = (W::default(), W::default());
    for (side, piece) in pieces {
        follow(&mut one, *side, piece);
        for byte in piece.chunks(1) {
            follow(&mut other, *side, byte);
        }
    }
    [one, other]
}

/// Where the first COM_CHANGE_USER is, if the bytes come in pieces of this size.
fn found(app: &[u8], size: usize) -> Option<usize> {
    let mut commands = Commands::default();
    let (mut followed, mut shown) = (0, 0);
    while shown < app.len() {
        shown = (shown + size).min(app.len());
        match commands.follow(&app[followed..shown]) {
            Found::Nothing => followed = shown,
            Found::Unsure(at) => {
                assert!(shown - followed - at <= 4, "so much is not unsure");
                followed += at;
            }
            Found::ChangeUser(at) => return Some(followed + at),
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
