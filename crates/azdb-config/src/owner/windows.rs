//! Windows: who is given rights on a file.

use std::fs::File;
use std::io;
use std::path::Path;

use azdb_windows::acl::{self, Guarded, Stranger};

use super::{OpenToOthers, around};

/// The most of them that are named.
const MOST_NAMED: usize = 3;

/// Why a file of secrets is not one: somebody else can have read or written it.
pub(in super::super) fn why_not_a_secret(file: &File, path: &Path) -> io::Result<Option<String>> {
    let strangers = acl::strangers(file, Guarded::Reading)?;
    Ok(said_of(&strangers).map(|why| format!("{why}: {}", acl::remedy(path, &strangers))))
}

/// Why a file that was found, and that nobody has named, must not be read.
pub(in super::super) fn why_not_ours(file: &File, path: &Path) -> io::Result<Option<String>> {
    let own = acl::strangers(file, Guarded::Writing)?;
    if let Some(why) = said_of(&own) {
        return Ok(Some(why));
    }
    let around = acl::open_directory(around(path))?;
    let around = acl::strangers(&around, Guarded::Replacing)?;
    Ok(said_of(&around).map(|why| format!("its directory is not ours alone: {why}")))
}

/// Whether others may write an open file.
pub(in super::super) fn open_to_others(
    file: &File,
    path: &Path,
) -> io::Result<Option<OpenToOthers>> {
    // What was handed over is no file.
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    let strangers = acl::strangers(file, Guarded::Writing)?;
    Ok(said_of(&strangers).map(|why| OpenToOthers {
        why: format!("{} is not ours alone ({why})", path.display()),
        remedy: acl::remedy(path, &strangers),
    }))
}

/// `it belongs to DESK\bob, BUILTIN\Users may read it`.
fn said_of(strangers: &[Stranger]) -> Option<String> {
    let named = strangers.iter().take(MOST_NAMED).map(Stranger::to_string);
    let mut named = named.collect::<Vec<_>>().join(", ");
    if strangers.len() > MOST_NAMED {
        named.push_str(", and others");
    }
    (!named.is_empty()).then_some(named)
}

#[cfg(test)]
mod tests {
    use azdb_windows::acl::May;

    use super::*;

    #[test]
    fn the_first_of_many_are_named() {
        let one = |may| Stranger {
            account: r"BUILTIN\Users".to_owned(),
            sid: "S-1-5-32-545".to_owned(),
            may,
            inherited: true,
        };
        assert_eq!(said_of(&[]), None);
        let two = said_of(&[one(May::Own), one(May::Read)]);
        let text = r"it belongs to BUILTIN\Users, BUILTIN\Users may read it";
        assert_eq!(two.as_deref(), Some(text));
        let many = said_of(&vec![one(May::Write); 4]);
        assert!(many.is_some_and(|text| text.ends_with("may write it, and others")));
    }
}
