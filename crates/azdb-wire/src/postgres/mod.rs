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
//!   app_password  the same from the other side: what we ask an app for, and its proofs
//!   notice  ErrorResponse, ours and the server's
//!   reports what a server says of its session's settings
//!   watch   who owes whom an answer, from message tags alone
//! ```

mod app_password;
mod auth;
mod frame;
mod hello;
mod login;
mod notice;
mod reports;
#[cfg(test)]
mod tests;
mod watch;

pub use app_password::{
    Binding, ClientFinal, ClientFirst, END_POINT, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaslInitial,
    encode_md5_request, encode_sasl_continue, encode_sasl_final, encode_sasl_request,
    parse_password, server_final, server_first,
};
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
pub use reports::{ReportWatch, Reports};
pub use watch::Exchange;
