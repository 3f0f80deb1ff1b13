//! A MySQL server in the manner of Azure Database for MySQL, flexible server.
//!
//! ```text
//!   app                                             server
//!    | <------------------------------- greeting    |   that of the server behind, where there is one
//!    | SSLRequest                             ----> |
//!    | =================== TLS ==================== |
//!    | response, no token                     ----> |
//!    | <------------- switch to mysql_clear_password |   user mapped to an Entra principal
//!    | token                                  ----> |
//!    | <---------------------------------------- OK |
//!    | <============ the server behind ===========> |   or the sample, on SQLite
//! ```
//!
//! Greeting, TLS and login are done here, over the bare stream, and so is COM_CHANGE_USER. A session with a server behind is
//! relayed; for one of the sample `opensrv-mysql` speaks the rest over a pipe, on which we play its client. The reasons:
//! `opensrv-mysql` 0.7 switches plugins only for clients that sent no answer at all, knows a TLS of its own with an old rustls,
//! says OK to commands that it does not know, a change of user among them, and frees memory that it still uses (see
//! `one_packet.rs`).
//!
//! # Invariants
//!
//! * No session without TLS; the refusal has MySQL's words.
//! * No session without a token of this server's issuer, for its audience, not expired, whose `appid` is the one that the user
//!   is mapped to, and in the clear.
//! * A user that is not mapped is refused without a request for a token, as MySQL refuses a stranger.
//! * Who announces the clear plugin without an answer has answered with nothing, as in MySQL.

mod aaduser;
mod asked;
mod behind;
mod chatter;
mod connection;
mod fault;
mod greeting;
mod login;
mod one_packet;
mod packet;
mod pipe;
mod record;
mod relay;
mod server;
mod session;
mod values;

pub use record::{MysqlLogin, MysqlRefusal};
pub use server::{ChangesOfUser, Mysql, MysqlOptions, MysqlServer};
