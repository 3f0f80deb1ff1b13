//! Who owes whom an answer: followed from the headers of packets alone, after the login.

use alloc::vec::Vec;

use super::frame::{Header, SmpHeader, frame_length, kind};

/// Sessions inside a session that are told apart; an app with more requests open at a time is never at rest again.
const MOST_OPEN: usize = 64;

/// Both directions of a session after its login, MARS or not.
///
/// It never looks behind a header. Where it can't be sure it says "not at rest", for good if need be.
#[derive(Debug, Default)]
pub struct Exchange {
    from_app: Scanner,
    from_upstream: Scanner,
    /// The sessions inside this one (without MARS there is one, 0) that wait for the end of an answer.
    open: Vec<Open>,
    /// There were more than [`MOST_OPEN`].
    lost: bool,
}

impl Exchange {
    /// Follows bytes on their way to the upstream.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        let Self {
            from_app,
            open,
            lost,
            ..
        } = self;
        from_app.scan(bytes, |sid, header| match note_open(open, sid) {
            Some(open) => open.attended = header.kind == kind::ATTENTION,
            None => *lost = true,
        });
    }

    /// Follows bytes on their way to the app.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let Self {
            from_upstream,
            open,
            lost,
            ..
        } = self;
        from_upstream.scan(bytes, |sid, header| {
            if header.is_last() {
                open.retain(|waiting| waiting.sid != sid || waiting.attended);
            } else {
                *lost |= note_open(open, sid).is_none();
            }
        });
    }

    /// Whether nothing is being asked or answered.
    pub fn at_rest(&self) -> bool {
        self.open.is_empty()
            && !self.lost
            && self.from_app.between_packets()
            && self.from_upstream.between_packets()
    }
}

/// A session that waits.
#[derive(Debug)]
struct Open {
    sid: u16,
    /// The last that it said was "stop". A server may answer that with one message or with two, and only the payload tells which:
    /// that all of it has come is certain when the app asks for something else.
    attended: bool,
}

/// `None` when there is no room to remember it.
fn note_open(open: &mut Vec<Open>, sid: u16) -> Option<&mut Open> {
    let at = match open.iter().position(|waiting| waiting.sid == sid) {
        Some(at) => at,
        None if open.len() >= MOST_OPEN => return None,
        None => {
            open.push(Open {
                sid,
                attended: false,
            });
            open.len().saturating_sub(1)
        }
    };
    open.get_mut(at)
}

/// Most bytes in front of a payload: SMP's header and the packet's.
const HEADERS: usize = SmpHeader::LEN + Header::LEN;

/// Finds the headers in one direction's bytes, however they are cut.
#[derive(Debug, Default)]
struct Scanner {
    headers: [u8; HEADERS],
    /// Bytes of `headers` that are there.
    have: usize,
    /// Bytes of the current packet that are still to come.
    body: usize,
    /// A length was impossible: nothing can be said from here on.
    lost: bool,
}

impl Scanner {
    fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(u16, Header)) {
        while !self.lost {
            match bytes.split_at_checked(self.body) {
                Some((_, rest)) => (self.body, bytes) = (0, rest),
                None => return self.body = self.body.saturating_sub(bytes.len()),
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return;
            };
            if let Some(slot) = self.headers.get_mut(self.have) {
                *slot = *byte;
            }
            self.have = self.have.saturating_add(1);
            bytes = rest;
            self.look(&mut found);
        }
    }

    /// Understands the headers once enough of them is there.
    fn look(&mut self, found: &mut impl FnMut(u16, Header)) {
        let headers = self.headers.get(..self.have).unwrap_or_default();
        let length = match frame_length(headers) {
            Ok(Some(length)) => length,
            Ok(None) => return,
            Err(_) => return self.lost = true,
        };
        let smp = headers.first() == Some(&kind::SMP);
        let (sid, inner) = match headers.split_first_chunk() {
            Some((smp_header, inner)) if smp => match SmpHeader::parse(*smp_header) {
                Ok(header) if header.flags & SmpHeader::DATA != 0 => (header.sid, Some(inner)),
                _ => (0, None),
            },
            _ => (0, Some(headers)),
        };
        if let Some(inner) = inner {
            let Some(header) = inner.first_chunk::<{ Header::LEN }>() else {
                return;
            };
            match Header::parse(*header) {
                Ok(header) => found(sid, header),
                Err(_) => self.lost = true,
            }
        }
        self.body = length.saturating_sub(self.have);
        self.have = 0;
    }

    fn between_packets(&self) -> bool {
        self.have == 0 && self.body == 0 && !self.lost
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::frame::push_message;
    use super::*;
    use alloc::vec;
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
    fn what_is_no_packet_is_never_at_rest_again() {
        let mut exchange = Exchange::default();
        exchange.upstream_sent(&[4, 1, 0, 7, 0, 0, 0, 0]);
        exchange.upstream_sent(&message(kind::RESPONSE, 4));
        assert!(!exchange.at_rest());
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
                }
            }
        }
    }
}
