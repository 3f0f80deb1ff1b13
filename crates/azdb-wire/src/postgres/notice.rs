//! ErrorResponse: the one message that reaches a person.
//!
//! ```text
//!   E | length: 4 | (code: 1 | text, NUL) … | NUL
//! ```
//!
//! Source: "Error and Notice Message Fields", chapter 54.8 of the PostgreSQL documentation. A NoticeResponse has the same body.

use alloc::vec::Vec;

use super::frame::{Header, tag};
use crate::reader::Reader;

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
    reader: Reader<'a>,
}

impl<'a> ErrorFields<'a> {
    /// Looks into the body of a message `E` or `N`. A malformed body simply has fewer fields.
    pub const fn of(body: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(body),
        }
    }

    /// The first field with this code, for example `M`.
    pub fn get(mut self, code: u8) -> Option<&'a [u8]> {
        self.find(|(known, _)| *known == code).map(|(_, text)| text)
    }
}

impl<'a> Iterator for ErrorFields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let field = match self.reader.u8()? {
            0 => None,
            code => self.reader.cstring().map(|text| (code, text)),
        };
        if field.is_none() {
            self.reader = Reader::new(&[]);
        }
        field
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
