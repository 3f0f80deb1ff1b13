//! PRELOGIN: what both sides can do, before anything is encrypted.

use bytes::Buf as _;

use super::cursor::take;
use super::options::Encryption;
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

    /// An answer that is followed by TLS.
    pub(crate) fn is_on(answer: u8) -> bool {
        matches!(answer, ON | REQUIRED)
    }
}

/// What `@@VERSION` says.
pub(super) const SERVER_VERSION_TEXT: &str =
    "Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tazdb-emulator: a sample on SQLite\n";

/// Version of the emulated server: what Azure SQL says.
pub(super) const SERVER_VERSION: [u8; 6] = [12, 0, 0x07, 0xd0, 0, 0];

/// What one side says. An option that is missing says the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prelogin {
    /// Its ENCRYPTION byte: 0 off, 1 on, 2 not supported, 3 required.
    pub(super) encryption: u8,
    /// It has several requests at a time.
    pub(super) mars: bool,
    /// Whether the server wants federated authentication; a client asks with 1.
    pub(super) fedauth: Option<u8>,
}

impl Prelogin {
    /// Of a client that says nothing before LOGIN7.
    pub(super) const MISSING: Self = Self {
        encryption: encryption::NOT_SUPPORTED,
        mars: false,
        fedauth: None,
    };

    pub(super) fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut parsed = Self::MISSING;
        for (token, value) in options(data)? {
            match (token, value) {
                (VERSION, value) if value.len() != 6 => {
                    return Err(Violation::Malformed("PRELOGIN's VERSION"));
                }
                (ENCRYPTION, [value]) => parsed.encryption = *value,
                (MARS, [value]) => parsed.mars = *value != 0,
                (FEDAUTH, [value]) => parsed.fedauth = Some(*value),
                (FEDAUTH, _) => return Err(Violation::Malformed("PRELOGIN's FEDAUTHREQUIRED")),
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// The ENCRYPTION byte for this client; never "login only".
    pub(super) fn encryption_for(self, wanted: Encryption) -> u8 {
        match (wanted, self.encryption) {
            (_, encryption::ON | encryption::REQUIRED) => encryption::ON,
            (Encryption::Required, _) => encryption::REQUIRED,
            (Encryption::Offered, _) => encryption::NOT_SUPPORTED,
        }
    }
}

fn options(data: &[u8]) -> Result<Vec<(u8, &[u8])>, Violation> {
    let mut table = data;
    let mut options = Vec::new();
    loop {
        let token = table.try_get_u8()?;
        if token == END {
            return Ok(options);
        }
        if options.is_empty() && token != VERSION {
            return Err(Violation::Malformed("PRELOGIN without VERSION in front"));
        }
        let offset = usize::from(table.try_get_u16()?);
        let length = usize::from(table.try_get_u16()?);
        let mut value = data.get(offset..).unwrap_or_default();
        options.push((token, take(&mut value, length)?));
    }
}

/// What this server says: to an app that asked about `fedauth`, or to a server behind it.
pub(super) fn message(encryption: u8, thread: &[u8], mars: bool, fedauth: Option<bool>) -> Vec<u8> {
    let mars = [u8::from(mars)];
    let fedauth = fedauth.map(|required| [u8::from(required)]);
    let mut options: Vec<(u8, &[u8])> = vec![
        (VERSION, &SERVER_VERSION),
        (ENCRYPTION, std::slice::from_ref(&encryption)),
        (INSTANCE, &[0]),
        (THREAD, thread),
        (MARS, &mars),
    ];
    options.extend(fedauth.iter().map(|value| (FEDAUTH, value.as_slice())));
    let mut table = Vec::new();
    let mut values = Vec::new();
    let base = options.len() * 5 + 1;
    for (token, value) in options {
        table.push(token);
        for number in [base + values.len(), value.len()] {
            table.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        }
        values.extend_from_slice(value);
    }
    table.push(END);
    table.extend(values);
    table
}
