//! How it ends, in each direction by itself.

use std::io::{ErrorKind, Read as _, Write as _};

use rustls::{AlertDescription, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::acts::{End, text};
use super::forge::{ALERT, Version, handshake, in_the_clear, key_update};
use super::setup::{Pair, Part, Session, Setup, feed, written};
use super::subject::{Ours, Subject as _};
use super::wire::{Behind, Pace, Sink};

const CLOSE_NOTIFY: [u8; 2] = [1, 0];

fn each(mut test: impl FnMut(Session<Ours>)) {
    for setup in Setup::four() {
        test(Pair::new(&setup).session());
    }
}

#[test]
fn after_our_end_the_peer_goes_on_and_is_heard() {
    each(|mut session| {
        session.write(b"last question").unwrap();
        session.shut().unwrap().unwrap();
        assert_eq!(session.forge.data(), b"last question");
        assert_eq!(session.forge.alerts(), [CLOSE_NOTIFY]);
        assert!(session.wire.ends().is_shut);
        assert!(session.write(b"more").is_err(), "words behind an end");
        session.says(b"late answer");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[3]), End::Open);
        session.says_alert(1, 0);
        assert_eq!(session.hear(&mut heard, &[3]), End::Closed);
        assert_eq!(heard, b"late answer");
        // Once is enough; `Wire` takes nothing behind its end.
        session.shut().unwrap().unwrap();
        assert!(session.write(b"more").is_err(), "words behind an end");
        assert!(session.wire.taken().is_empty());
    });
}

#[test]
fn after_the_peers_end_we_go_on_and_are_heard() {
    each(|mut session| {
        session.says(b"question");
        session.says_alert(1, 0);
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[1]), End::Closed);
        assert_eq!(heard, b"question");
        for n in 0..5 {
            session.write(&text(2, n * 30_000, 30_000)).unwrap();
        }
        session.shut().unwrap().unwrap();
        assert!(session.forge.data() == text(2, 0, 150_000));
        assert_eq!(session.forge.alerts(), [CLOSE_NOTIFY]);
        assert_eq!(session.hear(&mut heard, &[1]), End::Closed);
    });
}

#[test]
fn what_comes_behind_an_end_is_nobodys() {
    each(|mut session| {
        session.says(b"all");
        session.says_alert(1, 0);
        session.says(b"not all");
        session.wire.give(b"GET / HTTP/1.1\r\n\r\n");
        session.wire.give(&in_the_clear(23, &[0; 16_000]));
        for behind in [Behind::Nothing, Behind::Break(ErrorKind::ConnectionReset)] {
            session.wire.end_with(behind);
            let mut heard = Vec::new();
            assert_eq!(session.hear(&mut heard, &[2, 100]), End::Closed);
            assert!(heard == b"all" || heard.is_empty());
        }
        assert_eq!(session.stream.holds(), 0, "it is kept for nobody");
        // And it is in nobody's way.
        session.write(b"bye").unwrap();
        session.shut().unwrap().unwrap();
        assert_eq!(session.forge.data(), b"bye");
        assert_eq!(session.forge.alerts(), [CLOSE_NOTIFY]);
    });
}

#[test]
fn a_bare_end_is_no_end() {
    each(|mut session| {
        session.says(b"half a sen");
        session.wire.end_with(Behind::End);
        let mut heard = Vec::new();
        for _ in 0..3 {
            let end = session.hear(&mut heard, &[4]);
            assert!(
                matches!(end, End::Error(ErrorKind::UnexpectedEof, None)),
                "{end:?}"
            );
        }
        assert_eq!(heard, b"half a sen");
        // Which says nothing of the other direction.
        session.write(b"still here").unwrap();
        session.shut().unwrap().unwrap();
        assert_eq!(session.forge.data(), b"still here");
    });
}

#[test]
fn an_end_within_a_record_is_no_end_and_its_bytes_are_nobodys() {
    for setup in Setup::four() {
        let pair = Pair::new(&setup);
        for lacking in 1..20 {
            let mut session = pair.session::<Ours>();
            session.says(b"whole");
            let record = session.forge.says.seal(23, b"not whole", 0);
            session.wire.give(&record[..record.len() - lacking]);
            session.wire.end_with(Behind::End);
            let mut heard = Vec::new();
            let end = session.hear(&mut heard, &[4]);
            assert!(
                matches!(end, End::Error(ErrorKind::UnexpectedEof, None)),
                "{end:?}"
            );
            assert_eq!(heard, b"whole");
        }
    }
}

#[test]
fn an_end_is_said_behind_everything_and_waits_for_its_turn() {
    each(|mut session| {
        session.wire.turn(Sink::Full);
        let taken = session.write(&text(2, 0, 200_000)).unwrap();
        assert!(taken > 0);
        assert!(session.shut().is_none(), "it is not the sink's turn");
        assert!(session.shut().is_none(), "nor now");
        assert!(!session.wire.ends().is_shut);
        session.wire.pace(Pace::whole(), Pace::of(&[0, 1000, 7]));
        session.wire.turn(Sink::Open);
        session.shut().unwrap().unwrap();
        assert!(session.forge.data() == text(2, 0, taken));
        assert_eq!(session.forge.alerts(), [CLOSE_NOTIFY]);
        assert!(session.wire.ends().is_shut);
    });
}

/// What TLS itself would answer, to new keys or a second handshake, comes too late.
#[test]
fn behind_our_end_nothing_is_said() {
    for (part, version, asks) in [
        (Part::Client, Version::Tls12, handshake(0, b"")),
        (Part::Server, Version::Tls12, hello()),
        (Part::Client, Version::Tls13, key_update(true).to_vec()),
        (Part::Server, Version::Tls13, key_update(true).to_vec()),
    ] {
        let mut session = Pair::new(&Setup::new(part, version)).session::<Ours>();
        session.shut().unwrap().unwrap();
        let record = session.forge.says.seal(22, &asks, 0);
        session.wire.give(&record);
        if version == Version::Tls13 {
            session.forge.says.update();
        }
        session.says(b"go on");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(heard, b"go on");
        assert_eq!(session.forge.alerts(), [CLOSE_NOTIFY]);
    }
}

#[test]
fn a_fatal_alert_of_the_peers_is_its_name() {
    each(|mut session| {
        session.says(b"before");
        session.says_alert(2, 80);
        session.says(b"behind");
        let mut heard = Vec::new();
        let end = session.hear(&mut heard, &[1 << 16]);
        let internal = Error::AlertReceived(AlertDescription::InternalError);
        assert_eq!(end, End::Error(ErrorKind::InvalidData, Some(internal)));
        assert_eq!(heard, b"before");
    });
}

#[test]
fn a_flaw_is_told_to_the_peer_at_once_and_nothing_behind_it() {
    each(|mut session| {
        session.says(b"before");
        let mut record = session.forge.says.seal(23, b"forged", 0);
        let last = record.len() - 1;
        record[last] ^= 1;
        session.wire.give(&record);
        session.says(b"behind");
        let mut heard = Vec::new();
        let end = session.hear(&mut heard, &[1 << 16]);
        assert_eq!(
            end,
            End::Error(ErrorKind::InvalidData, Some(Error::DecryptError))
        );
        assert_eq!(heard, b"before");
        // The reader alone has been polled.
        session.overhear();
        assert_eq!(session.forge.alerts(), [[2, 20]]);
        assert_eq!(
            session.stream.holds(),
            0,
            "what came behind it is kept for nobody"
        );
        assert!(
            session.write(b"and yet").is_err(),
            "words behind a fatal alert"
        );
        let _ = session.shut();
        assert_eq!(
            session.forge.alerts(),
            [[2, 20]],
            "close_notify behind a fatal alert"
        );
        assert!(session.forge.data().is_empty());
        for _ in 0..2 {
            let end = session.hear(&mut heard, &[100]);
            assert!(
                matches!(end, End::Error(ErrorKind::InvalidData, _) | End::Open),
                "{end:?}"
            );
        }
        assert_eq!(heard, b"before");
    });
}

/// TLS 1.2: RFC 5246, section 7.2.2, and what every library does since CVE-2009-3555.
#[test]
fn renegotiation_is_declined_once_and_then_an_error() {
    for (part, asks) in [(Part::Client, handshake(0, b"")), (Part::Server, hello())] {
        let mut session = Pair::new(&Setup::new(part, Version::Tls12)).session::<Ours>();
        let record = session.forge.says.seal(22, &asks, 0);
        session.wire.give(&record);
        session.says(b"well then");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(heard, b"well then");
        session.flush().unwrap().unwrap();
        assert_eq!(session.forge.of(ALERT), [[1, 100]]);
        let record = session.forge.says.seal(22, &asks, 0);
        session.wire.give(&record);
        let end = session.hear(&mut heard, &[100]);
        assert!(
            matches!(end, End::Error(ErrorKind::InvalidData, Some(_))),
            "{end:?}"
        );
    }
}

/// A ClientHello as rustls writes it.
fn hello() -> Vec<u8> {
    let mut client = Pair::new(&Setup::new(Part::Server, Version::Tls12)).peer();
    written(&mut client)[5..].to_vec()
}

/// A peer of rustls's own, to the end of it all: much in both directions, and new keys again and again.
#[test]
fn with_a_peer_of_rustls_all_of_it_arrives() {
    for setup in Setup::four() {
        let shaken = Pair::new(&setup).shake::<Ours>();
        let (mut peer, wire) = (shaken.peer, shaken.wire);
        let (mut stream, mut failed) = (shaken.outcome.unwrap().unwrap(), None);
        wire.pace(Pace::of(&[5000, 0, 1]), Pace::of(&[0, 3000, 1, 17_000]));
        let mut buffer = vec![0; 1 << 16];
        let (mut to_us, mut to_peer) = (Vec::new(), Vec::new());
        for round in 0..60 {
            if setup.version == Version::Tls13 && round % 3 == 0 {
                peer.refresh_traffic_keys().unwrap();
            }
            peer.writer()
                .write_all(&text(1, round * 9000, 9000))
                .unwrap();
            wire.give(&written(&mut peer));
            let bytes = text(2, round * 7000, 7000);
            wire.run(stream.write_all(&bytes)).unwrap().unwrap();
            wire.run(stream.flush()).unwrap().unwrap();
            feed(&mut peer, &wire.taken(), &mut failed);
            assert_eq!(failed, None);
            let _ = peer.reader().read_to_end(&mut to_peer);
            while let Some(count) = wire.run(stream.read(&mut buffer)) {
                to_us.extend_from_slice(&buffer[..count.unwrap()]);
            }
        }
        assert!(to_us == text(1, 0, 60 * 9000));
        assert!(to_peer == text(2, 0, 60 * 7000));
    }
}
