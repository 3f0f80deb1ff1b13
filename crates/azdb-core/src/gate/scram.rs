//! SCRAM-SHA-256, as a server speaks it (RFC 5802, RFC 7677).
//!
//! ```text
//!   app                                                azdb-proxy
//!    | -- n,,n=,r=<nonce> ------------------------------> |
//!    | <- r=<nonce><more>,s=<salt>,i=<rounds> ----------- |
//!    | -- c=<binding>,r=<nonce><more>,p=<proof> --------> |   H(proof XOR HMAC(StoredKey, all that)) = StoredKey
//!    | <- v=<HMAC(ServerKey, all that)> ----------------- |
//! ```

use std::num::NonZeroU32;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::pbkdf2;
use azdb_config::ScramVerifier;
use azdb_wire::postgres::{
    Binding, ClientFinal, ClientFirst, END_POINT, MessageError, server_final, server_first,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::equal;
use super::mock::Mock;

/// Random bytes of our half of the nonce, as PostgreSQL draws them.
const NONCE: usize = 18;

/// What an app has been shown over TLS: the hashes of the certificates that are ours, by any of which it may bind (RFC 5929).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shown<'a> {
    /// Nothing: there is no TLS.
    Nothing,
    /// One of these, and SCRAM without binding was all that was offered, or both were.
    Certificates(&'a [Vec<u8>]),
}

/// Why a conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScramError {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("a mechanism that was not offered")]
    Mechanism,
    /// Somebody may have cut our offer out.
    #[error("channel binding that was not negotiated as it was offered")]
    Binding,
    #[error("no random bytes")]
    NoRandomness,
}

/// A conversation of which we have said our first.
pub(crate) struct Scram {
    verifier: ScramVerifier,
    header: Vec<u8>,
    is_bound: bool,
    nonce: String,
    /// What the app said first, and we.
    said: Vec<u8>,
}

/// What an app's last message says.
pub(crate) enum Proof {
    /// It knows the password: our own proof.
    Right(String),
    /// It does not.
    Wrong,
}

impl Scram {
    /// Answers an app's first message. Returns the answer.
    pub(crate) fn begin(
        verifier: ScramVerifier,
        message: &[u8],
        plus: bool,
        shown: Shown<'_>,
    ) -> Result<(Self, String), ScramError> {
        let first = ClientFirst::parse(message)?;
        let is_bound = match (first.binding, plus, shown) {
            (Binding::Unknown, false, _) | (Binding::NotOffered, false, Shown::Nothing) => false,
            (Binding::Named(END_POINT), true, Shown::Certificates(_)) => true,
            _ => return Err(ScramError::Binding),
        };
        let mut random = [0; NONCE];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| ScramError::NoRandomness)?;
        let mut nonce = String::from_utf8_lossy(first.nonce).into_owned();
        BASE64_STANDARD.encode_string(random, &mut nonce);
        let answer = Self::answer(&nonce, &verifier);
        let said = [first.bare, b",", answer.as_bytes(), b","].concat();
        let scram = Self {
            header: first.header.to_vec(),
            is_bound,
            nonce,
            said,
            verifier,
        };
        Ok((scram, answer))
    }

    /// A conversation that is known, whose app has said `bare` first.
    #[cfg(test)]
    pub(super) fn resumed(verifier: ScramVerifier, nonce: &str, bare: &[u8]) -> Self {
        let answer = Self::answer(nonce, &verifier);
        Self {
            header: b"n,,".to_vec(),
            is_bound: false,
            nonce: nonce.to_owned(),
            said: [bare, b",", answer.as_bytes(), b","].concat(),
            verifier,
        }
    }

    fn answer(nonce: &str, verifier: &ScramVerifier) -> String {
        let salt = BASE64_STANDARD.encode(&verifier.salt);
        server_first(nonce, &salt, verifier.iterations)
    }

    /// Looks at an app's last message.
    pub(crate) fn end(&self, message: &[u8], shown: Shown<'_>) -> Result<Proof, ScramError> {
        let last = ClientFinal::parse(message)?;
        let malformed = |_| MessageError::Malformed("SCRAM message");
        let binding = BASE64_STANDARD.decode(last.binding).map_err(malformed)?;
        let bound = binding.strip_prefix(self.header.as_slice());
        let is_binding = match (bound, self.is_bound, shown) {
            (Some([]), false, _) => true,
            (Some(hash), true, Shown::Certificates(hashes)) => {
                hashes.iter().any(|ours| equal(ours, hash))
            }
            _ => false,
        };
        if !is_binding || last.nonce != self.nonce.as_bytes() {
            return Err(ScramError::Binding);
        }
        let proof = BASE64_STANDARD.decode(last.proof).map_err(malformed)?;
        let said = [self.said.as_slice(), last.without_proof].concat();
        let signature = sign(&Key::new(HMAC_SHA256, &self.verifier.stored_key[..]), &said);
        let client_key: Zeroizing<Vec<u8>> = Zeroizing::new(
            proof
                .iter()
                .zip(signature.as_ref())
                .map(|(proof, byte)| proof ^ byte)
                .collect(),
        );
        let stored = digest(&SHA256, &client_key);
        if proof.len() != signature.as_ref().len()
            || !equal(stored.as_ref(), &self.verifier.stored_key[..])
        {
            return Ok(Proof::Wrong);
        }
        let ours = sign(&Key::new(HMAC_SHA256, &self.verifier.server_key[..]), &said);
        Ok(Proof::Right(server_final(&BASE64_STANDARD.encode(ours))))
    }
}

/// What PostgreSQL would keep of this password; `None` for one that nobody could type.
pub(super) fn verifier_of(password: &str, mock: &Mock) -> Option<ScramVerifier> {
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).ok()?;
    verifier_with(password.as_bytes(), &salt, mock.iterations())
}

fn verifier_with(password: &[u8], salt: &[u8], iterations: u32) -> Option<ScramVerifier> {
    let rounds = NonZeroU32::new(iterations)?;
    let mut salted = Zeroizing::new([0; 32]);
    let password = prepared(password);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        &password,
        &mut salted[..],
    );
    let salted = Key::new(HMAC_SHA256, &salted[..]);
    let client_key = sign(&salted, b"Client Key");
    let mut verifier = ScramVerifier {
        iterations,
        salt: salt.to_vec(),
        stored_key: Zeroizing::default(),
        server_key: Zeroizing::default(),
    };
    let stored = digest(&SHA256, client_key.as_ref());
    verifier.stored_key.copy_from_slice(stored.as_ref());
    let server_key = sign(&salted, b"Server Key");
    verifier.server_key.copy_from_slice(server_key.as_ref());
    Some(verifier)
}

/// Whether whoever says `password` could prove to know what `verifier` was made of.
pub(super) fn knows(verifier: &ScramVerifier, password: &[u8]) -> bool {
    verifier_with(password, &verifier.salt, verifier.iterations)
        .is_some_and(|made| equal(&made.stored_key[..], &verifier.stored_key[..]))
}

/// In the form in which it is hashed. What has none is hashed as it is, as PostgreSQL does.
fn prepared(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = str::from_utf8(password).ok();
    let prepared = text.and_then(|text| stringprep::saslprep(text).ok());
    Zeroizing::new(match prepared {
        Some(prepared) => prepared.into_owned().into_bytes(),
        None => password.to_vec(),
    })
}
