//! The store of trusted roots: Windows.

use std::io;

use azdb_core::ToTrust;
use schannel::cert_context::CertContext;
use schannel::cert_store::{CertAdd, CertStore, CertStoreBuilder};

use super::{Held, MARK, Store};
use crate::args::Scope;

/// As Windows calls it.
const STORE: &str = "Root";
/// Windows' own numbers of errors.
const ACCESS_DENIED: i32 = 5;
const CANCELLED: i32 = 1223;

/// The store of this user or this machine.
///
/// # Errors
///
/// None: whether it can be opened is seen when it is.
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere there may be none: the other half has errors"
)]
pub(in crate::ca) fn of(scope: Scope) -> Result<Box<dyn Store>, String> {
    Ok(Box::new(Roots(scope)))
}

struct Roots(Scope);

impl Roots {
    fn open(&self, how: &CertStoreBuilder) -> Result<CertStore, String> {
        let opened = match self.0 {
            Scope::User => how.open_current_user(STORE),
            Scope::Machine => how.open_local_machine(STORE),
        };
        opened.map_err(|error| self.cannot("open", &error))
    }

    fn cannot(&self, what: &str, error: &io::Error) -> String {
        let remedy = match (error.raw_os_error(), self.0) {
            (Some(ACCESS_DENIED), Scope::Machine) => {
                ": the machine's store is its administrators' to change; run it in a prompt that was opened with \"Run as administrator\""
            }
            (Some(ACCESS_DENIED), Scope::User) => {
                ": Windows asks this user in a window, which takes a user who is logged in at the screen; or say --machine, as administrator"
            }
            (Some(CANCELLED), _) => ": the window that Windows has shown was not answered with Yes",
            _ => "",
        };
        format!("cannot {what} {}: {error}{remedy}", self.place())
    }

    /// What is in a store that was opened, each with what it says of itself.
    fn read(store: &CertStore) -> impl Iterator<Item = (CertContext, Held)> {
        store.certs().map(|context| {
            let held = Held {
                fingerprint: ToTrust::fingerprint_of(context.to_der()),
                is_ours: context.friendly_name().is_ok_and(|name| name == MARK),
            };
            (context, held)
        })
    }

    /// What is in the machine's store, which stands in a user's, too.
    fn beneath(&self) -> Result<Vec<[u8; 32]>, String> {
        if self.0 == Scope::Machine {
            return Ok(Vec::new());
        }
        let store = Self(Scope::Machine).open(CertStoreBuilder::new().read_only())?;
        let read = Self::read(&store);
        Ok(read.map(|(_, held)| held.fingerprint).collect())
    }
}

impl Store for Roots {
    fn place(&self) -> String {
        let (whose, console) = match self.0 {
            Scope::User => ("this user", "certmgr.msc"),
            Scope::Machine => ("all users of this machine", "certlm.msc"),
        };
        format!("the store Trusted Root Certification Authorities ({console}), for {whose}")
    }

    fn readers(&self) -> &'static str {
        "what takes TLS from Windows: Microsoft's ODBC and OLE DB drivers, .NET, PowerShell, browsers but Firefox; Go, too"
    }

    fn held(&self) -> Result<Vec<Held>, String> {
        let store = self.open(CertStoreBuilder::new().read_only())?;
        let mut beneath = self.beneath()?;
        let mut held: Vec<Held> = Self::read(&store).map(|(_, held)| held).collect();
        // A user's own stand first. What is left is the machine's: trusted, and not ours to take out here.
        for held in held.iter_mut().rev() {
            if let Some(at) = beneath.iter().position(|there| *there == held.fingerprint) {
                beneath.swap_remove(at);
                held.is_ours = false;
            }
        }
        Ok(held)
    }

    fn can_add(&self) -> Result<(), String> {
        self.open(&CertStoreBuilder::new()).map(drop)
    }

    fn add(&self, certificate: &ToTrust) -> Result<(), String> {
        let mut store = self.open(&CertStoreBuilder::new())?;
        let added = CertContext::new(&certificate.der).and_then(|context| {
            context.set_friendly_name(MARK)?;
            store.add_cert(&context, CertAdd::ReplaceExisting)?;
            azdb_windows::store::commit(&store)
        });
        added.map_err(|error| self.cannot("write to", &error))
    }

    fn remove(&self, held: &Held) -> Result<(), String> {
        let store = self.open(&CertStoreBuilder::new())?;
        let is_it = |fingerprint: &[u8; 32]| *fingerprint == held.fingerprint;
        let found: Vec<CertContext> = Self::read(&store)
            .filter(|(_, there)| is_it(&there.fingerprint))
            .map(|(context, _)| context)
            .collect();
        let beneath = self.beneath()?;
        let beneath = beneath.iter().filter(|there| is_it(there)).count();
        match found.into_iter().rev().nth(beneath) {
            Some(own) => own
                .delete()
                .and_then(|()| azdb_windows::store::commit(&store))
                .map_err(|error| self.cannot("remove from", &error)),
            None if beneath == 0 => Ok(()),
            None => Err(
                "it is in the machine's store, not in this user's: say --machine, as administrator"
                    .to_owned(),
            ),
        }
    }
}
