//! Socket files.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use azdb_config::route::DoorRights;
use azdb_quote::Chain;
use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixStream};

use super::Door;
use super::door::{Listening, Owner};

/// Mode of a directory that is made for a socket file, whose own mode says who may connect.
const DIRECTORY_MODE: u32 = 0o755;

/// Opens a socket file, in the place of one that nobody serves any more.
pub(super) async fn bind_unix(path: &Path, rights: &DoorRights) -> io::Result<Door> {
    make_directory(path)?;
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no socket",
            ));
        }
        match UnixStream::connect(path).await {
            // Left behind by a process that was killed: nobody listens any more.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Whatever else it answers, a full queue for example, somebody may be there.
            answer => return Err(in_use(answer.err())),
        }
    }
    // Nobody gets in between bind and chmod.
    let previous = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    rustix::process::umask(previous);
    let listener = bound?;
    let file = UnlinkOnDrop {
        path: path.to_owned(),
        node: node(path)?,
    };
    set_rights(path, rights)?;
    let listening = Listening::Unix {
        listener,
        _file: Some(file),
    };
    Ok(Door::of(listening, Owner::Us))
}

/// Gives a socket file to its group, and sets its mode.
pub(super) fn set_rights(path: &Path, rights: &DoorRights) -> io::Result<()> {
    if let Some(group) = rights.group {
        chown(path, None, Some(group)).map_err(|error| not_given(&error, group))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(rights.mode))
}

/// Makes the directory of a socket file where it is missing and its parent is ours.
fn make_directory(path: &Path) -> io::Result<()> {
    // A name without a directory is of the one in which we run.
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty());
    let Some(directory) = directory.filter(|directory| !directory.exists()) else {
        return Ok(());
    };
    let is_ours = |parent: &Path| {
        let us = rustix::process::geteuid().as_raw();
        std::fs::metadata(parent).is_ok_and(|found| found.is_dir() && found.uid() == us)
    };
    if !directory.parent().is_some_and(is_ours) {
        let name = directory.file_name().map(OsStr::to_string_lossy);
        let why = format!(
            "the directory {} is not there, and is not ours to make: make it for the user that runs the proxy (in a systemd unit RuntimeDirectory={})",
            directory.display(),
            name.unwrap_or_default()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(DIRECTORY_MODE).create(directory)
}

/// Why a socket file cannot be given to a group.
fn not_given(error: &io::Error, group: u32) -> io::Error {
    let why = format!(
        "unix_group: cannot give the socket file to group {group} ({error}): the user that runs the proxy must be in it"
    );
    io::Error::new(error.kind(), why)
}

/// Why a socket file that is there cannot be replaced.
fn in_use(error: Option<io::Error>) -> io::Error {
    let why = error.map_or_else(
        || "another process serves this socket file".to_owned(),
        |error| {
            format!(
                "somebody may be serving this socket file ({error}): choose another path, or remove the file if nobody does"
            )
        },
    );
    io::Error::new(io::ErrorKind::AddrInUse, why)
}

/// Device and number of a file.
pub(super) fn node(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// A socket file of ours.
#[derive(Debug)]
pub(crate) struct UnlinkOnDrop {
    path: PathBuf,
    /// It may be another one's by then.
    node: (u64, u64),
}

impl Drop for UnlinkOnDrop {
    fn drop(&mut self) {
        if node(&self.path).ok() != Some(self.node) {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), error = %Chain(&error), "socket file");
        }
    }
}
