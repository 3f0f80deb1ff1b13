//! The directory of one server, and whose it is.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use nix::unistd::{User, geteuid};
use tempfile::TempDir;
use tokio::process::Command;

/// Nobody's files and processes: for root, where the server's package has made no user.
const NOBODY: &str = "nobody";

/// A directory, until a leash has it.
pub(super) struct Place {
    pub(super) directory: TempDir,
    /// Whose it is, when this is root: database servers refuse to run as root, rightly.
    owner: Option<User>,
}

impl Place {
    /// Makes it, for `user` if this is root.
    pub(super) fn new(user: &str) -> io::Result<Self> {
        let owner = match geteuid().is_root() {
            true => User::from_name(user)?.or(User::from_name(NOBODY)?),
            false => None,
        };
        // Short: the path of a socket has 103 characters at most.
        let mut directory = tempfile::Builder::new();
        let private = fs::Permissions::from_mode(0o700);
        let directory = directory.prefix("azdb-").permissions(private).tempdir()?;
        let place = Self { directory, owner };
        place.give(place.path())?;
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file that the server can read.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let file = self.path().join(name);
        fs::write(&file, text)?;
        self.give(&file)
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        self.owner.as_ref().map_or(Ok(()), |user| {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        })
    }

    /// A program run by the owner, with no group but its own: from root, `uid` drops the others.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(user) = &self.owner {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}
