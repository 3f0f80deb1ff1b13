//! Handshakes of every kind, cut everywhere.

use std::io::ErrorKind;

use proptest::prelude::*;
use rustls::{AlertDescription, Error, HandshakeKind};

use super::acts::{End, text};
use super::forge::Version;
use super::play::paces;
use super::setup::{Pair, Part, Setup, Shaken, Shown, Suite};
use super::subject::{Facts, Oracle, Ours, Subject};
use super::wire::{Behind, Pace, Wire};

fn any_setup() -> impl Strategy<Value = Setup> {
    let alpn = prop_oneof![
        3 => Just([vec![], vec![]]),
        1 => Just([vec![b"tds/8.0".to_vec()], vec![b"http/1.1".to_vec(), b"tds/8.0".to_vec()]]),
        1 => Just([vec![b"postgresql".to_vec()], vec![]]),
        1 => Just([vec![b"postgresql".to_vec()], vec![b"h2".to_vec()]]),
    ];
    let shown =
        prop_oneof![4 => Just(Shown::Short), 1 => Just(Shown::Long), 1 => Just(Shown::Strange)];
    (
        super::play::setup(),
        any::<bool>(),
        shown,
        any::<bool>(),
        alpn,
    )
        .prop_map(|(setup, retries, shown, asks, alpn)| Setup {
            retries,
            shown,
            asks,
            alpn,
            ..setup
        })
}

/// How it came out, for whoever it is.
fn verdict<T: Subject>(shaken: &Shaken<T>) -> (Result<Facts, End>, Option<Error>) {
    let outcome = match shaken.outcome.as_ref().expect("an end") {
        Ok(stream) => Ok(stream.facts()),
        Err(error) => Err(End::of(error)),
    };
    (outcome, shaken.peer_failed.clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_handshake_is_cut_it_comes_out_as_the_oracles(
        setup in any_setup(),
        gives in paces(),
        takes in paces(),
        words in 0..40_000_usize,
    ) {
        let expected = verdict(&Pair::new(&setup).shake::<Oracle>());
        let (paces, words) = ((Pace::of(&gives), Pace::of(&takes)), text(1, 0, words));
        let shaken = Pair::new(&setup).shake_with::<Ours>(paces, &words, |_, _| {});
        let came = verdict(&shaken);
        prop_assert_eq!(&expected.0, &came.0);
        // An alert that was not taken at once is not waited for.
        if came.0.is_ok() || takes.iter().all(|takes| *takes > 64) {
            prop_assert_eq!(&expected.1, &came.1);
        }
        if came.0.is_ok() {
            // What came with the end of the handshake comes out of it.
            let (mut session, mut heard) = (shaken.session(), Vec::new());
            prop_assert_eq!(session.hear(&mut heard, &[1 << 16]), End::Open);
            prop_assert!(heard == words, "{} of {} bytes", heard.len(), words.len());
            session.write(b"and back").unwrap();
            session.flush().unwrap().unwrap();
            prop_assert_eq!(session.forge.data(), b"and back");
        }
    }

    #[test]
    fn one_wrong_bit_in_a_handshake_is_the_same_flaw_to_both(
        setup in super::play::setup(),
        flight in 0..3_usize,
        at in any::<usize>(),
        bit in 0..8_u8,
        gives in paces(),
    ) {
        let tamper = |number: usize, bytes: &mut Vec<u8>| {
            if number == flight {
                // Not in what is random, and not where what is random would become a message or a record.
                let at = [0, 1, 2, 5, 6, 9, 10][at % 7];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        };
        let whole = || (Pace::whole(), Pace::whole());
        let expected = Pair::new(&setup).shake_with::<Oracle>(whole(), b"", tamper);
        let came = Pair::new(&setup).shake_with::<Ours>((Pace::of(&gives), Pace::whole()), b"", tamper);
        prop_assert_eq!(expected.outcome.is_some(), came.outcome.is_some());
        if expected.outcome.is_some() {
            prop_assert_eq!(verdict(&expected), verdict(&came));
        }
    }
}

/// All four, with all else as it comes.
fn each(mut test: impl FnMut(Setup)) {
    Setup::four().into_iter().for_each(&mut test);
}

#[test]
fn a_handshake_byte_by_byte_is_a_handshake() {
    each(|setup| {
        let paces = (Pace::of(&[1, 0]), Pace::of(&[1, 0]));
        let shaken = Pair::new(&setup).shake_with::<Ours>(paces, b"words", |_, _| {});
        let (mut session, mut heard) = (shaken.session(), Vec::new());
        assert_eq!(session.hear(&mut heard, &[1]), End::Open);
        assert_eq!(heard, b"words");
    });
}

#[test]
fn a_certificate_larger_than_a_record_is_read() {
    for version in [Version::Tls12, Version::Tls13] {
        for cut in [1, 100, 16_384, usize::MAX] {
            let setup = Setup {
                shown: Shown::Long,
                ..Setup::new(Part::Client, version)
            };
            let paces = (Pace::of(&[cut]), Pace::whole());
            let shaken = Pair::new(&setup).shake_with::<Ours>(paces, b"words", |_, _| {});
            let mut heard = Vec::new();
            assert_eq!(shaken.session().hear(&mut heard, &[100]), End::Open);
            assert_eq!(heard, b"words");
        }
    }
}

#[test]
fn a_session_is_resumed() {
    each(|setup| {
        let setup = Setup {
            resumes: true,
            ..setup
        };
        let pair = Pair::new(&setup);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let shaken = pair.shake_with::<Ours>(
                (Pace::of(&[7, 0]), Pace::whole()),
                b"once more",
                |_, _| {},
            );
            let mut session = shaken.session();
            let mut heard = Vec::new();
            // Tickets of TLS 1.3 come with the first data.
            assert_eq!(session.hear(&mut heard, &[100]), End::Open);
            assert_eq!(heard, b"once more");
            session.write(b"yes").unwrap();
            session.flush().unwrap().unwrap();
            assert_eq!(session.forge.data(), b"yes");
            kinds.push(session.stream.facts().kind.unwrap());
        }
        assert_eq!(
            kinds,
            [HandshakeKind::Full, HandshakeKind::Resumed],
            "{setup:?}"
        );
    });
}

#[test]
fn a_server_that_does_not_know_the_group_is_asked_again() {
    for part in [Part::Client, Part::Server] {
        let setup = Setup {
            retries: true,
            suite: Suite::Aes256,
            ..Setup::new(part, Version::Tls13)
        };
        let paces = (Pace::of(&[3, 0, 50]), Pace::of(&[5, 0]));
        let shaken = Pair::new(&setup).shake_with::<Ours>(paces, b"", |_, _| {});
        let kind = shaken.session().stream.facts().kind;
        assert_eq!(kind, Some(HandshakeKind::FullWithHelloRetryRequest));
    }
}

#[test]
fn a_certificate_of_a_strange_authority_is_told_by_an_alert() {
    for version in [Version::Tls12, Version::Tls13] {
        let setup = Setup {
            shown: Shown::Strange,
            ..Setup::new(Part::Client, version)
        };
        let shaken = Pair::new(&setup).shake::<Ours>();
        let (outcome, peer) = verdict(&shaken);
        assert!(
            matches!(
                outcome,
                Err(End::Error(_, Some(Error::InvalidCertificate(_))))
            ),
            "{outcome:?}"
        );
        let unknown = Error::AlertReceived(AlertDescription::UnknownCA);
        assert_eq!(peer, Some(unknown));
    }
}

#[test]
fn a_peer_that_leaves_in_a_handshake_is_an_end_and_no_flaw() {
    each(|setup| {
        for behind in [Behind::End, Behind::Break(ErrorKind::ConnectionReset)] {
            for cut in [0, 1, 5, 40] {
                let oracle = leaves::<Oracle>(&Pair::new(&setup), behind, cut);
                let ours = leaves::<Ours>(&Pair::new(&setup), behind, cut);
                assert_eq!(oracle, ours, "{setup:?} {cut}");
            }
        }
    });
}

/// So many bytes of the peer's first flight, and then that.
fn leaves<T: Subject>(pair: &Pair, behind: Behind, cut: usize) -> ErrorKind {
    let wire = Wire::new(Pace::whole(), Pace::whole());
    let mut shaking = pair.start::<T>(&wire);
    assert!(wire.poll(&mut shaking).is_none());
    let (mut peer, mut failed) = (pair.peer(), None);
    super::setup::feed(&mut peer, &wire.taken(), &mut failed);
    let said = super::setup::written(&mut peer);
    wire.give(&said[..cut]);
    wire.end_with(behind);
    let outcome = wire.poll(&mut shaking).expect("an end");
    outcome.err().expect("no session").kind()
}

#[test]
fn a_sink_that_breaks_in_a_handshake_is_an_error() {
    each(|setup| {
        let pair = Pair::new(&setup);
        let wire = Wire::new(Pace::whole(), Pace::whole());
        wire.turn(super::wire::Sink::Broken(ErrorKind::BrokenPipe));
        wire.give(&super::setup::written(&mut pair.peer()));
        let outcome = wire.poll(&mut pair.start::<Ours>(&wire)).expect("an end");
        assert_eq!(
            outcome.expect_err("no session").kind(),
            ErrorKind::BrokenPipe
        );
    });
}
