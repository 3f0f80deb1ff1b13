//! A session of the sample: `opensrv-mysql` at the other end of a pipe.
//!
//! The door has logged the app in; here we are the client of `opensrv-mysql`, which lets everybody in.

use std::io;

use opensrv_mysql::AsyncMysqlIntermediary;
use tokio::io::{DuplexStream, duplex, split};

use super::greeting::{CAPABILITIES, flag};
use super::one_packet::OnePacketPerRead;
use super::packet::{read, write};
use super::session::Session;

const PIPE: usize = 64 * 1024;

/// A login that is to be repeated before `opensrv-mysql`.
#[derive(Clone)]
pub(super) struct Repeated {
    pub(super) capabilities: u32,
    pub(super) charset: u8,
    pub(super) user: String,
    pub(super) database: String,
    /// The number of the packet that tells the app that it is in.
    pub(super) next: u8,
}

/// Whether a command is none of `opensrv-mysql` 0.7, which says OK to what it does not know. Those that it knows: quit, use,
/// query, ping, and four about prepared statements; of a list of fields it says that there are none.
pub(super) fn is_ours(command: u8) -> bool {
    !matches!(command, 1..=3 | 0x0e | 0x16..=0x19)
}

/// Begins a session: what is said at the near end of the pipe is served while the future runs.
pub(super) fn begin(session: Session) -> (DuplexStream, impl Future<Output = io::Result<()>>) {
    let (near, far) = duplex(PIPE);
    let (reader, writer) = split(far);
    let reader = OnePacketPerRead::new(reader);
    (
        near,
        AsyncMysqlIntermediary::run_on(session, reader, writer),
    )
}

/// Logs in to `opensrv-mysql`, so that its OK has the number that the app waits for.
pub(super) async fn log_in(server: &mut DuplexStream, login: &Repeated) -> io::Result<()> {
    read(server).await?;
    let mut flags = login.capabilities & CAPABILITIES & !(flag::SSL | flag::CONNECT_ATTRS);
    flags &= !(flag::LENENC | flag::CONNECT_WITH_DB);
    if !login.database.is_empty() {
        flags |= flag::CONNECT_WITH_DB;
    }
    let mut payload = flags.to_le_bytes().to_vec();
    payload.extend([0, 0, 0, 1, login.charset]);
    payload.extend([0; 23]);
    payload.extend(login.user.bytes().chain([0]));
    payload.extend([1, b'x']);
    if !login.database.is_empty() {
        payload.extend(login.database.bytes().chain([0]));
    }
    payload.extend(b"mysql_native_password\0");
    write(server, login.next.wrapping_sub(1), &payload).await
}
