//! The file of certificates and keys that we keep.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

#[cfg(unix)]
use unix::{make, only_ours, open, persist};
#[cfg(windows)]
use windows::{make, only_ours, open, persist};

/// Its longest, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was kept, if nobody else can have read or written it: whoever knows its keys is this proxy for every app.
pub(super) fn kept(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        let why = "it is not a regular file: remove it, and a new one is made";
        return Err(refused(why.to_owned()));
    }
    only_ours(&file, path)?;
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
    persist(written(pem, path)?, path)
}

fn written(pem: &str, path: &Path) -> io::Result<NamedTempFile> {
    let dir = path.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(dir)?;
    let mut file = make(tempfile::Builder::new().prefix(".local-tls"), dir)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::tls::LocalAuthority;

    pub(super) fn refusal(state: &Path) -> String {
        let error = LocalAuthority::load_or_make(Some(state)).err().unwrap();
        azdb_quote::Chain(&error).to_string()
    }

    #[test]
    fn what_others_may_use_is_refused_and_what_is_made_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("local-tls.pem");
        LocalAuthority::load_or_make(Some(dir.path())).unwrap();
        only_ours(&open(&path).unwrap(), &path).unwrap();
        keep_instead("anew", &path).unwrap();
        only_ours(&open(&path).unwrap(), &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"anew");
        let taken = keep("again", &path).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_directory_in_its_place_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("local-tls.pem")).unwrap();
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
