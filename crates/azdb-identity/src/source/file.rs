//! A file that somebody else keeps fresh. It is read again at each refresh.
//!
//! Also how every file of this crate is read: whole, into memory that is wiped, up to 256 KiB.
//!
//! # Invariants
//!
//! * What is no regular file is not opened: a FIFO would hold a thread until somebody writes to it.
//! * A file that grows while it is read is an error that passes, and never a longer buffer.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Shape, Wanted, read};
use crate::clock::Clock;
use crate::fault::SourceFault;
use crate::token::wiped;
use crate::{Audience, SourceKind, TokenError, text};

/// What an error calls it.
pub(super) const TOKEN_FILE: &str = "the token file";
/// The longest file, in bytes.
const LONGEST: u32 = 256 * 1024;

/// The source. Whether the token in it is for the right service is known when it has been read.
pub(super) struct File {
    subject: Option<String>,
    path: PathBuf,
    clock: Clock,
}

impl File {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            subject: plan.subject(),
            path: plan.token_file.clone().unwrap_or_default(),
            clock: surroundings.clock.clone(),
        }
    }
}

#[async_trait::async_trait]
impl TokenSource for File {
    fn kind(&self) -> SourceKind {
        SourceKind::File
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let text = read_secret(TOKEN_FILE, &self.path).await;
        let wanted = Wanted::anybodys(audience);
        text.and_then(|text| match text::read(&text) {
            Ok("") => Err(SourceFault::Empty),
            _ => read(&text, Shape::PrintedOrBare, wanted, &self.clock),
        })
        .map_err(|fault| TokenError::new(self.kind(), fault).of(self.subject.clone()))
    }
}

/// Reads a file that holds a secret into memory that is wiped. An error calls it `what`.
pub(super) async fn read_secret(
    what: &'static str,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, SourceFault> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_whole(&owned));
    read.await
        .unwrap_or_else(|broken| Err(io::Error::other(broken)))
        .map_err(|source| SourceFault::File {
            what,
            path: path.to_owned(),
            source,
        })
}

/// Reads a file that holds one secret as text: without a byte order mark, and without the line break that editors leave.
///
/// The inner error says what is wrong with the text, for a sentence that names the file.
pub(super) async fn read_text(
    what: &'static str,
    path: &Path,
) -> Result<Result<Zeroizing<String>, String>, SourceFault> {
    let content = read_secret(what, path).await?;
    Ok(match text::read(&content) {
        Ok("") => Err("it is empty".to_owned()),
        Ok(text) => Ok(wiped(text)),
        Err(not) => Err(not.to_string()),
    })
}

/// A file and nothing else: a FIFO would hold us until somebody writes to it, and a device may never end.
fn read_whole(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Before it is opened, because opening a FIFO waits; and again on what was opened.
    regular(&std::fs::metadata(path)?)?;
    let mut file = std::fs::File::open(path)?;
    let about = file.metadata()?;
    regular(&about)?;
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 256 KiB");
    let announced = u32::try_from(about.len())
        .ok()
        .filter(|&length| length <= LONGEST);
    let room = announced.ok_or_else(too_long)?;
    // One byte more than announced, so that the buffer never has to grow to see the end.
    let mut whole = Zeroizing::new(vec![0; room as usize + 1]);
    let mut filled = 0;
    loop {
        let Some(rest) = whole.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "it changed while it was read",
            ));
        };
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    whole.truncate(filled);
    Ok(whole)
}

fn regular(about: &Metadata) -> io::Result<()> {
    match about.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        )),
    }
}
