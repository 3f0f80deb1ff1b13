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
use zeroize::Zeroizing;

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

    /// By what answers of `mysql_native_password` for `user` are checked; `None` where only the password itself could be.
    pub(crate) fn native(&self, user: &[u8]) -> Option<Native> {
        let twice = match self.secret(user) {
            Some(AppSecret::Plain(password)) => {
                digest::double_sha1(password.expose_secret().as_bytes())
            }
            Some(AppSecret::Native(twice)) => twice.clone(),
            Some(AppSecret::Scram(_)) => return None,
            None if self.has(|secret| matches!(secret, AppSecret::Scram(_))) => return None,
            Some(AppSecret::Md5(_)) | None => self.gate.mock.double_sha1(user),
        };
        Some(Native(twice))
    }

    /// The same of the fast answers of `caching_sha2_password`.
    pub(crate) fn fast(&self, user: &[u8]) -> Option<Fast<'a>> {
        match self.secret(user) {
            Some(AppSecret::Plain(password)) => Some(Fast(Some(password.expose_secret()))),
            Some(AppSecret::Native(_) | AppSecret::Scram(_)) => None,
            None if self.has(|secret| !matches!(secret, AppSecret::Plain(_))) => None,
            Some(AppSecret::Md5(_)) | None => Some(Fast(None)),
        }
    }

    /// Whether `password` is the one of `user`.
    pub(crate) fn is_whole(&self, user: &[u8], password: &[u8]) -> bool {
        // The same work for every user of a file, known or not.
        let has_verifiers = self.has(|secret| matches!(secret, AppSecret::Scram(_)));
        let work = has_verifiers.then(|| {
            let verifier = self.scram(user);
            scram::knows(&verifier, password)
        });
        match self.secret(user) {
            Some(AppSecret::Plain(secret)) => {
                whole::is_same(secret.expose_secret().as_bytes(), password)
            }
            Some(AppSecret::Native(twice)) => equal(&digest::double_sha1(password)[..], &twice[..]),
            Some(AppSecret::Scram(_)) => work == Some(true),
            Some(AppSecret::Md5(_)) | None => {
                whole::is_same(b"", password);
                false
            }
        }
    }

    fn has(&self, such: fn(&AppSecret) -> bool) -> bool {
        self.passwords.iter().any(|(_, secret)| such(secret))
    }
}

/// What servers keep for `mysql_native_password`.
pub(crate) struct Native(Zeroizing<[u8; 20]>);

impl Native {
    /// Whether `answer` was made of the password and of `scramble`.
    pub(crate) fn fits(&self, scramble: &[u8], answer: &[u8]) -> bool {
        digest::native_fits(&self.0, scramble, answer)
    }
}

/// What a fast answer of `caching_sha2_password` is made of; nothing for a user that there is not.
pub(crate) struct Fast<'a>(Option<&'a str>);

impl Fast<'_> {
    /// Whether `answer` was made of the password and of `scramble`.
    pub(crate) fn fits(&self, scramble: &[u8], answer: &[u8]) -> bool {
        let password = self.0.unwrap_or_default();
        let right = digest::caching_sha2_answer(password.as_bytes(), scramble);
        equal(&right, answer) && self.0.is_some()
    }
}

/// Whether both are the same, in a time that does not tell where they differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}
