//! `[identity]` and `[identities.NAME]`: whose tokens.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use azdb_identity::{ClientSecret, IdentityConfig, Selector, SourceKind};

use secrecy::ExposeSecret;

use super::clouds;
use super::files;
use super::keys::of_document::{IDENTITIES, IDENTITY};
use super::keys::{Fact, Key, Secret, ValueKind, of_identity as keys};
use super::names::{did_you_mean, shown};
use super::problems::{Checked, Findings, Spot, Written};
use super::section::Section;
use super::value::Value;

/// The identities of a configuration, right and wrong ones.
pub(super) struct Identities {
    default: Identity,
    named: BTreeMap<String, Identity>,
}

/// One of them.
struct Identity {
    /// Where it is written; `None` for the default when nobody wrote one.
    spot: Option<Spot>,
    checked: Checked<Arc<IdentityConfig>>,
    /// Whether a route takes it.
    taken: Cell<bool>,
}

impl Identity {
    fn of(written: Checked<Option<Section<'_>>>, name: Option<&str>) -> Self {
        let (spot, checked) = match written {
            Ok(None) => (None, Ok(Arc::default())),
            Ok(Some(section)) => (Some(section.spot.clone()), spelled_out(section, name)),
            Err(reported) => (None, Err(reported)),
        };
        Self {
            spot,
            checked,
            taken: Cell::new(false),
        }
    }

    fn take(&self) -> Checked<Arc<IdentityConfig>> {
        self.taken.set(true);
        self.checked.clone()
    }

    fn is_needless(&self) -> bool {
        self.spot.is_some() && !self.taken.get()
    }
}

impl Identities {
    /// Takes `identity` and `identities` out of the document.
    pub(super) fn read(document: &mut Section<'_>) -> Self {
        Self {
            default: Identity::of(document.table(&IDENTITY), None),
            named: named(document),
        }
    }

    /// The identity of `section`, which names one or spells it out under `key`; without either, the default.
    pub(super) fn of(
        &self,
        section: &mut Section<'_>,
        key: &Key<impl ValueKind<Value = Value>>,
    ) -> Checked<Arc<IdentityConfig>> {
        let Some(Written { value, spot }) = section.read(key)? else {
            return self.default.take();
        };
        if let Value::Table(value) = value {
            let written = Written { value, spot };
            return spelled_out(section.nested(&keys::TABLE, written), None);
        }
        let name = section.as_text(key.about.name, Written { value, spot })?;
        if let Some(identity) = self.named.get(&name.value) {
            return identity.take();
        }
        let hint = did_you_mean(&name.value, self.named.keys().map(String::as_str));
        let problem = format!("there is no [identities.{}]{hint}", shown(&name.value));
        Err(section.refuse(&name.spot, key.about.name, problem))
    }

    /// Warns of those that no route takes.
    pub(super) fn warn_of_needless(&self, report: &Findings) {
        let named = self.named.iter();
        let named = named.map(|(name, identity)| (context(name), identity));
        for (context, identity) in
            std::iter::once(("[identity]".to_owned(), &self.default)).chain(named)
        {
            if let Some(spot) = identity.spot.as_ref().filter(|_| identity.is_needless()) {
                report.warn(spot, &context, "no route uses it");
            }
        }
    }
}

fn context(name: &str) -> String {
    format!("[identities.{}]", shown(name))
}

fn named(document: &mut Section<'_>) -> BTreeMap<String, Identity> {
    let Ok(Some(Written { value, spot })) = document.read(&IDENTITIES) else {
        return BTreeMap::new();
    };
    let Value::Table(tables) = value else {
        document.refuse(&spot, "identities", "must be a table");
        return BTreeMap::new();
    };
    let identity = |name: &str, written| {
        let section = document.inner(&keys::TABLE, &context(name), &shown(name), written);
        Identity::of(section.map(Some), Some(name))
    };
    tables
        .into_iter()
        .map(|(name, written)| (name.clone(), identity(&name, written)))
        .collect()
}

fn spelled_out(mut section: Section<'_>, name: Option<&str>) -> Checked<Arc<IdentityConfig>> {
    let identity = read(&mut section);
    section.finish();
    let name = name.map(str::to_owned);
    identity.map(|identity| Arc::new(IdentityConfig { name, ..identity }))
}

fn read(section: &mut Section<'_>) -> Checked<IdentityConfig> {
    let spot = section.spot_of(&keys::SOURCE);
    let source = match section.read(&keys::SOURCE) {
        Ok(source) => Ok(source.map_or_else(|| implied(section), |source| source.value)),
        Err(reported) => Err(reported),
    };
    if let Ok(source) = source {
        needed(section, source, spot.as_ref());
        section.know(&Fact::Source(source));
    }
    let selector = selector(section);
    let tenant_id = section.read(&keys::TENANT_ID);
    let client_secret_file = section.read(&keys::CLIENT_SECRET_FILE);
    let certificate_file = section.read(&keys::CERTIFICATE_FILE);
    let command = section.read(&keys::COMMAND);
    let token_file = section.read(&keys::TOKEN_FILE);
    let authority_proxy = section.read(&keys::AUTHORITY_PROXY);
    let cloud = clouds::read(section);
    let lazy = section.value(&keys::LAZY);

    if let Ok(Some(written)) = &client_secret_file
        && let Secret::File(path) = &written.value
        && let Err(problem) =
            files::rereadable(path).and_then(|()| files::secret(path, section.files()).map(drop))
    {
        section.refuse(&written.spot, "client_secret_file", problem);
    }
    if let Ok(Some(path)) = &certificate_file {
        if matches!(client_secret_file, Ok(Some(_))) {
            let problem = "client_secret_file is given too: leave one out";
            section.refuse(&path.spot, "certificate_file", problem);
        }
        section.files().borrow_mut().look(&path.value);
        if let Err(problem) = files::rereadable(&path.value) {
            section.refuse(&path.spot, "certificate_file", problem);
        }
    }
    let path = |path: Option<Written<PathBuf>>| path.map(|path| path.value);
    let (client_secret_file, client_secret) = match client_secret_file?.map(|written| written.value)
    {
        None => (None, None),
        Some(Secret::File(path)) => (Some(path), None),
        Some(Secret::Given(secret)) => (None, Some(ClientSecret::new(secret.expose_secret()))),
    };
    Ok(IdentityConfig {
        name: None,
        source: source?,
        selector: selector?,
        tenant_id: tenant_id?.map(|tenant| tenant.value),
        client_secret_file,
        client_secret,
        certificate_file: path(certificate_file?),
        command: command?.map(|command| command.value).unwrap_or_default(),
        token_file: path(token_file?),
        authority_proxy: authority_proxy?.map(|proxy| proxy.value),
        cloud: cloud?,
        lazy: lazy?,
    })
}

/// The source that the other keys speak of, when `source` is absent.
fn implied(section: &Section<'_>) -> SourceKind {
    if section.has(&keys::COMMAND) {
        SourceKind::Command
    } else if section.has(&keys::TOKEN_FILE) {
        SourceKind::File
    } else if section.has(&keys::CLIENT_SECRET_FILE) || section.has(&keys::CERTIFICATE_FILE) {
        SourceKind::ServicePrincipal
    } else {
        SourceKind::Auto
    }
}

/// Two sources are nothing without a key of their own.
fn needed(section: &Section<'_>, source: SourceKind, spot: Option<&Spot>) {
    let missing = match source {
        SourceKind::Command if !section.has(&keys::COMMAND) => "command",
        SourceKind::File if !section.has(&keys::TOKEN_FILE) => "token_file",
        _ => return,
    };
    let spot = spot.unwrap_or(&section.spot);
    section.refuse(spot, "source", format!("{source} needs {missing}"));
}

fn selector(section: &mut Section<'_>) -> Checked<Option<Selector>> {
    let mut selector = Ok(None);
    for key in [&keys::CLIENT_ID, &keys::OBJECT_ID, &keys::RESOURCE_ID] {
        match section.read(key) {
            Ok(None) => {}
            Ok(Some(given)) if selector == Ok(None) => selector = Ok(Some(given.value)),
            Ok(Some(given)) => {
                let problem = "only one of client_id, object_id, resource_id can be given";
                selector = Err(section.refuse(&given.spot, key.about.name, problem));
            }
            Err(reported) => selector = Err(reported),
        }
    }
    selector
}
