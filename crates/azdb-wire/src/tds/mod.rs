//! TDS, the protocol of SQL Server: the messages of a login.
//!
//! Source: MS-TDS version 39, MC-SMP for MARS, and what real drivers send and accept.
//!
//! ```text
//!   frame    headers of packets, of SMP too, and messages cut into them
//!   hello    PRELOGIN: encryption, MARS and "tokens welcome", settled before the login
//!   driver   drivers that want another answer to it
//!   login    LOGIN7: who the app says it is and what it wants
//!   app_password  what of that proves who it is
//!   auth     what a server answers, what that means, and what of it the app reads
//!   notice   our own "no"
//!   watch    who owes whom an answer, from packet headers alone
//!   old_login  the login of before TDS 7, which nobody serves, and the "no" to it
//!   relogin  the app's LOGIN7 built anew around our own secret
//!   feature  what an app wants beyond the fixed fields, and what a server grants of it
//!   likeness  in what two logins must be alike for a session of the one to serve the other
//!   reset    putting a session back to what it was behind its login
//!   token    the parts of a server's answer
//!   text     UTF-16LE
//!   version  versions, and the widths of fields that grew
//!   translate  sessions of apps that read an older version than their upstream speaks
//! ```
//!
//! Numbers are little-endian but for the length in a packet's header and in PRELOGIN's table; text is UTF-16LE.

mod app_password;
mod auth;
mod driver;
mod feature;
mod frame;
mod hello;
mod likeness;
mod login;
mod notice;
mod old_login;
mod relogin;
mod reset;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod translate;
mod version;
mod watch;

pub use app_password::{AppProof, reveal};
pub use auth::{FedAuthAck, LoginAnswer, Manner, Routing};
pub use driver::Driver;
pub use feature::{Features, FedAuth, feature_id};
pub use frame::{
    Header, LOGIN_PACKET, MAX_PACKET, PacketError, SmpHeader, frame_length, kind, packets,
    push_message,
};
pub use hello::{Encryption, MAX_PRELOGIN, Prelogin, PreloginError, TlsWish};
pub use login::{Login7, Login7Error, MAX_LOGIN7};
pub use notice::Notice;
pub use old_login::{MAX_OLD_LOGIN, OldVersion};
pub use relogin::{LoginSecret, LoginTooLong, Relogin, hidden, rebuild, rebuilt_len};
pub use reset::{MAX_RESET_ANSWER, NoReset, NotClean, reset_request};
pub use text::{from_utf16, push_utf16, utf16_len};
pub use token::{Done, Report, StreamToken, StreamTokenError, StreamTokens, change, tag};
pub use translate::{Dialect, Terms, Translator, Untranslatable};
pub use version::{Version, Width};
pub use watch::Exchange;
