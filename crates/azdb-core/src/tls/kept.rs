//! The file of certificates and keys that we keep.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

/// Its longest, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was kept, if nobody else can have read or written it: whoever knows its keys is this proxy for every app.
pub(super) fn kept(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // To open a pipe otherwise is to wait for its other end.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        let why = "it is not a regular file: remove it, and a new one is made";
        return Err(refused(why.to_owned()));
    }
    #[cfg(unix)]
    only_ours(&found)?;
    if found.len() > LONGEST {
        return Err(refused(format!(
            "it is longer than {LONGEST} bytes: remove it, and a new one is made"
        )));
    }
    let room = usize::try_from(found.len()).unwrap_or_default();
    let mut pem = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(LONGEST).read_to_end(&mut pem)?;
    Ok(pem)
}

#[cfg(unix)]
fn only_ours(found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
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

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Writes the file whole or not at all, for its owner's eyes only, and never over another one.
pub(super) fn keep(pem: &str, path: &Path) -> io::Result<()> {
    written(pem, path)?.persist_noclobber(path)?;
    Ok(())
}

/// The same in the place of the one that is there.
pub(super) fn keep_instead(pem: &str, path: &Path) -> io::Result<()> {
    written(pem, path)?.persist(path)?;
    Ok(())
}

fn written(pem: &str, path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let dir = path.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new()
        .prefix(".local-tls")
        .tempfile_in(dir)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::tls::LocalAuthority;

    fn refusal(state: &Path) -> String {
        let error = LocalAuthority::load_or_make(Some(state)).err().unwrap();
        azdb_quote::Chain(&error).to_string()
    }

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
    fn a_pipe_or_a_directory_in_its_place_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, 0o600.into(), 0).unwrap();
        assert!(refusal(dir.path()).contains("not a regular file: remove it"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(refusal(dir.path()).contains("not a regular file: remove it"));
    }

    #[test]
    fn a_damaged_one_is_an_error_wherever_it_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        LocalAuthority::load_or_make(Some(dir.path())).unwrap();
        let whole = fs::read(&path).unwrap();
        let blocks: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for kept in 0..blocks.len() {
            fs::write(&path, blocks.get(..kept).unwrap().concat()).unwrap();
            // It is good or an error, and never a panic.
            let _ = LocalAuthority::load_or_make(Some(dir.path()));
        }
        fs::write(&path, b"\0\xff").unwrap();
        assert!(refusal(dir.path()).contains("local-tls.pem"));
        fs::write(&path, vec![b'-'; (1 << 20) + 1]).unwrap();
        assert!(refusal(dir.path()).contains("longer than"));
    }
}
