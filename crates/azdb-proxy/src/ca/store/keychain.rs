//! A keychain, by the system's `security`: macOS.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use azdb_core::ToTrust;

use super::tool::Tool;
use super::{Held, Store, hex};
use crate::args::Scope;

/// As `security` prints the hash of a certificate.
const HASH: &str = "SHA-256 hash: ";
/// What the certificates that proxies make are called.
const NAME: &str = "azdb-proxy on this machine";

/// A user's keychain, or the system's.
pub(super) struct Keychain {
    scope: Scope,
    file: PathBuf,
    security: Tool,
}

impl Keychain {
    /// The one of the system whose files are below `root`.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub(super) fn of(scope: Scope, root: &Path) -> Result<Self, String> {
        let file = match scope {
            Scope::Machine => root.join("Library/Keychains/System.keychain"),
            Scope::User => {
                let home = std::env::home_dir()
                    .ok_or("no home directory is known: set HOME, or say --machine")?;
                home.join("Library/Keychains/login.keychain-db")
            }
        };
        let security = Tool::find(root, "security")
            .ok_or("there is no /usr/bin/security, which keeps keychains")?;
        Ok(Self {
            scope,
            file,
            security,
        })
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        let remedy = match self.scope {
            Scope::Machine => "the system's keychain is root's to change (sudo)",
            Scope::User => "it takes a user who is logged in at the screen, and who says yes there",
        };
        let ran = self.security.run(words);
        ran.map_err(|why| format!("{why}: {remedy}"))
    }

    /// The hashes of certificates in there, of all or of those with a name like that.
    fn hashes(&self, name: &[&str]) -> Result<Vec<[u8; 32]>, String> {
        let file = self.file.to_string_lossy();
        let words = [&["find-certificate", "-a", "-Z"], name, &[&*file]].concat();
        let printed = self.run(&words)?;
        let lines = printed.lines().filter_map(|line| line.strip_prefix(HASH));
        Ok(lines.filter_map(bytes).collect())
    }
}

/// 32 bytes, from their digits.
fn bytes(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.trim().as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

impl Store for Keychain {
    fn place(&self) -> String {
        let whose = match self.scope {
            Scope::User => "this user",
            Scope::Machine => "all users of this machine",
        };
        format!("the keychain {}, for {whose}", self.file.display())
    }

    fn readers(&self) -> &'static str {
        "what asks macOS: Go, .NET, curl as it comes with the system, browsers but Firefox"
    }

    fn held(&self) -> Result<Vec<Held>, String> {
        let own = self.hashes(&["-c", NAME])?;
        let all = self.hashes(&[])?.into_iter();
        Ok(all
            .map(|fingerprint| Held {
                is_ours: own.contains(&fingerprint),
                fingerprint,
            })
            .collect())
    }

    fn can_add(&self) -> Result<(), String> {
        Ok(())
    }

    fn add(&self, certificate: &ToTrust) -> Result<(), String> {
        let cannot = |error: std::io::Error| format!("cannot write a file for it: {error}");
        let mut pem = tempfile::NamedTempFile::new().map_err(cannot)?;
        pem.write_all(certificate.pem.as_bytes()).map_err(cannot)?;
        let (pem, file) = (pem.path().to_string_lossy(), self.file.to_string_lossy());
        let whose: &[&str] = match self.scope {
            Scope::User => &[],
            Scope::Machine => &["-d"],
        };
        let words = ["-r", "trustRoot", "-p", "ssl", "-k", &file, &pem];
        self.run(&[&["add-trusted-cert"], whose, &words].concat())
            .map(drop)
    }

    fn remove(&self, held: &Held) -> Result<(), String> {
        let (hash, file) = (hex(&held.fingerprint, ""), self.file.to_string_lossy());
        // With what says that it is trusted.
        let words = ["delete-certificate", "-Z", &hash, "-t", &file];
        self.run(&words).map(drop)
    }
}
