use crate::tds::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn message(kind: u8, payload: usize) -> Vec<u8> {
    let mut out = Vec::new();
    push_message(kind, 0, &vec![kind; payload], &mut out);
    out
}

fn in_smp(sid: u16, flags: u8, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(SmpHeader::LEN.saturating_add(packet.len())).unwrap();
    let mut out = vec![kind::SMP, flags];
    out.extend_from_slice(&sid.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(packet);
    out
}

#[test]
fn at_rest_from_answer_to_question() {
    let mut exchange = Exchange::default();
    assert!(exchange.at_rest());
    let question = message(kind::SQL_BATCH, 9000);
    let (first, rest) = question.split_at(3);
    exchange.app_sent(first);
    assert!(!exchange.at_rest());
    exchange.app_sent(rest);
    assert!(!exchange.at_rest());

    let answer = message(kind::RESPONSE, 9000);
    let (most, end) = answer.split_at(9000);
    exchange.upstream_sent(most);
    assert!(!exchange.at_rest());
    exchange.upstream_sent(end);
    assert!(exchange.at_rest());
}

#[test]
fn an_answer_is_awaited_until_it_begins() {
    let mut exchange = Exchange::default();
    assert!(!exchange.awaits_answer());
    exchange.app_sent(&message(kind::SQL_BATCH, 10));
    assert!(exchange.awaits_answer());
    let answer = message(kind::RESPONSE, 9000);
    let (first, rest) = answer.split_at(5000);
    exchange.upstream_sent(first);
    assert!(!exchange.awaits_answer());
    exchange.upstream_sent(rest);
    assert!(!exchange.awaits_answer());
    exchange.app_sent(&message(kind::SQL_BATCH, 10));
    exchange.app_sent(&message(kind::ATTENTION, 0));
    assert!(!exchange.awaits_answer(), "what it wants is another answer");
}

#[test]
fn after_an_attention_nothing_is_certain_before_the_next_request() {
    for answers in [1, 2] {
        let mut exchange = Exchange::default();
        exchange.app_sent(&message(kind::SQL_BATCH, 10));
        exchange.app_sent(&message(kind::ATTENTION, 0));
        for _ in 0..answers {
            exchange.upstream_sent(&message(kind::RESPONSE, 13));
            assert!(!exchange.at_rest());
        }
        exchange.app_sent(&message(kind::RPC, 10));
        exchange.upstream_sent(&message(kind::RESPONSE, 13));
        assert!(exchange.at_rest());
    }
}

#[test]
fn under_mars_every_session_has_its_own_answer() {
    let mut exchange = Exchange::default();
    for sid in [0, 1] {
        exchange.app_sent(&in_smp(sid, 1, &[]));
        assert!(exchange.at_rest(), "SYN is no question");
    }
    let question = message(kind::SQL_BATCH, 10);
    exchange.app_sent(&in_smp(0, SmpHeader::DATA, &question));
    exchange.app_sent(&in_smp(1, SmpHeader::DATA, &question));
    let answer = message(kind::RESPONSE, 10);
    exchange.upstream_sent(&in_smp(1, SmpHeader::DATA, &answer));
    assert!(!exchange.at_rest());
    exchange.upstream_sent(&in_smp(0, 2, &[]));
    assert!(!exchange.at_rest(), "ACK is no answer");
    exchange.upstream_sent(&in_smp(0, SmpHeader::DATA, &answer));
    assert!(exchange.at_rest());
}

#[test]
fn words_that_nobody_asked_for_are_followed_to_their_end() {
    let mut exchange = Exchange::default();
    let words = message(kind::RESPONSE, 9000);
    let (first, rest) = words.split_at(LOGIN_PACKET);
    exchange.upstream_sent(first);
    assert!(!exchange.at_rest());
    exchange.upstream_sent(rest);
    assert!(exchange.at_rest());
}

#[test]
fn a_request_that_is_refused_half_way_is_still_being_sent() {
    let mut exchange = Exchange::default();
    let request = message(kind::BULK_LOAD, 9000);
    let (first, rest) = request.split_at(LOGIN_PACKET);
    exchange.app_sent(first);
    exchange.upstream_sent(&message(kind::RESPONSE, 13));
    assert!(!exchange.at_rest());
    exchange.app_sent(rest);
    exchange.upstream_sent(&message(kind::RESPONSE, 13));
    assert!(exchange.at_rest());
}

#[test]
fn more_sessions_than_are_remembered_are_never_at_rest() {
    let mut exchange = Exchange::default();
    let (question, answer) = (message(kind::RPC, 1), message(kind::RESPONSE, 1));
    for sid in 0..64 {
        exchange.app_sent(&in_smp(sid, SmpHeader::DATA, &question));
        exchange.upstream_sent(&in_smp(sid, SmpHeader::DATA, &answer));
        assert!(exchange.at_rest());
    }
    for sid in 0..65 {
        exchange.app_sent(&in_smp(sid, SmpHeader::DATA, &question));
    }
    for sid in 0..65 {
        exchange.upstream_sent(&in_smp(sid, SmpHeader::DATA, &answer));
    }
    assert!(!exchange.at_rest());
}

#[test]
fn a_packet_of_smp_that_cannot_hold_one_of_tds_is_none() {
    let mut exchange = Exchange::default();
    exchange.app_sent(&in_smp(0, SmpHeader::DATA, &[1, 1, 0, 8]));
    exchange.app_sent(&in_smp(0, SmpHeader::DATA, &message(kind::RPC, 1)));
    exchange.upstream_sent(&in_smp(0, SmpHeader::DATA, &message(kind::RESPONSE, 1)));
    assert!(!exchange.at_rest());
}

#[test]
fn what_is_no_packet_is_never_at_rest_again() {
    let mut exchange = Exchange::default();
    exchange.upstream_sent(&[4, 1, 0, 7, 0, 0, 0, 0]);
    exchange.upstream_sent(&message(kind::RESPONSE, 4));
    assert!(!exchange.at_rest());
}

/// A session after this many requests and answers.
fn after(asked: &[&[u8]], answers: usize) -> Exchange {
    let mut exchange = Exchange::default();
    for request in asked {
        exchange.app_sent(request);
    }
    for _ in 0..answers {
        exchange.upstream_sent(&message(kind::RESPONSE, 13));
    }
    exchange
}

#[test]
fn whole_is_every_request_answered() {
    assert!(Exchange::default().is_whole());
    let (batch, call) = (message(kind::SQL_BATCH, 10), message(kind::RPC, 9000));
    assert!(!after(&[&batch], 0).is_whole());
    assert!(after(&[&batch], 1).is_whole());
    // Asked before the first was answered: at rest for whoever counts no answers.
    assert!(!after(&[&batch, &call], 1).is_whole());
    assert!(after(&[&batch, &call], 2).is_whole());
    assert!(!after(&[&batch], 2).is_whole());
    assert!(!after(&[], 1).is_whole());
    assert!(!after(&[&call[..7000]], 1).is_whole());
    assert!(!after(&[&batch, &call[..7]], 1).is_whole());
    let mut half_read = after(&[&batch], 0);
    half_read.upstream_sent(&message(kind::RESPONSE, 9000)[..9000]);
    assert!(!half_read.is_whole());
    half_read.upstream_sent(&message(kind::RESPONSE, 9000)[9000..]);
    assert!(half_read.is_whole());
    half_read.upstream_sent(&[4, 1]);
    assert!(!half_read.is_whole());
}

#[test]
fn never_whole_again_behind_what_no_reset_takes_back() {
    let batch = message(kind::SQL_BATCH, 10);
    for kind in [
        kind::TRANSACTION,
        kind::BULK_LOAD,
        kind::ATTENTION,
        kind::FED_AUTH_TOKEN,
        kind::SSPI,
        0x0f,
    ] {
        let exchange = after(&[&batch, &message(kind, 0), &batch], 3);
        assert!(!exchange.is_whole(), "{kind:#04x}");
    }
    let mut taken_back = message(kind::SQL_BATCH, 10);
    taken_back[1] |= Header::IGNORE;
    assert!(!after(&[&taken_back], 1).is_whole());
}

#[test]
fn under_mars_nothing_is_whole() {
    let (question, answer) = (message(kind::RPC, 1), message(kind::RESPONSE, 1));
    let mut opened = Exchange::default();
    opened.app_sent(&in_smp(0, 1, &[]));
    assert!(opened.at_rest() && !opened.is_whole());
    let mut asked = Exchange::default();
    asked.app_sent(&in_smp(0, SmpHeader::DATA, &question));
    asked.upstream_sent(&in_smp(0, SmpHeader::DATA, &answer));
    assert!(asked.at_rest() && !asked.is_whole());
}

proptest! {
    #[test]
    fn the_cuts_do_not_matter(
        sizes in proptest::collection::vec(0usize..6000, 1..6),
        cuts in proptest::collection::vec(1usize..700, 1..40),
    ) {
        let mut exchange = Exchange::default();
        for size in sizes {
            for (kind, from_app) in [(kind::RPC, true), (kind::RESPONSE, false)] {
                let whole = message(kind, size);
                let mut rest = &whole[..];
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    if from_app {
                        exchange.app_sent(now);
                    } else {
                        exchange.upstream_sent(now);
                    }
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                    prop_assert!(!exchange.at_rest());
                }
                prop_assert_eq!(exchange.at_rest(), !from_app);
                prop_assert_eq!(exchange.is_whole(), !from_app);
            }
        }
    }
}
