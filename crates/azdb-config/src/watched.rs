//! The files that a configuration was read from, and whether they hold something else by now.
//!
//! # Invariants
//!
//! * What is compared was noted when it was read: nothing that is written afterwards, or meanwhile, is missed.
//! * Files that are read again for each token (`token_file`) are not among them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::files;

/// What is read at a time.
const PIECE: usize = 16 * 1024;
/// Nothing that a configuration is made of is longer, in bytes.
const LONGEST: usize = 8 << 20;

/// Files, and what was in each.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, Content>);

/// What is in a file, as far as it takes to see that it is something else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Of(u64),
    /// It cannot be read.
    None,
    /// It was no file, and could be read only once.
    Once,
}

/// What is in a file does not show: it may be a secret.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Files {
    /// They as they are now.
    #[must_use]
    pub fn now(&self) -> Self {
        let now = self.0.iter().map(|(path, before)| {
            let now = match before {
                Content::Once => Content::Once,
                Content::Of(_) | Content::None => content(path),
            };
            (path.clone(), now)
        });
        Self(now.collect())
    }

    /// These, and those of `others` that are not among them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        for (path, content) in others.0 {
            self.0.entry(path).or_insert(content);
        }
        self
    }

    /// The first that could be read only once: a pipe.
    #[must_use]
    pub fn not_again(&self) -> Option<&Path> {
        let mut files = self.0.iter();
        let once = files.find(|(_, content)| **content == Content::Once);
        once.map(|(path, _)| path.as_path())
    }

    /// The paths of those that are not in `other` as they are here.
    pub fn different_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Path> {
        let different =
            |(path, content): &(&PathBuf, &Content)| other.0.get(*path) != Some(*content);
        self.0
            .iter()
            .filter(different)
            .map(|(path, _)| path.as_path())
    }

    /// Notes what was read.
    pub(super) fn note(&mut self, path: &Path, bytes: &[u8]) {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        self.0.insert(path.to_owned(), Content::Of(hasher.finish()));
    }

    /// Notes a file that could not be read, or has no end.
    pub(super) fn note_none(&mut self, path: &Path) {
        self.0.insert(path.to_owned(), Content::None);
    }

    /// Notes what is not there to be read again.
    pub(super) fn note_once(&mut self, path: &Path) {
        self.0.insert(path.to_owned(), Content::Once);
    }

    /// Notes what is in it now, for whoever reads it later.
    pub(super) fn look(&mut self, path: &Path) {
        self.0.insert(path.to_owned(), content(path));
    }
}

fn content(path: &Path) -> Content {
    hash(path).map_or(Content::None, Content::Of)
}

/// `None` for what cannot be read to its end.
fn hash(path: &Path) -> Option<u64> {
    let mut file = files::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let (mut hasher, mut length) = (DefaultHasher::new(), 0);
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece).ok()?;
        length += read;
        match piece.get(..read)? {
            [] => return Some(hasher.finish()),
            _ if length > LONGEST => return None,
            bytes => hasher.write(bytes),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_noted_is_what_is_found_whatever_its_length() {
        let directory = tempfile::tempdir().unwrap();
        for length in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 5] {
            let path = directory.path().join(format!("{length}"));
            let bytes = vec![b'x'; length];
            fs::write(&path, &bytes).unwrap();
            let mut files = Files::default();
            files.note(&path, &bytes);
            assert_eq!(files.now(), files, "{length}");
            fs::write(&path, [&bytes[..], b"y"].concat()).unwrap();
            assert_eq!(files.different_in(&files.now()).count(), 1);
        }
    }

    #[test]
    fn a_file_that_goes_and_comes_is_seen_and_a_pipe_is_asked_once() {
        let directory = tempfile::tempdir().unwrap();
        let (there, pipe) = (directory.path().join("ca.pem"), Path::new("/dev/stdin"));
        let mut files = Files::default();
        files.note_none(&there);
        files.note_once(pipe);
        assert_eq!(files.now(), files);
        assert_eq!(files.not_again(), Some(pipe));
        fs::write(&there, "x").unwrap();
        let now = files.now();
        assert_eq!(
            files.different_in(&now).collect::<Vec<_>>(),
            [there.as_path()]
        );
        fs::remove_file(&there).unwrap();
        assert_eq!(now.now(), files);
    }

    /// As Kubernetes replaces a config map: by one symlink.
    #[cfg(unix)]
    #[test]
    fn a_config_map_that_is_swapped_is_another_one_only_with_other_content() {
        use std::os::unix::fs::symlink;

        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let version = |name: &str, content: &str| {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("proxy.toml"), content).unwrap();
            symlink(name, at("..new")).unwrap();
            fs::rename(at("..new"), at("..data")).unwrap();
        };
        version("..1", "one");
        symlink("..data/proxy.toml", at("proxy.toml")).unwrap();
        let mut files = Files::default();
        files.note(&at("proxy.toml"), b"one");
        assert_eq!(files.now(), files);
        version("..2", "one");
        assert_eq!(files.now(), files);
        version("..3", "two");
        assert_ne!(files.now(), files);
    }
}
