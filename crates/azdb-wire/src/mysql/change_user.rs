//! COM_CHANGE_USER: an app logs in anew on the session that it has.

use alloc::vec::Vec;

use super::capabilities::Capabilities;
use super::commands::Command;
use super::packet::PacketError;
use super::reader::Reader;

const WHAT: &str = "COM_CHANGE_USER";

/// The command, borrowed from the payload it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChangeUser<'a> {
    /// The app's new user.
    pub user: &'a [u8],
    /// Its answer to a scramble that it has not been given; means nothing.
    pub auth: &'a [u8],
    /// The new default database, if one is named.
    pub database: Option<&'a [u8]>,
    /// The new collation; some drivers leave it out, and all that follows it.
    pub charset: Option<u16>,
    /// The plugin that `auth` is for; empty when the app names none.
    pub plugin: &'a [u8],
    /// Connection attributes as they came, their length in front; empty when there are none.
    pub attributes: &'a [u8],
}

impl<'a> ChangeUser<'a> {
    /// Reads the payload of the command, whose first byte is its number, under the flags of the login.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it is another command or ends within its first three parts.
    pub fn parse(payload: &'a [u8], capabilities: Capabilities) -> Result<Self, PacketError> {
        let mut reader = Reader::new(payload, WHAT);
        if reader.u8()? != Command::CHANGE_USER.0 {
            return Err(PacketError::Malformed(WHAT));
        }
        let user = reader.cstring()?;
        let auth = if capabilities.has(Capabilities::SECURE_CONNECTION) {
            reader.short()?
        } else {
            reader.cstring()?
        };
        let database = Some(reader.cstring_or_rest()).filter(|name| !name.is_empty());
        let charset = reader.u16().ok();
        let plugin = if capabilities.has(Capabilities::PLUGIN_AUTH) {
            reader.cstring_or_rest()
        } else {
            &[]
        };
        let attributes = if capabilities.has(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
            reader.counted_whole()?
        } else {
            &[]
        };
        Ok(Self {
            user,
            auth,
            database,
            charset,
            plugin,
            attributes,
        })
    }

    /// The command as a payload for a server with which `capabilities` were agreed. Without a charset everything behind it is
    /// left out.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when a name holds a NUL, or the answer is longer than 255 bytes.
    pub fn encode(&self, capabilities: Capabilities) -> Result<Vec<u8>, PacketError> {
        const MALFORMED: PacketError = PacketError::Malformed(WHAT);
        let database = self.database.unwrap_or_default();
        if [self.user, database, self.plugin]
            .iter()
            .any(|name| name.contains(&0))
        {
            return Err(MALFORMED);
        }
        let mut out = Vec::with_capacity(128);
        out.push(Command::CHANGE_USER.0);
        out.extend_from_slice(self.user);
        out.push(0);
        out.push(u8::try_from(self.auth.len()).map_err(|_| MALFORMED)?);
        out.extend_from_slice(self.auth);
        out.extend_from_slice(database);
        out.push(0);
        if let Some(charset) = self.charset {
            out.extend_from_slice(&charset.to_le_bytes());
            out.extend_from_slice(self.plugin);
            out.push(0);
            if capabilities.has(Capabilities::CONNECT_ATTRS) {
                // A server that was promised attributes refuses a packet without.
                let none: &[u8] = &[0];
                let attributes = if self.attributes.is_empty() {
                    none
                } else {
                    self.attributes
                };
                out.extend_from_slice(attributes);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use mysql_common::packets::ComChangeUser;
    use mysql_common::proto::MySerialize as _;
    use proptest::prelude::*;

    const MODERN: Capabilities = Capabilities(
        Capabilities::SECURE_CONNECTION.0
            | Capabilities::PLUGIN_AUTH.0
            | Capabilities::CONNECT_ATTRS.0,
    );

    #[test]
    fn trailing_parts_may_be_missing() {
        for (payload, charset, plugin) in [
            (&b"\x11ann\0\0shop\0"[..], None, &b""[..]),
            (b"\x11ann\0\0shop", None, b""),
            (b"\x11ann\0\0shop\0\x2d\0", Some(45), b""),
            (
                b"\x11ann\0\0shop\0\x2d\0mysql_native_password\0",
                Some(45),
                b"mysql_native_password",
            ),
            (
                b"\x11ann\0\0shop\0\x2d\0mysql_native_password",
                Some(45),
                b"mysql_native_password",
            ),
        ] {
            let read = ChangeUser::parse(payload, MODERN).unwrap();
            assert_eq!(
                (read.user, read.database),
                (&b"ann"[..], Some(&b"shop"[..]))
            );
            assert_eq!(
                (read.charset, read.plugin),
                (charset, plugin),
                "{payload:?}"
            );
        }
        for payload in [
            &b""[..],
            b"\x11",
            b"\x11ann",
            b"\x11ann\0",
            b"\x11ann\0\x05pw",
            b"\x03ann\0\0\0",
        ] {
            assert!(ChangeUser::parse(payload, MODERN).is_err(), "{payload:?}");
        }
    }

    #[test]
    fn attributes_that_were_promised_are_there() {
        let command = ChangeUser {
            user: b"ann",
            auth: b"",
            database: None,
            charset: Some(45),
            plugin: b"p",
            attributes: b"",
        };
        assert_eq!(command.encode(MODERN).unwrap(), b"\x11ann\0\0\0\x2d\0p\0\0");
        let without = MODERN.without(Capabilities::CONNECT_ATTRS);
        assert_eq!(command.encode(without).unwrap(), b"\x11ann\0\0\0\x2d\0p\0");
        assert!(
            ChangeUser {
                user: b"a\0b",
                ..command
            }
            .encode(MODERN)
            .is_err()
        );
    }

    proptest! {
        #[test]
        fn the_command_is_the_one_that_mysql_common_reads(
            user in "[^\0]{0,40}",
            auth in proptest::collection::vec(any::<u8>(), 0..=60),
            database in proptest::option::of("[^\0]{1,30}"),
            charset: u16,
        ) {
            let ours = ChangeUser {
                user: user.as_bytes(),
                auth: &auth,
                database: database.as_deref().map(str::as_bytes),
                charset: Some(charset),
                plugin: b"mysql_native_password",
                attributes: b"\x07\x03key\x02vl",
            };
            let payload = ours.encode(MODERN).unwrap();
            prop_assert!(ChangeUser::parse(&payload, MODERN) == Ok(ours));

            let mut theirs = Vec::new();
            ComChangeUser::new()
                .with_user(Some(user.as_bytes()))
                .with_auth_plugin_data(Some(&auth[..]))
                .with_database(ours.database)
                .serialize(&mut theirs);
            let read = ChangeUser::parse(&theirs, MODERN).unwrap();
            prop_assert!((read.user, read.auth, read.database) == (ours.user, ours.auth, ours.database));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..80), flags: u32) {
            let _ = ChangeUser::parse(&payload, Capabilities(flags));
            let _ = ChangeUser::parse(&[&[0x11][..], &payload].concat(), Capabilities(flags));
        }
    }
}
