use crate::postgres::*;
use alloc::vec::Vec;
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

proptest! {
    #[test]
    fn fields_are_read_in_order_and_none_is_made_of_half_a_text(
        fields in proptest::collection::vec((1..=255u8, proptest::collection::vec(1..=255u8, 0..20)), 0..6),
    ) {
        let mut body = Vec::new();
        for (code, text) in &fields {
            body.extend([&[*code], &text[..], &[0]].concat());
        }
        body.push(0);
        let owned = |body| ErrorFields::of(body).map(|(code, text)| (code, text.to_vec())).collect::<Vec<_>>();
        prop_assert_eq!(&owned(&body), &fields);
        for length in 0..body.len() {
            prop_assert!(fields.starts_with(&owned(&body[..length])));
        }
        for code in 1..=255u8 {
            let first = fields.iter().find(|(known, _)| *known == code);
            prop_assert_eq!(ErrorFields::of(&body).get(code), first.map(|(_, text)| &text[..]));
        }
    }
}
