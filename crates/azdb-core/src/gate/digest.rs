//! Hashes of passwords, as each protocol makes them.

use aws_lc_rs::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::equal;

/// A hash of MySQL's.
type Sha1 = Zeroizing<[u8; 20]>;

fn sha1(parts: &[&[u8]]) -> Sha1 {
    let mut hash = Sha1::default();
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts);
    hash.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

fn digest(algorithm: &'static aws_lc_rs::digest::Algorithm, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// What servers keep for `mysql_native_password`: `SHA1(SHA1(password))`.
pub(super) fn double_sha1(password: &[u8]) -> Sha1 {
    sha1(&[&sha1(&[password])[..]])
}

/// Whether `answer` is `SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password)))`.
pub(super) fn native_fits(twice: &[u8; 20], scramble: &[u8], answer: &[u8]) -> bool {
    let mask = sha1(&[scramble, twice]);
    let once: Zeroizing<Vec<u8>> = Zeroizing::new(
        mask.iter()
            .zip(answer)
            .map(|(mask, byte)| mask ^ byte)
            .collect(),
    );
    answer.len() == mask.len() && equal(&sha1(&[&once])[..], twice)
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)), scramble)`.
pub(super) fn caching_sha2_answer(password: &[u8], scramble: &[u8]) -> Zeroizing<Vec<u8>> {
    let once = digest(&SHA256, &[password]);
    let twice = digest(&SHA256, &[once.as_ref()]);
    let mask = digest(&SHA256, &[twice.as_ref(), scramble]);
    let pairs = once.as_ref().iter().zip(mask.as_ref());
    Zeroizing::new(pairs.map(|(once, mask)| once ^ mask).collect())
}

/// `md5`, and the digits of MD5 of `digits` and `salt`.
pub(super) fn md5_answer(digits: &str, salt: [u8; 4]) -> Zeroizing<String> {
    use std::fmt::Write as _;
    let mut md5 = Md5::new();
    md5.update(digits.as_bytes());
    md5.update(salt);
    let mut answer = Zeroizing::new(String::with_capacity(35));
    answer.push_str("md5");
    for byte in md5.finalize() {
        let _ = write!(answer, "{byte:02x}");
    }
    answer
}
