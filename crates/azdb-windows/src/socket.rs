//! A port that no other program takes over, and whose process has connected.

use std::io;
use std::net::SocketAddrV4;
use std::os::windows::io::{AsRawSocket as _, AsSocket};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, TCP_TABLE_OWNER_PID_CONNECTIONS,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, SO_EXCLUSIVEADDRUSE, SOCKET, SOCKET_ERROR, SOL_SOCKET, setsockopt,
};

/// Has a socket, before it is bound, keep its port for itself: elsewhere a port is its first taker's alone, here another program that sets
/// `SO_REUSEADDR` would share it and get some of its connections.
///
/// # Errors
///
/// Whatever Windows reports.
#[allow(unsafe_code)]
pub fn keep_for_itself(socket: &impl AsSocket) -> io::Result<()> {
    let yes = 1_i32.to_ne_bytes();
    let handle = socket.as_socket().as_raw_socket();
    // SAFETY: the socket is open as long as it is borrowed, and `yes` is an i32 of the length that is given.
    let outcome = unsafe {
        setsockopt(
            SOCKET::try_from(handle).unwrap_or(SOCKET::MAX),
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            yes.as_ptr(),
            4,
        )
    };
    match outcome {
        SOCKET_ERROR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Words of a row of the table (`MIB_TCPROW_OWNER_PID`): state, address and port of the near and of the far end, process.
const ROW: usize = 6;
/// How often the table may grow while it is read.
const TRIES: usize = 8;

/// The process that has the end `from` of a connection of this machine to `to`.
///
/// # Errors
///
/// Whatever Windows reports.
pub fn process_at(from: SocketAddrV4, to: SocketAddrV4) -> io::Result<Option<u32>> {
    let in_table = |end: SocketAddrV4| {
        let address = u32::from_ne_bytes(end.ip().octets());
        (address, u32::from(end.port().to_be()))
    };
    let (from, to) = (in_table(from), in_table(to));
    let table = connections()?;
    let rows = table.get(1..).unwrap_or_default().chunks_exact(ROW);
    let rows = rows.take(table.first().map_or(0, |count| *count as usize));
    let mut found = rows.filter_map(|row| match *row {
        [_, near, near_port, far, far_port, process] => {
            // Of a port the lower half alone is defined.
            let ends = ((near, near_port & 0xffff), (far, far_port & 0xffff));
            (ends == (from, to)).then_some(process)
        }
        _ => None,
    });
    Ok(found.next())
}

/// How many rows there are, and the rows.
#[allow(unsafe_code)]
fn connections() -> io::Result<Vec<u32>> {
    let mut table: Vec<u32> = Vec::new();
    for _ in 0..TRIES {
        let mut size = u32::try_from(size_of_val(&*table)).unwrap_or(u32::MAX);
        // SAFETY: the table has as many bytes as `size` says.
        let outcome = unsafe {
            GetExtendedTcpTable(
                table.as_mut_ptr().cast(),
                &raw mut size,
                0,
                u32::from(AF_INET),
                TCP_TABLE_OWNER_PID_CONNECTIONS,
                0,
            )
        };
        match outcome {
            NO_ERROR => return Ok(table),
            ERROR_INSUFFICIENT_BUFFER => table.resize(size as usize / size_of::<u32>() + ROW, 0),
            error => return Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn v4(address: io::Result<SocketAddr>) -> SocketAddrV4 {
        match address.unwrap() {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => unreachable!(),
        }
    }

    #[test]
    fn a_connection_of_this_process_is_known_as_such_and_one_that_is_not_there_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = v4(listener.local_addr());
        let near = TcpStream::connect(to).unwrap();
        let from = v4(near.local_addr());
        assert_eq!(process_at(from, to).unwrap(), Some(std::process::id()));
        let other = SocketAddrV4::new(*from.ip(), from.port() ^ 1);
        assert_eq!(process_at(other, to).unwrap(), None);
    }
}
