//! Unix: owner and permission bits.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::refused;

/// To open a pipe otherwise is to wait for its other end.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .custom_flags(at_once)
        .open(path)
}

/// Refuses what another user has made, or may use.
pub(super) fn only_ours(file: &File, _: &Path) -> io::Result<()> {
    let found = file.metadata()?;
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        return Err(refused(format!(
            "it belongs to user {owner}, and this is user {user}: run as that one, or set another state_dir"
        )));
    }
    if mode & 0o077 != 0 {
        return Err(refused(format!(
            "others may use it (mode {mode:04o}): chmod 600 it if nobody has, else remove it, and a new one is made"
        )));
    }
    Ok(())
}

/// A file with another name in `dir`, for its owner alone.
pub(super) fn make(named: &Builder<'_, '_>, dir: &Path) -> io::Result<NamedTempFile> {
    named.tempfile_in(dir)
}

/// Gives it the name of the one that is there.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::tests::refusal;
    use crate::tls::LocalAuthority;

    #[test]
    fn what_was_kept_is_used_only_if_it_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        LocalAuthority::load_or_make(Some(dir.path())).unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for bits in [0o640, 0o604, 0o620, 0o602] {
            mode(bits);
            let text = refusal(dir.path());
            assert!(
                text.contains(&format!("others may use it (mode 0{bits:o})")),
                "{text}"
            );
            assert!(text.contains("chmod 600"), "{text}");
        }
        mode(0o600);
        assert!(LocalAuthority::load_or_make(Some(dir.path())).is_ok());
        // Only root can give a file away.
        if std::os::unix::fs::chown(&path, Some(4711), None).is_ok() {
            let text = refusal(dir.path());
            assert!(text.contains("it belongs to user 4711"), "{text}");
        }
    }

    #[test]
    fn a_pipe_in_its_place_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, 0o600.into(), 0).unwrap();
        assert!(refusal(dir.path()).contains("not a regular file: remove it"));
    }
}
