//! The library of `azdb-proxy`: a TCP proxy that lets apps in by local trust and logs in upstream with tokens of Microsoft Entra.
//!
//! ```text
//!   server      every door open ... the end of the drain
//!   admin       health, metrics and status over HTTP
//!   wanted      the tokens that routes will ask for, and whether they are there
//!   listener    one door: accept, admit
//!   reception   a route without its types: the one place that knows which protocols there are
//!   session     one connection: login, relay, log line
//!   postgres    its login conversation
//!   mysql       its login conversation, and the login within a session
//!   tds         SQL Server's login conversation
//!   lobby       what the logins of a route share: settings, state, credentials; what a protocol is
//!   gate        who may come, and by which password
//!   kept        sessions that wait for an app
//!   relay       bytes one way and bytes the other
//!   parting     last words
//!   anteroom    those who have not said yet what they want
//!   way         legs, dialling, TLS around them, the proof that one may carry a token
//!   tls_stream  TLS over a stream
//!   unsent      bytes that a stream has yet to take
//!   tls         certificates on both sides
//!   deadline    one clock for a login
//!   ledger      what a route has done
//!   reload      who asks for another configuration, and what became of it
//!   phases      what a login spends its time on
//!   stranger    who is no app
//!   fault       causes, whose they are, and remedies
//!   socket      doors
//!   pulse       TCP connections, and whether their far end is still there
//!   sock_diag   what the kernel knows of one
//!   ending      how everything comes to an end together
//!   workers     threads on which sessions run
//! ```
//!
//! A room imports rooms below it only; `scripts/check-rooms` holds that.
//!
//! The two sides are called **app** and **upstream**, everywhere.

mod admin;
mod anteroom;
mod deadline;
mod ending;
mod fault;
mod gate;
mod kept;
mod ledger;
mod listener;
mod lobby;
mod mysql;
mod parting;
mod phases;
mod postgres;
mod pulse;
mod reception;
mod relay;
mod reload;
#[cfg(test)]
mod rig;
mod server;
mod session;
#[cfg(target_os = "linux")]
mod sock_diag;
mod socket;
mod stranger;
mod tds;
mod tls;
mod tls_stream;
mod unsent;
mod wanted;
mod way;
mod workers;

/// What `/metrics` shows.
pub mod metrics {
    pub use crate::admin::{Family, Labels, PREFIX, Readings, Value};
}

pub use fault::{Cause, Explained, FarEnd, Kind, Overdue, Reach, TlsFlaw};
pub use ledger::Refusal;
pub use phases::{Phase, Sights, TlsSight};
pub use reception::{Reception, ReceptionError, Resources, Watched};
pub use reload::{Begun, RefusedBy, ReloadOutcome, Reloads};
pub use server::{Changes, Drain, Drained, Glance, LAST_WORDS, OpenServer, Server, StartError};
pub use socket::PassedSockets;
pub use tls::{
    AppTrust, LocalAuthority, LocalTlsError, PlatformRoots, ShownCertificate, TlsConfigError,
    ToTrust, local_names, platform_client,
};
pub use way::Home;
pub use workers::Workers;
