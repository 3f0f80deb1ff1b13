use crate::postgres::*;
use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

const READY: &[u8] = b"Z\0\0\0\x05I";

/// Plays a story: upper case left of the arrow is the app's, right of it the upstream's.
fn after(story: &[(&str, &str)]) -> Exchange {
    let mut exchange = Exchange::default();
    for (app, upstream) in story {
        app.bytes()
            .for_each(|tag| exchange.app_sent(&message(tag, b"body")));
        upstream
            .bytes()
            .for_each(|tag| exchange.upstream_sent(&message(tag, b"body")));
    }
    exchange
}

#[test]
fn rest_is_when_every_request_has_its_ready() {
    assert!(after(&[]).at_rest());
    assert!(!after(&[("Q", "")]).at_rest());
    assert!(!after(&[("Q", "TDDC")]).at_rest());
    assert!(after(&[("Q", "TDDCZ")]).at_rest());
    assert!(!after(&[("QQ", "CZ")]).at_rest());
    assert!(after(&[("QQ", "CZCZ")]).at_rest());
}

#[test]
fn an_extended_query_is_open_until_its_sync_is_answered() {
    assert!(!after(&[("PBDEH", "12TDC")]).at_rest());
    assert!(!after(&[("PBDES", "12TDC")]).at_rest());
    assert!(after(&[("PBDES", "12TDCZ")]).at_rest());
    assert!(!after(&[("PBESPBES", "12CZ")]).at_rest());
}

#[test]
fn an_app_has_left_when_it_said_terminate() {
    assert!(!after(&[("Q", "CZ")]).app_left());
    let left = after(&[("Q", "CZ"), ("X", "")]);
    assert!(left.app_left());
    assert!(!left.at_rest());
}

#[test]
fn an_upstream_takes_a_message_between_two_of_its_app() {
    let said = [message(b'P', b"a statement"), message(b'E', b"")].concat();
    let second = message(b'P', b"a statement").len();
    for cut in 0..=said.len() {
        let mut exchange = Exchange::default();
        exchange.app_sent(&said[..cut]);
        let between = [0, second, said.len()].contains(&cut);
        assert_eq!(exchange.takes_message(), between, "{cut}");
    }
    // Nothing that the upstream does changes it, and nobody leaves twice.
    assert!(after(&[("Q", "TD"), ("P", "")]).takes_message());
    assert!(after(&[("P", "G"), ("d", "")]).takes_message());
    assert!(!after(&[("X", "")]).takes_message());
}

#[test]
fn notifications_at_rest_leave_it_at_rest() {
    assert!(after(&[("Q", "CZ"), ("", "ANS")]).at_rest());
}

#[test]
fn a_sync_swallowed_by_copy_is_not_waited_for() {
    // libpq sends Sync behind Execute before it knows that a COPY begins, and another one after CopyDone.
    assert!(!after(&[("PBES", "12G"), ("dddc", "C")]).at_rest());
    assert!(after(&[("PBES", "12G"), ("dddcS", "CZ")]).at_rest());
    assert!(after(&[("Q", "G"), ("dddc", "CZ")]).at_rest());
    assert!(after(&[("Q", "G"), ("df", "EZ")]).at_rest());
}

#[test]
fn a_flush_opens_nothing() {
    // psycopg sends one behind the Sync of `executemany`.
    assert!(after(&[("PBDEBDESH", "12DC2DCZ")]).at_rest());
    assert!(!after(&[("PBDEH", "12DC")]).at_rest());
}

#[test]
fn whether_a_failed_copy_has_swallowed_a_sync_shows_in_what_comes_next() {
    // The data was bad: the first Sync was skipped with it.
    let swallowed = [("PBES", "12G"), ("dcS", "EZ")];
    assert!(!after(&swallowed).at_rest());
    assert!(after(&[&swallowed[..], &[("Q", "TDCZ")]].concat()).at_rest());
    // The COPY failed before any data was read: both were answered.
    let answered = [("PBES", "12G"), ("dcS", "EZ"), ("", "Z")];
    assert!(after(&answered).at_rest());
    assert!(!after(&[&answered[..], &[("Q", "TDC")]].concat()).at_rest());
}

#[test]
fn data_that_nobody_wants_is_not_counted_on() {
    let blind = [("PBES", ""), ("dcS", "12CZ")];
    assert!(!after(&blind).at_rest());
    assert!(!after(&[&blind[..], &[("", "Z"), ("Q", "CZ")]].concat()).at_rest());
}

#[test]
fn an_impossible_length_ends_certainty_not_the_session() {
    let mut exchange = Exchange::default();
    exchange.upstream_sent(b"D\0\0\0\x03");
    exchange.upstream_sent(READY);
    assert!(!exchange.at_rest());
}

proptest! {
    #[test]
    fn how_reads_cut_the_bytes_makes_no_difference(
        messages in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..20),
        cuts in proptest::collection::vec(1..9usize, 1..60),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(tag, body)| message(*tag, body)).collect();
        let (mut whole, mut pieces) = (Exchange::default(), Exchange::default());
        whole.app_sent(&bytes);
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            pieces.app_sent(now);
            rest = later;
        }
        // What a front that came in pieces leaves behind in a scanner is of no account.
        let owed = |exchange| format!("{exchange:?}").split_once("owed").map(|(_, owed)| owed.to_owned());
        prop_assert_eq!(owed(pieces), owed(whole));
    }
}

#[test]
fn an_error_that_ends_the_session_fits_between_two_messages() {
    assert!(after(&[]).hears_errors());
    assert!(after(&[("Q", "TDD")]).hears_errors());
    let mut exchange = after(&[("Q", "T")]);
    exchange.upstream_sent(&message(b'D', b"row")[..6]);
    assert!(!exchange.hears_errors());
    // Behind the upstream's own last word there is nothing to say, and nobody to say it to who has left.
    assert!(!after(&[("Q", "E")]).hears_errors());
    assert!(after(&[("Q", "EZ")]).hears_errors());
    assert!(!after(&[("X", "")]).hears_errors());
}

#[test]
fn an_app_in_a_transaction_is_at_rest_and_not_idle() {
    let mut exchange = after(&[]);
    assert!(exchange.is_idle());
    for (status, is_idle) in [(b'T', false), (b'E', false), (b'I', true)] {
        exchange.app_sent(&message(b'Q', b"begin"));
        for byte in message(b'Z', &[status]) {
            assert!(!exchange.at_rest());
            exchange.upstream_sent(&[byte]);
        }
        assert!(exchange.at_rest());
        assert_eq!(exchange.is_idle(), is_idle);
    }
}

/// The same, with ReadyForQuery as it is outside of a transaction.
fn whole_after(story: &[(&str, &str)]) -> bool {
    let mut exchange = Exchange::default();
    for (app, upstream) in story {
        app.bytes()
            .for_each(|tag| exchange.app_sent(&message(tag, b"body")));
        for tag in upstream.bytes() {
            match tag {
                b'Z' => exchange.upstream_sent(READY),
                b't' => exchange.upstream_sent(b"Z\0\0\0\x05T"),
                tag => exchange.upstream_sent(&message(tag, b"body")),
            }
        }
    }
    exchange.is_whole()
}

#[test]
fn a_session_is_whole_when_all_is_answered_outside_of_a_transaction() {
    assert!(whole_after(&[]));
    assert!(whole_after(&[("Q", "TDCZ")]));
    assert!(whole_after(&[("PBDES", "12TDCZ"), ("F", "VZ")]));
    assert!(whole_after(&[("Q", "EZ")]), "an error is an answer");
    assert!(whole_after(&[("Q", "G"), ("ddc", "CZ")]), "data in");
    assert!(whole_after(&[("Q", "HddcCZ")]), "data out");
    assert!(whole_after(&[("Q", "SNAZ")]));
}

#[test]
fn a_session_is_not_whole_while_anything_is_open() {
    for story in [
        &[("Q", "")][..],
        &[("Q", "TDC")],
        &[("Q", "Ct")],
        &[("QQ", "CZ")],
        &[("P", "1")],
        &[("PBDE", "12TDC")],
        &[("S", "")],
        &[("S", "Z"), ("H", "")],
        &[("Q", "G")],
        &[("Q", "Gd"), ("d", "")],
        &[("Q", "CZ"), ("X", "")],
        // A word that nobody asked for stands behind it.
        &[("Q", "CZA")],
        &[("Q", "CZN")],
        &[("Q", "CZE")],
    ] {
        assert!(!whole_after(story), "{story:?}");
    }
}

#[test]
fn what_nobody_knows_is_never_forgotten() {
    for story in [
        // Data for nobody; COPY both ways; a password; messages of another protocol.
        &[("d", ""), ("Q", "CZ")][..],
        &[("f", ""), ("Q", "CZ")],
        &[("c", ""), ("Q", "CZ")],
        &[("Q", "WCZ"), ("Q", "CZ")],
        &[("p", ""), ("Q", "CZ")],
        &[("Q", "KCZ"), ("Q", "CZ")],
        &[("y", ""), ("S", "Z")],
        &[("Q", "RCZ")],
        // Data crossed the error that ended its COPY: the server has yet to skip it.
        &[("Q", "G"), ("d", "EZ")],
        &[("Q", "GNS"), ("dc", "EZ"), ("Q", "CZ")],
        &[("PBES", "12G"), ("d", "EZ")],
    ] {
        assert!(!whole_after(story), "{story:?}");
    }
}

#[test]
fn a_session_is_whole_between_two_messages_only() {
    let (query, answer) = (
        message(b'Q', b"select 1\0"),
        [&message(b'C', b"x")[..], READY].concat(),
    );
    for cut in 1..query.len() {
        let mut exchange = Exchange::default();
        exchange.app_sent(&query[..cut]);
        assert!(!exchange.is_whole(), "{cut}");
    }
    for cut in 0..answer.len() {
        let mut exchange = Exchange::default();
        exchange.app_sent(&query);
        exchange.upstream_sent(&answer[..cut]);
        assert!(!exchange.is_whole(), "{cut}");
        exchange.upstream_sent(&answer[cut..]);
        assert!(exchange.is_whole());
    }
}
