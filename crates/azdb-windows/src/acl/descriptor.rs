//! Whom a file belongs to and who may do what with it, as the bytes of a self-relative security descriptor (MS-DTYP, 2.4.6).
//!
//! # Invariants
//!
//! * A descriptor that says nothing of access lets everybody in, as Windows does.
//! * What takes a right away is not counted: it is looked for who has been given one.

use super::sid::{EVERYONE, Sid};

/// Read a file, or list a directory.
pub(super) const READ: u32 = 0x1;
/// Write a file, or make a file in a directory.
pub(super) const WRITE: u32 = 0x2;
/// Write on at a file's end, or make a directory in a directory.
pub(super) const APPEND: u32 = 0x4;
/// Remove what is in a directory.
pub(super) const DELETE_CHILD: u32 = 0x40;
/// Remove or rename it.
pub(super) const DELETE: u32 = 0x1_0000;
/// Say who may do what.
pub(super) const WRITE_DAC: u32 = 0x4_0000;
/// Make somebody its owner.
pub(super) const WRITE_OWNER: u32 = 0x8_0000;
/// Words for several rights, which Windows spells out when it makes a file, and need not.
pub(super) const GENERIC_ALL: u32 = 0x1000_0000;
pub(super) const GENERIC_WRITE: u32 = 0x4000_0000;
pub(super) const GENERIC_READ: u32 = 0x8000_0000;
/// All that there is to do with a file.
const ALL: u32 = 0x1f_01ff;

/// In `Control`: it speaks of access; that is not inherited; offsets are from its beginning.
const DACL_PRESENT: u16 = 0x4;
const DACL_PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;
/// In an entry's flags: it is for what is made in the directory; it has come from the directory.
const INHERIT_ONLY: u8 = 0x8;
const INHERITED: u8 = 0x10;
/// In the flags of an entry for an object of a directory service: identifiers stand before the SID.
const OBJECT_TYPES: [u32; 2] = [1, 2];

/// What a file's security descriptor says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) owner: Option<Sid>,
    pub(super) entries: Vec<Entry>,
}

/// Somebody who is given rights on the file itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) who: Sid,
    pub(super) rights: u32,
    pub(super) inherited: bool,
}

impl Descriptor {
    /// `None` for what is none, or has something in it that is not known.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let control = u16_at(bytes, 2)?;
        let owner = match offset_at(bytes, 4)? {
            0 => None,
            at => Some(Sid::read(bytes.get(at..)?)?),
        };
        let entries = match offset_at(bytes, 16)? {
            at if at != 0 && control & DACL_PRESENT != 0 => entries(bytes.get(at..)?)?,
            _ => vec![Entry {
                who: Sid::parse(EVERYONE)?,
                rights: ALL,
                inherited: false,
            }],
        };
        Some(Self { owner, entries })
    }
}

/// Those of an access control list who are given something.
fn entries(list: &[u8]) -> Option<Vec<Entry>> {
    let count = u16_at(list, 4)?;
    let (mut rest, mut entries) = (list.get(8..)?, Vec::new());
    for _ in 0..count {
        let [kind, flags, ..] = *rest else {
            return None;
        };
        let (entry, more) = rest.split_at_checked(u16_at(rest, 2)?.into())?;
        rest = more;
        let who = match kind {
            // Allowed; allowed on a condition, which is taken for met.
            0 | 9 => 8,
            // The same for an object of a directory service, which a file is not.
            5 | 11 => {
                let given = u32_at(entry, 8)?;
                12 + 16 * OBJECT_TYPES.iter().filter(|one| given & **one != 0).count()
            }
            // Denied.
            1 | 6 | 10 | 12 => continue,
            _ => return None,
        };
        if flags & INHERIT_ONLY == 0 {
            entries.push(Entry {
                who: Sid::read(entry.get(who..)?)?,
                rights: u32_at(entry, 4)?,
                inherited: flags & INHERITED != 0,
            });
        }
    }
    Some(entries)
}

/// One that gives everything to these alone, whatever the directory says.
pub(super) fn of(accounts: &[Sid]) -> Vec<u8> {
    let mut entries = Vec::new();
    for account in accounts {
        let sid = account.bytes();
        entries.extend([0, 0]);
        entries.extend(length(8 + sid.len()));
        entries.extend(ALL.to_le_bytes());
        entries.extend(sid);
    }
    let control = SELF_RELATIVE | DACL_PRESENT | DACL_PROTECTED;
    let mut bytes = vec![1, 0];
    bytes.extend(control.to_le_bytes());
    for offset in [0_u32, 0, 0, 20] {
        bytes.extend(offset.to_le_bytes());
    }
    bytes.extend([2, 0]);
    bytes.extend(length(8 + entries.len()));
    bytes.extend(length(accounts.len()));
    bytes.extend([0, 0]);
    bytes.extend(entries);
    bytes
}

fn length(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let (number, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let (number, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u32::from_le_bytes(*number))
}

fn offset_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at)?.try_into().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::sid::{ADMINISTRATORS, SYSTEM};
    use super::*;

    fn sid(text: &str) -> Sid {
        Sid::parse(text).unwrap()
    }

    /// A list with one entry.
    fn list(kind: u8, flags: u8, rights: u32, between: &[u8]) -> Vec<u8> {
        let sid = sid(ADMINISTRATORS).bytes();
        let size = 8 + between.len() + sid.len();
        let mut list = vec![2, 0, 0, 0, 1, 0, 0, 0, kind, flags];
        list.extend(length(size));
        list.extend(rights.to_le_bytes());
        list.extend(between);
        list.extend(sid);
        list
    }

    #[test]
    fn what_is_made_gives_everything_to_those_alone() {
        let made = of(&[sid(SYSTEM), sid(ADMINISTRATORS)]);
        let read = Descriptor::read(&made).unwrap();
        let all = |who| Entry {
            who: sid(who),
            rights: ALL,
            inherited: false,
        };
        assert_eq!(read.entries, [all(SYSTEM), all(ADMINISTRATORS)]);
        assert_eq!(read.owner, None);
        for cut in 0..made.len() {
            assert_eq!(Descriptor::read(&made[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn what_says_nothing_lets_everybody_in() {
        for control in [SELF_RELATIVE, SELF_RELATIVE | DACL_PRESENT] {
            let mut bytes = vec![1, 0];
            bytes.extend(control.to_le_bytes());
            bytes.extend([0; 16]);
            let read = Descriptor::read(&bytes).unwrap();
            assert!(read.entries[0].who.is(EVERYONE));
            assert_eq!(read.entries[0].rights, ALL);
        }
        assert_eq!(entries(&[2, 0, 8, 0, 0, 0, 0, 0]).unwrap(), [], "nobody");
    }

    #[test]
    fn entries_of_each_kind_are_read() {
        let given = |kind, flags, between: &[u8]| {
            let entries = entries(&list(kind, flags, READ, between))?;
            Some(entries.len())
        };
        assert_eq!(given(0, 0, &[]), Some(1));
        assert_eq!(given(9, 0, &[]), Some(1), "on a condition");
        assert_eq!(given(5, 0, &[0; 4]), Some(1));
        let one_type: Vec<u8> = [vec![1, 0, 0, 0], vec![7; 16]].concat();
        assert_eq!(given(11, 0, &one_type), Some(1));
        assert_eq!(
            given(0, INHERIT_ONLY, &[]),
            Some(0),
            "for what is made in it"
        );
        for denied in [1, 6, 10, 12] {
            assert_eq!(given(denied, 0, &[]), Some(0));
        }
        assert_eq!(given(77, 0, &[]), None, "nobody knows whom it lets in");
        let inherited = entries(&list(0, INHERITED, READ, &[])).unwrap();
        assert!(inherited[0].inherited);
    }
}
