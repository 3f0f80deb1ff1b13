//! Our own "no" to a login: ERROR and DONE.

use alloc::vec::Vec;

use super::text::{cut, push_utf16};
use super::token::{Done, Report};
use super::version::Width;

/// Most characters of a message of ours; drivers have fixed room for it.
const MAX_MESSAGE: usize = 2000;
/// Most characters of a server's name.
const MAX_SERVER: usize = 128;

/// An error of the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice<'a> {
    /// 18456 for a login that failed, 40613 for a database that cannot be had now.
    pub number: u32,
    /// Severity.
    pub class: u8,
    /// What people read.
    pub message: &'a str,
    /// Who says it.
    pub server: &'a str,
}

impl Notice<'_> {
    /// Appends both tokens to `out`, the payload of a message.
    pub fn encode(&self, width: Width, out: &mut Vec<u8>) {
        let (mut message, mut server) = (Vec::new(), Vec::new());
        push_utf16(cut(self.message, MAX_MESSAGE), &mut message);
        push_utf16(cut(self.server, MAX_SERVER), &mut server);
        let report = Report {
            is_error: true,
            number: self.number,
            state: 1,
            class: self.class,
            message: &message,
            server: &server,
            procedure: &[],
            line: 1,
        };
        report.encode(width, out);
        Done::ERROR.encode(width, out);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::token::{Token, Tokens};
    use super::*;
    use alloc::string::String;

    const FAILED: Notice<'_> = Notice {
        number: 18456,
        class: 14,
        message: "Login failed.",
        server: "px",
    };

    #[test]
    fn an_error_is_the_one_that_drivers_were_tried_with() {
        let mut out = Vec::new();
        FAILED.encode(Width::Wide, &mut out);
        let mut expected = Vec::from([0xaa, 0x2c, 0, 0x18, 0x48, 0, 0, 1, 0x0e, 0x0d, 0]);
        push_utf16("Login failed.", &mut expected);
        expected.push(2);
        push_utf16("px", &mut expected);
        expected.extend_from_slice(&[0, 1, 0, 0, 0]);
        expected.extend_from_slice(&[0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(out, expected);
    }

    #[test]
    fn an_old_app_gets_its_own_widths() {
        let mut out = Vec::new();
        FAILED.encode(Width::Narrow, &mut out);
        assert_eq!(out.first_chunk(), Some(&[0xaa, 0x2a, 0]));
        assert!(out.ends_with(&[0, 1, 0, 0xfd, 2, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn a_message_of_any_length_becomes_two_whole_tokens() {
        let long: String = "😀".repeat(40_000);
        let notice = Notice {
            message: &long,
            server: &long,
            ..FAILED
        };
        let mut out = Vec::new();
        notice.encode(Width::Wide, &mut out);
        let tokens: Vec<_> = Tokens::of(&out).map(|token| token.unwrap()).collect();
        assert!(matches!(
            tokens[..],
            [Token::Report(Report { message, server, .. }), Token::Done(_)]
                if message.len() == 4000 && server.len() == 256
        ));
    }
}
