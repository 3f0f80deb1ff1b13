//! A port that no other program takes over.

use std::io;
use std::os::windows::io::{AsRawSocket as _, AsSocket};

use windows_sys::Win32::Networking::WinSock::{
    SO_EXCLUSIVEADDRUSE, SOCKET, SOCKET_ERROR, SOL_SOCKET, setsockopt,
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
