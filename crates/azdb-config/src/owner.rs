//! Whose a file is.
//!
//! # Invariants
//!
//! * A configuration that nobody has named is read only where nobody but root and our own user can have put it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Owner and permission bits of a file or directory.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct Kept {
    owner: u32,
    mode: u32,
}

#[cfg(unix)]
impl Kept {
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            owner: metadata.uid(),
            mode: metadata.mode(),
        }
    }

    /// Why `user` cannot rely on it, `what` being its name in words.
    fn distrusted_by(self, user: u32, what: &str) -> Option<String> {
        let Self { owner, mode } = self;
        // Root believes nobody. Others often share a group with nobody else.
        let others = if user == 0 { 0o022 } else { 0o002 };
        // In a directory like /tmp only owners replace files.
        let is_sticky = mode & 0o170_000 == 0o040_000 && mode & 0o1000 != 0;
        if owner != 0 && owner != user {
            return Some(format!("{what} belongs to user {owner}"));
        }
        if mode & others != 0 && !is_sticky {
            return Some(format!(
                "others may write {what} (mode {:04o})",
                mode & 0o7777
            ));
        }
        None
    }

    /// Why it is no secret of `user`, or of root's, any more. A group may read it, which is how Kubernetes hands files to a pod.
    fn is_told_to_others(self, user: u32) -> Option<String> {
        let Self { owner, mode } = self;
        if owner != 0 && owner != user {
            return Some(format!(
                "it belongs to user {owner}, and not to root or to user {user}"
            ));
        }
        let what = match mode & 0o026 {
            0 => return None,
            0o004 => "read",
            _ => "write",
        };
        Some(format!(
            "others may {what} it (mode {:04o}): chmod 600 it; in Kubernetes: defaultMode 0440",
            mode & 0o7777
        ))
    }
}

/// Why a file of secrets is not one: somebody else can have read or written it.
#[cfg(unix)]
pub(super) fn why_not_a_secret(about: &std::fs::Metadata) -> Option<String> {
    let user = rustix::process::geteuid().as_raw();
    Kept::of(about).is_told_to_others(user)
}

/// Owners are a matter of unix.
#[cfg(not(unix))]
pub(super) fn why_not_a_secret(_: &std::fs::Metadata) -> Option<String> {
    None
}

/// Why a file that was found, and that nobody has named, must not be read.
#[cfg(unix)]
pub(super) fn why_not_ours(file: &File, path: &Path) -> io::Result<Option<String>> {
    let user = rustix::process::geteuid().as_raw();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let own = Kept::of(&file.metadata()?).distrusted_by(user, "it");
    let around = std::fs::metadata(directory)?;
    Ok(own.or_else(|| Kept::of(&around).distrusted_by(user, "its directory")))
}

/// Owners are a matter of unix.
#[cfg(not(unix))]
pub(super) fn why_not_ours(_: &File, _: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_neither_root_nor_we_is_not_believed() {
        let (ann, bob) = (1000, 1001);
        let distrusted = |owner, mode, user| {
            let kept = Kept { owner, mode };
            kept.distrusted_by(user, "it")
        };
        for user in [0, ann] {
            assert_eq!(distrusted(user, 0o100_644, user), None);
            assert_eq!(distrusted(0, 0o100_644, user), None);
            assert_eq!(distrusted(user, 0o041_777, user), None, "like /tmp");
            let of_bob = Some("it belongs to user 1001".to_owned());
            assert_eq!(distrusted(bob, 0o100_600, user), of_bob);
            let open = Some("others may write it (mode 0666)".to_owned());
            assert_eq!(distrusted(user, 0o100_666, user), open);
            assert!(distrusted(user, 0o040_777, user).is_some());
            assert!(
                distrusted(user, 0o101_666, user).is_some(),
                "a file is not sticky"
            );
        }
        assert_eq!(distrusted(ann, 0o040_775, ann), None, "a group of her own");
        assert!(distrusted(0, 0o040_775, 0).is_some());
        assert!(distrusted(ann, 0o100_644, 0).is_some());
    }
}
