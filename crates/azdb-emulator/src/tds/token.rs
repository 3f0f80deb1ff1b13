//! Tokens that make up a response, in the widths of the client's version.

use super::login7::put_features;
use super::prelogin::SERVER_VERSION;
use super::version::Version;

/// The emulated server's name in errors and infos.
pub(super) const SERVER_NAME: &str = "azdb-emulator";

/// First bytes of tokens.
pub(super) mod first {
    pub(crate) const RETURNSTATUS: u8 = 0x79;
    pub(crate) const COLMETADATA: u8 = 0x81;
    pub(crate) const ERROR: u8 = 0xaa;
    pub(crate) const INFO: u8 = 0xab;
    pub(crate) const RETURNVALUE: u8 = 0xac;
    pub(crate) const LOGINACK: u8 = 0xad;
    pub(crate) const FEATUREEXTACK: u8 = 0xae;
    pub(crate) const ROW: u8 = 0xd1;
    pub(crate) const ROW_WITH_NULL_BITMAP: u8 = 0xd2;
    pub(crate) const ENVCHANGE: u8 = 0xe3;
    pub(crate) const SESSIONSTATE: u8 = 0xe4;
    pub(crate) const DONE: u8 = 0xfd;
    pub(crate) const DONEPROC: u8 = 0xfe;
    pub(crate) const DONEINPROC: u8 = 0xff;
}

/// Which kind of DONE.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// End of a statement of a batch.
    Statement = first::DONE,
    /// End of a procedure.
    Procedure = first::DONEPROC,
    /// End of a statement within a procedure.
    InProcedure = first::DONEINPROC,
}

/// Bits of a DONE's status.
pub(super) mod done {
    pub(crate) const FINAL: u16 = 0x0000;
    pub(crate) const MORE: u16 = 0x0001;
    pub(crate) const ERROR: u16 = 0x0002;
    pub(crate) const IN_TRANSACTION: u16 = 0x0004;
    pub(crate) const COUNT: u16 = 0x0010;
    pub(crate) const ATTENTION: u16 = 0x0020;
}

/// Types of ENVCHANGE.
pub(super) mod change {
    pub(crate) const DATABASE: u8 = 1;
    pub(crate) const LANGUAGE: u8 = 2;
    pub(crate) const CHARACTER_SET: u8 = 3;
    pub(crate) const PACKET_SIZE: u8 = 4;
    pub(crate) const LOCALE: u8 = 5;
    pub(crate) const COMPARISON: u8 = 6;
    pub(crate) const COLLATION: u8 = 7;
    pub(crate) const BEGIN: u8 = 8;
    pub(crate) const COMMIT: u8 = 9;
    pub(crate) const ROLLBACK: u8 = 10;
    pub(crate) const RESET: u8 = 18;
    pub(crate) const ROUTING: u8 = 20;
}

/// Latin1_General_CI_AS of Azure's default, SQL_Latin1_General_CP1_CI_AS.
pub(super) const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// An error or info as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Number, for example 18456.
    pub number: u32,
    /// State.
    pub state: u8,
    /// Class: severity, 11 and up are errors.
    pub class: u8,
    /// Text.
    pub message: String,
}

impl Refusal {
    /// An error of this number, state 1 and class 14.
    #[must_use]
    pub fn new(number: u32, message: impl Into<String>) -> Self {
        Self {
            number,
            state: 1,
            class: 14,
            message: message.into(),
        }
    }

    /// The same with another class.
    #[must_use]
    pub fn class(self, class: u8) -> Self {
        Self { class, ..self }
    }

    /// The same with another state.
    #[must_use]
    pub fn state(self, state: u8) -> Self {
        Self { state, ..self }
    }
}

/// A response under construction.
pub(super) struct Tokens {
    pub(super) bytes: Vec<u8>,
    pub(super) version: Version,
}

impl Tokens {
    pub(super) fn new(version: Version) -> Self {
        Self {
            bytes: Vec::new(),
            version,
        }
    }

    pub(super) fn error(&mut self, refusal: &Refusal) {
        self.notice(first::ERROR, refusal);
    }

    pub(super) fn info(&mut self, number: u32, class: u8, message: &str) {
        let info = Refusal::new(number, message).class(class);
        self.notice(first::INFO, &info);
    }

    fn notice(&mut self, token: u8, refusal: &Refusal) {
        let mut body = Vec::new();
        body.extend(refusal.number.to_le_bytes());
        body.extend([refusal.state, refusal.class]);
        text16(&mut body, &refusal.message);
        text8(&mut body, SERVER_NAME);
        text8(&mut body, "");
        let line = 1_u32.to_le_bytes();
        body.extend(&line[..if self.version.is_wide() { 4 } else { 2 }]);
        self.sized(token, &body);
    }

    /// A token with its length in two bytes.
    pub(super) fn sized(&mut self, token: u8, body: &[u8]) {
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        self.bytes.push(token);
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend_from_slice(body);
    }

    pub(super) fn changed(&mut self, change: u8, new: &str, old: &str) {
        let mut body = vec![change];
        text8(&mut body, new);
        text8(&mut body, old);
        self.sized(first::ENVCHANGE, &body);
    }

    pub(super) fn changed_bytes(&mut self, change: u8, new: &[u8], old: &[u8]) {
        let mut body = vec![change];
        for value in [new, old] {
            body.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
            body.extend_from_slice(value);
        }
        self.sized(first::ENVCHANGE, &body);
    }

    /// ENVCHANGE 20: the login goes elsewhere.
    pub(super) fn routing(&mut self, host: &str, port: u16) {
        let mut value = vec![0];
        value.extend(port.to_le_bytes());
        text16(&mut value, host);
        let mut body = vec![change::ROUTING];
        body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        body.extend(value);
        body.extend([0, 0]);
        self.sized(first::ENVCHANGE, &body);
    }

    /// LOGINACK for a client that asked with the number `asked`.
    pub(super) fn login_ack(&mut self, asked: u32) {
        let mut body = vec![1];
        body.extend(self.version.granted(asked));
        text8(&mut body, "Microsoft SQL Server");
        body.extend(&SERVER_VERSION[..4]);
        self.sized(first::LOGINACK, &body);
    }

    pub(super) fn feature_acks(&mut self, acks: &[(u8, Vec<u8>)]) {
        self.bytes.push(first::FEATUREEXTACK);
        put_features(&mut self.bytes, acks);
    }

    pub(super) fn return_status(&mut self, status: i32) {
        self.bytes.push(first::RETURNSTATUS);
        self.bytes.extend(status.to_le_bytes());
    }

    pub(super) fn done(&mut self, kind: Done, status: u16, command: u16, rows: u64) {
        self.bytes.push(kind as u8);
        self.bytes.extend(status.to_le_bytes());
        self.bytes.extend(command.to_le_bytes());
        if self.version.is_wide() {
            self.bytes.extend(rows.to_le_bytes());
        } else {
            let rows = u32::try_from(rows).unwrap_or(u32::MAX);
            self.bytes.extend(rows.to_le_bytes());
        }
    }
}

/// Text with its count of characters in one byte; what is longer is cut.
pub(super) fn text8(bytes: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(255).collect();
    bytes.push(u8::try_from(units.len()).unwrap_or(u8::MAX));
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

/// Text with its count of characters in two bytes; what is longer is cut.
pub(super) fn text16(bytes: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(2000).collect();
    bytes.extend(u16::try_from(units.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}
