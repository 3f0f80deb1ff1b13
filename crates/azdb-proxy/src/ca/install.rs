//! Has an authority trusted on this machine, and no longer.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use azdb_core::ToTrust;

use super::failed;
use super::known::Chosen;
use super::store::{self, Held, Store, hex};
use super::words::proposal;
use crate::args::{Consent, Scope};
use crate::exit::Exit;
use crate::output::tell;

/// What an authority without a file is told.
const NOT_KEPT: &str = "it is in the proxy's memory alone, and the next start makes another: let the proxy write to its state_dir, then trust what it \
                        keeps there";

/// Puts it into the store, when somebody has said yes.
pub(super) fn install(authority: Chosen<'_>, scope: Scope, consent: Consent) -> Exit {
    if authority.file.is_none() {
        return failed(NOT_KEPT);
    }
    let ways = opened(authority, scope);
    let installed = ways.and_then(|(store, certificate)| {
        tell(&proposal(&certificate, &authority, &*store));
        added(&*store, &certificate, &|| asked(consent))
    });
    ended(installed)
}

/// Takes it out of the store.
pub(super) fn remove(authority: Chosen<'_>, scope: Scope) -> Exit {
    let ways = opened(authority, scope);
    ended(ways.and_then(|(store, certificate)| {
        let wanted = |held: &Held| held.fingerprint == certificate.fingerprint;
        removed(&*store, &wanted)
    }))
}

/// Takes all out of the store that was put there by this program.
pub(super) fn remove_all(scope: Scope) -> Exit {
    let store = store::of(scope).map_err(End::from);
    ended(store.and_then(|store| removed(&*store, &|held| held.is_ours)))
}

/// Why nothing has come of it.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The machine would not.
    Failed(String),
    /// There was nobody to ask.
    NobodyToAsk,
    /// Somebody has said no.
    NotWanted,
}

impl From<String> for End {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

fn ended(outcome: Result<Vec<String>, End>) -> Exit {
    match outcome {
        Ok(lines) => {
            for line in lines {
                tell(&format!("azdb-proxy ca: {line}"));
            }
            Exit::Success
        }
        Err(End::Failed(why)) => failed(&why),
        Err(End::NotWanted) => failed("nothing was done"),
        Err(End::NobodyToAsk) => {
            tell(
                "azdb-proxy ca: there is no terminal to ask at: say --yes, when it is the one that you expect",
            );
            Exit::Usage
        }
    }
}

fn opened(authority: Chosen<'_>, scope: Scope) -> Result<(Box<dyn Store>, ToTrust), End> {
    let certificate = ToTrust::in_pem(authority.pem)
        .ok_or_else(|| "the authority's certificate cannot be read".to_owned())?;
    Ok((store::of(scope)?, certificate))
}

/// A person at the terminal, or the command line, says yes.
fn asked(consent: Consent) -> Result<(), End> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !stdin().is_terminal() {
        return Err(End::NobodyToAsk);
    }
    let _ = write!(stderr(), "Trust it? [y/N] ");
    let mut answer = String::new();
    match (stdin().read_line(&mut answer), answer.trim()) {
        (Ok(_), "y" | "Y" | "yes" | "Yes") => Ok(()),
        _ => Err(End::NotWanted),
    }
}

fn added(
    store: &dyn Store,
    certificate: &ToTrust,
    ask: &dyn Fn() -> Result<(), End>,
) -> Result<Vec<String>, End> {
    let held = store.held()?;
    let is_same = |held: &&Held| held.fingerprint == certificate.fingerprint;
    let mut lines = Vec::new();
    if held.iter().any(|held| is_same(&held)) {
        lines.push(format!("is trusted already: it is in {}", store.place()));
    } else {
        store.can_add()?;
        ask()?;
        store.add(certificate)?;
        lines.push(format!(
            "is trusted now: it is in {}. Programs that run see it when they start anew; azdb-proxy ca --uninstall takes it out",
            store.place()
        ));
    }
    let others = held.iter().filter(|held| held.is_ours && !is_same(held));
    lines.extend(others.map(|held| {
        format!(
            "is not alone there: one of another proxy, or of this one before its names were others, is trusted, too (SHA-256 {}); azdb-proxy ca \
             --uninstall --all takes out all",
            hex(&held.fingerprint, ":")
        )
    }));
    Ok(lines)
}

fn removed(store: &dyn Store, wanted: &dyn Fn(&Held) -> bool) -> Result<Vec<String>, End> {
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    for held in store.held()?.iter().filter(|held| wanted(held)) {
        // A user's store may show the machine's besides.
        if !seen.contains(&held.fingerprint) {
            seen.push(held.fingerprint);
            store.remove(held)?;
            let hash = hex(&held.fingerprint, ":");
            lines.push(format!("{hash} is no longer in {}", store.place()));
        }
    }
    if lines.is_empty() {
        lines.push(format!("nothing to take out of {}", store.place()));
    }
    Ok(lines)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::cell::RefCell;

    use azdb_core::LocalAuthority;

    use super::*;

    /// A store in memory.
    #[derive(Default)]
    struct Shelf {
        held: RefCell<Vec<Held>>,
        shut: Option<&'static str>,
    }

    impl Store for Shelf {
        fn place(&self) -> String {
            "the shelf".to_owned()
        }

        fn readers(&self) -> &'static str {
            "whoever looks"
        }

        fn held(&self) -> Result<Vec<Held>, String> {
            Ok(self.held.borrow().clone())
        }

        fn can_add(&self) -> Result<(), String> {
            self.shut.map_or(Ok(()), |why| Err(why.to_owned()))
        }

        fn add(&self, certificate: &ToTrust) -> Result<(), String> {
            self.held.borrow_mut().push(Held {
                fingerprint: certificate.fingerprint,
                is_ours: true,
            });
            Ok(())
        }

        fn remove(&self, held: &Held) -> Result<(), String> {
            self.held.borrow_mut().retain(|there| there != held);
            Ok(())
        }
    }

    fn certificate() -> ToTrust {
        let authority = LocalAuthority::load_or_make(None).unwrap();
        ToTrust::in_pem(authority.ca_pem()).unwrap()
    }

    #[test]
    fn it_is_added_once_after_a_yes_and_others_of_ours_are_named() {
        let (shelf, [first, second]) = (Shelf::default(), [certificate(), certificate()]);
        let no = added(&shelf, &first, &|| Err(End::NotWanted));
        assert_eq!((no, shelf.held()), (Err(End::NotWanted), Ok(vec![])));
        let lines = added(&shelf, &first, &|| Ok(())).unwrap();
        assert!(
            lines
                .concat()
                .contains("is trusted now: it is in the shelf"),
            "{lines:?}"
        );
        // Nobody is asked twice.
        let again = added(&shelf, &first, &|| Err(End::NotWanted)).unwrap();
        assert!(again.concat().contains("is trusted already"), "{again:?}");
        assert_eq!(shelf.held().unwrap().len(), 1);
        let lines = added(&shelf, &second, &|| Ok(())).unwrap();
        let hash = hex(&first.fingerprint, ":");
        assert!(lines.concat().contains(&hash), "{lines:?}");
    }

    #[test]
    fn nobody_is_asked_for_what_cannot_be() {
        let shelf = Shelf {
            shut: Some("you are not root"),
            ..Shelf::default()
        };
        let outcome = added(&shelf, &certificate(), &|| unreachable!("asked in vain"));
        assert_eq!(outcome, Err(End::Failed("you are not root".to_owned())));
    }

    #[test]
    fn what_is_taken_out_is_the_very_certificate_or_all_of_ours() {
        let (shelf, [first, second]) = (Shelf::default(), [certificate(), certificate()]);
        let theirs = Held {
            fingerprint: [7; 32],
            is_ours: false,
        };
        shelf.held.borrow_mut().push(theirs.clone());
        for certificate in [&first, &second] {
            added(&shelf, certificate, &|| Ok(())).unwrap();
        }
        removed(&shelf, &|held| held.fingerprint == first.fingerprint).unwrap();
        assert_eq!(shelf.held().unwrap().len(), 2);
        removed(&shelf, &|held| held.is_ours).unwrap();
        assert_eq!(shelf.held().unwrap(), [theirs]);
        let lines = removed(&shelf, &|held| held.is_ours).unwrap();
        assert_eq!(lines, ["nothing to take out of the shelf"]);
    }
}
