//! Files that a configuration is, or names.
//!
//! # Invariants
//!
//! * None is longer than its limit, and none is waited for without end: a FIFO with a name is refused, because opening it
//!   waits for whoever writes to it, and what a pipe or a device gives has ten seconds.
//! * A pipe that was handed over on purpose (`/dev/stdin`, `/dev/fd/63` of a shell's `<(...)`) is read like a file.
//! * A byte order mark is no part of a secret, and hides no certificate.

use std::cell::RefCell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::owner::why_not_a_secret;
use super::watched::Files;

/// Longest configuration file, in bytes.
pub(super) const DOCUMENT_LIMIT: u64 = 1 << 20;
/// Longest secret file, in bytes.
const SECRET_LIMIT: u64 = 64 << 10;
/// Longest file of apps' passwords, in bytes.
const PASSWORDS_LIMIT: u64 = 1 << 20;
/// Longest certificate file, in bytes: a whole system's bundle fits.
const CERTIFICATES_LIMIT: u64 = 4 << 20;

/// How long something that is no file may take to say everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// UTF-8's byte order mark, which some editors write in front.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The whole file, unless it is longer than `limit` bytes.
fn read(path: &Path, limit: u64, files: &RefCell<Files>) -> io::Result<Vec<u8>> {
    read_from(path, open(path), limit, files)
}

/// Opens a file, or what was handed over in place of one, and waits for nobody.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let about = fs::metadata(path)?;
    if would_wait(&about) && !is_handed_over(path) {
        return Err(refused(
            "it is no regular file: opening it would wait for whoever is at its other end",
        ));
    }
    File::open(path)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Whether opening it waits for somebody.
#[cfg(unix)]
fn would_wait(about: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    let kind = about.file_type();
    kind.is_fifo() || kind.is_socket() || kind.is_block_device()
}

#[cfg(not(unix))]
fn would_wait(_: &Metadata) -> bool {
    false
}

/// A descriptor of this process that has a path: whoever started us opened it.
fn is_handed_over(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || ["/dev/fd", "/proc/self/fd"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// The whole of a file that was opened, unless it is longer than `limit` bytes. What was in it is noted in `files`.
pub(super) fn read_from(
    path: &Path,
    file: io::Result<File>,
    limit: u64,
    files: &RefCell<Files>,
) -> io::Result<Vec<u8>> {
    let is_file = |file: &File| file.metadata().is_ok_and(|about| about.is_file());
    let is_once = file.as_ref().is_ok_and(|file| !is_file(file));
    let bytes = file.and_then(|file| whole(file, limit));
    let mut files = files.borrow_mut();
    match &bytes {
        Ok(_) if is_once => files.note_once(path),
        Ok(bytes) => files.note(path, bytes),
        Err(_) => files.note_none(path),
    }
    bytes
}

fn whole(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let about = file.metadata()?;
    if about.is_file() || about.is_dir() {
        return read_up_to(file, about.len(), limit);
    }
    let (tell, told) = mpsc::sync_channel(1);
    thread::spawn(move || tell.send(read_up_to(file, limit, limit)));
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let late = format!("no end of it within {} s", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, late))
    })
}

fn read_up_to(file: File, expected: u64, limit: u64) -> io::Result<Vec<u8>> {
    let room = expected.min(limit).saturating_add(1);
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
pub(super) fn secret(path: &Path, files: &RefCell<Files>) -> Result<SecretString, String> {
    let bytes =
        Zeroizing::new(read(path, SECRET_LIMIT, files).map_err(|error| cannot_read(path, &error))?);
    let text = std::str::from_utf8(unmarked(&bytes)).map_err(|_| match &**bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            format!("{} is UTF-16: save it as UTF-8", path.display())
        }
        _ => format!("{} is not UTF-8", path.display()),
    })?;
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

/// The text of a file of secrets that nobody else can have read or written.
///
/// # Errors
///
/// A message without any of the file's content.
pub(super) fn only_ours(path: &Path, files: &RefCell<Files>) -> Result<Zeroizing<String>, String> {
    // Also for whoever mends it.
    files.borrow_mut().note_none(path);
    let file = open(path).map_err(|error| cannot_read(path, &error))?;
    let about = file.metadata().map_err(|error| cannot_read(path, &error))?;
    // A pipe that was handed over has the owner and the mode that its maker happened to have.
    if about.is_file()
        && let Some(why) =
            why_not_a_secret(&file, path).map_err(|error| cannot_read(path, &error))?
    {
        return Err(format!("{}: {why}", path.display()));
    }
    let bytes = read_from(path, Ok(file), PASSWORDS_LIMIT, files);
    let bytes = bytes.map_err(|error| cannot_read(path, &error))?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(unmarked(&bytes));
    text.map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| format!("{} is not UTF-8", path.display()))
}

/// The certificates of a PEM file, each one fit to be a root.
///
/// # Errors
///
/// A message that says which certificate is wrong.
pub(super) fn certificates(
    path: &Path,
    files: &RefCell<Files>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path, CERTIFICATES_LIMIT, files).map_err(|error| cannot_read(path, &error))?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(unmarked(&pem)) {
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

fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// Whether the file can be opened, for whoever reads it later.
///
/// # Errors
///
/// A message that says why not.
pub(super) fn readable(path: &Path, files: &RefCell<Files>) -> Result<(), String> {
    files.borrow_mut().look(path);
    open(path)
        .map(drop)
        .map_err(|error| cannot_read(path, &error))
}

/// Whether the file can be opened again and again: one that is read for each token.
///
/// # Errors
///
/// A message that says why not.
pub(super) fn rereadable(path: &Path) -> Result<(), String> {
    let about = open(path).and_then(|file| file.metadata());
    match about {
        Ok(about) if about.is_file() => Ok(()),
        Ok(_) => Err(cannot_read(
            path,
            &refused("it is no regular file, and is read again for each token"),
        )),
        Err(error) => Err(cannot_read(path, &error)),
    }
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
        secret(&path, &RefCell::default())
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
    fn a_byte_order_mark_is_not_part_of_a_secret_and_hides_no_certificate() {
        let marked = "\u{feff}s3cret\r\n";
        assert_eq!(secret_of(marked.as_bytes()), Ok("s3cret".to_owned()));
        assert_eq!(
            secret_of("\u{feff}\n".as_bytes()),
            Err("FILE is empty".to_owned())
        );
        assert_eq!(
            secret_of(b"\xff\xfes\0"),
            Err("FILE is UTF-16: save it as UTF-8".to_owned())
        );
        let made = rcgen::generate_simple_self_signed(["db".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::write(&path, format!("\u{feff}{}", made.cert.pem())).unwrap();
        assert_eq!(
            certificates(&path, &RefCell::default()).unwrap(),
            [made.cert.der().clone()]
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_would_be_waited_for_is_refused_and_what_never_ends_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let waits = "it is no regular file: opening it would wait";
        for refusal in [
            secret(&fifo, &RefCell::default()).map(drop).unwrap_err(),
            certificates(&fifo, &RefCell::default())
                .map(drop)
                .unwrap_err(),
            readable(&fifo, &RefCell::default()).unwrap_err(),
            rereadable(&fifo).unwrap_err(),
            read(&fifo, 10, &RefCell::default())
                .unwrap_err()
                .to_string(),
        ] {
            assert!(refusal.contains(waits), "{refusal}");
        }
        let endless = Path::new("/dev/zero");
        let refusal = secret(endless, &RefCell::default()).map(drop).unwrap_err();
        assert!(refusal.contains("longer than 65536 bytes"), "{refusal}");
        let refusal = certificates(endless, &RefCell::default())
            .map(drop)
            .unwrap_err();
        assert!(refusal.contains("longer than"), "{refusal}");
        let refusal = rereadable(endless).unwrap_err();
        assert!(refusal.contains("read again for each token"), "{refusal}");
    }

    /// What a shell makes of `<(echo s3cret)`.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_that_was_handed_over_is_read() {
        use std::io::Write;
        use std::os::fd::AsRawFd;

        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"s3cret\n").unwrap();
        drop(writer);
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let read = secret(Path::new(&path), &RefCell::default()).unwrap();
        assert_eq!(read.expose_secret(), "s3cret");
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
