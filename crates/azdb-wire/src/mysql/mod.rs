//! MySQL and MariaDB, protocol 4.1: the messages of a login, and where commands begin after it.
//!
//! Source: "Client/Server Protocol" of the MySQL 9 source documentation, and "Clients & Utilities: protocol" of MariaDB's
//! documentation for the capabilities above bit 31.
//!
//! ```text
//!   packet        length and number of every packet
//!   capabilities  what both legs may agree on
//!   greeting      the server's first packet
//!   response      the app's: a request for TLS, or who it is
//!   auth          what a server answers, and the packets that finish a login
//!   error         the ERR packet
//!   change_user   COM_CHANGE_USER
//!   commands      where an app's commands begin, from packet headers alone
//! ```

mod auth;
mod capabilities;
mod change_user;
mod commands;
mod error;
mod greeting;
mod packet;
mod reader;
mod response;

pub use auth::{Answer, MAX_SECRET, clear_password_len, encode_clear_password, encode_switch};
pub use capabilities::{Capabilities, Offer};
pub use change_user::ChangeUser;
pub use commands::{Command, Commands, Found};
pub use error::ErrorPacket;
pub use greeting::{Greeting, SCRAMBLE};
pub use packet::{
    Header, MAX_LOGIN_PACKET, MAX_PAYLOAD, Next, PacketError, next_packet, push_packet,
};
pub use response::{Response, ResponsePacket};

/// Names of authentication plugins.
pub mod plugin {
    /// SHA-1 of the password, twice, mixed with the scramble.
    pub const NATIVE: &[u8] = b"mysql_native_password";
    /// The password as it is: what a token travels in.
    pub const CLEAR: &[u8] = b"mysql_clear_password";
    /// SHA-256 of the password with a fast path.
    pub const CACHING_SHA2: &[u8] = b"caching_sha2_password";
    /// SHA-256 of the password.
    pub const SHA256: &[u8] = b"sha256_password";
}
