//! What a server asks for before it lets anyone in, and the answer that holds the secret.

use alloc::vec::Vec;

use super::message::{Header, MessageError, tag};
use super::startup::split_cstring;

/// Longest secret that PostgreSQL reads, in bytes.
///
/// Its `PG_MAX_AUTH_TOKEN_LENGTH` is 65,535 for the length word, which counts itself and the final NUL. One byte more, and
/// the server drops the connection without a word.
pub const MAX_SECRET: usize = 65_530;

/// An authentication request, the body of message `R`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Welcome.
    Ok,
    /// The password, as it is.
    Cleartext,
    /// The password, hashed with this salt.
    Md5 {
        /// Drawn by the server.
        salt: [u8; 4],
    },
    /// A choice of SASL mechanisms.
    Sasl(Vec<&'a [u8]>),
    /// The server's next SASL message.
    SaslContinue(&'a [u8]),
    /// The server's last SASL message: its own proof.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSSAPI, SSPI, or something newer.
    Other(u32),
}

impl<'a> Authentication<'a> {
    /// Reads the body of message `R`.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`] when it is too short for its kind.
    pub fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        const MALFORMED: MessageError = MessageError::Malformed("authentication request");
        let (word, rest) = body.split_first_chunk::<4>().ok_or(MALFORMED)?;
        Ok(match u32::from_be_bytes(*word) {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 => Self::Md5 {
                salt: *rest.first_chunk::<4>().ok_or(MALFORMED)?,
            },
            10 => {
                let mut mechanisms = Vec::new();
                let mut rest = rest;
                loop {
                    let (name, behind) = split_cstring(rest).ok_or(MALFORMED)?;
                    if name.is_empty() {
                        break Self::Sasl(mechanisms);
                    }
                    mechanisms.push(name);
                    rest = behind;
                }
            }
            11 => Self::SaslContinue(rest),
            12 => Self::SaslFinal(rest),
            other => Self::Other(other),
        })
    }

    /// The request's name in words for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cleartext => "cleartext password",
            Self::Md5 { .. } => "MD5 password",
            Self::Sasl(_) | Self::SaslContinue(_) | Self::SaslFinal(_) => "SCRAM password",
            Self::Other(7..=9) => "GSSAPI or SSPI",
            Self::Other(_) => "unknown",
        }
    }
}

/// The secret does not fit in a PasswordMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("secret of {0} bytes, the server reads at most {MAX_SECRET}")]
pub struct SecretTooLong(pub usize);

/// Bytes of the PasswordMessage for a secret of `secret` bytes, so that its buffer never has to grow and leave a copy behind.
///
/// # Errors
///
/// [`SecretTooLong`] above [`MAX_SECRET`].
pub const fn password_message_len(secret: usize) -> Result<usize, SecretTooLong> {
    match secret {
        0..=MAX_SECRET => Ok(secret.saturating_add(Header::LEN + 1)),
        _ => Err(SecretTooLong(secret)),
    }
}

/// Appends the PasswordMessage for `secret` to `out`, whose capacity the caller has reserved.
///
/// # Errors
///
/// [`SecretTooLong`] above [`MAX_SECRET`].
pub fn encode_password(secret: &[u8], out: &mut Vec<u8>) -> Result<(), SecretTooLong> {
    let total = password_message_len(secret.len())?;
    let length = u32::try_from(total.saturating_sub(1)).unwrap_or(u32::MAX);
    out.push(tag::PASSWORD);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(secret);
    out.push(0);
    Ok(())
}

/// The part of a SCRAM server-first message that costs the client time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScramFirst {
    /// Rounds of PBKDF2 that the server asks for.
    pub iterations: u32,
}

impl ScramFirst {
    /// Most rounds that are worked off for a server; PostgreSQL asks for 4096.
    pub const MAX_ITERATIONS: u32 = 1_000_000;

    /// Reads `r=…,s=…,i=…` (RFC 5802).
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`] when there is no count, or one outside 1..=[`ScramFirst::MAX_ITERATIONS`].
    pub fn parse(message: &[u8]) -> Result<Self, MessageError> {
        let count = message
            .split(|byte| *byte == b',')
            .find_map(|attribute| attribute.strip_prefix(b"i="))
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok());
        match count {
            Some(iterations @ 1..=Self::MAX_ITERATIONS) => Ok(Self { iterations }),
            _ => Err(MessageError::Malformed("SCRAM iteration count")),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn requests_are_told_apart() {
        let parse = Authentication::parse;
        assert_eq!(parse(&[0, 0, 0, 0]), Ok(Authentication::Ok));
        assert_eq!(parse(&[0, 0, 0, 3]), Ok(Authentication::Cleartext));
        assert_eq!(
            parse(&[0, 0, 0, 5, 1, 2, 3, 4]),
            Ok(Authentication::Md5 { salt: [1, 2, 3, 4] })
        );
        assert_eq!(
            parse(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            Ok(Authentication::Sasl(vec![
                b"SCRAM-SHA-256-PLUS",
                b"SCRAM-SHA-256"
            ]))
        );
        assert_eq!(parse(&[0, 0, 0, 9]), Ok(Authentication::Other(9)));
    }

    #[test]
    fn short_requests_are_errors() {
        for body in [
            &b""[..],
            &[0, 0, 0],
            &[0, 0, 0, 5, 1, 2, 3],
            b"\0\0\0\x0aSCRAM",
            b"\0\0\0\x0aSCRAM\0",
        ] {
            assert!(Authentication::parse(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn the_longest_secret_is_the_servers_limit() {
        assert_eq!(password_message_len(MAX_SECRET), Ok(65_536));
        assert_eq!(
            password_message_len(MAX_SECRET + 1),
            Err(SecretTooLong(65_531))
        );
        assert_eq!(
            encode_password(&[b'x'; MAX_SECRET + 1], &mut Vec::new()),
            Err(SecretTooLong(65_531))
        );
    }

    #[test]
    fn a_scram_server_cannot_keep_us_busy_for_ever() {
        assert_eq!(
            ScramFirst::parse(b"r=a,s=b,i=4096"),
            Ok(ScramFirst { iterations: 4096 })
        );
        for message in [
            &b"r=a,s=b,i=1000001"[..],
            b"r=a,s=b,i=0",
            b"r=a,s=b",
            b"i=",
            b"i=99999999999",
        ] {
            assert!(ScramFirst::parse(message).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_password_is_the_one_postgres_libraries_read_and_write(secret in proptest::collection::vec(1..=255u8, 0..9000)) {
            let mut ours = Vec::with_capacity(password_message_len(secret.len()).unwrap());
            let capacity = ours.capacity();
            encode_password(&secret, &mut ours).unwrap();
            prop_assert_eq!(ours.capacity(), capacity);
            prop_assert_eq!(ours.len(), password_message_len(secret.len()).unwrap());

            let mut theirs = bytes::BytesMut::new();
            postgres_protocol::message::frontend::password_message(&secret, &mut theirs).unwrap();
            prop_assert_eq!(&ours[..], &theirs[..]);
        }

        #[test]
        fn no_bytes_make_the_parsers_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Authentication::parse(&body);
            let _ = ScramFirst::parse(&body);
        }
    }
}
