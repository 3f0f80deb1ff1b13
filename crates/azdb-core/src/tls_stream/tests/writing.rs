//! What goes, whatever the socket takes of it.

use super::*;

/// Ciphertext of one write: 64 KiB, and what records add to it.
const MOST: usize = 66 * 1024;

#[test]
fn a_write_of_four_records_is_one_send() {
    for mut pair in Pair::every() {
        let said = pattern(64 * 1024);
        pair.line.calls();
        assert!(matches!(pair.write(&said), Poll::Ready(Ok(65_536))));
        assert_eq!(pair.line.calls(), (0, 1));
        assert!(pair.peer_hears() == said);
        pair.assert_owns_nothing();
    }
}

#[test]
fn a_socket_that_takes_little_keeps_one_write_waiting_and_loses_nothing() {
    for mut pair in Pair::every() {
        let said = pattern(300_000);
        let (mut rest, mut heard, mut room) = (&said[..], Vec::new(), 1);
        while heard.len() < said.len() {
            room = (room * 5 + 3) % 40_000;
            pair.line.set_room(room);
            let before = rest.len();
            while !rest.is_empty()
                && let Poll::Ready(count) = pair.write(rest)
            {
                rest = &rest[count.unwrap()..];
            }
            assert!(
                before - rest.len() <= 2 * 65_536,
                "more than the socket took"
            );
            assert!(pair.ours.records.outgoing().rest().len() <= MOST);
            assert_eq!(
                pair.flush().is_ready(),
                pair.ours.records.outgoing().is_empty()
            );
            heard.extend(pair.peer_hears());
        }
        assert!(heard == said);
        pair.line.set_room(usize::MAX);
        assert!(pair.flush().is_ready());
        pair.assert_owns_nothing();
    }
}

#[test]
fn nothing_is_taken_while_the_last_write_waits() {
    for mut pair in Pair::every() {
        pair.line.set_room(10);
        assert!(matches!(pair.write(b"first"), Poll::Ready(Ok(5))));
        assert!(pair.write(b"second").is_pending());
        assert!(pair.flush().is_pending());
        pair.line.set_room(usize::MAX);
        assert!(pair.flush().is_ready());
        assert_eq!(pair.peer_hears(), b"first");
        pair.assert_owns_nothing();
    }
}

#[test]
fn each_piece_is_a_record_and_all_of_them_are_one_send() {
    for mut pair in Pair::every() {
        let said = pattern(16_384);
        let lengths = [1, 16_384, 512, 8000, 16_383];
        let pieces = lengths.iter().map(|length| &said[..*length]);
        pair.line.calls();
        let mut cx = Context::from_waker(Waker::noop());
        let writing = pair.ours.poll_write_each(&mut cx, pieces);
        let Poll::Ready(Ok(taken)) = writing else {
            panic!("a free line")
        };
        assert_eq!(taken, lengths.iter().sum::<usize>());
        assert_eq!(pair.line.calls(), (0, 1));
        let sent = pair.line.sent();
        let over = lengths_of_records(&sent).into_iter().zip(lengths);
        let mut over: Vec<_> = over.map(|(record, piece)| record - piece).collect();
        assert_eq!(over.len(), lengths.len());
        over.dedup();
        assert_eq!(over.len(), 1, "every record has the same overhead");
        hear(&mut pair.peer, &sent).unwrap();
    }
}

#[test]
fn pieces_beyond_the_room_are_for_the_next_write() {
    for mut pair in Pair::every() {
        let said = pattern(600);
        let mut cx = Context::from_waker(Waker::noop());
        let pieces = std::iter::repeat_n(&said[..], 1000);
        let Poll::Ready(Ok(taken)) = pair.ours.poll_write_each(&mut cx, pieces) else {
            panic!("a free line")
        };
        assert_eq!(taken % 600, 0);
        assert!((48_000..70_000).contains(&taken), "{taken}");
        assert!(pair.peer_hears() == said.repeat(taken / 600));
    }
}

#[test]
fn nothing_is_written_of_nothing() {
    for mut pair in Pair::every() {
        assert!(matches!(pair.write(b""), Poll::Ready(Ok(0))));
        assert!(pair.line.sent().is_empty());
    }
}
