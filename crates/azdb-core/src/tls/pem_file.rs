//! Reading a PEM file that the configuration names.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// The longest one, in bytes: a chain and a key are a few thousand.
const LONGEST: usize = 1 << 20;
/// UTF-8's byte order mark. A block counts only at the beginning of a line, so behind a mark the first one would be missed.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The content of `path`, without a byte order mark. It may be a private key, so it lies in memory that is wiped.
///
/// # Errors
///
/// When it cannot be read, or is longer than any such file.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // Room for all from the start: growing would leave copies behind.
    let mut pem = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64 + 1).read_to_end(&mut pem)?;
    if pem.len() > LONGEST {
        let why = format!("longer than {LONGEST} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    if pem.starts_with(MARK) {
        pem.drain(..MARK.len());
    }
    Ok(pem)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_left_out_and_what_never_ends_is_cut() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}-----BEGIN").unwrap();
        assert_eq!(read(file.path()).unwrap().as_slice(), b"-----BEGIN");
        #[cfg(unix)]
        {
            let error = read(Path::new("/dev/zero")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        }
    }
}
