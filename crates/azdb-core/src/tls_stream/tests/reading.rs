//! What comes, however it was cut.

use super::*;

#[test]
fn records_that_are_cut_at_any_byte_come_out_whole() {
    for mut pair in Pair::every() {
        for cut in 1.. {
            let (one, two) = (pair.peer_says(b"one"), pair.peer_says(b"two"));
            let bytes = [&one[..], &two].concat();
            let Some((first, second @ [_, ..])) = bytes.split_at_checked(cut) else {
                break;
            };
            pair.line.send(first);
            let mut heard = pair.read_all(100);
            assert_eq!(heard.is_empty(), cut < one.len());
            pair.line.send(second);
            heard.extend(pair.read_all(100));
            assert_eq!(heard, b"onetwo", "cut at {cut}");
            pair.assert_owns_nothing();
        }
    }
}

#[test]
fn records_that_come_byte_by_byte_come_out_whole() {
    for mut pair in Pair::every() {
        let said = pattern(40);
        let bytes = [pair.peer_says(&said), pair.peer_says(&said)].concat();
        for byte in bytes {
            pair.line.send(&[byte]);
        }
        assert_eq!(pair.read_all(1000), [&said[..], &said].concat());
        pair.assert_owns_nothing();
    }
}

#[test]
fn one_receive_takes_many_records() {
    for mut pair in Pair::every() {
        let mut bytes = Vec::new();
        for _ in 0..7 {
            bytes.extend(pair.peer_says(&pattern(8192)));
        }
        pair.line.calls();
        pair.line.send(&bytes);
        let Poll::Ready(Ok(heard)) = pair.read(64 * 1024) else {
            panic!("it was there")
        };
        assert!(heard == pattern(8192).repeat(7));
        assert_eq!(pair.line.calls(), (1, 0));
        pair.assert_owns_nothing();
    }
}

#[test]
fn a_large_transfer_leaves_a_partial_record_at_most_with_a_caller_who_has_room_for_a_record() {
    for mut pair in Pair::every() {
        for room in [16 * 1024, 17_000, 40_000, 64 * 1024] {
            let mut bytes = Vec::new();
            let lengths = [16_384, 8192, 1, 16_384, 5000, 16_383, 16_384, 40];
            for length in lengths.into_iter().chain([600; 40]).cycle().take(300) {
                bytes.extend(pair.peer_says(&pattern(length)));
            }
            pair.line.send(&bytes);
            while let Poll::Ready(heard) = pair.read(room) {
                heard.unwrap();
                let partial = pair.ours.records.partial().len();
                assert!(partial < 16_384 + 2048 + 5);
                assert_eq!(pair.ours.records.behind(), partial, "plaintext was kept");
            }
            pair.assert_owns_nothing();
        }
    }
}

#[test]
fn a_caller_without_room_gets_everything_in_order_and_nothing_is_received_meanwhile() {
    for mut pair in Pair::every() {
        let said = pattern(40_000);
        let bytes = pair.peer_says(&said);
        pair.line.send(&bytes);
        pair.line.calls();
        let mut heard = Vec::new();
        while let Poll::Ready(bytes) = pair.read(7) {
            heard.extend(bytes.unwrap());
            // The last received record, and the beginning of the next.
            assert!(pair.ours.records.behind() < 2 * 16_384 + 100);
            let (receives, _) = pair.line.calls();
            assert!(receives == 0 || pair.ours.records.behind() > 0 || heard.len() > 39_000);
        }
        assert!(heard == said);
        pair.assert_owns_nothing();
    }
}

/// The buffer is the worker's: what another session has left in it must not be taken for more of this one.
#[test]
fn what_another_session_has_left_behind_is_never_looked_at() {
    for mut pair in Pair::every() {
        for cut in 1..30 {
            let bytes = pair.peer_says(b"mine");
            let (first, second) = bytes.split_at(cut.min(bytes.len() - 1));
            // The rest of the record lies just where it would have come.
            scratch::with(|scratch| scratch[..bytes.len()].copy_from_slice(&bytes));
            pair.line.send(first);
            assert!(pair.read(100).is_pending());
            assert_eq!(pair.ours.records.partial(), first);
            scratch::with(|scratch| scratch.fill(0x17));
            pair.line.send(second);
            assert_eq!(pair.read_all(100), b"mine");
        }
    }
}

/// Pieces of a handshake message are decrypted where they lie; they are moved and lie there still, and writes go on meanwhile.
#[test]
fn a_message_of_tls_in_many_records_is_put_together_while_we_write() {
    let (client, mut server) = configs(&rustls::version::TLS13);
    server.max_fragment_size = Some(40);
    server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (mut peer, line) = (peer_of(End::Client, &client, &server), Line::default());
    let ours = TlsStream::connect(client, localhost(), line.wire());
    let ours = shaken(ours, &mut peer, &line).unwrap();
    let mut pair = Pair { ours, peer, line };
    assert!(pair.peer_hears().is_empty());
    let tickets = pair.peer_flight();
    assert!(lengths_of_records(&tickets).len() > 5, "tickets in pieces");
    let mut most = 0;
    for byte in tickets.into_iter().chain(pair.peer_says(b"behind them")) {
        pair.line.send(&[byte]);
        if let Poll::Ready(heard) = pair.read(100) {
            assert_eq!(heard.unwrap(), b"behind them");
        }
        most = most.max(pair.ours.records.partial().len());
        assert!(matches!(pair.write(b"meanwhile"), Poll::Ready(Ok(9))));
        assert_eq!(pair.peer_hears(), b"meanwhile");
    }
    assert!(most > 100, "pieces were kept");
    pair.assert_owns_nothing();
}

#[test]
fn an_update_of_keys_is_followed_and_answered() {
    for end in [End::Client, End::Server] {
        let mut pair = Pair::of(end, configs(&rustls::version::TLS13));
        for _ in 0..40 {
            let before = pair.peer_says(b"before, ");
            pair.peer.refresh_traffic_keys().unwrap();
            let after = pair.peer_says(b"after");
            pair.line.send(&[before, after].concat());
            assert_eq!(pair.read_all(100), b"before, after");
            // The answer goes with the next words.
            assert!(pair.line.sent().is_empty());
            assert!(matches!(pair.write(b"as ever"), Poll::Ready(Ok(7))));
            let sent = pair.line.sent();
            assert_eq!(lengths_of_records(&sent).len(), 2);
            assert_eq!(hear(&mut pair.peer, &sent).unwrap(), b"as ever");
        }
        pair.assert_owns_nothing();
    }
}
