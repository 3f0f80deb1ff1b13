//! A directory of authorities, and the tool that makes the system's bundle of them: Linux.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use azdb_core::ToTrust;

use super::tool::Tool;
use super::{Held, MARK, Store, hex};

/// Where a family of distributions has its administrator put authorities.
struct Family {
    directory: &'static str,
    tool: &'static str,
    /// What the tool is told after something was added.
    added: &'static [&'static str],
    /// What it is told to forget what is there no longer.
    removed: &'static [&'static str],
    /// What to install where the tool is missing.
    package: &'static str,
}

const FAMILIES: [Family; 4] = [
    // Fedora, RHEL and its kin, Azure Linux.
    Family {
        directory: "etc/pki/ca-trust/source/anchors",
        tool: "update-ca-trust",
        added: &["extract"],
        removed: &["extract"],
        package: "ca-certificates",
    },
    // Arch.
    Family {
        directory: "etc/ca-certificates/trust-source/anchors",
        tool: "update-ca-trust",
        added: &[],
        removed: &[],
        package: "ca-certificates-utils",
    },
    // SUSE.
    Family {
        directory: "etc/pki/trust/anchors",
        tool: "update-ca-certificates",
        added: &[],
        removed: &["--fresh"],
        package: "ca-certificates",
    },
    // Debian, Ubuntu, Alpine.
    Family {
        directory: "usr/local/share/ca-certificates",
        tool: "update-ca-certificates",
        added: &[],
        removed: &["--fresh"],
        package: "ca-certificates",
    },
];

/// The one of this system.
pub(super) struct Anchors {
    directory: PathBuf,
    tool: Tool,
    family: &'static Family,
}

impl Anchors {
    /// The one of the system whose files are below `root`.
    ///
    /// # Errors
    ///
    /// That there is none, with what would be one.
    pub(super) fn below(root: &Path) -> Result<Self, String> {
        let there = FAMILIES
            .iter()
            .filter(|family| root.join(family.directory).is_dir());
        let mut lacks = None;
        for family in there {
            let directory = root.join(family.directory);
            match Tool::find(root, family.tool) {
                Some(tool) => {
                    return Ok(Self {
                        directory,
                        tool,
                        family,
                    });
                }
                None => {
                    lacks = lacks.or(Some(format!(
                        "{} is there, but not the tool that reads it, {}: install the package {}",
                        directory.display(),
                        family.tool,
                        family.package
                    )));
                }
            }
        }
        Err(lacks.unwrap_or_else(|| {
            let places = FAMILIES.map(|family| root.join(family.directory).display().to_string());
            format!(
                "this system has none of the directories for authorities of its administrator ({}): install the package ca-certificates, or give \
                 what `azdb-proxy ca` prints to the apps themselves (NixOS: security.pki.certificateFiles)",
                places.join(", ")
            )
        }))
    }

    /// Its file of a certificate. Each has its own: several proxies of a machine may have several authorities.
    fn file(&self, fingerprint: &[u8; 32]) -> PathBuf {
        let beginning = fingerprint.get(..8).unwrap_or_default();
        let name = format!("{MARK}-{}.crt", hex(beginning, "").to_lowercase());
        self.directory.join(name)
    }

    fn cannot(&self, what: &str, path: &Path, error: &io::Error) -> String {
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => ": run it as root (sudo)",
            io::ErrorKind::ReadOnlyFilesystem => {
                ": the system's files cannot be written here, as in a container with a read-only root; put the certificate into its image"
            }
            _ => "",
        };
        format!("cannot {what} {}: {error}{remedy}", path.display())
    }

    /// Writes the file whole, or not at all.
    fn write(&self, certificate: &ToTrust, path: &Path) -> io::Result<()> {
        // Its end is not that of a certificate's file: no tool takes it for one.
        let mut file = tempfile::Builder::new()
            .prefix(".azdb-proxy")
            .suffix(".new")
            .tempfile_in(&self.directory)?;
        file.write_all(certificate.pem.as_bytes())?;
        // Every user's programs read it.
        let everybody = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(everybody)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

impl Store for Anchors {
    fn place(&self) -> String {
        format!(
            "{}, by {}, for all users of this machine",
            self.directory.display(),
            self.family.tool
        )
    }

    fn readers(&self) -> &'static str {
        "what takes OpenSSL's or GnuTLS's default authorities: curl, PHP, Ruby, Go, .NET, Microsoft's ODBC driver, psql 16 and later with \
         sslrootcert=system, FreeTDS with `ca file = system`"
    }

    fn held(&self) -> Result<Vec<Held>, String> {
        let cannot = |error: io::Error| self.cannot("read", &self.directory, &error);
        let mut held = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let read = fs::read_to_string(&path).unwrap_or_default();
            let Some(certificate) = ToTrust::in_pem(&read) else {
                continue;
            };
            held.push(Held {
                is_ours: path == self.file(&certificate.fingerprint),
                fingerprint: certificate.fingerprint,
            });
        }
        Ok(held)
    }

    fn can_add(&self) -> Result<(), String> {
        let tried = tempfile::Builder::new()
            .prefix(".azdb-proxy")
            .suffix(".new")
            .tempfile_in(&self.directory);
        tried
            .map(drop)
            .map_err(|error| self.cannot("write to", &self.directory, &error))
    }

    fn add(&self, certificate: &ToTrust) -> Result<(), String> {
        let path = self.file(&certificate.fingerprint);
        self.write(certificate, &path)
            .map_err(|error| self.cannot("write", &path, &error))?;
        self.tool.run(self.family.added).map(drop).inspect_err(|_| {
            // All or nothing: the next run of the tool must not do by itself what this one has not.
            let _ = fs::remove_file(&path);
        })
    }

    fn remove(&self, held: &Held) -> Result<(), String> {
        let path = self.file(&held.fingerprint);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!(
                    "it is in {} by another name than {}: remove that file, and run {}",
                    self.directory.display(),
                    path.display(),
                    self.family.tool
                ));
            }
            removed => removed.map_err(|error| self.cannot("remove", &path, &error))?,
        }
        self.tool.run(self.family.removed).map(drop).map_err(|why| {
            format!(
                "{} is removed, but not from the system's bundle: {why}",
                path.display()
            )
        })
    }
}
