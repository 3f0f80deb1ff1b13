//! Users that there are not: for each the same answers at every time, as for one that there is.
//!
//! Source: `mock_scram_secret` of PostgreSQL's `auth-scram.c`.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use azdb_config::{AppPasswords, AppSecret, ScramVerifier};
use zeroize::Zeroizing;

/// PostgreSQL's.
const ITERATIONS: u32 = 4096;
const SALT: usize = 16;

/// What makes them up.
pub(super) struct Mock {
    /// Drawn when the route is opened: nobody can tell what it makes from what is drawn.
    key: Key,
    /// As the file has them.
    iterations: u32,
    salt: usize,
}

impl Mock {
    pub(super) fn beside(passwords: Option<&AppPasswords>) -> Self {
        let mut secrets = passwords.iter().flat_map(|passwords| passwords.iter());
        let like = secrets.find_map(|(_, secret)| match secret {
            AppSecret::Scram(verifier) => Some((verifier.iterations, verifier.salt.len())),
            _ => None,
        });
        let (iterations, salt) = like.unwrap_or((ITERATIONS, SALT));
        let mut secret = Zeroizing::new([0; 32]);
        // Without randomness no login goes on, so that nothing is told with a key that somebody could know.
        let _ = aws_lc_rs::rand::fill(&mut secret[..]);
        Self {
            key: Key::new(HMAC_SHA256, &secret[..]),
            iterations,
            salt,
        }
    }

    fn made(&self, what: &[u8], user: &[u8]) -> Tag {
        sign(&self.key, &[what, user].concat())
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations
    }

    /// A salt for `user`.
    pub(super) fn salt(&self, user: &[u8]) -> Vec<u8> {
        let made = self.made(b"salt ", user);
        made.as_ref()
            .iter()
            .copied()
            .cycle()
            .take(self.salt)
            .collect()
    }

    /// What no proof fits.
    pub(super) fn verifier(&self, user: &[u8]) -> ScramVerifier {
        let mut stored_key = Zeroizing::new([0; 32]);
        stored_key.copy_from_slice(self.made(b"key ", user).as_ref());
        ScramVerifier {
            iterations: self.iterations,
            salt: self.salt(user),
            server_key: stored_key.clone(),
            stored_key,
        }
    }

    /// What no answer fits.
    pub(super) fn double_sha1(&self, user: &[u8]) -> Zeroizing<[u8; 20]> {
        let mut twice = Zeroizing::new([0; 20]);
        let made = self.made(b"hash ", user);
        twice
            .iter_mut()
            .zip(made.as_ref())
            .for_each(|(to, from)| *to = *from);
        twice
    }
}
