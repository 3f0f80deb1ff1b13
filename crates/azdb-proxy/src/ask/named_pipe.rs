//! Named pipes, from the side that opens them.

use std::io;

use azdb_config::route::PipeName;

#[cfg(windows)]
pub(crate) type NamedPipe = tokio::net::windows::named_pipe::NamedPipeClient;
/// Nobody has one.
#[cfg(not(windows))]
pub(crate) type NamedPipe = tokio::io::Empty;

/// Opens a pipe. Whoever serves it learns who we are, and cannot act as us.
#[cfg(windows)]
pub(crate) async fn connect(name: &PipeName) -> io::Result<NamedPipe> {
    use std::time::Duration;

    use tokio::net::windows::named_pipe::ClientOptions;

    /// "All pipe instances are busy": whoever serves it makes more.
    const BUSY: i32 = 231;
    const PAUSE: Duration = Duration::from_millis(20);

    let name = name.to_string();
    loop {
        match ClientOptions::new().open(&name) {
            Err(error) if error.raw_os_error() == Some(BUSY) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
            Ok(client) => return Ok(client),
        }
    }
}

/// There are none on this platform.
#[cfg(not(windows))]
pub(crate) async fn connect(_: &PipeName) -> io::Result<NamedPipe> {
    Err(io::Error::other("no named pipes on this platform"))
}
