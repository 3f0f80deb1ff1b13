//! PRELOGIN: what both sides can do, before anything is encrypted.

use super::cursor::Cursor;
use super::record::Violation;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const FEDAUTH: u8 = 6;
const END: u8 = 0xff;

/// Values of the ENCRYPTION option.
pub(super) mod encryption {
    pub(crate) const ON: u8 = 1;
    pub(crate) const NOT_SUPPORTED: u8 = 2;
    pub(crate) const REQUIRED: u8 = 3;
}

/// What `@@VERSION` says.
pub(super) const SERVER_VERSION_TEXT: &str =
    "Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tazdb-emulator: a sample on SQLite\n";

/// Version of the emulated server: what Azure SQL says.
pub(super) const SERVER_VERSION: [u8; 6] = [12, 0, 0x07, 0xd0, 0, 0];

/// A client's PRELOGIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prelogin {
    /// Its ENCRYPTION byte: 0 off, 1 on, 2 not supported, 3 required.
    pub(super) encryption: u8,
    /// It asked for several requests at a time.
    pub(super) mars: bool,
    /// It asked whether the server wants federated authentication.
    pub(super) asks_fedauth: bool,
}

impl Prelogin {
    pub(super) fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut parsed = Self {
            encryption: encryption::NOT_SUPPORTED,
            mars: false,
            asks_fedauth: false,
        };
        for (token, value) in options(data)? {
            match (token, value) {
                (VERSION, value) if value.len() != 6 => {
                    return Err(Violation::Malformed("PRELOGIN's VERSION"));
                }
                (ENCRYPTION, [value]) => parsed.encryption = *value,
                (MARS, [value]) => parsed.mars = *value != 0,
                (FEDAUTH, [1]) => parsed.asks_fedauth = true,
                (FEDAUTH, _) => return Err(Violation::Malformed("PRELOGIN's FEDAUTHREQUIRED")),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn options(data: &[u8]) -> Result<Vec<(u8, &[u8])>, Violation> {
    let mut table = Cursor::new(data);
    let mut options = Vec::new();
    loop {
        let token = table.u8()?;
        if token == END {
            return Ok(options);
        }
        if options.is_empty() && token != VERSION {
            return Err(Violation::Malformed("PRELOGIN without VERSION in front"));
        }
        let offset = usize::from(u16::from_be_bytes(table.array()?));
        let length = usize::from(u16::from_be_bytes(table.array()?));
        let value = data.get(offset..offset + length);
        let value = value.ok_or(Violation::Malformed("a PRELOGIN option's offset"))?;
        options.push((token, value));
    }
}

/// What this server answers.
pub(super) struct Answer {
    pub(super) encryption: u8,
    pub(super) mars: bool,
    pub(super) fedauth_required: Option<bool>,
}

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut options = vec![
            (VERSION, SERVER_VERSION.to_vec()),
            (ENCRYPTION, vec![self.encryption]),
            (INSTANCE, vec![0]),
            (THREAD, Vec::new()),
            (MARS, vec![u8::from(self.mars)]),
        ];
        if let Some(required) = self.fedauth_required {
            options.push((FEDAUTH, vec![u8::from(required)]));
        }
        message(&options)
    }
}

/// The ENCRYPTION byte in a server's answer, and whether it has MARS.
pub(super) fn answered(data: &[u8]) -> Result<(u8, bool), Violation> {
    let options = options(data)?;
    let value = |sought: u8| {
        let mut found = options.iter().filter(|(token, _)| *token == sought);
        found.next().and_then(|(_, value)| value.first().copied())
    };
    let encryption = value(ENCRYPTION).unwrap_or(encryption::NOT_SUPPORTED);
    Ok((encryption, value(MARS).unwrap_or(0) != 0))
}

/// What this server asks a server behind it.
pub(super) fn question(encryption: u8, mars: bool) -> Vec<u8> {
    message(&[
        (VERSION, SERVER_VERSION.to_vec()),
        (ENCRYPTION, vec![encryption]),
        (INSTANCE, vec![0]),
        (THREAD, vec![0; 4]),
        (MARS, vec![u8::from(mars)]),
    ])
}

fn message(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut values = Vec::new();
    let base = options.len() * 5 + 1;
    for (token, value) in options {
        table.push(*token);
        for number in [base + values.len(), value.len()] {
            table.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        }
        values.extend_from_slice(value);
    }
    table.push(END);
    table.extend(values);
    table
}
