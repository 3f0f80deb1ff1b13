use crate::mysql::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_packet(&mut out, number, payload);
    out
}

fn found(bytes: &[u8]) -> Found {
    Commands::default().follow(bytes)
}

#[test]
fn a_change_of_user_is_found_behind_other_commands() {
    let before = [packet(0, b"\x03select 0x11"), packet(0, b"\x1f")].concat();
    let bytes = [
        before.clone(),
        packet(0, b"\x11ann\0\0\0"),
        packet(0, b"\x0e"),
    ]
    .concat();
    assert_eq!(found(&bytes), Found::ChangeUser(before.len()));
}

#[test]
fn a_header_without_its_first_byte_is_not_judged() {
    let before = packet(0, b"\x0e");
    let bytes = [before.clone(), packet(0, b"\x11ann\0\0\0")].concat();
    for seen in 1..=4 {
        let end = before.len() + seen;
        assert_eq!(
            found(bytes.get(..end).unwrap()),
            Found::Unsure(before.len())
        );
    }
    assert_eq!(
        found(bytes.get(..before.len() + 5).unwrap()),
        Found::ChangeUser(before.len())
    );
}

#[test]
fn an_app_that_says_quit_has_quit() {
    let mut commands = Commands::default();
    let cases: [(&[u8], bool); 3] = [(b"\x03\x01", false), (b"\x01", true), (b"\x0e", false)];
    for (command, has_quit) in cases {
        commands.follow(&packet(0, command));
        assert_eq!(commands.has_quit(), has_quit);
    }
}

#[test]
fn a_goodbye_is_found_where_it_is_held_and_nothing_else_is_taken_for_one() {
    let before = [packet(0, b"\x03\x01"), packet(0, b"\x0e")].concat();
    let bytes = [before.clone(), QUIT.to_vec()].concat();
    let mut commands = Commands::default();
    commands.hold_quit(true);
    assert_eq!(commands.follow(&bytes), Found::Quit(before.len()));
    assert!(!commands.has_quit());
    // Shown again, it goes on where nobody wants to hold it.
    commands.hold_quit(false);
    assert_eq!(commands.follow(&QUIT), Found::Nothing);
    assert!(commands.has_quit());

    let mut commands = Commands::default();
    commands.hold_quit(true);
    let file = [
        packet(0, b"\x03load data local"),
        packet(2, b"\x01"),
        packet(0, b"\x01"),
    ]
    .concat();
    assert_eq!(commands.follow(&file), Found::Nothing, "part of a file");
    assert_eq!(commands.follow(&packet(3, b"")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x01and more")), Found::Nothing);
    assert_eq!(commands.follow(&QUIT), Found::Quit(0));
}

#[test]
fn an_empty_command_needs_no_first_byte() {
    assert_eq!(found(&packet(0, b"")), Found::Nothing);
}

#[test]
fn a_file_of_any_bytes_is_no_command() {
    let mut commands = Commands::default();
    assert_eq!(
        commands.follow(&packet(0, b"\x03load data local")),
        Found::Nothing
    );
    for piece in 2..2000u32 {
        let piece = packet((piece % 256) as u8, &[0x11; 100]);
        assert_eq!(commands.follow(&piece), Found::Nothing);
    }
    assert_eq!(commands.follow(&packet(0, b"")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x11")), Found::ChangeUser(0));
}

#[test]
fn a_file_of_no_bytes_is_over_with_its_only_packet() {
    let mut commands = Commands::default();
    commands.follow(&packet(0, b"\x03load data local"));
    assert_eq!(commands.follow(&packet(2, b"")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x11")), Found::ChangeUser(0));
}

#[test]
fn a_continued_packet_is_no_command() {
    let mut commands = Commands::default();
    let mut long = vec![0xff, 0xff, 0xff, 0];
    long.resize(4 + MAX_PAYLOAD, 0x03);
    assert_eq!(commands.follow(&long), Found::Nothing);
    // Its end is a packet of its own, with any number and any first byte.
    assert_eq!(commands.follow(&packet(0, b"\x11tail")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x11")), Found::ChangeUser(0));

    // An exact multiple ends with an empty packet, which does not end a file.
    let mut commands = Commands::default();
    commands.follow(&packet(0, b"\x03load data local"));
    *long.get_mut(3).unwrap() = 2;
    assert_eq!(commands.follow(&long), Found::Nothing);
    assert_eq!(commands.follow(&packet(3, b"")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x11")), Found::Nothing);
    assert_eq!(commands.follow(&packet(1, b"")), Found::Nothing);
    assert_eq!(commands.follow(&packet(0, b"\x11")), Found::ChangeUser(0));
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 1..20),
        Just(vec![0x11]),
        Just(vec![0x01]),
    ];
    let packets = proptest::collection::vec((prop_oneof![Just(0u8), any::<u8>()], payload), 0..12);
    packets.prop_map(|packets| {
        let parts = packets
            .iter()
            .map(|(number, payload)| packet(*number, payload));
        parts.collect::<Vec<_>>().concat()
    })
}

proptest! {
    #[test]
    fn how_a_stream_is_cut_into_reads_changes_nothing(
        bytes in stream(),
        cuts in proptest::collection::vec(1..30usize, 1..40),
        holds_quit: bool,
    ) {
        let mut whole = Commands::default();
        whole.hold_quit(holds_quit);
        let expected = whole.follow(&bytes);

        let mut pieces = Commands::default();
        pieces.hold_quit(holds_quit);
        // Offset of `window` in the stream; what was not followed is shown again.
        let (mut offset, mut window) = (0, Vec::new());
        let mut rest = &bytes[..];
        let mut outcome = Found::Nothing;
        for cut in cuts.into_iter().cycle() {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            rest = behind;
            window.extend_from_slice(piece);
            outcome = match pieces.follow(&window) {
                Found::Nothing => {
                    offset += window.len();
                    window.clear();
                    Found::Nothing
                }
                Found::Unsure(at) => {
                    prop_assert!(window.len() - at <= Header::LEN);
                    window.drain(..at);
                    offset += at;
                    Found::Unsure(offset)
                }
                Found::ChangeUser(at) => Found::ChangeUser(offset + at),
                Found::Quit(at) => Found::Quit(offset + at),
            };
            if rest.is_empty() || matches!(outcome, Found::ChangeUser(_) | Found::Quit(_)) {
                break;
            }
        }
        prop_assert_eq!(outcome, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = found(&bytes);
    }
}
