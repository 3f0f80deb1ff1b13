//! TDS, the protocol of SQL Server: the messages of a login.
//!
//! Source: MS-TDS version 39, MC-SMP for MARS, and what real drivers send and accept.
//!
//! ```text
//!   packet    headers of packets, of SMP too, and messages cut into them
//!   prelogin  encryption, MARS and "tokens welcome", settled before the login
//!   login7    who the app says it is and what it wants
//!   relogin   the same login around our own secret
//!   feature   what it wants beyond that
//!   token     what a server answers
//!   answer    what the answer means, and what of it the app reads
//!   notice    our own "no"
//!   exchange  who owes whom an answer, from headers alone
//! ```
//!
//! Numbers are little-endian but for the length in a packet's header; text is UTF-16LE.

mod answer;
mod cursor;
mod exchange;
mod feature;
mod login7;
mod notice;
mod packet;
mod prelogin;
mod relogin;
mod text;
mod token;
mod version;

#[cfg(test)]
mod tests;

pub use answer::{FedAuthAck, LoginAnswer, Manner, Routing};
pub use exchange::Exchange;
pub use feature::{Features, FedAuth, feature_id};
pub use login7::{Login7, Login7Error, MAX_LOGIN7};
pub use notice::Notice;
pub use packet::{
    Header, LOGIN_PACKET, MAX_PACKET, PacketError, SmpHeader, frame_length, kind, packets,
    push_message,
};
pub use prelogin::{Encryption, MAX_PRELOGIN, Prelogin, PreloginError};
pub use relogin::{LoginSecret, LoginTooLong, Relogin, rebuild, rebuilt_len};
pub use text::{from_utf16, push_utf16, utf16_len};
pub use token::{Done, Report, Token, TokenError, Tokens, change, tag};
pub use version::{Version, Width};
