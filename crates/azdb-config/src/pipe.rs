//! Named pipes of Windows: their names, and who may open them.
//!
//! # Invariants
//!
//! * A pipe of another machine is no door of ours.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::keys::of_route::PIPE_USERS;
use crate::problems::{Checked, Written};
use crate::route::ListenAddr;
use crate::section::Section;

/// What every name of this machine begins with.
const HERE: &str = r"\\.\pipe\";

/// Characters of a whole name, which Windows does not exceed.
const LONGEST: usize = 256;

/// Groups in which everybody is who can log in to a machine: Everyone, Interactive, Authenticated Users, This Organization, Users,
/// Guests.
const CROWDS: [&str; 6] = [
    "S-1-1-0",
    "S-1-5-4",
    "S-1-5-11",
    "S-1-5-15",
    "S-1-5-32-545",
    "S-1-5-32-546",
];

/// The name of a pipe of this machine. Windows does not tell upper case from lower.
#[derive(Debug, Clone)]
pub struct PipeName(String);

impl PipeName {
    /// The name in `text`: with or without `\\.\pipe\` in front, and slashes are as good as backslashes.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let full = text.replace('/', r"\");
        let name = match full.get(..HERE.len()) {
            Some(start) if start.eq_ignore_ascii_case(HERE) => full.get(HERE.len()..),
            _ if full.starts_with(r"\\") => {
                return Err(format!(
                    "{text:?} is not a pipe of this machine: those begin with \\\\.\\pipe\\"
                ));
            }
            _ => Some(&*full),
        };
        let name = name.unwrap_or_default();
        let is_plain = |part: &str| {
            !matches!(part, "" | "." | "..") && !part.contains(|letter: char| letter.is_control())
        };
        if !name.split('\\').all(is_plain) {
            return Err(format!(
                "{text:?} is no name of a pipe, for example \"pipe:sql\\query\""
            ));
        }
        match HERE.len() + name.chars().count() {
            ..=LONGEST => Ok(Self(name.to_owned())),
            length => Err(format!(
                "the name {HERE}{name} has {length} characters, and a pipe's has at most {LONGEST}"
            )),
        }
    }

    /// Where the admin endpoint is, when nobody says.
    #[cfg(not(unix))]
    pub(crate) fn admin() -> Self {
        Self(r"azdb-proxy\admin".to_owned())
    }

    fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for PipeName {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for PipeName {}

impl Hash for PipeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

/// The whole name, as programs open it.
impl fmt::Display for PipeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HERE}{}", self.0)
    }
}

/// A user or a group of Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeUser {
    /// As it was written.
    pub name: String,
    /// Its number, which is what is meant: `S-1-5-32-545`.
    pub sid: String,
}

/// The door that `pipe:name` means.
#[cfg(windows)]
pub(crate) fn door(name: &str) -> Result<ListenAddr, String> {
    PipeName::parse(name).map(ListenAddr::Pipe)
}

/// Nobody finds a pipe elsewhere.
#[cfg(not(windows))]
pub(crate) fn door(name: &str) -> Result<ListenAddr, String> {
    let _ = PipeName::parse(name)?;
    Err("named pipes are a matter of Windows: here it is unix:/path".to_owned())
}

/// Whoever is called so.
#[cfg(windows)]
pub(crate) fn user(name: &str) -> Result<PipeUser, String> {
    let sid = azdb_windows::pipe::sid_of(name).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no user or group {name:?} here"),
        _ => format!("cannot look for user or group {name:?}: {error}"),
    })?;
    let name = name.to_owned();
    Ok(PipeUser { name, sid })
}

/// Nobody has such a number elsewhere.
#[cfg(not(windows))]
pub(crate) fn user(_: &str) -> Result<PipeUser, String> {
    Err("users of named pipes are a matter of Windows".to_owned())
}

/// `pipe_users`, with a warning for a crowd that needs no password.
pub(crate) fn users(section: &mut Section<'_>, has_passwords: bool) -> Checked<Vec<PipeUser>> {
    let users = section.read(&PIPE_USERS)?.map(|users| users.value);
    let users = users.unwrap_or_default().into_iter();
    let users = users.map(|Written { value: user, spot }| {
        if CROWDS.contains(&&*user.sid) && !has_passwords {
            let warning = format!(
                "pipe_users = {:?}: every user of this machine gets the database without a password",
                user.name
            );
            section.warn(&spot, warning);
        }
        user
    });
    Ok(users.collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_short_or_whole_and_its_case_does_not_matter() {
        for text in [
            r"sql\query",
            r"\\.\pipe\sql\query",
            r"\\.\PIPE\SQL\QUERY",
            "sql/query",
            "//./pipe/sql/query",
        ] {
            let name = PipeName::parse(text).unwrap();
            assert_eq!(name, PipeName::parse(r"sql\query").unwrap(), "{text}");
        }
        let shown = PipeName::parse("MySQL").unwrap().to_string();
        assert_eq!(shown, r"\\.\pipe\MySQL");
        assert_ne!(
            PipeName::parse("MySQL").unwrap(),
            PipeName::parse("MySQL2").unwrap()
        );
    }

    #[test]
    fn what_is_no_name_of_this_machine_is_refused() {
        let refused = |text: &str| PipeName::parse(text).unwrap_err();
        for text in ["", r"\\.\pipe\", r"a\\b", r"..\admin", "a\nb", r"\a"] {
            assert!(refused(text).contains("is no name of a pipe"), "{text:?}");
        }
        let other = refused(r"\\server\pipe\sql\query");
        assert!(other.contains("is not a pipe of this machine"), "{other}");
        assert!(PipeName::parse(&"a".repeat(247)).is_ok());
        let long = refused(&"a".repeat(248));
        assert!(
            long.contains("has 257 characters, and a pipe's has at most 256"),
            "{long}"
        );
    }
}
