//! A security identifier, by which Windows knows users, groups and services.

use std::fmt;

/// Everybody, with or without a password.
pub(super) const EVERYONE: &str = "S-1-1-0";
/// The operating system.
pub(super) const SYSTEM: &str = "S-1-5-18";
/// Administrators of this machine.
pub(super) const ADMINISTRATORS: &str = "S-1-5-32-544";
/// Who may change Windows itself.
pub(super) const TRUSTED_INSTALLER: &str =
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
/// Whoever a file belongs to, who is asked for besides.
pub(super) const OWNER_RIGHTS: &str = "S-1-3-4";

/// The most parts that one has.
const MOST_PARTS: usize = 15;

/// `S-1-5-32-544`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sid {
    authority: u64,
    parts: Vec<u32>,
}

impl Sid {
    /// The one that `bytes` begin with, as Windows keeps it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [1, count, authority @ ..] = bytes else {
            return None;
        };
        let (authority, parts) = authority.split_first_chunk::<6>()?;
        let authority = authority
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let count = usize::from(*count);
        if count > MOST_PARTS {
            return None;
        }
        let parts = parts.get(..4 * count)?.chunks_exact(4);
        let parts = parts.map(|part| part.try_into().map(u32::from_le_bytes));
        Some(Self {
            authority,
            parts: parts.collect::<Result<_, _>>().ok()?,
        })
    }

    /// As Windows keeps it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.parts.len()).unwrap_or_default();
        let authority = self.authority.to_be_bytes();
        let mut bytes = vec![1, count];
        bytes.extend(authority.get(2..).unwrap_or_default());
        bytes.extend(self.parts.iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }

    /// The one that is written so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("S-1-")?.split('-');
        let authority = numbers.next()?.parse().ok()?;
        let parts = numbers.map(|part| part.parse().ok());
        Some(Self {
            authority,
            parts: parts.collect::<Option<_>>()?,
        })
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.to_string() == text
    }

    /// That of one service. The first of its kind are all of them together.
    pub(super) fn is_a_service(&self) -> bool {
        matches!((self.authority, self.parts.as_slice()), (5, [80, more @ ..]) if more.len() > 1)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.parts.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_and_written_as_windows_keeps_it() {
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let sid = Sid::read(&administrators).unwrap();
        assert_eq!(sid.to_string(), ADMINISTRATORS);
        assert_eq!(sid.bytes(), administrators);
        for text in [EVERYONE, SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER] {
            let sid = Sid::parse(text).unwrap();
            assert!(sid.is(text));
            assert_eq!(Sid::read(&sid.bytes()), Some(sid));
        }
        for cut in 0..administrators.len() {
            assert_eq!(Sid::read(&administrators[..cut]), None);
        }
        assert_eq!(Sid::read(&[1, 255, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]), None);
        assert_eq!(Sid::parse("S-1-5-x"), None);
    }

    #[test]
    fn one_service_is_not_all_services() {
        let is_one = |text| Sid::parse(text).unwrap().is_a_service();
        assert!(is_one(TRUSTED_INSTALLER));
        assert!(!is_one("S-1-5-80-0"));
        assert!(!is_one(SYSTEM));
    }
}
