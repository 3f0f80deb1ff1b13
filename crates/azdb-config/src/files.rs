//! Files that a configuration is, or names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

/// Longest configuration file, in bytes.
pub(super) const DOCUMENT_LIMIT: u64 = 1 << 20;
/// Longest secret file, in bytes.
const SECRET_LIMIT: u64 = 64 << 10;
/// Longest certificate file, in bytes: a whole system's bundle fits.
const CERTIFICATES_LIMIT: u64 = 4 << 20;

/// The whole file, unless it is longer than `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, limit)
}

/// The whole of an open file, unless it is longer than `limit` bytes.
pub(super) fn read_from(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let room = file.metadata()?.len().min(limit).saturating_add(1);
    // Enough room from the start: growing would leave copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bytes.zeroize();
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// A file's secret without the line break at its end.
///
/// # Errors
///
/// A message without any of the file's content.
pub(super) fn secret(path: &Path) -> Result<SecretString, String> {
    let bytes =
        Zeroizing::new(read(path, SECRET_LIMIT).map_err(|error| cannot_read(path, &error))?);
    let text =
        std::str::from_utf8(&bytes).map_err(|_| format!("{} is not UTF-8", path.display()))?;
    let line = text
        .strip_suffix('\n')
        .map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    if line.contains('\0') {
        return Err(format!("{} contains a NUL byte", path.display()));
    }
    Ok(SecretString::from(line))
}

/// The certificates of a PEM file, each one fit to be a root.
///
/// # Errors
///
/// A message that says which certificate is wrong.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path, CERTIFICATES_LIMIT).map_err(|error| cannot_read(path, &error))?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let number = certificates.len() + 1;
        let certificate = certificate
            .map_err(|error| format!("certificate {number} of {}: {error}", path.display()))?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| format!("certificate {number} of {}: {error}", path.display()))?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        return Err(format!("{} has no certificate in PEM form", path.display()));
    }
    Ok(certificates)
}

/// `cannot read /etc/x: permission denied`.
pub(super) fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Whether the file can be opened.
///
/// # Errors
///
/// A message that says why not.
pub(super) fn readable(path: &Path) -> Result<(), String> {
    File::open(path)
        .map(drop)
        .map_err(|error| cannot_read(path, &error))
}

/// The permission bits of an open file, when others than its owner may write it.
#[cfg(unix)]
pub(super) fn open_to_others(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;

    let mode = file.metadata()?.mode() & 0o7777;
    Ok((mode & 0o022 != 0).then_some(mode))
}

/// Permission bits are a matter of unix.
#[cfg(not(unix))]
pub(super) fn open_to_others(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::*;

    fn secret_of(content: &[u8]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, content).unwrap();
        let name = path.display().to_string();
        secret(&path)
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.replace(&name, "FILE"))
    }

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_a_secret() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            assert_eq!(secret_of(content.as_bytes()), Ok("s3cret".to_owned()));
        }
        assert_eq!(secret_of(b" two \n\n"), Ok(" two \n".to_owned()));
    }

    #[test]
    fn a_secret_is_not_empty_not_binary_and_not_endless() {
        assert_eq!(secret_of(b"\n"), Err("FILE is empty".to_owned()));
        assert_eq!(
            secret_of(b"a\0b"),
            Err("FILE contains a NUL byte".to_owned())
        );
        assert_eq!(secret_of(b"\xff"), Err("FILE is not UTF-8".to_owned()));
        let long = vec![b'x'; usize::try_from(SECRET_LIMIT).unwrap() + 1];
        assert_eq!(
            secret_of(&long),
            Err("cannot read FILE: longer than 65536 bytes".to_owned())
        );
    }
}
