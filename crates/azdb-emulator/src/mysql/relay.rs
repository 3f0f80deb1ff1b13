//! A session between its client and `opensrv-mysql`, which sits at the other end of a pipe.
//!
//! We have logged the client in; here we are the client of `opensrv-mysql`, which lets everybody in. Packets of the client's
//! go through one by one, so that COM_CHANGE_USER can be answered as a login.

use std::io;

use opensrv_mysql::AsyncMysqlIntermediary;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex, join, split,
};
use tokio::sync::Mutex;

use super::login::{Attempt, CAPABILITIES, flag};
use super::one_packet::OnePacketPerRead;
use super::packet::{parse, read, write};
use super::record::{MysqlLogin, MysqlRefusal};
use super::server::{ChangesOfUser, Shared};
use super::session::Session;

const PIPE: usize = 64 * 1024;
const CHANGE_USER: u8 = 0x11;
/// Payload of a packet that the next one continues.
const CONTINUED: usize = 0xff_ffff;
/// OK without rows, with the flag of autocommit.
const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

/// A client that is let in and has not been told.
pub(super) struct LoggedIn<S> {
    pub(super) stream: S,
    /// The number of the packet that tells it.
    pub(super) next: u8,
    pub(super) charset: u8,
    pub(super) login: MysqlLogin,
}

/// Runs a session to its end.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(
    shared: &Shared,
    client: LoggedIn<S>,
    session: Session,
) -> io::Result<()> {
    let (mut near, far) = duplex(PIPE);
    let (reader, writer) = split(far);
    let reader = OnePacketPerRead::new(reader);
    let serving = AsyncMysqlIntermediary::run_on(session, reader, writer);
    let passing = async {
        log_in(&mut near, &client).await?;
        let login = client.login;
        let (mut from_server, mut to_server) = split(near);
        let (mut from_client, to_client) = split(client.stream);
        let to_client = Mutex::new(to_client);
        let up = pass_up(shared, &login, &mut from_client, &to_client, &mut to_server);
        let down = pass_down(&mut from_server, &to_client);
        tokio::try_join!(up, down)
    };
    tokio::try_join!(serving, passing).map(|_| ())
}

/// Logs in to `opensrv-mysql`, so that its OK has the number that the client waits for.
async fn log_in<P: AsyncRead + AsyncWrite + Unpin, S>(
    server: &mut P,
    client: &LoggedIn<S>,
) -> io::Result<()> {
    read(server).await?;
    let login = &client.login;
    let mut flags = login.capabilities & CAPABILITIES & !(flag::SSL | flag::CONNECT_ATTRS);
    flags &= !(flag::LENENC | flag::CONNECT_WITH_DB);
    if !login.database.is_empty() {
        flags |= flag::CONNECT_WITH_DB;
    }
    let mut payload = flags.to_le_bytes().to_vec();
    payload.extend([0, 0, 0, 1, client.charset]);
    payload.extend([0; 23]);
    payload.extend(login.user.bytes().chain([0]));
    payload.extend([1, b'x']);
    if !login.database.is_empty() {
        payload.extend(login.database.bytes().chain([0]));
    }
    payload.extend(b"mysql_native_password\0");
    write(server, client.next.wrapping_sub(1), &payload).await
}

/// Passes packets to the server; answers changes of user.
async fn pass_up<R, W, P>(
    shared: &Shared,
    login: &MysqlLogin,
    from_client: &mut R,
    to_client: &Mutex<W>,
    to_server: &mut P,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    P: AsyncWrite + Unpin,
{
    let mut continued = false;
    let mut header = [0; 4];
    while from_client.read_exact(&mut header).await.is_ok() {
        let (length, number) = parse(header);
        let mut payload = vec![0; length];
        from_client.read_exact(&mut payload).await?;
        if number == 0 && !continued && payload.first() == Some(&CHANGE_USER) {
            // The client waits, so nothing is on its way to it.
            let mut to_client = to_client.lock().await;
            let mut client = join(&mut *from_client, &mut *to_client);
            change_user(shared, login, &payload, &mut client).await?;
        } else {
            write(to_server, number, &payload).await?;
        }
        continued = length == CONTINUED;
    }
    to_server.shutdown().await
}

async fn pass_down<P, W>(from_server: &mut P, to_client: &Mutex<W>) -> io::Result<()>
where
    P: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; PIPE];
    loop {
        let count = from_server.read(&mut buffer).await?;
        let mut to_client = to_client.lock().await;
        if count == 0 {
            return to_client.shutdown().await;
        }
        to_client.write_all(&buffer[..count]).await?;
        to_client.flush().await?;
    }
}

async fn change_user<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    login: &MysqlLogin,
    payload: &[u8],
    client: &mut S,
) -> io::Result<()> {
    let attempt = Attempt::parse_change(payload, login.capabilities)?;
    let mut change = MysqlLogin::of(&attempt, login.capabilities, true);
    let (next, verdict) = match shared.changes_of_user {
        ChangesOfUser::Accepted => shared.gate.admit(client, &attempt, 1, &mut change).await?,
        ChangesOfUser::Refused => {
            let message = format!(
                "Access denied for user '{}'@'127.0.0.1' (using password: NO)",
                attempt.user
            );
            (1, Err(MysqlRefusal::new(1045, "28000", message)))
        }
    };
    change.refusal = verdict.clone().err();
    shared.gate.logins.record(change);
    match verdict {
        Ok(()) => write(client, next, &OK).await,
        Err(refusal) => write(client, next, &refusal.payload()).await,
    }
}
