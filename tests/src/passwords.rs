//! Files with the passwords of apps.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::scratch;

/// The user and the password of every app of ours that has not been told others.
pub const ANYONE: &str = "anyone:any password\n";

/// A file with apps' passwords.
pub struct Passwords {
    directory: TempDir,
}

impl Passwords {
    /// With these lines.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let directory = scratch::directory();
        let passwords = Self { directory };
        std::fs::write(passwords.file(), text).unwrap();
        let mode = PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(passwords.file(), mode).unwrap();
        passwords
    }

    /// Where it is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("apps")
    }

    /// The line of a route.
    #[must_use]
    pub fn line(&self) -> String {
        format!("app_password_file = {:?}\n", self.file())
    }
}
