//! PostgreSQL, protocol 3: the messages of a login.
//!
//! Source: "Frontend/Backend Protocol" of the PostgreSQL 18 documentation, chapters 54.2, 54.7 and 54.10; `pqcomm.h` for the
//! request codes.
//!
//! ```text
//!   frame   where a message begins and ends: tag and length
//!   hello   the untyped packets that an app may begin with: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage
//!   login   who the app says it is: the parameters of a StartupMessage, rewritten without touching what is not ours
//!   auth    what a server asks for, and the one message that answers with a secret
//!   notice  ErrorResponse, ours and the server's
//!   watch   who owes whom an answer, from message tags alone
//! ```

mod auth;
mod frame;
mod hello;
mod login;
mod notice;
#[cfg(test)]
mod tests;
mod watch;

pub use auth::{
    Authentication, MAX_SECRET, ScramFirst, SecretTooLong, encode_password, password_message_len,
};
pub use frame::{Header, MAX_LOGIN_MESSAGE, MessageError, Next, TERMINATE, next_message, tag};
pub use hello::{
    CANCEL_REQUEST, CancelRequest, First, FirstError, GSSENC_REQUEST, MAX_FIRST, SSL_REQUEST,
    Version, first_length,
};
pub use login::Startup;
pub use notice::{ErrorFields, ErrorResponse, append_hint};
pub use watch::Exchange;
