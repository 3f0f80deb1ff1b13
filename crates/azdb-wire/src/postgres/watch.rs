//! Who owes whom an answer: followed from message tags alone, after the login.
//!
//! A relay needs to know one thing about the conversation: whether it may say a word of its own to the app without cutting
//! into an answer. That is so between messages, when nothing was asked that has not been answered.

use super::frame::Header;

/// Both directions of a session after its first ReadyForQuery.
///
/// It reads tags and lengths and never a body. Where it can't be sure it says "not at rest", for good if need be: the cost
/// of that is a connection closed without a farewell.
#[derive(Debug, Default)]
pub struct Exchange {
    from_app: Scanner,
    from_upstream: Scanner,
    /// Requests that one ReadyForQuery each will answer: Query and FunctionCall.
    queries: u32,
    /// Sync messages that one ReadyForQuery each will answer, unless a COPY swallows them.
    syncs: u32,
    /// The app began an extended query and has not said Sync.
    open: bool,
    /// The app has said Terminate.
    left: bool,
}

impl Exchange {
    /// Follows bytes on their way to the upstream.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        let Self {
            from_app,
            queries,
            syncs,
            open,
            left,
            ..
        } = self;
        from_app.scan(bytes, |tag| match tag {
            b'Q' | b'F' => *queries = queries.saturating_add(1),
            b'S' => {
                *syncs = syncs.saturating_add(1);
                *open = false;
            }
            // CopyDone, CopyFail: a server in COPY ignores every Sync that came before them.
            b'c' | b'f' => {
                *open |= *syncs > 0;
                *syncs = 0;
            }
            // CopyData
            b'd' => {}
            // Terminate: nothing answers it, and nobody is at rest after it.
            b'X' => (*open, *left) = (true, true),
            _ => *open = true,
        });
    }

    /// Follows bytes on their way to the app.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let Self {
            from_upstream,
            queries,
            syncs,
            ..
        } = self;
        from_upstream.scan(bytes, |tag| {
            if tag == super::tag::READY_FOR_QUERY {
                let answered = if *queries > 0 {
                    &mut *queries
                } else {
                    &mut *syncs
                };
                *answered = answered.saturating_sub(1);
            }
        });
    }

    /// Whether the app has said that it leaves.
    pub fn app_left(&self) -> bool {
        self.left
    }

    /// Whether a word to the app would cut into nothing.
    pub fn at_rest(&self) -> bool {
        self.queries == 0
            && self.syncs == 0
            && !self.open
            && self.from_app.between_messages()
            && self.from_upstream.between_messages()
    }
}

/// Finds the headers in one direction's bytes, however they are cut.
#[derive(Debug, Default)]
struct Scanner {
    header: [u8; Header::LEN],
    /// Bytes of `header` that are there.
    have: usize,
    /// Bytes of the current body that are still to come.
    body: usize,
    /// A length was impossible: nothing can be said from here on.
    lost: bool,
}

impl Scanner {
    fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(u8)) {
        while !self.lost {
            if self.have == 0 {
                match bytes.split_at_checked(self.body) {
                    Some((_, rest)) => (self.body, bytes) = (0, rest),
                    None => return self.body = self.body.saturating_sub(bytes.len()),
                }
            }
            let whole = match bytes.split_first_chunk() {
                Some((&header, rest)) if self.have == 0 => {
                    bytes = rest;
                    header
                }
                _ => match self.collect(&mut bytes) {
                    Some(header) => header,
                    None => return,
                },
            };
            match Header::parse(whole) {
                Ok(Header { tag, body }) => {
                    self.body = body;
                    found(tag);
                }
                Err(_) => self.lost = true,
            }
        }
    }

    /// Adds to a header that reads have cut in pieces; `None` while it is not whole.
    fn collect(&mut self, bytes: &mut &[u8]) -> Option<[u8; Header::LEN]> {
        while self.have < Header::LEN {
            let (&byte, rest) = bytes.split_first()?;
            *bytes = rest;
            if let Some(slot) = self.header.get_mut(self.have) {
                *slot = byte;
            }
            self.have = self.have.saturating_add(1);
        }
        self.have = 0;
        Some(self.header)
    }

    fn between_messages(&self) -> bool {
        !self.lost && self.have == 0 && self.body == 0
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::*;
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
            let mut tags = Vec::new();
            let mut scanner = Scanner::default();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                scanner.scan(now, |tag| tags.push(tag));
                rest = later;
            }
            prop_assert!(scanner.between_messages());
            prop_assert_eq!(tags, messages.iter().map(|(tag, _)| *tag).collect::<Vec<_>>());
        }
    }
}
