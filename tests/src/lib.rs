//! What the integration tests are made of.
//!
//! ```text
//!   app                    azdb-proxy              upstream
//!   App: psql, drivers --> Proxy: the binary  -->  Server: a real PostgreSQL
//!   RawApp: bytes          |                       Fake: bytes
//!                          v
//!                          Identity: gives the token that is the role's password
//! ```
//!
//! Nothing here waits for a time to pass: everything waits for what it needs to see, up to [`PATIENCE`], and then says what
//! it saw instead.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod app;
mod authority;
mod azure;
mod azure_sql;
pub mod cells;
mod cluster;
mod every_type;
mod fake;
mod identity;
mod leak;
mod mariadb;
mod metrics;
mod mysql;
mod mysql_server;
mod network;
mod page;
mod passwords;
mod ports;
mod process;
mod proxy;
mod raw;
mod road;
mod scratch;
mod server;
mod start;
mod tap;
mod trace;
mod transcript;

pub use app::App;
pub use authority::{Authority, client_config, documented_certificate, first_version_certificate};
pub use azure::{Azure, Emulated};
pub use azure_sql::{AzureSql, Encrypt, LoginBy, SqlApp, seen, seen_lines};
pub use every_type::{assert_every_value, assert_same_values, every_column, is_new_date};
pub use fake::{Conversation, Fake};
pub use identity::{Identity, block_on, issuer, token_of};
pub use leak::{every_piece_of, find_leak};
pub use mariadb::{Account, MariaDb, Shop};
pub use metrics::{Family, Metrics, family_of};
pub use mysql::{MysqlApp, MysqlPeer, mysql_greeting};
pub use mysql_server::{MySql, MySqlShop};
pub use network::{Network, Place};
pub use page::Page;
pub use passwords::{ANYONE, Passwords};
pub use ports::closed_port;
pub use process::{Process, Program, Ran, tools};
pub use proxy::{Proxy, Refusal, endpoint};
pub use raw::{End, Message, RawApp, packets};
pub use road::Road;
pub use scratch::lasting_directory;
pub use server::{Certificate, Method, Server};
pub use start::{Start, binary};
pub use tap::Tap;
pub use trace::{Call, Trace};

/// How long a test waits for what must come. Only a failure takes so long.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);
