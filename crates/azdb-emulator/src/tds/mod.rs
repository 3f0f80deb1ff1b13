//! A TDS server in the manner of Azure SQL Database.
//!
//! ```text
//!   client                                              server
//!    | PRELOGIN                                     ---> |   or TLS at once, with ALPN `tds/8.0`
//!    | <--- PRELOGIN: encryption, MARS, FEDAUTHREQUIRED  |
//!    | ======= TLS 1.2, handshake in PRELOGIN packets == |
//!    | LOGIN7 with FEDAUTH, packets <= 4096 bytes   ---> |
//!    | <-------- ENVCHANGE.., LOGINACK, FEATUREEXTACK -- |   or ERROR, or ROUTING
//!    | <========= requests and responses =============> |   with MARS: each packet in an SMP packet
//! ```
//!
//! After that a session is the sample's (`engine`), or that of a server behind this one (`behind`).
//! The codec is this folder's own, written from the specification, so that it shares no mistake with
//! a client's.
//!
//! # Invariants
//!
//! * With [`Encryption::Required`] there is no session without TLS.
//! * A TLS record of a client holds exactly one TDS or SMP packet, from LOGIN7 to the last byte;
//!   otherwise the connection ends, as it does in Azure.
//! * No packet of LOGIN7 is longer than 4096 bytes.
//! * A token stands alone: no user, no password, no integrated security beside it, and its echo bit
//!   repeats what PRELOGIN said.
//! * No session without a token of this server's issuer, for its audience, not expired, of a
//!   principal that it knows, unless passwords were configured.
//! * A token comes at TDS 7.4 alone. Who has a password is granted the version that it asks for, and reads no
//!   width, token or type of a later one.
//! * A client that names another server, in TLS or in LOGIN7, does not come in.

mod behind;
mod cursor;
mod engine;
mod login;
mod login7;
mod options;
mod packet;
mod prelogin;
mod record;
mod request;
mod server;
mod session;
mod token;
mod value;
mod version;
mod welcome;
mod wire;

pub use options::{Encryption, SqlLogin, TdsOptions};
pub use record::{LoginRecord, LoginScript, Route, Verdict, Violation};
pub use server::{Tds, TdsServer};
pub use session::Asked;
pub use token::Refusal;
pub use wire::TlsFacts;
