//! Who but its owner and administrators may read or write a file.
//!
//! ```text
//!   File -- GetKernelObjectSecurity --> descriptor --> who is given rights, but for those who may be: [`Stranger`]s
//!
//!   path -- create_private, with a descriptor of our own --> File of this process's user, the system and administrators
//! ```
//!
//! Those who may be: the user of this process and its own service, the service `azdb-proxy`, the system, administrators, and who installs Windows. Whoever else is
//! given a right is a stranger to the file, by name or as one of a group, whether the directory says so or the file.
//!
//! # Invariants
//!
//! * A file without a list is everybody's.
//! * What is denied to somebody takes nothing from what is given to others: a file that is given to a group and denied to all of its members
//!   has a stranger too many, and never one too few.
//! * A list in which something is not known is an error.

mod calls;
mod descriptor;
mod sid;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, READ_CONTROL};

use crate::service;
use descriptor::{
    APPEND, DELETE, DELETE_CHILD, Descriptor, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE, READ,
    WRITE, WRITE_DAC, WRITE_OWNER,
};
use sid::{ADMINISTRATORS, OWNER_RIGHTS, SYSTEM, Sid, TRUSTED_INSTALLER};

/// What somebody may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// Read it.
    Read,
    /// Write it, remove it, or give themselves the right to.
    Write,
    /// Whatever they like: it is theirs.
    Own,
}

/// For what strangers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// A file that nobody else may write.
    Writing,
    /// A file that nobody else may read, either.
    Reading,
    /// A directory whose files nobody else may remove or replace. That others make files of their own in it is allowed, as it is in
    /// `%ProgramData%`: those are theirs, and are seen to be.
    Replacing,
}

/// Somebody who may do what only we should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// As Windows shows it, `BUILTIN\Users`; else the SID.
    pub account: String,
    /// As `icacls` takes it behind an asterisk, in all languages.
    pub sid: String,
    /// The most of what it may do.
    pub may: May,
    /// The directory says so, and not the file.
    pub inherited: bool,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = &self.account;
        match self.may {
            May::Own => write!(f, "it belongs to {account}"),
            May::Write => write!(f, "{account} may write it"),
            May::Read => write!(f, "{account} may read it"),
        }
    }
}

/// Whoever may do with an open file what only we should: its owner first.
///
/// # Errors
///
/// Whatever Windows reports, and a list in which something is not known.
pub fn strangers(file: &File, guarded: Guarded) -> io::Result<Vec<Stranger>> {
    let bytes = calls::descriptor(file)?;
    let unknown = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "its access control list is not understood",
        )
    };
    let found = Descriptor::read(&bytes).ok_or_else(unknown)?;
    let ours = calls::accounts_of_process()?;
    let named = |(sid, may, inherited): (Sid, May, bool)| Stranger {
        account: calls::account(&sid).unwrap_or_else(|| sid.to_string()),
        sid: sid.to_string(),
        may,
        inherited,
    };
    Ok(others(found, &ours, guarded)
        .into_iter()
        .map(named)
        .collect())
}

/// Those of a descriptor who are none of `ours`, with the most of what they may do.
fn others(found: Descriptor, ours: &[Sid], guarded: Guarded) -> Vec<(Sid, May, bool)> {
    let is_fine = |who: &Sid| {
        // An administrator who looks at the files of the service finds it there, too.
        let always = [SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER, service::SID];
        ours.contains(who) || always.iter().any(|one| who.is(one))
    };
    let mut others: Vec<(Sid, May, bool)> = Vec::new();
    let owner = found.owner.filter(|owner| !is_fine(owner));
    others.extend(owner.map(|owner| (owner, May::Own, false)));
    for entry in found.entries {
        let Some(may) = may(entry.rights, guarded) else {
            continue;
        };
        if is_fine(&entry.who) || entry.who.is(OWNER_RIGHTS) {
            continue;
        }
        match others.iter_mut().find(|(who, ..)| *who == entry.who) {
            Some((_, most, inherited)) => {
                *most = may.max(*most);
                *inherited &= entry.inherited;
            }
            None => others.push((entry.who, may, entry.inherited)),
        }
    }
    others
}

/// What rights come to.
fn may(rights: u32, guarded: Guarded) -> Option<May> {
    let of_a_file = WRITE | APPEND | GENERIC_WRITE;
    let of_itself = DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
    let writes = match guarded {
        Guarded::Writing | Guarded::Reading => of_itself | of_a_file,
        Guarded::Replacing => of_itself | DELETE_CHILD,
    };
    if rights & writes != 0 {
        return Some(May::Write);
    }
    let reads = guarded == Guarded::Reading && rights & (READ | GENERIC_READ) != 0;
    reads.then_some(May::Read)
}

/// `DOMAIN\name` of a SID, where somebody knows it.
pub(crate) fn account_of(sid: &str) -> Option<String> {
    calls::account(&Sid::parse(sid)?)
}

/// A directory, to be asked whose it is.
///
/// # Errors
///
/// Whatever Windows reports.
pub fn open_directory(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(READ_CONTROL)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Makes a file that is for the user of this process, the system and administrators alone from its first moment, whatever the directory
/// says.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] where there is one, and whatever else Windows reports.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut accounts = calls::accounts_of_process()?;
    accounts.extend(
        [SYSTEM, ADMINISTRATORS]
            .iter()
            .filter_map(|one| Sid::parse(one)),
    );
    calls::create(path, &descriptor::of(&accounts))
}

/// What a person types so that strangers can do nothing with a file any more, and this process and administrators everything.
pub fn remedy(path: &Path, strangers: &[Stranger]) -> String {
    let own = calls::accounts_of_process().unwrap_or_default();
    let own: Vec<String> = own
        .iter()
        .map(|sid| calls::account(sid).unwrap_or_else(|| format!("*{sid}")))
        .collect();
    command(path, strangers, &own)
}

fn command(path: &Path, strangers: &[Stranger], own: &[String]) -> String {
    let path = path.display();
    let mut command = format!("icacls \"{path}\" /inheritance:r /grant:r");
    for account in own {
        command.push_str(&format!(" \"{account}:F\""));
    }
    command.push_str(&format!(" *{SYSTEM}:F *{ADMINISTRATORS}:F"));
    let explicit = strangers
        .iter()
        .filter(|one| one.may != May::Own && !one.inherited);
    let explicit: Vec<String> = explicit.map(|one| format!(" *{}", one.sid)).collect();
    if !explicit.is_empty() {
        command.push_str(" /remove:g");
        command.push_str(&explicit.concat());
    }
    match strangers.iter().any(|one| one.may == May::Own) {
        true => format!(
            "icacls \"{path}\" /setowner *{ADMINISTRATORS} as an administrator, then {command}"
        ),
        false => command,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
mod tests {
    use super::descriptor::Entry;
    use super::sid::EVERYONE;
    use super::*;

    const ANN: &str = "S-1-5-21-1-2-3-1000";
    const BOB: &str = "S-1-5-21-1-2-3-1001";
    const USERS: &str = "S-1-5-32-545";

    fn given(who: &str, rights: u32, inherited: bool) -> Entry {
        let who = Sid::parse(who).unwrap();
        Entry {
            who,
            rights,
            inherited,
        }
    }

    fn seen(owner: &str, entries: Vec<Entry>, guarded: Guarded) -> Vec<(String, May, bool)> {
        let found = Descriptor {
            owner: Sid::parse(owner),
            entries,
        };
        let others = others(found, &[Sid::parse(ANN).unwrap()], guarded);
        others
            .into_iter()
            .map(|(sid, may, inherited)| (sid.to_string(), may, inherited))
            .collect()
    }

    #[test]
    fn those_who_administer_the_machine_are_no_strangers_and_everybody_else_is() {
        use Guarded::{Reading, Replacing, Writing};
        let all = |who| given(who, 0x1f_01ff, true);
        let fine = || {
            vec![
                all(SYSTEM),
                all(ADMINISTRATORS),
                all(ANN),
                all(TRUSTED_INSTALLER),
                all(OWNER_RIGHTS),
                all(service::SID),
            ]
        };
        for owner in [SYSTEM, ADMINISTRATORS, ANN, TRUSTED_INSTALLER] {
            for guarded in [Reading, Writing, Replacing] {
                assert_eq!(seen(owner, fine(), guarded), []);
            }
        }
        assert_eq!(
            seen(BOB, fine(), Writing),
            [(BOB.to_owned(), May::Own, false)]
        );
        for who in [USERS, EVERYONE, BOB] {
            // As `icacls` shows them: RX, M, F.
            for (rights, may) in [
                (0x12_00a9, May::Read),
                (0x13_01bf, May::Write),
                (0x1f_01ff, May::Write),
            ] {
                let of = |guarded| seen(ANN, vec![given(who, rights, true)], guarded);
                assert_eq!(of(Reading), [(who.to_owned(), may, true)]);
                let writes = if may == May::Write { 1 } else { 0 };
                assert_eq!(of(Writing).len(), writes);
                assert_eq!(of(Replacing).len(), writes);
            }
        }
    }

    #[test]
    fn each_right_that_leads_to_writing_counts() {
        for rights in [
            WRITE,
            APPEND,
            DELETE,
            WRITE_DAC,
            WRITE_OWNER,
            GENERIC_ALL,
            GENERIC_WRITE,
        ] {
            for guarded in [Guarded::Reading, Guarded::Writing] {
                assert_eq!(may(rights, guarded), Some(May::Write), "{rights:x}");
            }
        }
        for rights in [READ, GENERIC_READ] {
            assert_eq!(may(rights, Guarded::Reading), Some(May::Read));
            assert_eq!(may(rights, Guarded::Writing), None);
        }
        // Attributes, and who may do what.
        for guarded in [Guarded::Reading, Guarded::Writing, Guarded::Replacing] {
            assert_eq!(may(0x12_0080, guarded), None);
        }
    }

    #[test]
    fn files_of_others_beside_ours_are_allowed_and_taking_ours_away_is_not() {
        // What %ProgramData% gives to users in each directory in it: files and directories of their own, attributes.
        assert_eq!(may(0x0116 & !DELETE, Guarded::Replacing), None);
        assert_eq!(may(GENERIC_WRITE, Guarded::Replacing), None);
        for rights in [DELETE_CHILD, DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL] {
            assert_eq!(
                may(rights, Guarded::Replacing),
                Some(May::Write),
                "{rights:x}"
            );
        }
    }

    #[test]
    fn one_with_several_entries_is_named_once_with_the_most() {
        let entries = vec![given(USERS, READ, true), given(USERS, WRITE, false)];
        assert_eq!(
            seen(ANN, entries, Guarded::Reading),
            [(USERS.to_owned(), May::Write, false)]
        );
    }

    #[test]
    fn the_remedy_takes_what_is_inherited_and_what_is_not() {
        let stranger = |may, inherited| Stranger {
            account: r"BUILTIN\Users".to_owned(),
            sid: USERS.to_owned(),
            may,
            inherited,
        };
        let path = Path::new(r"C:\ProgramData\azdb-proxy\apps");
        let own = [r"DESK\ann".to_owned()];
        let usual = r#"icacls "C:\ProgramData\azdb-proxy\apps" /inheritance:r /grant:r "DESK\ann:F" *S-1-5-18:F *S-1-5-32-544:F"#;
        assert_eq!(command(path, &[stranger(May::Read, true)], &own), usual);
        let more = format!("{usual} /remove:g *{USERS}");
        assert_eq!(command(path, &[stranger(May::Write, false)], &own), more);
        let owned = command(path, &[stranger(May::Own, false)], &own);
        assert!(
            owned.contains("/setowner") && owned.ends_with(usual),
            "{owned}"
        );
        assert_eq!(
            stranger(May::Read, true).to_string(),
            r"BUILTIN\Users may read it"
        );
    }

    #[test]
    fn a_private_file_has_no_strangers_and_is_never_made_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        drop(create_private(&path).unwrap());
        let file = File::open(&path).unwrap();
        assert_eq!(strangers(&file, Guarded::Reading).unwrap(), []);
        let again = create_private(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let around = open_directory(directory.path()).unwrap();
        assert_eq!(strangers(&around, Guarded::Replacing).unwrap(), []);
    }

    #[test]
    fn a_file_that_everybody_may_write_names_everybody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("open");
        let mut accounts = calls::accounts_of_process().unwrap();
        accounts.push(Sid::parse(EVERYONE).unwrap());
        drop(calls::create(&path, &descriptor::of(&accounts)).unwrap());
        let file = File::open(&path).unwrap();
        let found = strangers(&file, Guarded::Reading).unwrap();
        let [everybody] = found.as_slice() else {
            panic!("{found:?}");
        };
        // To write it, too; but Wine leaves what umask leaves.
        assert!(everybody.sid == EVERYONE && everybody.may >= May::Read);
        assert_ne!(everybody.account, EVERYONE, "it has a name");
        let remedy = remedy(&path, &found);
        assert!(remedy.contains("/remove:g *S-1-1-0"), "{remedy}");
    }
}
