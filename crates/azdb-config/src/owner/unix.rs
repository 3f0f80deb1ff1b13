//! Unix: owner and permission bits.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{OpenToOthers, around};

/// Owner and permission bits of a file or directory.
#[derive(Clone, Copy)]
struct Kept {
    owner: u32,
    mode: u32,
}

impl Kept {
    fn of(metadata: &Metadata) -> Self {
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
pub(in super::super) fn why_not_a_secret(file: &File, _: &Path) -> io::Result<Option<String>> {
    let user = rustix::process::geteuid().as_raw();
    Ok(Kept::of(&file.metadata()?).is_told_to_others(user))
}

/// Why a file that was found, and that nobody has named, must not be read.
pub(in super::super) fn why_not_ours(file: &File, path: &Path) -> io::Result<Option<String>> {
    let user = rustix::process::geteuid().as_raw();
    let own = Kept::of(&file.metadata()?).distrusted_by(user, "it");
    let around = std::fs::metadata(around(path))?;
    Ok(own.or_else(|| Kept::of(&around).distrusted_by(user, "its directory")))
}

/// The permission bits of an open file, when others than its owner may write it.
pub(in super::super) fn open_to_others(
    file: &File,
    path: &Path,
) -> io::Result<Option<OpenToOthers>> {
    let mode = file.metadata()?.mode() & 0o7777;
    Ok((mode & 0o022 != 0).then(|| OpenToOthers {
        why: format!("others may write {} (mode {mode:04o})", path.display()),
        remedy: format!("chmod go-w {}", path.display()),
    }))
}

#[cfg(test)]
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
