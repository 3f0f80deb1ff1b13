//! Sockets that were opened before us.

use std::io;

use azdb_core::PassedSockets;

/// Takes the sockets that were passed to this process. To be called once, and before there are threads: the variables that tell of
/// them are removed.
///
/// # Errors
///
/// When one is of a kind that no route can use.
#[cfg(unix)]
pub(crate) fn passed() -> io::Result<PassedSockets> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let mut found = listenfd::ListenFd::from_env();
    let mut passed = PassedSockets::default();
    for index in 0..found.len() {
        let name = names.next().filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "unknown".to_owned());
        if let Ok(Some(socket)) = found.take_tcp_listener(index) {
            passed.add_tcp(name, socket)?;
        } else if let Ok(Some(socket)) = found.take_unix_listener(index) {
            passed.add_unix(name, socket)?;
        } else {
            return Err(io::Error::other(format!(
                "the socket {name:?} that was passed to this process is no stream socket: set ListenStream in its unit"
            )));
        }
    }
    Ok(passed)
}

/// Nobody passes any there.
#[cfg(not(unix))]
pub(crate) fn passed() -> io::Result<PassedSockets> {
    Ok(PassedSockets::default())
}
