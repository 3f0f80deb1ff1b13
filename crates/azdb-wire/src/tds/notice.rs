//! Our own "no" to a login: ERROR and DONE; and our remark to somebody else's: INFO.
//!
//! Source: the tokens ERROR and DONE of MS-TDS 2.2.7; numbers, classes and texts as Azure SQL and SQL Server use them.

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
        self.encode_error(width, out);
        Done::ERROR.encode(width, out);
    }

    /// Appends the ERROR alone, within an answer whose end is another's.
    pub(super) fn encode_error(&self, width: Width, out: &mut Vec<u8>) {
        self.encode_report(true, width, out);
    }

    fn encode_report(&self, is_error: bool, width: Width, out: &mut Vec<u8>) {
        let (mut message, mut server) = (Vec::new(), Vec::new());
        push_utf16(cut(self.message, MAX_MESSAGE), &mut message);
        push_utf16(cut(self.server, MAX_SERVER), &mut server);
        let report = Report {
            is_error,
            number: self.number,
            state: 1,
            class: self.class,
            message: &message,
            server: &server,
            procedure: &[],
            line: 1,
        };
        report.encode(width, out);
    }
}

/// Appends an INFO token, which tools show as they show what PRINT says.
pub(super) fn remark(text: &str, width: Width, out: &mut Vec<u8>) {
    let notice = Notice {
        number: 0,
        class: 0,
        message: text,
        server: "",
    };
    notice.encode_report(false, width, out);
}
