//! PRELOGIN: what both sides settle before anyone says who they are (MS-TDS 2.2.6.5).

use alloc::vec::Vec;

use crate::reader::Reader;

/// Most bytes of a PRELOGIN that is read. Real ones have about 100.
pub const MAX_PRELOGIN: usize = 4096;

pub(super) const VERSION: u8 = 0;
pub(super) const ENCRYPTION: u8 = 1;
pub(super) const INSTANCE: u8 = 2;
const THREAD_ID: u8 = 3;
const MARS: u8 = 4;
pub(super) const TRACE_ID: u8 = 5;
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

    /// What an app that says this is to hear from a server with TLS.
    ///
    /// Never `Off`: TLS for the login alone is what old drivers get wrong, and on one machine it protects nothing. One driver takes
    /// nothing else: [`Driver::R2dbc`](super::Driver::R2dbc).
    #[must_use]
    pub fn answer(self, wish: TlsWish) -> Self {
        match (self, wish) {
            (Self::On | Self::Required, _) => Self::On,
            (Self::Off | Self::NotSupported | Self::Other(_), TlsWish::AsTheAppLikes) => {
                Self::NotSupported
            }
            // Also to one that cannot: what it would say in the clear is better not said.
            (Self::Off | Self::NotSupported | Self::Other(_), TlsWish::Always) => Self::Required,
        }
    }
}

/// Whether a server takes apps without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsWish {
    /// It does.
    AsTheAppLikes,
    /// It does not.
    Always,
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

/// The options of a PRELOGIN in the order of its table, up to its end or to what is wrong with it.
pub(super) fn options(payload: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), PreloginError>> {
    let mut table = Some(Reader::new(payload));
    core::iter::from_fn(move || {
        let option = option(payload, table.as_mut()?).transpose();
        if !matches!(option, Some(Ok(_))) {
            table = None;
        }
        option
    })
}

/// The next entry of the table, with what it points at.
fn option<'a>(
    payload: &'a [u8],
    table: &mut Reader<'_>,
) -> Result<Option<(u8, &'a [u8])>, PreloginError> {
    let token = table.u8().ok_or(PreloginError::Table)?;
    if token == END {
        return Ok(None);
    }
    let (Some(offset), Some(length)) = (table.u16_be(), table.u16_be()) else {
        return Err(PreloginError::Table);
    };
    let end = usize::from(offset).saturating_add(usize::from(length));
    let data = match length {
        0 => &[][..],
        _ => payload
            .get(usize::from(offset)..end)
            .ok_or(PreloginError::OutOfRange(token))?,
    };
    Ok(Some((token, data)))
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
        let mut found = Self {
            encryption: None,
            mars: None,
            trace_id: None,
            fed_auth_required: None,
        };
        if payload.first() != Some(&VERSION) {
            return Err(PreloginError::Table);
        }
        for option in options(payload) {
            let (token, data) = option?;
            found.take(token, data)?;
        }
        Ok(found)
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
