//! MySQL and MariaDB, protocol 4.1: the messages of a login, and where commands begin after it.
//!
//! Source: "Client/Server Protocol" of the MySQL 9 source documentation, and "Clients & Utilities: protocol" of MariaDB's
//! documentation for the capabilities above bit 31.
//!
//! ```text
//!   frame         where a packet begins and ends: length and number
//!   hello         the greeting, a server's first packet
//!   login         who the app says it is, after a request for TLS or without
//!   auth          what a server answers, and the packets that finish a login
//!   notice        the ERR packet, ours and the server's
//!   watch         where an app's commands begin, from packet headers alone
//!   answer        where an answer ends, from the first bytes of its packets
//!   exchange      who owes whom an answer: commands and answers, both directions
//!   capabilities  what both legs may agree on
//!   attributes    what a client says of itself
//!   likeness      what two logins must have in common to share a session, one after the other
//!   reset         a session made like new for another app
//!   change_user   COM_CHANGE_USER, a login on the session that the app has
//!   envelope      what packets travel in when an app compresses
//!   numbers       the packets' numbers once they are out of it
//! ```

mod answer;
mod attributes;
mod auth;
mod capabilities;
mod change_user;
mod envelope;
mod exchange;
mod frame;
mod hello;
mod likeness;
mod login;
mod notice;
mod numbers;
mod reset;
#[cfg(test)]
mod tests;
mod watch;

pub use answer::Form;
pub use attributes::{with_program_name, without_process};
pub use auth::{Answer, MAX_SECRET, clear_password_len, encode_clear_password, encode_switch};
pub use capabilities::{Capabilities, Offer};
pub use change_user::ChangeUser;
pub use envelope::{Compression, Envelope};
pub use exchange::{Exchange, MOST_OWED};
pub use frame::{
    Header, MAX_LOGIN_PACKET, MAX_PAYLOAD, Next, PacketError, next_packet, push_packet,
};
pub use hello::{Greeting, SCRAMBLE};
pub use likeness::Part;
pub use login::{Response, ResponsePacket};
pub use notice::ErrorPacket;
pub use numbers::Numbers;
pub use reset::{
    AtLogin, Dirty, FORGET_TRACES, NONCE, Proof, Proved, RESET, encode_query, read_forgotten,
    read_plain_ok,
};
pub use watch::{Command, Commands, Found, QUIT};

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
