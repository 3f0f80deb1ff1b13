//! PRELOGIN: what both sides can do, before anything is encrypted.

use super::cursor::Cursor;
use super::record::Violation;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const TRACE: u8 = 5;
const FEDAUTH: u8 = 6;
const END: u8 = 0xff;

/// Values of the ENCRYPTION option.
pub(super) mod encryption {
    pub(crate) const ON: u8 = 1;
    pub(crate) const NOT_SUPPORTED: u8 = 2;
    pub(crate) const REQUIRED: u8 = 3;
}

/// Version of the emulated server: what Azure SQL says.
pub(super) const SERVER_VERSION: [u8; 6] = [12, 0, 0x07, 0xd0, 0, 0];

/// A client's PRELOGIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelogin {
    /// Its ENCRYPTION byte: 0 off, 1 on, 2 not supported, 3 required.
    pub encryption: u8,
    /// It asked for several requests at a time.
    pub mars: bool,
    /// Its FEDAUTHREQUIRED byte, if it sent that option.
    pub fedauth_required: Option<u8>,
    /// Its connection id, activity id and sequence, 36 bytes, if it sent that option.
    pub trace: Option<Vec<u8>>,
    /// The instance that it wants, without the final NUL.
    pub instance: String,
}

impl Prelogin {
    pub(super) fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut parsed = Self {
            encryption: encryption::NOT_SUPPORTED,
            mars: false,
            fedauth_required: None,
            trace: None,
            instance: String::new(),
        };
        let mut table = Cursor::new(data);
        let mut is_first = true;
        loop {
            let token = table.u8()?;
            if token == END {
                return Ok(parsed);
            }
            if is_first && token != VERSION {
                return Err(Violation::Malformed("PRELOGIN without VERSION in front"));
            }
            is_first = false;
            let offset = usize::from(u16::from_be_bytes(table.array()?));
            let length = usize::from(u16::from_be_bytes(table.array()?));
            let value = data
                .get(offset..offset + length)
                .ok_or(Violation::Malformed("a PRELOGIN option's offset"))?;
            match (token, value) {
                (VERSION, value) if value.len() != 6 => {
                    return Err(Violation::Malformed("PRELOGIN's VERSION"));
                }
                (ENCRYPTION, [value]) => parsed.encryption = *value,
                (MARS, [value]) => parsed.mars = *value != 0,
                (FEDAUTH, [value @ 1]) => parsed.fedauth_required = Some(*value),
                (FEDAUTH, _) => return Err(Violation::Malformed("PRELOGIN's FEDAUTHREQUIRED")),
                (TRACE, value) => parsed.trace = Some(value.to_vec()),
                (INSTANCE, [name @ .., 0]) => {
                    parsed.instance = String::from_utf8_lossy(name).into_owned();
                }
                _ => {}
            }
        }
    }
}

/// The server's answer.
pub(super) struct Answer {
    pub(super) encryption: u8,
    pub(super) mars: bool,
    pub(super) fedauth_required: Option<bool>,
}

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut options: Vec<(u8, Vec<u8>)> = vec![
            (VERSION, SERVER_VERSION.to_vec()),
            (ENCRYPTION, vec![self.encryption]),
            (INSTANCE, vec![0]),
            (THREAD, Vec::new()),
            (MARS, vec![u8::from(self.mars)]),
        ];
        if let Some(required) = self.fedauth_required {
            options.push((FEDAUTH, vec![u8::from(required)]));
        }
        let mut table = Vec::new();
        let mut values = Vec::new();
        let base = options.len() * 5 + 1;
        for (token, value) in &options {
            let offset = u16::try_from(base + values.len()).unwrap_or(u16::MAX);
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            table.push(*token);
            table.extend(offset.to_be_bytes());
            table.extend(length.to_be_bytes());
            values.extend_from_slice(value);
        }
        table.push(END);
        table.extend(values);
        table
    }
}
