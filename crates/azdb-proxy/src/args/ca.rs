//! Flags of `ca`: of which route, and whether it is to be trusted here.

use clap::Args as ClapArgs;

use super::AskArgs;

/// What `ca --help` says besides its flags.
pub(super) const AFTER: &str = "\
Examples:
  azdb-proxy ca > ca.pem
  sudo azdb-proxy ca --install
  azdb-proxy ca --install --machine --yes
  azdb-proxy ca --uninstall

Where --install puts it:
  Windows   the store Trusted Root Certification Authorities of this user, after
            a window of Windows' own; --machine: of the machine, by an
            administrator
  macOS     the user's login keychain; --machine: the system's, by root
  Linux     the directory of the distribution for authorities of its
            administrator, for all users, by root: /usr/local/share/
            ca-certificates (Debian, Ubuntu, Alpine), /etc/pki/ca-trust/source/
            anchors (Fedora, RHEL, Azure Linux), /etc/pki/trust/anchors (SUSE),
            /etc/ca-certificates/trust-source/anchors (Arch)
Programs that bring authorities of their own do not read it: Java, Node.js,
Firefox, Python's certifi, MySQL's clients.

Exit codes:
  0    printed, trusted, or no longer
  1    there is no authority, or the machine would not
  64   wrong arguments, or --install without a terminal and without --yes";

/// Flags of `ca`.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct CaArgs {
    /// Which route, where not all have the same
    pub(crate) route: Option<String>,
    /// Have this machine's programs trust it, after asking
    #[arg(long)]
    install: bool,
    /// Have them trust it no longer
    #[arg(long, conflicts_with = "install")]
    uninstall: bool,
    /// For all users of this machine, where a user has a store of their own (Windows, macOS)
    #[arg(long)]
    machine: bool,
    /// With --install: do not ask
    #[arg(long, requires = "install")]
    yes: bool,
    /// With --uninstall: everything that --install has ever put there, whichever proxy shows it
    #[arg(long, requires = "uninstall", conflicts_with = "route")]
    all: bool,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// What is to become of the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is printed.
    Nothing,
    /// It is to be trusted.
    Install { scope: Scope, consent: Consent },
    /// It is to be trusted no longer.
    Remove(Scope),
    /// Nor any that was installed before.
    RemoveAll(Scope),
}

/// Whose programs are to trust it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This user's, where users have a store.
    User,
    /// Everybody's.
    Machine,
}

/// Whether somebody has said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// On the command line.
    Given,
    /// Not yet.
    Asked,
}

impl CaArgs {
    /// What the flags ask for.
    pub(crate) fn change(&self) -> Change {
        let scope = match self.machine {
            true => Scope::Machine,
            false => Scope::User,
        };
        let consent = match self.yes {
            true => Consent::Given,
            false => Consent::Asked,
        };
        match (self.install, self.uninstall, self.all) {
            (true, _, _) => Change::Install { scope, consent },
            (_, true, false) => Change::Remove(scope),
            (_, true, true) => Change::RemoveAll(scope),
            _ => Change::Nothing,
        }
    }
}
