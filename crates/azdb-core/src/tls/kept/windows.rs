//! Windows: who is given rights on a file.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use azdb_windows::acl::{self, Guarded};
use tempfile::{Builder, NamedTempFile};

use super::refused;

/// How often a file is renamed, and how long whoever holds it has in between: a virus scanner looks at what has just been written.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
/// Somebody has a file open, and does not share it.
const ERROR_SHARING_VIOLATION: i32 = 32;

/// A directory cannot be opened as a file, and is no file all the same.
pub(super) fn open(path: &Path) -> io::Result<File> {
    match fs::metadata(path)?.is_dir() {
        true => acl::open_directory(path),
        false => File::open(path),
    }
}

/// Refuses what another user has made, or may use.
pub(super) fn only_ours(file: &File, path: &Path) -> io::Result<()> {
    let strangers = acl::strangers(file, Guarded::Reading)?;
    let Some(first) = strangers.first() else {
        return Ok(());
    };
    let remedy = acl::remedy(path, &strangers);
    Err(refused(format!(
        "{first}: {remedy} if nobody has, else remove it, and a new one is made"
    )))
}

/// A file with another name in `dir`, for its owner and administrators alone, whatever the directory says.
pub(super) fn make(named: &Builder<'_, '_>, dir: &Path) -> io::Result<NamedTempFile> {
    named.make_in(dir, acl::create_private)
}

/// Gives it the name of the one that is there, which others may hold for a moment.
pub(super) fn persist(mut file: NamedTempFile, path: &Path) -> io::Result<()> {
    for _ in 1..ATTEMPTS {
        match file.persist(path) {
            Ok(_) => return Ok(()),
            Err(failed) if is_held(&failed.error) => file = failed.file,
            Err(failed) => return Err(failed.error),
        }
        thread::sleep(PAUSE);
    }
    file.persist(path).map(drop).map_err(|failed| {
        let why = format!(
            "{}: another program may hold it open, a virus scanner or a backup",
            failed.error
        );
        io::Error::new(failed.error.kind(), why)
    })
}

/// Whether somebody has the file open. Windows says "denied" where it cannot be replaced for that, too.
fn is_held(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
        || error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::os::windows::fs::OpenOptionsExt as _;

    use super::super::tests::refusal;
    use super::*;

    #[test]
    fn what_everybody_may_read_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        fs::write(&path, "made by anybody, with what the directory says").unwrap();
        if acl::strangers(&File::open(&path).unwrap(), Guarded::Reading)
            .unwrap()
            .is_empty()
        {
            // A person's own temporary directory, on a real Windows.
            return;
        }
        let text = refusal(dir.path());
        assert!(text.contains("may read it: icacls"), "{text}");
        assert!(
            text.contains("else remove it, and a new one is made"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_somebody_holds_is_one_to_try_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept");
        fs::write(&path, "old").unwrap();
        let held = fs::OpenOptions::new()
            .read(true)
            .share_mode(0)
            .open(&path)
            .unwrap();
        let new = make(&Builder::new(), dir.path()).unwrap();
        let failed = new.persist(&path).unwrap_err();
        assert!(is_held(&failed.error), "{}", failed.error);
        drop(held);
        persist(failed.file, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        assert!(!is_held(&io::ErrorKind::NotFound.into()));
    }
}
