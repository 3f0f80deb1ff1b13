//! Password mode: how a development server is told its password.
//!
//! Source: "Authentication Methods" of the MySQL source documentation.

use std::io;

use aws_lc_rs::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use azdb_wire::mysql::{Answer, SCRAMBLE, plugin};
use zeroize::Zeroizing;

use super::channel::Channel;
use super::upstream::{broken, say, say_clear};
use super::{MysqlFault, Secretive};
use crate::fault::{Cause, Fault, Secrets};
use crate::lobby::Password;
use crate::way::{MaybeTls, Stream, Upstream};

const DOING: &str = "answering the upstream's request for a password";

/// AuthMoreData of caching_sha2_password: the fast answer is right, an OK follows.
const FAST_OK: &[u8] = &[3];
/// The server has forgotten the password and wants it whole.
const FULL: &[u8] = &[4];

/// The answer of a plugin that mixes the password with a scramble; `None` for any other plugin.
pub(super) fn scrambled(
    named: &[u8],
    password: &[u8],
    scramble: &[u8; SCRAMBLE],
) -> Option<Secretive> {
    let answer = match named {
        plugin::NATIVE => native,
        plugin::CACHING_SHA2 => caching_sha2,
        _ => return None,
    };
    Some(match password {
        [] => Zeroizing::default(),
        _ => answer(password, scramble),
    })
}

/// `SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password)))`.
fn native(password: &[u8], scramble: &[u8; SCRAMBLE]) -> Secretive {
    let hash = |parts: &[&[u8]]| digest(&SHA1_FOR_LEGACY_USE_ONLY, parts);
    let once = hash(&[password]);
    let twice = hash(&[once.as_ref()]);
    xor(&once, &hash(&[scramble, twice.as_ref()]))
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)), scramble)`.
fn caching_sha2(password: &[u8], scramble: &[u8; SCRAMBLE]) -> Secretive {
    let hash = |parts: &[&[u8]]| digest(&SHA256, parts);
    let once = hash(&[password]);
    let twice = hash(&[once.as_ref()]);
    xor(&once, &hash(&[twice.as_ref(), scramble]))
}

fn digest(algorithm: &'static aws_lc_rs::digest::Algorithm, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

fn xor(a: &Digest, b: &Digest) -> Secretive {
    Zeroizing::new(
        a.as_ref()
            .iter()
            .zip(b.as_ref())
            .map(|(a, b)| a ^ b)
            .collect(),
    )
}

/// A password for one way: to be proved on any, to be told on some.
pub(super) struct Told<'a> {
    to_prove: &'a [u8],
    secrets: &'a Secrets,
    /// Why not, on others.
    in_clear: Result<&'a [u8], Cause>,
}

impl<'a> Told<'a> {
    pub(super) fn over<S>(upstream: &Upstream<S>, host: &str, password: Password<'a>) -> Self {
        Self {
            to_prove: password.to_prove().as_bytes(),
            secrets: password.secrets(),
            in_clear: password.in_clear(upstream, host).map(str::as_bytes),
        }
    }
}

/// Answers a question of `plugin`; `false` for a plugin that we can't answer.
pub(super) async fn answer<S: Stream>(
    channel: &mut Channel<'_, MaybeTls<S>>,
    plugin: &[u8],
    question: &Answer<'_>,
    password: Told<'_>,
) -> Result<bool, Fault<MysqlFault>> {
    match question {
        Answer::Switch { data, .. } => switch(channel, plugin, data, password).await,
        Answer::MoreData(data) => more(channel, plugin, data, password).await.map(|()| true),
        _ => Ok(false),
    }
}

/// Answers a switch to the plugin `named`.
async fn switch<S: Stream>(
    channel: &mut Channel<'_, MaybeTls<S>>,
    named: &[u8],
    data: &[u8],
    password: Told<'_>,
) -> Result<bool, Fault<MysqlFault>> {
    if let plugin::CLEAR | plugin::SHA256 = named {
        whole(channel, named, password).await?;
        return Ok(true);
    }
    let answer = data
        .first_chunk()
        .and_then(|scramble| scrambled(named, password.to_prove, scramble));
    match answer {
        Some(answer) => {
            password.secrets.proof_in_bytes(&answer);
            say(channel, &answer, DOING).await.map(|()| true)
        }
        None => Ok(false),
    }
}

/// Answers what a plugin asks further.
async fn more<S: Stream>(
    channel: &mut Channel<'_, MaybeTls<S>>,
    named: &[u8],
    data: &[u8],
    password: Told<'_>,
) -> Result<(), Fault<MysqlFault>> {
    match (named, data) {
        (plugin::CACHING_SHA2, FAST_OK) => Ok(()),
        (plugin::CACHING_SHA2, FULL) => whole(channel, named, password).await,
        _ => Err(broken("more for a plugin that needs no more")),
    }
}

/// Sends the password as it is, to whom it may be told. Without TLS only one plugin takes it so; others offer an RSA key that
/// nothing vouches for.
async fn whole<S: Stream>(
    channel: &mut Channel<'_, MaybeTls<S>>,
    named: &[u8],
    password: Told<'_>,
) -> Result<(), Fault<MysqlFault>> {
    let secret = password.in_clear?;
    if named != plugin::CLEAR && !channel.leg().is_tls() {
        let error = io::Error::other(
            "the server wants the password itself, and there is no TLS to send it in",
        );
        return Err(Cause::Password(error).into());
    }
    say_clear(channel, secret, DOING).await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// Computed with MariaDB's and MySQL's own client libraries for the scramble "01234567890123456789".
    const SCRAMBLE_TEXT: &[u8; SCRAMBLE] = b"01234567890123456789";

    #[test]
    fn answers_are_those_of_mysql_common() {
        let (first, rest) = SCRAMBLE_TEXT.split_at(8);
        let nonce = [first, rest].concat();
        for password in ["secret", "pässword", "x"] {
            let password = password.as_bytes();
            let native = scrambled(plugin::NATIVE, password, SCRAMBLE_TEXT).unwrap();
            let theirs = mysql_common::scramble::scramble_native(&nonce, password).unwrap();
            assert_eq!(*native, theirs);
            let sha2 = scrambled(plugin::CACHING_SHA2, password, SCRAMBLE_TEXT).unwrap();
            let theirs = mysql_common::scramble::scramble_sha256(&nonce, password).unwrap();
            assert_eq!(*sha2, theirs);
        }
    }

    #[test]
    fn an_empty_password_is_an_empty_answer() {
        for named in [plugin::NATIVE, plugin::CACHING_SHA2] {
            assert!(scrambled(named, b"", SCRAMBLE_TEXT).unwrap().is_empty());
        }
        assert!(scrambled(plugin::SHA256, b"", SCRAMBLE_TEXT).is_none());
    }
}
