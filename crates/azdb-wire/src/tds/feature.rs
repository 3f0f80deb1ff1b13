//! Feature extensions: what LOGIN7 asks for beyond its fixed fields, and FEATUREEXTACK grants.

use super::cursor::Cursor;

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
    /// Reads the list at the front of `bytes`; gives back what lies behind it. An end of the bytes in place of 0xFF is taken for it.
    pub(super) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut cursor = Cursor(bytes);
        loop {
            let before = bytes.len().saturating_sub(cursor.0.len());
            match cursor.byte() {
                None | Some(feature_id::END) => {
                    let list = bytes.get(..before)?;
                    return Some((Self { list }, cursor.0));
                }
                Some(_) => {
                    let length = cursor.long()?;
                    cursor.take(length)?;
                }
            }
        }
    }

    /// Ids with their data, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut cursor = Cursor(self.list);
        core::iter::from_fn(move || {
            let id = cursor.byte()?;
            let length = cursor.long()?;
            Some((id, cursor.take(length)?))
        })
    }

    /// The data of a feature, if it is there.
    pub fn get(self, id: u8) -> Option<&'a [u8]> {
        self.iter()
            .find(|(own, _)| *own == id)
            .map(|(_, data)| data)
    }
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
