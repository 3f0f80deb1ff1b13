//! PRELOGIN: what both sides settle before anyone says who they are (MS-TDS 2.2.6.5).

use alloc::vec::Vec;

use super::cursor::Cursor;

/// Most bytes of a PRELOGIN that is read. Real ones have about 100.
pub const MAX_PRELOGIN: usize = 4096;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD_ID: u8 = 3;
const MARS: u8 = 4;
const TRACE_ID: u8 = 5;
const FED_AUTH_REQUIRED: u8 = 6;
const END: u8 = 0xff;

/// Bytes of an entry in the table of options.
const ENTRY: usize = 5;

/// What Azure SQL Database says of itself. Drivers want at least 9, and take it for the widths of what comes before LOGINACK.
const OUR_VERSION: [u8; 6] = [12, 0, 0x07, 0xd0, 0, 0];

/// The values of option ENCRYPTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// There is TLS, and only LOGIN7 goes through it.
    Off,
    /// Everything goes through TLS.
    On,
    /// There is no TLS.
    NotSupported,
    /// As `On`, and nothing else will do.
    Required,
    /// TLS around everything (4, from some drivers of TDS 8.0, where nobody looks), a client's certificate (0x80), or worse.
    Other(u8),
}

impl Encryption {
    fn parse(byte: u8) -> Self {
        match byte {
            0 => Self::Off,
            1 => Self::On,
            2 => Self::NotSupported,
            3 => Self::Required,
            other => Self::Other(other),
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::NotSupported => 2,
            Self::Required => 3,
            Self::Other(byte) => byte,
        }
    }

    /// What an app that says this is to hear.
    ///
    /// Never `Off`: TLS for the login alone is what old drivers get wrong, and on one machine it protects nothing.
    #[must_use]
    pub fn answer(self) -> Self {
        match self {
            Self::Off | Self::NotSupported | Self::Other(_) => Self::NotSupported,
            Self::On | Self::Required => Self::On,
        }
    }
}

/// A PRELOGIN that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreloginError {
    /// The table of options or what it points at is cut off.
    #[error("a PRELOGIN whose option {0} lies outside of it")]
    OutOfRange(u8),
    /// An option has another length than its kind has.
    #[error("a PRELOGIN whose option {0} has the wrong length")]
    Length(u8),
    /// The first option is not VERSION, or there is no end to them.
    #[error("a PRELOGIN without beginning or end")]
    Table,
}

/// A PRELOGIN of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelogin {
    /// Absent counts as `Off` with apps.
    pub encryption: Option<Encryption>,
    /// Whether several requests at a time are wanted, or granted; `None` when the option is missing.
    pub mars: Option<bool>,
    /// Connection and activity ids, for whoever looks for this connection in the server's logs.
    pub trace_id: Option<[u8; 36]>,
    /// From an app "I have a token"; from a server the bit that LOGIN7 must echo.
    pub fed_auth_required: Option<bool>,
}

impl Prelogin {
    /// Reads the payload of a PRELOGIN message. Options that do not concern us are skipped.
    ///
    /// # Errors
    ///
    /// [`PreloginError`].
    pub fn parse(payload: &[u8]) -> Result<Self, PreloginError> {
        let mut table = Cursor(payload);
        let mut found = Self {
            encryption: None,
            mars: None,
            trace_id: None,
            fed_auth_required: None,
        };
        if payload.first() != Some(&VERSION) {
            return Err(PreloginError::Table);
        }
        loop {
            let token = table.byte().ok_or(PreloginError::Table)?;
            if token == END {
                return Ok(found);
            }
            let entry = (table.array::<2>(), table.array::<2>());
            let (Some(offset), Some(length)) = entry else {
                return Err(PreloginError::Table);
            };
            let (offset, length) = (u16::from_be_bytes(offset), u16::from_be_bytes(length));
            let end = usize::from(offset).saturating_add(usize::from(length));
            let data = match length {
                0 => &[][..],
                _ => payload
                    .get(usize::from(offset)..end)
                    .ok_or(PreloginError::OutOfRange(token))?,
            };
            found.take(token, data)?;
        }
    }

    fn take(&mut self, token: u8, data: &[u8]) -> Result<(), PreloginError> {
        match (token, data) {
            (ENCRYPTION, &[byte]) => self.encryption = Some(Encryption::parse(byte)),
            (MARS, &[byte]) => self.mars = Some(byte != 0),
            (FED_AUTH_REQUIRED, &[byte]) => self.fed_auth_required = Some(byte != 0),
            (TRACE_ID, data) => self.trace_id = data.try_into().ok(),
            (MARS | FED_AUTH_REQUIRED, &[]) => {}
            (VERSION, data) if data.len() == OUR_VERSION.len() => {}
            (VERSION | ENCRYPTION | MARS | FED_AUTH_REQUIRED, _) => {
                return Err(PreloginError::Length(token));
            }
            _ => {}
        }
        Ok(())
    }

    /// Appends the request of a client that names no instance to `out`.
    pub fn encode_request(&self, out: &mut Vec<u8>) {
        self.encode(&[0; 4], out);
    }

    /// Appends the answer of a server, whose instance is always the one that was asked for, to `out`.
    ///
    /// MARS always stands in it: FreeTDS takes its absence for a server of 2000 and falls back to TDS 7.1.
    pub fn encode_answer(&self, out: &mut Vec<u8>) {
        self.encode(&[], out);
    }

    fn encode(&self, thread_id: &[u8], out: &mut Vec<u8>) {
        let encryption = [self.encryption.unwrap_or(Encryption::Off).byte()];
        let mars = [u8::from(self.mars.unwrap_or(false))];
        let fed_auth = self.fed_auth_required.map(|required| [u8::from(required)]);
        let options = [
            Some((VERSION, &OUR_VERSION[..])),
            Some((ENCRYPTION, &encryption)),
            Some((INSTANCE, &[0])),
            Some((THREAD_ID, thread_id)),
            Some((MARS, &mars)),
            self.trace_id.as_ref().map(|id| (TRACE_ID, &id[..])),
            fed_auth.as_ref().map(|bit| (FED_AUTH_REQUIRED, &bit[..])),
        ];
        let options = || options.iter().flatten();
        let table = options().count().saturating_mul(ENTRY).saturating_add(1);
        let mut offset = u16::try_from(table).unwrap_or(u16::MAX);
        for (token, data) in options() {
            let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
            out.push(*token);
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            offset = offset.saturating_add(length);
        }
        out.push(END);
        for (_, data) in options() {
            out.extend_from_slice(data);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::packet::{kind, push_message};
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;
    use tds_protocol::prelogin::{EncryptionLevel, PreLogin};

    /// Bytes written as pairs of hexadecimal digits.
    fn hex(text: &str) -> Vec<u8> {
        text.split_ascii_whitespace()
            .flat_map(|word| word.as_bytes().chunks(2))
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn our_answer_is_the_one_that_drivers_were_tried_with() {
        let answer = Prelogin {
            encryption: Some(Encryption::NotSupported),
            mars: Some(false),
            trace_id: None,
            fed_auth_required: Some(false),
        };
        let (mut payload, mut message) = (Vec::new(), Vec::new());
        answer.encode_answer(&mut payload);
        push_message(kind::RESPONSE, 0, &payload, &mut message);
        assert_eq!(
            message,
            hex(
                "04010031 00000100  00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0000  04 0027 0001  06 0028 0001  ff
                 0c0007d00000 02 00 00 00"
            )
        );
    }

    #[test]
    fn our_request_is_the_one_that_a_server_was_tried_with() {
        let request = Prelogin {
            encryption: Some(Encryption::On),
            mars: Some(false),
            trace_id: None,
            fed_auth_required: Some(true),
        };
        let (mut payload, mut message) = (Vec::new(), Vec::new());
        request.encode_request(&mut payload);
        push_message(kind::PRELOGIN, 0, &payload, &mut message);
        assert_eq!(
            message,
            hex(
                "12010035 00000100  00 001f 0006  01 0025 0001  02 0026 0001  03 0027 0004  04 002b 0001  06 002c 0001 ff
                 0c0007d00000 01 00 00000000 00 01"
            )
        );
    }

    #[test]
    fn another_decoder_reads_the_same() {
        let mut payload = Vec::new();
        let request = Prelogin {
            encryption: Some(Encryption::On),
            mars: Some(true),
            trace_id: Some([7; 36]),
            fed_auth_required: Some(true),
        };
        request.encode_request(&mut payload);
        let theirs = PreLogin::decode(&payload[..]).unwrap();
        assert_eq!(theirs.encryption, EncryptionLevel::On);
        assert!(theirs.mars && theirs.fed_auth_required);

        let ours = PreLogin::new()
            .with_encryption(EncryptionLevel::Required)
            .with_instance("SQLEXPRESS")
            .with_mars(true)
            .encode();
        let ours = Prelogin::parse(&ours).unwrap();
        assert_eq!(ours.encryption, Some(Encryption::Required));
        assert_eq!(ours.mars, Some(true));
    }

    #[test]
    fn an_app_hears_not_supported_or_on() {
        for (said, heard) in [
            (Encryption::Off, Encryption::NotSupported),
            (Encryption::NotSupported, Encryption::NotSupported),
            (Encryption::On, Encryption::On),
            (Encryption::Required, Encryption::On),
            (Encryption::Other(0x81), Encryption::NotSupported),
        ] {
            assert_eq!(said.answer(), heard);
        }
    }

    #[test]
    fn options_outside_of_the_message_are_errors() {
        let out_of_range = [0, 0, 0xff, 0, 6, 0xff];
        assert_eq!(
            Prelogin::parse(&out_of_range),
            Err(PreloginError::OutOfRange(0))
        );
        assert_eq!(Prelogin::parse(&[]), Err(PreloginError::Table));
        assert_eq!(Prelogin::parse(&[0xff]), Err(PreloginError::Table));
    }

    fn any_encryption() -> impl Strategy<Value = Encryption> {
        prop_oneof![
            Just(Encryption::Off),
            Just(Encryption::On),
            Just(Encryption::NotSupported),
            Just(Encryption::Required),
            (4u8..).prop_map(Encryption::Other)
        ]
    }

    proptest! {
        #[test]
        fn a_prelogin_reads_as_it_was_written(
            encryption in any_encryption(),
            mars: bool,
            trace in any::<Option<[u8; 4]>>(),
            fed_auth_required: Option<bool>,
        ) {
            let written = Prelogin {
                encryption: Some(encryption),
                mars: Some(mars),
                trace_id: trace.map(|id| {
                    let mut full = [0; 36];
                    full.iter_mut().zip(id).for_each(|(to, from)| *to = from);
                    full
                }),
                fed_auth_required,
            };
            let mut payload = Vec::new();
            written.encode_request(&mut payload);
            prop_assert_eq!(Prelogin::parse(&payload), Ok(written.clone()));
            // VERSION, the longest option, lies first: whatever is cut off is missed.
            for length in 0..payload.len() {
                prop_assert!(Prelogin::parse(payload.get(..length).unwrap()).is_err());
            }
            let mut answer = vec![];
            written.encode_answer(&mut answer);
            prop_assert_eq!(Prelogin::parse(&answer), Ok(written));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Prelogin::parse(&bytes);
        }
    }
}
