//! StartupMessage: its parameters are bytes, their order and their duplicates are the app's business.

use alloc::vec::Vec;

use super::first::{FirstError, MAX_FIRST, Version};

/// A StartupMessage, borrowed from the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup<'a> {
    /// As the app sent it; the upstream negotiates, not we.
    pub version: Version,
    /// Names and values in the app's order, `_pq_.*` options included.
    pub parameters: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Startup<'a> {
    /// Reads what follows the version word: `(name NUL value NUL)* NUL`.
    pub(super) fn parse(version: Version, payload: &'a [u8]) -> Result<Self, FirstError> {
        const MALFORMED: FirstError = FirstError::Malformed("StartupMessage");
        let mut rest = payload.strip_suffix(b"\0").ok_or(MALFORMED)?;
        let mut parameters = Vec::new();
        while !rest.is_empty() {
            let (name, after_name) = split_cstring(rest).ok_or(MALFORMED)?;
            let (value, after_value) = split_cstring(after_name).ok_or(MALFORMED)?;
            if name.is_empty() {
                return Err(MALFORMED);
            }
            parameters.push((name, value));
            rest = after_value;
        }
        Ok(Self {
            version,
            parameters,
        })
    }

    /// The value of a parameter; the last one counts, as on the server.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.parameters
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map(|&(_, value)| value)
    }

    /// Who the app says it is; `None` when absent or empty.
    pub fn user(&self) -> Option<&'a [u8]> {
        self.get(b"user").filter(|user| !user.is_empty())
    }

    /// The database that the app names on purpose.
    ///
    /// libpq always sends one, and takes its own user name when none was given; such a name counts as none.
    pub fn database(&self) -> Option<&'a [u8]> {
        self.get(b"database")
            .filter(|name| !name.is_empty() && Some(*name) != self.user())
    }

    /// The same message as `user` in `database`: every other parameter stays, byte for byte and in its place.
    ///
    /// A database is always written, because a server that is told none takes the user's name, which has just changed.
    ///
    /// # Errors
    ///
    /// [`FirstError::Length`] when the longer names make it longer than a server reads, and
    /// [`FirstError::Malformed`] when a name holds a NUL.
    pub fn encode_as(&self, user: &[u8], database: &[u8]) -> Result<Vec<u8>, FirstError> {
        if user.contains(&0) || database.contains(&0) {
            return Err(FirstError::Malformed("name: it holds a NUL byte"));
        }
        let mut packet = Vec::with_capacity(512);
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(&self.version.0.to_be_bytes());
        let mut named = false;
        for &(name, value) in &self.parameters {
            let value = match name {
                b"user" => user,
                b"database" => {
                    named = true;
                    database
                }
                _ => value,
            };
            push_parameter(&mut packet, name, value);
        }
        if !named {
            push_parameter(&mut packet, b"database", database);
        }
        packet.push(0);
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        if packet.len() > MAX_FIRST {
            return Err(FirstError::Length(length));
        }
        if let Some(word) = packet.first_chunk_mut::<4>() {
            *word = length.to_be_bytes();
        }
        Ok(packet)
    }
}

fn push_parameter(packet: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    packet.extend_from_slice(name);
    packet.push(0);
    packet.extend_from_slice(value);
    packet.push(0);
}

/// The bytes up to the first NUL, and those behind it.
pub(super) fn split_cstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, rest.get(1..)?))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::super::first::First;
    use super::*;
    use proptest::prelude::*;

    const V: Version = Version::V3_0;

    fn startup(payload: &[u8]) -> Startup<'_> {
        Startup::parse(V, payload).unwrap()
    }

    #[test]
    fn a_database_that_repeats_the_user_counts_as_none() {
        assert_eq!(startup(b"user\0ann\0database\0ann\0\0").database(), None);
        assert_eq!(startup(b"user\0ann\0database\0\0\0").database(), None);
        assert_eq!(startup(b"user\0ann\0\0").database(), None);
        assert_eq!(
            startup(b"user\0ann\0database\0shop\0\0").database(),
            Some(&b"shop"[..])
        );
    }

    #[test]
    fn only_user_and_database_change() {
        let app = startup(b"_pq_.x\0on\0user\0ann\0client_encoding\0'utf-8'\0options\0-c a=b\0\0");
        let packet = app.encode_as(b"My Identity", b"shop").unwrap();
        assert_eq!(
            &packet[8..],
            b"_pq_.x\0on\0user\0My Identity\0client_encoding\0'utf-8'\0options\0-c a=b\0database\0shop\0\0"
        );
        assert_eq!(&packet[4..8], &V.0.to_be_bytes());
    }

    #[test]
    fn a_second_user_cannot_slip_past_the_first() {
        let app = startup(b"user\0ann\0user\0postgres\0\0");
        let packet = app.encode_as(b"role", b"d").unwrap();
        assert_eq!(&packet[8..], b"user\0role\0user\0role\0database\0d\0\0");
    }

    #[test]
    fn the_final_nul_is_demanded() {
        for payload in [
            &b""[..],
            b"user\0ann\0",
            b"user\0ann",
            b"user\0\0",
            b"\0\0\0",
        ] {
            assert_eq!(
                Startup::parse(V, payload),
                Err(FirstError::Malformed("StartupMessage"))
            );
        }
    }

    #[test]
    fn a_rewrite_past_the_servers_limit_is_an_error() {
        let app = startup(b"user\0a\0\0");
        assert!(matches!(
            app.encode_as(b"r", &[b'd'; 9990]),
            Err(FirstError::Length(_))
        ));
        assert_eq!(
            app.encode_as(b"a\0b", b"d"),
            Err(FirstError::Malformed("name: it holds a NUL byte"))
        );
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(1..=255u8, 1..30)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            minor in any::<u16>(),
            parameters in proptest::collection::vec((text(), text()), 0..12),
            user in text(),
            database in text(),
        ) {
            let app = Startup {
                version: Version((3 << 16) | u32::from(minor)),
                parameters: parameters.iter().map(|(n, v)| (&n[..], &v[..])).collect(),
            };
            let packet = app.encode_as(&user, &database).unwrap();
            let First::Startup(read) = First::parse(&packet).unwrap() else { panic!("not a startup") };
            prop_assert_eq!(read.version, app.version);
            prop_assert_eq!(read.get(b"database"), Some(&database[..]));
            for (before, after) in app.parameters.iter().zip(&read.parameters) {
                prop_assert_eq!(before.0, after.0);
                if before.0 != b"user" && before.0 != b"database" {
                    prop_assert_eq!(before.1, after.1);
                }
            }
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = First::parse(&bytes);
            let _ = Startup::parse(V, &bytes);
        }
    }
}
