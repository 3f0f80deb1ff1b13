//! Which store this system has.

use std::path::Path;

use super::Store;
use super::anchors::Anchors;
use super::keychain::Keychain;
use crate::args::Scope;

/// The store of this user or this machine.
///
/// # Errors
///
/// Cause and remedy.
pub(in crate::ca) fn of(scope: Scope) -> Result<Box<dyn Store>, String> {
    let root = Path::new("/");
    Ok(match cfg!(target_os = "macos") {
        true => Box::new(Keychain::of(scope, root)?),
        // One for all users.
        false => Box::new(Anchors::below(root)?),
    })
}
