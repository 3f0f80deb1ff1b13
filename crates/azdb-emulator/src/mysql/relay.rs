//! A session between its app and what serves it: bytes, among which the commands are found that the door answers itself.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split};

use super::packet::{parse, write};

/// A login within a session, which the door judges as any other.
pub(super) const CHANGE_USER: u8 = 0x11;
/// Payload of a packet that the next one continues.
const CONTINUED: usize = 0xff_ffff;

/// Passes bytes both ways until the app sends a command that is `ours`, which is returned and not passed on, or until the
/// session ends at either side.
///
/// Such a command comes from an app that has read all answers, so that none is lost here. No driver has been seen to send one
/// behind another command without waiting.
pub(super) async fn until(
    app: &mut (impl AsyncRead + AsyncWrite + Unpin),
    database: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ours: fn(&[u8]) -> bool,
) -> io::Result<Option<Vec<u8>>> {
    let (mut from_app, mut to_app) = split(&mut *app);
    let (mut from_database, mut to_database) = split(database);
    let command = tokio::select! {
        command = pass_up(&mut from_app, &mut to_database, ours) => command?,
        ended = copy(&mut from_database, &mut to_app) => ended.map(|_| None)?,
    };
    if command.is_none() {
        app.shutdown().await?;
    }
    Ok(command)
}

/// Passes the app's packets on.
async fn pass_up(
    from_app: &mut (impl AsyncRead + Unpin),
    to_database: &mut (impl AsyncWrite + Unpin),
    ours: fn(&[u8]) -> bool,
) -> io::Result<Option<Vec<u8>>> {
    let mut place = Place::default();
    let mut header = [0; 4];
    while from_app.read_exact(&mut header).await.is_ok() {
        let (length, number) = parse(header);
        let mut payload = vec![0; length];
        from_app.read_exact(&mut payload).await?;
        if place.is_command(length, number) && ours(&payload) {
            return Ok(Some(payload));
        }
        write(to_database, number, &payload).await?;
    }
    Ok(None)
}

/// Where an app is in what it sends.
#[derive(Default)]
struct Place {
    /// Behind a packet that the next one continues.
    continued: bool,
    /// In a file that the server has asked for, the numbers of whose packets come round to 0.
    in_file: bool,
}

impl Place {
    /// Whether the next packet is a command.
    fn is_command(&mut self, length: usize, number: u8) -> bool {
        let is_first = !self.continued;
        self.in_file |= is_first && number != 0;
        let is_command = is_first && !self.in_file;
        if is_first && length == 0 {
            self.in_file = false;
        }
        self.continued = length == CONTINUED;
        is_command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_continues_a_packet_or_a_file_is_no_command_whatever_its_number() {
        let mut place = Place::default();
        assert!(place.is_command(20, 0), "LOAD DATA LOCAL");
        for number in (2..=255).chain(0..=7) {
            assert!(!place.is_command(4096, number), "data");
        }
        assert!(!place.is_command(0, 8), "the end of the file");
        assert!(place.is_command(CONTINUED, 0));
        assert!(!place.is_command(CONTINUED, 1));
        assert!(!place.is_command(0, 2), "the end of the long command");
        assert!(place.is_command(9, 0), "the next command");
    }
}
