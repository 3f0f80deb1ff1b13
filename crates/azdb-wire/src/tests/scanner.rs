use crate::scanner::{Front, Scanner};
use alloc::vec::Vec;
use proptest::prelude::*;

/// Frames of a made-up protocol: a length of the body, that many bytes of a longer header, then the body. 0xFF begins nothing.
fn look(bytes: &[u8]) -> Front<u8> {
    match bytes {
        [] => Front::Short,
        [0xff, ..] => Front::Impossible,
        [length, more @ ..] => {
            let extra = usize::from(length % 4);
            match more.get(..extra) {
                None => Front::Short,
                Some(_) => Front::Whole {
                    head: 1 + extra,
                    body: usize::from(*length),
                    said: *length,
                },
            }
        }
    }
}

fn frame(length: u8) -> Vec<u8> {
    let behind = usize::from(length % 4) + usize::from(length);
    let mut frame = alloc::vec![0xff; behind + 1];
    frame[0] = length;
    frame
}

fn scan(scanner: &mut Scanner<4>, bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    scanner.scan(bytes, look, |frame| said.push(frame));
    said
}

#[test]
fn a_frame_is_told_as_soon_as_its_front_is_whole() {
    let mut scanner = Scanner::default();
    assert!(scanner.between_frames());
    assert_eq!(scan(&mut scanner, &[3, 0, 0]), b"");
    assert!(!scanner.between_frames());
    assert_eq!(scan(&mut scanner, &[0]), [3]);
    assert!(!scanner.between_frames());
    assert_eq!(scan(&mut scanner, &[0xff, 0xff]), b"");
    assert_eq!(scan(&mut scanner, &[0xff]), b"");
    assert!(scanner.between_frames());
}

#[test]
fn behind_what_is_no_frame_nothing_is_told() {
    let mut scanner = Scanner::default();
    assert_eq!(scan(&mut scanner, &[0, 0, 0xff, 0, 0]), [0, 0]);
    assert_eq!(scan(&mut scanner, &[0]), b"");
    assert!(!scanner.between_frames());
}

proptest! {
    #[test]
    fn how_reads_cut_the_bytes_makes_no_difference(
        frames in proptest::collection::vec(0..50u8, 0..20),
        cuts in proptest::collection::vec(0..12usize, 1..40),
    ) {
        prop_assume!(cuts.iter().any(|cut| *cut > 0));
        let bytes = frames.iter().flat_map(|length| frame(*length)).collect::<Vec<_>>();
        let (mut scanner, mut said) = (Scanner::default(), Vec::new());
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            said.extend(scan(&mut scanner, now));
            rest = later;
        }
        prop_assert_eq!(said, frames);
        prop_assert!(scanner.between_frames());
    }

    #[test]
    fn only_behind_a_whole_frame_it_stands_between_two(
        frames in proptest::collection::vec(1..20u8, 1..5), cut in 0..100usize,
    ) {
        let bytes = frames.iter().flat_map(|length| frame(*length)).collect::<Vec<_>>();
        let cut = cut.min(bytes.len());
        let mut ends = frames.iter().scan(0, |end, length| {
            *end += frame(*length).len();
            Some(*end)
        });
        let mut scanner = Scanner::default();
        scan(&mut scanner, &bytes[..cut]);
        prop_assert_eq!(scanner.between_frames(), cut == 0 || ends.any(|end| end == cut));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
        let mut scanner = Scanner::default();
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        scan(&mut scanner, first);
        scan(&mut scanner, second);
    }
}
