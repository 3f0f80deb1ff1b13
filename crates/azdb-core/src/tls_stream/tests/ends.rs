//! How a connection ends, and what is said then.

use std::io::ErrorKind;

use rustls::{AlertDescription, Error};

use super::*;

/// What rustls says of the next read.
fn flaw_of(pair: &mut Pair) -> Error {
    match pair.read(100) {
        Poll::Ready(Err(error)) => flaw(error),
        other => panic!("{other:?}"),
    }
}

/// What rustls says in an error that is its own.
fn flaw(error: io::Error) -> Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    error.downcast().unwrap()
}

fn kind_of<T: std::fmt::Debug>(outcome: Poll<io::Result<T>>) -> ErrorKind {
    match outcome {
        Poll::Ready(Err(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_end_without_close_notify_is_unexpected_wherever_it_comes() {
    for mut pair in Pair::every() {
        let bytes = [pair.peer_says(b"said"), pair.peer_says(b"half")].concat();
        pair.line.send(&bytes[..bytes.len() - 3]);
        pair.line.end();
        assert_eq!(pair.read_all_before_an_error(), b"said");
        for _ in 0..2 {
            assert_eq!(kind_of(pair.read(100)), ErrorKind::UnexpectedEof);
        }
        // Whoever has ended may still listen.
        assert!(matches!(pair.write(b"on"), Poll::Ready(Ok(2))));
        assert_eq!(pair.peer_hears(), b"on");
    }
}

#[test]
fn what_comes_behind_close_notify_is_nobodys_and_we_may_speak_on() {
    for mut pair in Pair::every() {
        let said = pair.peer_says(b"said");
        pair.peer.send_close_notify();
        let end = pair.peer_flight();
        pair.line.send(&[&said[..], &end, b"and on"].concat());
        assert_eq!(pair.read_all_before_an_error(), b"said");
        for _ in 0..2 {
            assert!(matches!(pair.read(100), Poll::Ready(Ok(bytes)) if bytes.is_empty()));
        }
        assert!(matches!(pair.write(b"on"), Poll::Ready(Ok(2))));
        assert_eq!(pair.peer_hears(), b"on");
        pair.assert_owns_nothing();
        assert!(pair.shut().is_ready());
        pair.peer_hears();
        assert!(pair.peer.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn close_notify_comes_once_behind_all_that_was_written_and_reading_goes_on() {
    for mut pair in Pair::every() {
        pair.line.set_room(3);
        assert!(matches!(pair.write(b"last words"), Poll::Ready(Ok(10))));
        assert!(pair.shut().is_pending());
        assert!(!pair.line.is_shut());
        pair.line.set_room(usize::MAX);
        assert!(pair.shut().is_ready());
        assert!(pair.line.is_shut());
        assert!(pair.shut().is_ready());
        let sent = pair.line.sent();
        assert_eq!(lengths_of_records(&sent).len(), 2);
        assert_eq!(hear(&mut pair.peer, &sent).unwrap(), b"last words");
        assert!(pair.peer.process_new_packets().unwrap().peer_has_closed());
        assert_eq!(kind_of(pair.write(b"more")), ErrorKind::BrokenPipe);
        let answer = pair.peer_says(b"an answer");
        pair.line.send(&answer);
        assert_eq!(pair.read_all(100), b"an answer");
        pair.assert_owns_nothing();
    }
}

#[test]
fn a_forged_record_is_answered_by_an_alert_and_ends_the_connection_both_ways() {
    for mut pair in Pair::every() {
        let (said, mut forged) = (pair.peer_says(b"said"), pair.peer_says(b"forged"));
        let behind = pair.peer_says(b"behind");
        *forged.last_mut().unwrap() ^= 1;
        pair.line.send(&[said, forged, behind].concat());
        assert_eq!(pair.read_all_before_an_error(), b"said");
        assert_eq!(flaw_of(&mut pair), Error::DecryptError);
        let alert = hear(&mut pair.peer, &pair.line.sent());
        let expected = Error::AlertReceived(AlertDescription::BadRecordMac);
        assert_eq!(alert, Err(expected));
        // It ends the app's session and not, as a breach of a protocol's rules would, its upstream's.
        assert_eq!(kind_of(pair.write(b"more")), ErrorKind::BrokenPipe);
        assert_eq!(flaw_of(&mut pair), Error::DecryptError);
        assert!(pair.shut().is_ready());
        assert!(pair.line.is_shut() && pair.line.sent().is_empty());
    }
}

#[test]
fn an_alert_that_the_socket_does_not_take_goes_with_the_end() {
    for mut pair in Pair::every() {
        pair.line.set_room(0);
        pair.line.send(b"no TLS at all");
        assert!(matches!(flaw_of(&mut pair), Error::InvalidMessage(_)));
        pair.line.set_room(usize::MAX);
        assert!(pair.shut().is_ready());
        let alert = hear(&mut pair.peer, &pair.line.sent());
        assert!(matches!(alert, Err(Error::AlertReceived(_))), "{alert:?}");
    }
}

#[test]
fn an_alert_of_the_peers_is_told() {
    for mut pair in Pair::every() {
        hear(&mut pair.peer, b"no TLS at all").unwrap_err();
        let alert = pair.peer_flight();
        pair.line.send(&alert);
        let flaw = flaw_of(&mut pair);
        assert!(matches!(flaw, Error::AlertReceived(_)), "{flaw:?}");
    }
}

#[test]
fn what_is_left_behind_is_counted() {
    for mut pair in Pair::every() {
        let bytes = [pair.peer_says(b"read"), pair.peer_says(b"half")].concat();
        pair.line.send(&bytes[..bytes.len() - 1]);
        assert!(matches!(pair.read(1), Poll::Ready(Ok(_))));
        let (_, behind) = pair.ours.into_inner();
        assert!(behind > 3 + 4);
    }
    for mut pair in Pair::every() {
        let bytes = pair.peer_says(b"read");
        pair.line.send(&[&bytes[..], b"in the clear"].concat());
        assert!(matches!(pair.read(4), Poll::Ready(Ok(_))));
        assert!(pair.ours.into_inner().1 > 0);
    }
    for mut pair in Pair::every() {
        let bytes = pair.peer_says(b"read");
        pair.line.send(&bytes);
        assert!(matches!(pair.read(4), Poll::Ready(Ok(_))));
        assert_eq!(pair.ours.into_inner().1, 0);
    }
}

impl Pair {
    fn read_all_before_an_error(&mut self) -> Vec<u8> {
        match self.read(100) {
            Poll::Ready(Ok(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }
}
