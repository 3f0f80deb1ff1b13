//! LOGIN7: who the client is, and what it asks for.

use super::cursor::{Cursor, utf16};
use super::record::Violation;

/// LOGIN7 of TDS 7.3B.
pub(super) const TDS_7_3B: u32 = 0x730b_0003;
/// LOGIN7 of TDS 7.4.
pub(super) const TDS_7_4: u32 = 0x7400_0004;
/// LOGIN7 of TDS 8.0.
pub(super) const TDS_8_0: u32 = 0x0800_0000;

/// Feature ids.
pub(super) mod feature {
    pub(crate) const SESSION_RECOVERY: u8 = 0x01;
    pub(crate) const FEDAUTH: u8 = 0x02;
    pub(crate) const AZURE_SQL_SUPPORT: u8 = 0x08;
    pub(crate) const UTF8_SUPPORT: u8 = 0x0a;
    pub(crate) const END: u8 = 0xff;
}

const FLAG_INTEGRATED: u8 = 0x80;
const FLAG_CHANGE_PASSWORD: u8 = 0x01;
const FLAG_EXTENSION: u8 = 0x10;
/// Library id of a token in the LOGIN7 itself.
const SECURITY_TOKEN: u8 = 1;

/// A parsed LOGIN7. Has no `Debug`: it holds a token or a password.
pub(super) struct Login7 {
    pub(super) tds_version: u32,
    pub(super) packet_size: u32,
    pub(super) flags: [u8; 4],
    pub(super) host: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) app: String,
    pub(super) server: String,
    pub(super) interface: String,
    pub(super) language: String,
    pub(super) database: String,
    pub(super) sspi: usize,
    pub(super) features: Vec<(u8, Vec<u8>)>,
}

/// The FEDAUTH feature of a LOGIN7.
pub(super) struct Fedauth {
    /// The client says that the server asked for federated authentication.
    pub(super) echo: bool,
    pub(super) token: String,
}

impl Login7 {
    pub(super) fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut fixed = Cursor::new(data);
        if fixed.length()? != data.len() {
            return Err(Violation::Malformed("LOGIN7's length"));
        }
        let tds_version = fixed.u32()?;
        let packet_size = fixed.u32()?;
        fixed.take(12)?;
        let flags = fixed.array::<4>()?;
        fixed.take(8)?;
        let mut field = || -> Result<(usize, usize), Violation> {
            Ok((usize::from(fixed.u16()?), usize::from(fixed.u16()?)))
        };
        let (host, user, password) = (field()?, field()?, field()?);
        let (app, server, extension) = (field()?, field()?, field()?);
        let (interface, language, database) = (field()?, field()?, field()?);
        fixed.take(6)?;
        let sspi = (usize::from(fixed.u16()?), usize::from(fixed.u16()?));
        let features = if flags[3] & FLAG_EXTENSION == 0 {
            Vec::new()
        } else {
            features(data, bytes(data, extension.0, extension.1)?)?
        };
        let text = |(offset, chars): (usize, usize)| -> Result<String, Violation> {
            if chars > 128 {
                return Err(Violation::Malformed(
                    "a LOGIN7 field of more than 128 characters",
                ));
            }
            Ok(utf16(bytes(data, offset, chars * 2)?))
        };
        Ok(Self {
            tds_version,
            packet_size,
            flags,
            host: text(host)?,
            user: text(user)?,
            password: revealed(bytes(data, password.0, password.1 * 2)?),
            app: text(app)?,
            server: text(server)?,
            interface: text(interface)?,
            language: text(language)?,
            database: text(database)?,
            sspi: sspi.1,
            features,
        })
    }

    pub(super) fn is_integrated(&self) -> bool {
        self.flags[1] & FLAG_INTEGRATED != 0 || self.sspi != 0
    }

    pub(super) fn changes_password(&self) -> bool {
        self.flags[3] & FLAG_CHANGE_PASSWORD != 0
    }

    pub(super) fn feature(&self, id: u8) -> Option<&[u8]> {
        let found = self.features.iter().find(|(feature, _)| *feature == id);
        found.map(|(_, data)| data.as_slice())
    }

    /// The FEDAUTH feature, if there is one.
    pub(super) fn fedauth(&self) -> Result<Option<Fedauth>, Violation> {
        let Some(data) = self.feature(feature::FEDAUTH) else {
            return Ok(None);
        };
        let mut data = Cursor::new(data);
        let options = data.u8()?;
        if options >> 1 != SECURITY_TOKEN {
            return Err(Violation::Malformed(
                "a FEDAUTH library other than SecurityToken",
            ));
        }
        let length = data.length()?;
        let token = utf16(data.take(length)?);
        if !data.is_empty() {
            return Err(Violation::Malformed(
                "a FEDAUTH nonce that nobody asked for",
            ));
        }
        Ok(Some(Fedauth {
            echo: options & 1 != 0,
            token,
        }))
    }
}

/// A field of variable length; where it has none its offset means nothing.
fn bytes(data: &[u8], offset: usize, length: usize) -> Result<&[u8], Violation> {
    if length == 0 {
        return Ok(&[]);
    }
    data.get(offset..offset + length)
        .ok_or(Violation::Malformed("a LOGIN7 offset"))
}

fn features(data: &[u8], extension: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Violation> {
    let Some(offset) = extension.first_chunk::<4>() else {
        return Ok(Vec::new());
    };
    let offset = usize::try_from(u32::from_le_bytes(*offset)).unwrap_or(usize::MAX);
    let list = data.get(offset..).filter(|_| offset != 0);
    let mut list = Cursor::new(list.ok_or(Violation::Malformed("FeatureExt's offset"))?);
    let mut features = Vec::new();
    loop {
        let id = list.u8()?;
        if id == feature::END {
            return Ok(features);
        }
        let length = list.length()?;
        features.push((id, list.take(length)?.to_vec()));
    }
}

/// A password out of its disguise: each byte has its halves swapped and is then XORed with 0xA5.
fn revealed(bytes: &[u8]) -> String {
    let plain: Vec<u8> = bytes
        .iter()
        .map(|byte| (byte ^ 0xa5).rotate_left(4))
        .collect();
    utf16(&plain)
}
