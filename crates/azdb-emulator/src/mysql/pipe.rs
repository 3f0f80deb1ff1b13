//! A session of the sample: `opensrv-mysql` at the other end of a pipe.
//!
//! The door has logged the app in; here we are the client of `opensrv-mysql`, which lets everybody in.

use std::io;

use mysql_common::constants::MariadbCapabilities;
use mysql_common::packets::AuthPlugin;
use opensrv_mysql::AsyncMysqlIntermediary;
use tokio::io::{DuplexStream, duplex, split};

use super::asked::{Asked, Proof};
use super::greeting::{LOGIN, OF_SAMPLE};
use super::one_packet::OnePacketPerRead;
use super::packet::{read, write};
use super::session::Session;

const PIPE: usize = 64 * 1024;

/// Whether a command is none of `opensrv-mysql` 0.7, which says OK to what it does not know. Those that it knows: quit, use,
/// query, ping, and four about prepared statements; of a list of fields it says that there are none.
pub(super) fn is_ours(command: &[u8]) -> bool {
    let known = |kind: &u8| matches!(kind, 1..=3 | 0x0e | 0x16..=0x19);
    command.first().is_some_and(|kind| !known(kind))
}

/// Begins a session: what is said at the near end of the pipe is served while the future runs.
pub(super) fn begin(session: Session) -> (DuplexStream, impl Future<Output = io::Result<()>>) {
    let (near, far) = duplex(PIPE);
    let (reader, writer) = split(far);
    let reader = OnePacketPerRead::new(reader);
    let served = AsyncMysqlIntermediary::run_on(session, reader, writer);
    (near, served)
}

/// Logs in to `opensrv-mysql`, so that its OK has the number `next`, which the app waits for.
pub(super) async fn log_in(server: &mut DuplexStream, asked: &Asked, next: u8) -> io::Result<()> {
    read(server).await?;
    let proof = Proof {
        user: &asked.user,
        plugin: AuthPlugin::MysqlNativePassword,
        answer: b"any".to_vec(),
    };
    let database = Some(asked.database.as_str()).filter(|name| !name.is_empty());
    let flags = asked.capabilities & OF_SAMPLE | LOGIN;
    let extended = MariadbCapabilities::empty();
    let (_, response) = asked.repeated(proof, database, flags, extended);
    write(server, next.wrapping_sub(1), &response).await
}
