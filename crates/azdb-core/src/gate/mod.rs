//! Who may come, and by which password.
//!
//! ```text
//!   app_password_file --> AppPasswords --> Gate      what is known of them, ready for each protocol's proofs
//!                                           |
//!   an app's proof --> its turn (Throttle) --> right: in    wrong: one more against its origin
//! ```
//!
//! # Invariants
//!
//! * A proof is looked at only when it is its origin's turn.
//! * How long a look takes does not depend on how much of a proof is right.
//! * That there is no such user reads as a wrong password does.

mod digest;
mod mock;
mod scram;
#[cfg(test)]
mod tests;
mod throttle;
mod whole;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use azdb_config::route::{ProtocolName, Route};
use azdb_config::{AppPasswords, AppSecret, ScramVerifier};
use secrecy::ExposeSecret as _;

pub(crate) use digest::{caching_sha2_answer, double_sha1, native_answer};
pub(crate) use scram::{Proof, Scram, ScramError, Shown};
pub(crate) use throttle::Throttle;

use crate::socket::Peer;
use mock::Mock;

/// What a route knows of its apps' passwords.
pub(crate) struct Gate {
    /// Those of PostgreSQL's users who have a password as it is, in their order. Made ahead: an app must not see from the time
    /// it takes whether there is such a user.
    verifiers: Vec<Option<ScramVerifier>>,
    mock: Mock,
}

/// The passwords of a route that asks for them, for one app.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    gate: &'a Gate,
    passwords: &'a AppPasswords,
}

impl Gate {
    /// What `route` says.
    pub(crate) fn of(route: &Route) -> Self {
        let passwords = route.app_passwords.as_ref();
        let mock = Mock::beside(passwords);
        let ready = |secret: &AppSecret| match (route.protocol, secret) {
            (_, AppSecret::Scram(verifier)) => Some(verifier.clone()),
            (ProtocolName::Postgres, AppSecret::Plain(password)) => {
                scram::verifier_of(password.expose_secret(), &mock)
            }
            _ => None,
        };
        let entries = passwords.iter().flat_map(|passwords| passwords.iter());
        Self {
            verifiers: entries.map(|(_, secret)| ready(secret)).collect(),
            mock,
        }
    }

    /// The passwords that an app from `peer` is asked for; `None` where it comes in without.
    pub(crate) fn asks<'a>(&'a self, peer: Peer, route: &'a Route) -> Option<Asked<'a>> {
        let passwords = route.app_passwords.as_ref()?;
        (peer != Peer::InProcess).then_some(Asked {
            gate: self,
            passwords,
        })
    }
}

impl<'a> Asked<'a> {
    fn secret(&self, user: &[u8]) -> Option<&'a AppSecret> {
        self.passwords.of(user)
    }

    /// The digits by which PostgreSQL's MD5 is checked, where the file has nothing else for `user`.
    pub(crate) fn md5(&self, user: &[u8]) -> Option<&'a str> {
        match self.secret(user)? {
            AppSecret::Md5(digits) => Some(digits),
            _ => None,
        }
    }

    /// Whether `answer` is MD5 of the digits and `salt`, as an app of PostgreSQL says it.
    pub(crate) fn is_md5(digits: &str, salt: [u8; 4], answer: &[u8]) -> bool {
        equal(digest::md5_answer(digits, salt).as_bytes(), answer)
    }

    /// What SCRAM is spoken with for `user`: for one that there is not, with something that nobody can prove.
    pub(crate) fn scram(&self, user: &[u8]) -> ScramVerifier {
        let known = self.passwords.position(user);
        let known = known.and_then(|at| self.gate.verifiers.get(at)?.clone());
        known.unwrap_or_else(|| self.gate.mock.verifier(user))
    }

    /// Whether `answer` proves by `mysql_native_password` that an app knows the password of `user`; `None` where only the password
    /// itself could.
    pub(crate) fn is_native(&self, user: &[u8], scramble: &[u8], answer: &[u8]) -> Option<bool> {
        let twice = match self.secret(user) {
            Some(AppSecret::Plain(password)) => double_sha1(password.expose_secret().as_bytes()),
            Some(AppSecret::Native(twice)) => twice.clone(),
            Some(AppSecret::Scram(_)) => return None,
            Some(AppSecret::Md5(_)) => return Some(false),
            None if self.has_verifiers() => return None,
            None => self.gate.mock.double_sha1(user),
        };
        Some(native_answer(&twice, scramble, answer))
    }

    /// The same by the fast answer of `caching_sha2_password`.
    pub(crate) fn is_caching_sha2(
        &self,
        user: &[u8],
        scramble: &[u8],
        answer: &[u8],
    ) -> Option<bool> {
        match self.secret(user) {
            Some(AppSecret::Plain(password)) => {
                let right = caching_sha2_answer(password.expose_secret().as_bytes(), scramble);
                Some(equal(&right, answer))
            }
            Some(AppSecret::Native(_) | AppSecret::Scram(_)) => None,
            Some(AppSecret::Md5(_)) => Some(false),
            None => self.has_no_hashes().then_some(false),
        }
    }

    /// Whether `password` is the one of `user`.
    pub(crate) fn is_whole(&self, user: &[u8], password: &[u8]) -> bool {
        // The same work for every user of a file, known or not.
        let work = (self.has_verifiers()).then(|| {
            let verifier = self.scram(user);
            scram::knows(&verifier, password)
        });
        match self.secret(user) {
            Some(AppSecret::Plain(secret)) => {
                whole::is_same(secret.expose_secret().as_bytes(), password)
            }
            Some(AppSecret::Native(twice)) => equal(&double_sha1(password)[..], &twice[..]),
            Some(AppSecret::Scram(_)) => work == Some(true),
            Some(AppSecret::Md5(_)) | None => {
                whole::is_same(b"", password);
                false
            }
        }
    }

    fn has_verifiers(&self) -> bool {
        let mut secrets = self.passwords.iter();
        secrets.any(|(_, secret)| matches!(secret, AppSecret::Scram(_)))
    }

    fn has_no_hashes(&self) -> bool {
        let mut secrets = self.passwords.iter();
        secrets.all(|(_, secret)| matches!(secret, AppSecret::Plain(_)))
    }
}

/// Whether both are the same, in a time that does not tell where they differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}
