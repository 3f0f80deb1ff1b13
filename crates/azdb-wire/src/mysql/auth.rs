//! What a server says to an answer, and the packets that carry a login to its end.

use alloc::vec::Vec;

use super::error::{self, ErrorPacket};
use super::greeting::SCRAMBLE;
use super::packet::{Header, PacketError, push_header};
use super::reader::Reader;

/// Longest secret that is sent, in bytes. Tokens are a tenth of it.
pub const MAX_SECRET: usize = 64 * 1024;

const OK: u8 = 0x00;
const MORE_DATA: u8 = 0x01;
const NEXT_FACTOR: u8 = 0x02;
const SWITCH: u8 = 0xfe;

/// A server's packet during authentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Welcome. What else it says is for the app.
    Ok,
    /// No.
    Error(ErrorPacket<'a>),
    /// Answer again, in the way of another plugin.
    Switch {
        /// Which.
        plugin: &'a [u8],
        /// For it: usually a scramble and a NUL.
        data: &'a [u8],
    },
    /// Answer again in the way of before 4.1.
    OldSwitch,
    /// More for the plugin that is running.
    MoreData(&'a [u8]),
    /// Another factor is wanted.
    NextFactor,
}

impl<'a> Answer<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it is nothing that belongs here.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PacketError> {
        const WHAT: &str = "answer to a login";
        Ok(match payload {
            [OK, ..] => Self::Ok,
            [error::TAG, ..] => Self::Error(ErrorPacket::parse(payload)?),
            [SWITCH] => Self::OldSwitch,
            [SWITCH, rest @ ..] => {
                let mut reader = Reader::new(rest, WHAT);
                let plugin = reader.cstring_or_rest();
                let data = reader.rest();
                Self::Switch { plugin, data }
            }
            [MORE_DATA, data @ ..] => Self::MoreData(data),
            [NEXT_FACTOR, ..] => Self::NextFactor,
            _ => return Err(PacketError::Malformed(WHAT)),
        })
    }
}

/// AuthSwitchRequest as a payload.
pub fn encode_switch(plugin: &[u8], scramble: &[u8; SCRAMBLE]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.push(SWITCH);
    out.extend_from_slice(plugin);
    out.push(0);
    out.extend_from_slice(scramble);
    out.push(0);
    out
}

/// Bytes of the packet that carries a secret of `secret` bytes in the clear, so that its buffer never has to grow and leave a
/// copy behind. `None` above [`MAX_SECRET`].
pub const fn clear_password_len(secret: usize) -> Option<usize> {
    match secret {
        0..=MAX_SECRET => Some(secret.saturating_add(Header::LEN + 1)),
        _ => None,
    }
}

/// Appends the packet that carries a secret in the clear to `out`, whose capacity the caller has reserved: the secret and a NUL.
///
/// # Errors
///
/// [`PacketError::Length`] above [`MAX_SECRET`].
pub fn encode_clear_password(
    number: u8,
    secret: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), PacketError> {
    if clear_password_len(secret.len()).is_none() {
        return Err(PacketError::Length(secret.len()));
    }
    push_header(out, number, secret.len().saturating_add(1));
    out.extend_from_slice(secret);
    out.push(0);
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::packet::{Next, next_packet};
    use super::super::plugin;
    use super::*;
    use mysql_common::io::ParseBuf;
    use mysql_common::packets::{AuthMoreData, AuthSwitchRequest};
    use mysql_common::proto::MyDeserialize as _;
    use proptest::prelude::*;

    #[test]
    fn answers_are_told_apart() {
        let parse = Answer::parse;
        assert_eq!(parse(b"\0\0\0\x02\0\0\0"), Ok(Answer::Ok));
        assert_eq!(parse(b"\xfe"), Ok(Answer::OldSwitch));
        assert_eq!(
            parse(b"\xfemysql_clear_password\0"),
            Ok(Answer::Switch {
                plugin: plugin::CLEAR,
                data: b""
            })
        );
        assert_eq!(
            parse(b"\xfemysql_clear_password"),
            Ok(Answer::Switch {
                plugin: plugin::CLEAR,
                data: b""
            })
        );
        assert_eq!(parse(b"\x01\x04"), Ok(Answer::MoreData(b"\x04")));
        assert_eq!(
            parse(b"\x02authentication_webauthn\0"),
            Ok(Answer::NextFactor)
        );
        assert!(matches!(parse(b"\xff\x15\x04no"), Ok(Answer::Error(error)) if error.code == 1045));
        for payload in [&b""[..], b"\x03", b"\xff", b"\xfb"] {
            assert!(parse(payload).is_err(), "{payload:?}");
        }
    }

    #[test]
    fn a_secret_is_never_cut() {
        assert_eq!(clear_password_len(MAX_SECRET + 1), None);
        let mut out = Vec::new();
        let refused = encode_clear_password(3, &[b'x'; MAX_SECRET + 1], &mut out);
        assert_eq!(refused, Err(PacketError::Length(MAX_SECRET + 1)));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn a_switch_is_the_one_that_mysql_common_reads(scramble in proptest::array::uniform20(1..128u8)) {
            let payload = encode_switch(plugin::CACHING_SHA2, &scramble);
            let data = [&scramble[..], &[0]].concat();
            prop_assert_eq!(Answer::parse(&payload), Ok(Answer::Switch { plugin: plugin::CACHING_SHA2, data: &data }));
            let theirs = AuthSwitchRequest::deserialize((), &mut ParseBuf(&payload)).unwrap();
            let named = theirs.auth_plugin();
            prop_assert_eq!(named.as_bytes(), plugin::CACHING_SHA2);
            prop_assert_eq!(theirs.plugin_data(), &scramble[..]);
        }

        #[test]
        fn more_data_is_the_same_to_mysql_common(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let payload = [&[MORE_DATA][..], &data].concat();
            prop_assert_eq!(Answer::parse(&payload), Ok(Answer::MoreData(&data)));
            let theirs = AuthMoreData::deserialize((), &mut ParseBuf(&payload)).unwrap();
            prop_assert_eq!(theirs.data(), &data[..]);
        }

        #[test]
        fn a_secret_fills_its_packet_exactly(number: u8, secret in proptest::collection::vec(1..=255u8, 0..17_000)) {
            let mut out = Vec::with_capacity(clear_password_len(secret.len()).unwrap());
            let capacity = out.capacity();
            encode_clear_password(number, &secret, &mut out).unwrap();
            prop_assert_eq!(out.capacity(), capacity);
            prop_assert_eq!(Some(out.len()), clear_password_len(secret.len()));
            let payload = [&secret[..], &[0]].concat();
            prop_assert_eq!(next_packet(&out), Ok(Next::Packet { number, payload: &payload }));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Answer::parse(&payload);
        }
    }
}
