//! ErrorResponse: the one message that reaches a person.

use alloc::vec::Vec;

use super::message::{Header, tag};
use super::startup::split_cstring;

/// An error that the proxy writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorResponse<'a> {
    /// SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// What happened.
    pub message: &'a str,
    /// What to do; left out when empty.
    pub hint: &'a str,
}

impl ErrorResponse<'_> {
    /// Appends the message to `out`. NULs in a text end it, as they do for every reader.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = [
            (b'S', "FATAL"),
            (b'V', "FATAL"),
            (b'C', self.sqlstate),
            (b'M', self.message),
            (b'H', self.hint),
        ];
        let mut body = Vec::with_capacity(256);
        for (code, text) in fields {
            let text = text.split('\0').next().unwrap_or_default();
            if !text.is_empty() {
                body.push(code);
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        push_message(out, &body);
    }
}

/// The fields of a server's ErrorResponse or NoticeResponse, in its order: a code and a text each.
#[derive(Debug, Clone, Copy)]
pub struct ErrorFields<'a> {
    rest: &'a [u8],
}

impl<'a> ErrorFields<'a> {
    /// Looks into the body of a message `E` or `N`. A malformed body simply has fewer fields.
    pub const fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The first field with this code, for example `M`.
    pub fn get(mut self, code: u8) -> Option<&'a [u8]> {
        self.find(|(known, _)| *known == code).map(|(_, text)| text)
    }
}

impl<'a> Iterator for ErrorFields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&code, rest) = self.rest.split_first()?;
        if code == 0 {
            self.rest = &[];
            return None;
        }
        let (text, rest) = split_cstring(rest)?;
        self.rest = rest;
        Some((code, text))
    }
}

/// Appends a server's ErrorResponse to `out`, with a hint where it had none. Nothing else of it changes.
pub fn append_hint(body: &[u8], hint: Option<&str>, out: &mut Vec<u8>) {
    match (body.strip_suffix(b"\0"), hint) {
        (Some(fields), Some(hint)) if ErrorFields::of(body).get(b'H').is_none() => {
            let mut longer =
                Vec::with_capacity(body.len().saturating_add(hint.len()).saturating_add(2));
            longer.extend_from_slice(fields);
            longer.push(b'H');
            longer.extend(hint.bytes().filter(|byte| *byte != 0));
            longer.extend_from_slice(&[0, 0]);
            push_message(out, &longer);
        }
        _ => push_message(out, body),
    }
}

fn push_message(out: &mut Vec<u8>, body: &[u8]) {
    let length = u32::try_from(body.len().saturating_add(Header::LEN - 1)).unwrap_or(u32::MAX);
    out.push(tag::ERROR_RESPONSE);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::super::message::{Next, next_message};
    use super::*;
    use fallible::fields;
    use proptest::prelude::*;

    /// What `postgres-protocol` reads in our bytes.
    mod fallible {
        use alloc::string::{String, ToString as _};
        use alloc::vec::Vec;
        use postgres_protocol::message::backend::{ErrorResponseBody, Message};

        fn body(bytes: &[u8]) -> ErrorResponseBody {
            let mut buffer = bytes::BytesMut::from(bytes);
            let Some(Message::ErrorResponse(body)) = Message::parse(&mut buffer).unwrap() else {
                panic!("not an error response")
            };
            assert!(buffer.is_empty());
            body
        }

        pub(super) fn fields(bytes: &[u8]) -> Vec<(u8, String)> {
            use fallible_iterator::FallibleIterator as _;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_string();
            body(bytes)
                .fields()
                .map(|f| Ok((f.type_(), text(f.value_bytes()))))
                .collect()
                .unwrap()
        }
    }

    fn body_of(message: &[u8]) -> &[u8] {
        match next_message(message) {
            Ok(Next::Message {
                tag: b'E',
                body,
                raw,
            }) if raw.len() == message.len() => body,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_of_ours_carries_severity_code_message_and_hint() {
        let mut out = Vec::new();
        ErrorResponse {
            sqlstate: "28000",
            message: "azdb-proxy: no",
            hint: "do this",
        }
        .encode(&mut out);
        let expected = [
            (b'S', "FATAL"),
            (b'V', "FATAL"),
            (b'C', "28000"),
            (b'M', "azdb-proxy: no"),
            (b'H', "do this"),
        ];
        assert_eq!(
            fields(&out),
            expected.map(|(code, text)| (code, text.into()))
        );
    }

    #[test]
    fn a_hint_is_added_only_where_none_was() {
        let without = b"SFATAL\0C28P01\0Mno\0\0";
        let mut out = Vec::new();
        append_hint(without, Some("look there"), &mut out);
        assert_eq!(body_of(&out), b"SFATAL\0C28P01\0Mno\0Hlook there\0\0");

        for unchanged in [&b"SFATAL\0Hmine\0\0"[..], b"not a list of fields"] {
            out.clear();
            append_hint(unchanged, Some("look there"), &mut out);
            assert_eq!(body_of(&out), unchanged);
        }

        out.clear();
        append_hint(without, None, &mut out);
        assert_eq!(body_of(&out), without);
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(message in "[^\0]{1,300}", hint in "[^\0]{0,50}") {
            let mut out = Vec::new();
            ErrorResponse { sqlstate: "57P03", message: &message, hint: &hint }.encode(&mut out);
            let body = ErrorFields::of(body_of(&out));
            prop_assert_eq!(body.get(b'M'), Some(message.as_bytes()));
            prop_assert_eq!(body.get(b'H'), (!hint.is_empty()).then_some(hint.as_bytes()));
            prop_assert_eq!(fields(&out).len(), body.count());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            append_hint(&body, Some("h"), &mut out);
            prop_assert!(ErrorFields::of(&body).count() <= body.len());
            prop_assert_eq!(&out[..1], b"E");
        }
    }
}
