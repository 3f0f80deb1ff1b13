//! `app_password_file`: by which passwords apps come in.
//!
//! ```text
//!   # a comment
//!   ann:correct horse battery staple              the password itself
//!   :any app that knows this                      for every user that no other line names
//!   bob:SCRAM-SHA-256$4096:<salt>$<key>:<key>     what PostgreSQL keeps: rolpassword of pg_authid
//!   cyd:*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9 what MySQL keeps for mysql_native_password
//!   dee:md53175bce1d3201d16594cebf9d7eb3f9d       what PostgreSQL kept before: MD5 of password and user
//! ```
//!
//! # Invariants
//!
//! * No problem repeats anything of a line.
//! * A file that somebody else can have read or written names nobody.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::files;
use super::keys::of_route as keys;
use super::problems::Checked;
use super::section::Section;
use super::watched::Files;
use crate::route::ProtocolName;

/// Most lines with a password: each costs the work of one login when the route is opened.
const MOST_LINES: usize = 1000;
/// Most rounds of a verifier, as a client of ours takes them: a login must not cost more.
const MOST_ROUNDS: u32 = 100_000;

const SCRAM: &str = "SCRAM-SHA-256$";
const MD5: &str = "md5";

/// Whom a route lets in, and by which password.
#[derive(Default)]
pub struct AppPasswords {
    named: Vec<(Vec<u8>, AppSecret)>,
    others: Option<AppSecret>,
}

/// What is known of a password.
pub enum AppSecret {
    /// All.
    Plain(SecretString),
    /// A proof of it can be checked by SCRAM-SHA-256, and it itself.
    Scram(ScramVerifier),
    /// A proof of it can be checked by `mysql_native_password`, and it itself.
    Native(Zeroizing<[u8; 20]>),
    /// A proof of it can be checked by PostgreSQL's MD5: the digits of MD5 of password and user.
    Md5(Zeroizing<String>),
}

/// What a server keeps for SCRAM-SHA-256 (RFC 5802).
#[derive(Clone)]
pub struct ScramVerifier {
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// Told to whoever asks.
    pub salt: Vec<u8>,
    /// Checks an app's proof.
    pub stored_key: Zeroizing<[u8; 32]>,
    /// Makes ours.
    pub server_key: Zeroizing<[u8; 32]>,
}

impl AppPasswords {
    /// What is known of the password of `user`.
    pub fn of(&self, user: &[u8]) -> Option<&AppSecret> {
        let (_, secret) = self.iter().nth(self.position(user)?)?;
        Some(secret)
    }

    /// Where that stands in [`AppPasswords::iter`].
    pub fn position(&self, user: &[u8]) -> Option<usize> {
        let named = self.named.iter().position(|(known, _)| known == user);
        named.or_else(|| self.others.as_ref().map(|_| self.named.len()))
    }

    /// Every secret, with the user that it is for, if it is for one.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&[u8]>, &AppSecret)> {
        let named = self.named.iter();
        let named = named.map(|(user, secret)| (Some(user.as_slice()), secret));
        named.chain(self.others.iter().map(|secret| (None, secret)))
    }

    /// Passwords as a file has them.
    ///
    /// # Errors
    ///
    /// What is wrong with which line, without anything that stands in it.
    pub fn parse(text: &str, protocol: ProtocolName) -> Result<Self, (usize, String)> {
        let mut passwords = Self::default();
        let mut count = 0_usize;
        for (number, line) in text.split('\n').enumerate() {
            let number = number.saturating_add(1);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            count = count.saturating_add(1);
            if count > MOST_LINES {
                return Err((number, format!("more than {MOST_LINES} passwords")));
            }
            passwords
                .take(line, protocol)
                .map_err(|problem| (number, problem))?;
        }
        match count {
            0 => Err((1, "holds no line user:password".to_owned())),
            _ => Ok(passwords),
        }
    }

    fn take(&mut self, line: &str, protocol: ProtocolName) -> Result<(), String> {
        let (user, password) = line
            .split_once(':')
            .ok_or("is no user:password, nor :password")?;
        if line.contains('\0') {
            return Err("contains a NUL byte".to_owned());
        }
        let secret = AppSecret::parse(password)?;
        if let Some(why) = secret.unfit_for(protocol) {
            return Err(why.to_owned());
        }
        match user {
            "" if self.others.is_some() => Err("is the second one for any user".to_owned()),
            "" if matches!(secret, AppSecret::Md5(_)) => {
                Err("is a hash with the user's name in it, and names no user".to_owned())
            }
            "" => {
                self.others = Some(secret);
                Ok(())
            }
            _ if self.named.iter().any(|(known, _)| known == user.as_bytes()) => {
                Err("is the second one for its user".to_owned())
            }
            _ => {
                self.named.push((user.as_bytes().to_vec(), secret));
                Ok(())
            }
        }
    }
}

impl AppSecret {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("has no password behind the colon".to_owned());
        }
        if let Some(verifier) = text.strip_prefix(SCRAM) {
            let parsed = ScramVerifier::parse(verifier);
            return parsed.map(Self::Scram).ok_or_else(|| {
                format!("is no verifier SCRAM-SHA-256$<rounds, at most {MOST_ROUNDS}>:<salt>$<key>:<key>")
            });
        }
        if let Some(digits) = text.strip_prefix('*').and_then(hex::<20>) {
            return Ok(Self::Native(digits));
        }
        if let Some(digits) = text.strip_prefix(MD5)
            && hex::<16>(digits).is_some()
        {
            return Ok(Self::Md5(Zeroizing::new(digits.to_ascii_lowercase())));
        }
        Ok(Self::Plain(SecretString::from(text)))
    }

    /// Why no app of `protocol` can prove that it knows the password.
    fn unfit_for(&self, protocol: ProtocolName) -> Option<&'static str> {
        match (self, protocol) {
            (Self::Plain(_) | Self::Scram(_), _)
            | (Self::Native(_), ProtocolName::Mysql | ProtocolName::Tds)
            | (Self::Md5(_), ProtocolName::Postgres) => None,
            (Self::Native(_), ProtocolName::Postgres) => {
                Some("is a hash of MySQL's, by which no app of PostgreSQL can be checked")
            }
            (Self::Md5(_), ProtocolName::Mysql | ProtocolName::Tds) => {
                Some("is an MD5 hash of PostgreSQL's, by which only its apps can be checked")
            }
        }
    }
}

impl ScramVerifier {
    /// Reads what follows [`SCRAM`].
    fn parse(text: &str) -> Option<Self> {
        let (head, keys) = text.split_once('$')?;
        let (rounds, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let iterations = rounds.parse().ok()?;
        let salt = BASE64_STANDARD.decode(salt).ok()?;
        let is_fine = (1..=MOST_ROUNDS).contains(&iterations) && !salt.is_empty();
        is_fine.then_some(())?;
        Some(Self {
            iterations,
            salt,
            stored_key: key(stored)?,
            server_key: key(server)?,
        })
    }
}

fn key(base64: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(base64).ok()?);
    <[u8; 32]>::try_from(bytes.as_slice())
        .ok()
        .map(Zeroizing::new)
}

fn hex<const N: usize>(digits: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let is_hex = digits.len() == 2 * N && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then_some(())?;
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * at..2 * at + 2)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

/// Names are secrets, too: half of what an app must know.
impl fmt::Debug for AppPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppPasswords({} users)", self.iter().count())
    }
}

impl Drop for AppPasswords {
    fn drop(&mut self) {
        for (user, _) in &mut self.named {
            user.zeroize();
        }
    }
}

/// `app_password_file` of a route; `None` where apps come in without.
pub(super) fn read(
    section: &mut Section<'_>,
    protocol: Checked<ProtocolName>,
) -> Checked<Option<AppPasswords>> {
    let Some(file) = section.read(&keys::APP_PASSWORD_FILE)? else {
        return Ok(None);
    };
    let protocol = protocol?;
    let name = keys::APP_PASSWORD_FILE.about.name;
    let passwords =
        section.understood(name, file, |path| of_file(path, protocol, section.files()))?;
    Ok(Some(passwords.value))
}

fn of_file(
    path: &Path,
    protocol: ProtocolName,
    seen: &RefCell<Files>,
) -> Result<AppPasswords, String> {
    let text = files::only_ours(path, seen)?;
    AppPasswords::parse(&text, protocol)
        .map_err(|(line, problem)| format!("{}:{line}: {problem}", path.display()))
}
