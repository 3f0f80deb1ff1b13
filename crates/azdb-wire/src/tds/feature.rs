//! Feature extensions: what LOGIN7 asks for beyond its fixed fields, and FEATUREEXTACK grants.
//!
//! ```text
//!   (id: 1 | length: 4, little-endian | data) … | 0xff
//! ```
//!
//! Source: FeatureExt of LOGIN7 (MS-TDS 2.2.6.4), and FEATUREEXTACK (2.2.7).

use crate::reader::Reader;

/// Ids of features that the proxy must know.
pub mod feature_id {
    /// A token in place of user and password.
    pub const FED_AUTH: u8 = 0x02;
    /// The client may remember the server's address for a name: it would remember ours.
    pub const DNS_CACHING: u8 = 0x0b;
    /// The server may route to another database: the routing would be ours to follow.
    pub const ENHANCED_ROUTING: u8 = 0x0f;
    /// Ends the list.
    pub const END: u8 = 0xff;
}

/// A list of `id, length, data`, ended by 0xFF. The parser has walked it once, so iterating meets no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features<'a> {
    list: &'a [u8],
}

impl<'a> Features<'a> {
    /// Reads the list and the 0xFF behind it. An end of the bytes in place of 0xFF is taken for it.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let list = reader.raw(|reader| {
            while reader
                .rest()
                .first()
                .is_some_and(|id| *id != feature_id::END)
            {
                feature(reader)?;
            }
            Some(())
        })?;
        reader.u8();
        Some(Self { list })
    }

    /// Ids with their data, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut reader = Reader::new(self.list);
        core::iter::from_fn(move || feature(&mut reader))
    }

    /// The data of a feature, if it is there.
    pub fn get(self, id: u8) -> Option<&'a [u8]> {
        self.iter()
            .find(|(own, _)| *own == id)
            .map(|(_, data)| data)
    }
}

/// An id, and the data behind a length of four bytes.
fn feature<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let (id, length) = (reader.u8()?, reader.u32_le()?);
    Some((id, reader.bytes(length)?))
}

/// How an app itself wants to prove with a token who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedAuth {
    /// The token lies in LOGIN7.
    SecurityToken,
    /// It wants to be told whom to ask for one, by FEDAUTHINFO.
    Negotiated,
    /// A library that is dead or does not exist.
    Unknown(u8),
}

impl FedAuth {
    /// Reads the data of feature 0x02.
    pub(super) fn parse(data: &[u8]) -> Self {
        match data.first().map(|options| options >> 1) {
            Some(1) => Self::SecurityToken,
            Some(2) => Self::Negotiated,
            other => Self::Unknown(other.unwrap_or(0x7f)),
        }
    }
}
