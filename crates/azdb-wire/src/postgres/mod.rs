//! PostgreSQL, protocol 3: the messages of a login.
//!
//! Source: "Frontend/Backend Protocol" of the PostgreSQL 18 documentation, chapters 54.2, 54.7 and 54.10; `pqcomm.h` for the
//! request codes.
//!
//! ```text
//!   first     untyped packets of an app: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage
//!   startup   the parameters of a StartupMessage, rewritten without touching what is not ours
//!   message   tag and length of every later message
//!   auth      what a server asks for, and the one message that answers with a secret
//!   notice    ErrorResponse, ours and the server's
//!   exchange  who owes whom an answer, from message tags alone
//! ```

mod auth;
mod exchange;
mod first;
mod message;
mod notice;
mod startup;

pub use auth::{
    Authentication, MAX_SECRET, ScramFirst, SecretTooLong, encode_password, password_message_len,
};
pub use exchange::Exchange;
pub use first::{
    CANCEL_REQUEST, CancelRequest, First, FirstError, GSSENC_REQUEST, MAX_FIRST, SSL_REQUEST,
    Version, first_length,
};
pub use message::{Header, MAX_LOGIN_MESSAGE, MessageError, Next, next_message, tag};
pub use notice::{ErrorFields, ErrorResponse, append_hint};
pub use startup::Startup;
