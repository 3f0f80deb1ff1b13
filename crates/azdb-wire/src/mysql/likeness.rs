//! What two logins must have in common for the session of one to be the other's.
//!
//! What only the login sees is left out: how an answer is counted, TLS, plugins. Which process it is a new one cannot share, and
//! neither does an app that compresses say so upstream.

use alloc::vec::Vec;

use super::attributes::{program_name, without_process};
use super::capabilities::Capabilities;
use super::login::Response;

/// A named part of a login, for whoever asks in what two differ.
pub type Part = (&'static str, Vec<u8>);

/// What changes the bytes or the meaning of what follows the login, and what a change of user cannot change.
const LASTING: Capabilities = Capabilities(
    1 << 1 // FOUND_ROWS
        | 1 << 2 // LONG_FLAG
        | 1 << 4 // NO_SCHEMA
        | 1 << 6 // ODBC
        | Capabilities::LOCAL_FILES.0
        | 1 << 8 // IGNORE_SPACE
        | 1 << 10 // INTERACTIVE
        | 1 << 13 // TRANSACTIONS
        | 1 << 16 // MULTI_STATEMENTS
        | 1 << 17 // MULTI_RESULTS
        | 1 << 18 // PS_MULTI_RESULTS
        | Capabilities::CONNECT_ATTRS.0
        | Capabilities::SESSION_TRACK.0
        | Capabilities::DEPRECATE_EOF.0
        | Capabilities::OPTIONAL_METADATA.0
        | Capabilities::QUERY_ATTRIBUTES.0,
);

impl Response<'_> {
    /// What a session keeps of its login whoever its user becomes. Of a response that goes upstream.
    pub fn lasting_parts(&self) -> Vec<Part> {
        let flags = Capabilities(self.agreed().0 & LASTING.0);
        Vec::from([
            ("capabilities", flags.0.to_le_bytes().into()),
            ("extended capabilities", self.extended.to_le_bytes().into()),
            ("max_packet", self.max_packet.to_le_bytes().into()),
        ])
    }

    /// What a change of user carries, and what of the rest two processes of one program have in common. Of a response that goes upstream.
    /// `None` where its attributes cannot be read.
    pub fn passing_parts(&self) -> Option<Vec<Part>> {
        // A database that is not named is another than one without a name.
        let database = self.database.map(|name| [b"/", name].concat());
        let flags = self.agreed().without(LASTING);
        Some(Vec::from([
            ("program_name", program_name(self.attributes)?.into()),
            ("database", database.unwrap_or_default()),
            ("character set", [self.charset].into()),
            ("capabilities of the login", flags.0.to_le_bytes().into()),
            ("connection attributes", without_process(self.attributes)?),
        ]))
    }
}
