//! Who does not read, who does not stop, and what is held meanwhile.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::acts::{End, text};
use super::forge::{APPLICATION_DATA, HANDSHAKE, Version, key_update};
use super::setup::{Pair, Part, Session, Setup};
use super::subject::Ours;
use super::wire::{Behind, Pace, Sink};

/// What a writer may take for a peer that reads nothing: what one write takes, and what a record adds.
const MOST_UNSENT: usize = 64 * 1024;

/// What a reader may take ahead of a caller that has little room: one receive.
const MOST_AHEAD: usize = 66 * 1024;

fn each(mut test: impl FnMut(&Setup, Session<Ours>)) {
    for setup in Setup::four() {
        test(&setup, Pair::new(&setup).session());
    }
}

#[test]
fn a_writer_waits_for_a_peer_that_does_not_read() {
    each(|_, mut session| {
        session.wire.turn(Sink::Full);
        let (bytes, mut taken) = (text(2, 0, 1 << 20), 0);
        while let Some(count) = session.wire.run(session.stream.write(&bytes[taken..])) {
            taken += count.unwrap();
            assert!(taken <= MOST_UNSENT, "{taken} bytes, and nobody reads");
        }
        assert!(taken > 0);
        assert!(session.flush().is_none(), "nothing has left");
        session.wire.turn(Sink::Open);
        taken += session.write(&bytes[taken..]).unwrap();
        session.flush().unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        assert!(session.forge.data() == bytes);
    });
}

#[test]
fn what_was_not_taken_may_be_said_otherwise() {
    each(|_, mut session| {
        session.wire.turn(Sink::Full);
        let mut said = Vec::new();
        for n in 0_u8.. {
            let bytes = text(n, 0, 10_000);
            match session.wire.run(session.stream.write(&bytes)) {
                Some(count) => said.extend_from_slice(&bytes[..count.unwrap()]),
                None => break,
            }
        }
        session.wire.turn(Sink::Open);
        session.write(b"something else").unwrap();
        session.flush().unwrap().unwrap();
        said.extend_from_slice(b"something else");
        assert!(session.forge.data() == said);
    });
}

#[test]
fn a_reader_with_little_room_takes_little() {
    each(|_, mut session| {
        let said = text(1, 0, 1 << 20);
        for piece in said.chunks(16_000) {
            session.says(piece);
        }
        let (mut heard, before) = (Vec::new(), session.wire.ends().given);
        for room in [1, 2, 3, 100, 1000].into_iter().cycle() {
            let read = session.read(room).unwrap().unwrap();
            assert!(!read.is_empty());
            heard.extend(read);
            let given = session.wire.ends().given - before;
            assert!(
                given <= heard.len() * 101 / 100 + MOST_AHEAD,
                "{given} for {}",
                heard.len()
            );
            if heard.len() > 300_000 {
                break;
            }
        }
        assert_eq!(session.hear(&mut heard, &[1 << 16]), End::Open);
        assert!(heard == said);
    });
}

#[test]
fn many_records_come_with_one_receive() {
    each(|_, mut session| {
        // The first reads find out that there is much.
        for n in 0..200 {
            session.says(&text(1, n * 8192, 8192));
        }
        let before = session.wire.ends().reads;
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[1 << 16]), End::Open);
        let reads = session.wire.ends().reads - before;
        assert!(heard == text(1, 0, 200 * 8192));
        assert!(reads < 40, "{reads} receives for 200 records");
    });
}

#[test]
fn a_reader_does_not_wait_for_a_sink() {
    for setup in Setup::four() {
        let mut session = Pair::new(&setup).session::<Ours>();
        session.wire.turn(Sink::Full);
        while session.wire.run(session.stream.write(&[0; 5000])).is_some() {}
        if setup.version == Version::Tls13 {
            session.says_key_update(true);
        }
        session.says(b"are you there");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(heard, b"are you there");
        session.says_alert(1, 0);
        assert_eq!(session.hear(&mut heard, &[100]), End::Closed);
    }
}

/// Both waits at once: each side's waker must stay known while the other one is polled.
#[test]
fn a_writer_and_a_reader_wait_at_once() {
    each(|_, mut session| {
        session.wire.turn(Sink::Full);
        while session.wire.run(session.stream.write(&[7; 5000])).is_some() {}
        let (wire, mut buffer) = (session.wire.clone(), [0; 10]);
        let (mut reader, mut writer) = tokio::io::split(session.stream);
        let mut both = Box::pin(async { tokio::join!(reader.read(&mut buffer), writer.flush()) });
        assert!(wire.poll(&mut both).is_none());
        wire.turn(Sink::Open);
        assert!(wire.poll(&mut both).is_none(), "the reader has nothing");
        let record = session.forge.says.seal(APPLICATION_DATA, b"word", 0);
        wire.give(&record);
        let (read, flushed) = wire.poll(&mut both).expect("both");
        assert_eq!(read.unwrap(), 4);
        flushed.unwrap();
    });
}

/// A sink wakes whoever polled it last. A reader that does so while a writer waits takes the wake for itself.
#[test]
fn a_reader_leaves_the_sink_to_the_writer_who_waits() {
    each(|_, mut session| {
        session.wire.turn(Sink::Full);
        while session.wire.run(session.stream.write(&[7; 5000])).is_some() {}
        let sends = session.wire.ends().writes;
        session.says(b"word");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(
            session.wire.ends().writes,
            sends,
            "the reader polled the sink"
        );
    });
}

#[test]
fn many_updates_of_keys_get_one_answer_while_nobody_writes() {
    for part in [Part::Client, Part::Server] {
        let mut session = Pair::new(&Setup::new(part, Version::Tls13)).session::<Ours>();
        let mut heard = Vec::new();
        for _ in 0..1000 {
            for _ in 0..16 {
                session.says_key_update(true);
            }
            // So many in a row without data are a flaw.
            session.says(b".");
        }
        assert_eq!(session.hear(&mut heard, &[1 << 16]), End::Open);
        assert_eq!(heard.len(), 1000);
        session.write(b"here").unwrap();
        session.flush().unwrap().unwrap();
        assert_eq!(session.forge.of(HANDSHAKE), [key_update(false)]);
        assert_eq!(session.forge.data(), b"here");
        // And once more, with the next keys.
        session.says_key_update(true);
        assert_eq!(session.hear(&mut heard, &[10]), End::Open);
        session.write(b"there").unwrap();
        session.flush().unwrap().unwrap();
        assert_eq!(session.forge.of(HANDSHAKE).len(), 2);
        assert_eq!(session.forge.data(), b"herethere");
    }
}

/// rustls has decrypted the first half where it lies, and expects it there.
#[test]
fn half_a_message_is_kept_while_we_write_and_while_we_end() {
    for setup in Setup::four() {
        for ends in [false, true] {
            let mut session = Pair::new(&setup).session::<Ours>();
            let whole: &[u8] = match setup.version {
                Version::Tls13 => &key_update(false),
                Version::Tls12 if setup.part == Part::Client => &[0; 4],
                // A server of TLS 1.2 is sent no message that it does not mind.
                Version::Tls12 => continue,
            };
            let mut heard = Vec::new();
            for half in [&whole[..2], &whole[2..]] {
                assert_eq!(session.hear(&mut heard, &[100]), End::Open);
                let record = session.forge.says.seal(HANDSHAKE, half, 0);
                session.wire.give(&record);
                assert_eq!(session.hear(&mut heard, &[100]), End::Open);
                if half.len() == 2 && session.forge.heard.is_empty() {
                    session.write(b"between").unwrap();
                    session.flush().unwrap().unwrap();
                    if ends {
                        session.shut().unwrap().unwrap();
                    }
                }
            }
            if setup.version == Version::Tls13 {
                session.forge.says.update();
            }
            session.says(b"behind");
            assert_eq!(session.hear(&mut heard, &[100]), End::Open);
            assert_eq!(heard, b"behind");
            assert_eq!(session.forge.data(), b"between");
        }
    }
}

#[test]
fn an_update_that_asks_for_none_gets_none() {
    for part in [Part::Client, Part::Server] {
        let mut session = Pair::new(&Setup::new(part, Version::Tls13)).session::<Ours>();
        session.says_key_update(false);
        session.says(b"new keys");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(heard, b"new keys");
        session.write(b"old keys").unwrap();
        session.flush().unwrap().unwrap();
        assert!(session.forge.of(HANDSHAKE).is_empty());
        assert_eq!(session.forge.data(), b"old keys");
    }
}

#[test]
fn updates_of_keys_without_end_are_a_flaw() {
    for part in [Part::Client, Part::Server] {
        let mut session = Pair::new(&Setup::new(part, Version::Tls13)).session::<Ours>();
        for _ in 0..40 {
            session.says_key_update(false);
        }
        let end = session.hear(&mut Vec::new(), &[100]);
        assert!(
            matches!(end, End::Error(ErrorKind::InvalidData, Some(_))),
            "{end:?}"
        );
    }
}

#[test]
fn records_without_end_and_without_contents_are_a_flaw() {
    each(|_, mut session| {
        for _ in 0..40 {
            session.says(b"");
        }
        let end = session.hear(&mut Vec::new(), &[100]);
        assert!(
            matches!(end, End::Error(ErrorKind::InvalidData, Some(_))),
            "{end:?}"
        );
    });
}

#[test]
fn a_handshake_message_without_end_is_a_flaw() {
    each(|_, mut session| {
        // The header says 16 MiB.
        let header = session.forge.says.seal(HANDSHAKE, &[4, 255, 255, 255], 0);
        session.wire.give(&header);
        for _ in 0..40 {
            let piece = session.forge.says.seal(HANDSHAKE, &[0; 16_000], 0);
            session.wire.give(&piece);
        }
        let end = session.hear(&mut Vec::new(), &[100]);
        assert!(
            matches!(end, End::Error(ErrorKind::InvalidData, _)),
            "{end:?}"
        );
        assert!(
            session.wire.unread() > 400_000,
            "it took more than it can use"
        );
    });
}

#[test]
fn a_sink_that_breaks_is_an_error_of_the_writer_alone() {
    each(|_, mut session| {
        session.wire.turn(Sink::Broken(ErrorKind::BrokenPipe));
        let failed = session
            .write(b"anybody")
            .and_then(|_| session.flush().unwrap());
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::BrokenPipe);
        session.says(b"my last words");
        let mut heard = Vec::new();
        assert_eq!(session.hear(&mut heard, &[100]), End::Open);
        assert_eq!(heard, b"my last words");
    });
}

#[test]
fn a_sink_that_takes_nothing_is_an_error() {
    each(|_, mut session| {
        session.wire.turn(Sink::Nothing);
        let failed = session
            .write(b"anybody")
            .and_then(|_| session.flush().unwrap());
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::WriteZero);
    });
}

#[test]
fn a_write_of_nothing_says_nothing() {
    each(|_, mut session| {
        let count = session
            .wire
            .run(session.stream.write(b""))
            .unwrap()
            .unwrap();
        assert_eq!(count, 0);
        session.flush().unwrap().unwrap();
        assert!(session.forge.heard.is_empty());
    });
}

#[test]
fn a_read_without_room_takes_nothing() {
    each(|_, mut session| {
        session.says(b"words");
        session.wire.end_with(Behind::End);
        assert_eq!(session.read(0).unwrap().unwrap(), b"");
        let mut heard = Vec::new();
        let end = session.hear(&mut heard, &[2]);
        assert_eq!(heard, b"words");
        assert!(
            matches!(end, End::Error(ErrorKind::UnexpectedEof, _)),
            "{end:?}"
        );
    });
}

#[test]
fn a_break_of_the_stream_comes_through_behind_what_came_before() {
    each(|_, mut session| {
        session.wire.pace(Pace::of(&[9]), Pace::whole());
        session.says(b"words");
        session
            .wire
            .end_with(Behind::Break(ErrorKind::ConnectionReset));
        let mut heard = Vec::new();
        let end = session.hear(&mut heard, &[100]);
        assert_eq!(heard, b"words");
        assert_eq!(end, End::Error(ErrorKind::ConnectionReset, None));
    });
}
