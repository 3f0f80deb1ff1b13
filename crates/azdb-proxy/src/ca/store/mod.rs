//! Where a machine keeps the authorities that its programs trust.
//!
//! ```text
//!   Linux     a directory of files, and the tool that makes the system's bundle of them    anchors
//!   macOS     a keychain, by the system's `security`                                       keychain
//!   Windows   a store, by its own calls                                                    windows
//! ```
//!
//! # Invariants
//!
//! * What somebody else has put there stays, unless it is the very certificate.

#[cfg(unix)]
mod anchors;
#[cfg(unix)]
mod keychain;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod platform;
#[cfg(all(test, unix))]
mod tests;
#[cfg(unix)]
mod tool;

use azdb_core::ToTrust;

pub(super) use platform::of;

/// A store of authorities.
pub(super) trait Store {
    /// Where that is, in words for people.
    fn place(&self) -> String;

    /// Who trusts what is in there.
    fn readers(&self) -> &'static str;

    /// What of it concerns us: what was put there by `ca --install`, and, where it costs nothing to see, others.
    ///
    /// # Errors
    ///
    /// Cause and remedy, as of all that follows.
    fn held(&self) -> Result<Vec<Held>, String>;

    /// Puts it there. Told before anybody is asked, if it is known before.
    fn can_add(&self) -> Result<(), String>;

    /// Puts it there.
    fn add(&self, certificate: &ToTrust) -> Result<(), String>;

    /// Takes it away.
    fn remove(&self, held: &Held) -> Result<(), String>;
}

/// A certificate that is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// SHA-256 of it.
    pub(super) fingerprint: [u8; 32],
    /// Whether `ca --install` has put it there.
    pub(super) is_ours: bool,
}

/// By what `ca --install` knows its own later: the beginning of a file's name, or a friendly name.
const MARK: &str = "azdb-proxy";

/// A fingerprint as tools print it.
pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(between)
}
