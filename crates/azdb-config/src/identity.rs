//! `[identity]` and `[identities.NAME]`: whose tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use azdb_identity::{Cloud, IdentityConfig, Selector, SourceKind};

use super::files;
use super::names::{did_you_mean, shown};
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use super::value::Value;

/// Every key of an identity.
pub(super) const KEYS: [&str; 11] = [
    "source",
    "client_id",
    "object_id",
    "resource_id",
    "tenant_id",
    "client_secret_file",
    "certificate_file",
    "command",
    "token_file",
    "cloud",
    "lazy",
];

/// The words for a cloud.
const CLOUDS: [(&str, Cloud); 3] = [
    ("public", Cloud::Public),
    ("us-government", Cloud::UsGovernment),
    ("china", Cloud::China),
];

/// The word for a cloud.
pub(super) fn cloud_name(cloud: Cloud) -> &'static str {
    CLOUDS
        .iter()
        .find(|(_, of)| *of == cloud)
        .map_or("", |(name, _)| name)
}

/// The identities of a configuration, right and wrong ones.
pub(super) struct Identities {
    default: Checked<Arc<IdentityConfig>>,
    named: BTreeMap<String, Checked<Arc<IdentityConfig>>>,
}

impl Identities {
    /// Takes `identity` and `identities` out of the document.
    pub(super) fn read(document: &mut Section<'_>) -> Self {
        let default = match document.take("identity") {
            None => Ok(Arc::default()),
            Some(written) => {
                table(document, "[identity]", "identity", written).and_then(spelled_out)
            }
        };
        Self {
            default,
            named: named(document),
        }
    }

    /// The identity of `section`, which names one or spells it out; without either, the default.
    pub(super) fn of(&self, section: &mut Section<'_>) -> Checked<Arc<IdentityConfig>> {
        match section.take("identity") {
            None => self.default.clone(),
            Some(Written {
                value: Value::Table(entries),
                spot,
            }) => spelled_out(section.inner(&section.context, &spot, entries)),
            Some(written) => {
                let name = section.as_text("identity", written)?;
                self.find(section, &name)
            }
        }
    }

    fn find(&self, section: &Section<'_>, name: &Written<String>) -> Checked<Arc<IdentityConfig>> {
        if let Some(identity) = self.named.get(&name.value) {
            return identity.clone();
        }
        let hint = did_you_mean(&name.value, self.named.keys().map(String::as_str));
        let problem = format!("there is no [identities.{}]{hint}", shown(&name.value));
        Err(section.refuse(&name.spot, "identity", problem))
    }
}

fn spelled_out(mut section: Section<'_>) -> Checked<Arc<IdentityConfig>> {
    let identity = read(&mut section);
    section.finish();
    identity.map(Arc::new)
}

fn named(document: &mut Section<'_>) -> BTreeMap<String, Checked<Arc<IdentityConfig>>> {
    let Some(written) = document.take("identities") else {
        return BTreeMap::new();
    };
    let Ok(mut tables) = table(document, "", "identities", written) else {
        return BTreeMap::new();
    };
    tables
        .drain()
        .into_iter()
        .map(|(name, written)| {
            let context = format!("[identities.{}]", shown(&name));
            let identity = table(document, &context, &name, written).and_then(spelled_out);
            (name, identity)
        })
        .collect()
}

fn table<'r>(
    document: &Section<'r>,
    context: &str,
    key: &str,
    written: Written<Value>,
) -> Checked<Section<'r>> {
    match written.value {
        Value::Table(entries) => Ok(document.inner(context, &written.spot, entries)),
        _ => Err(document.refuse(&written.spot, &shown(key), "must be a table")),
    }
}

fn read(section: &mut Section<'_>) -> Checked<IdentityConfig> {
    let spots: BTreeMap<&str, Spot> = KEYS
        .into_iter()
        .filter_map(|key| Some((key, section.spot_of(key)?)))
        .collect();
    let sources = SourceKind::ALL.map(|kind| (kind.as_str(), kind));
    let source = section.one_of("source", &sources);
    let selector = selector(section);
    let tenant_id = section.text("tenant_id");
    let client_secret_file = section.secret_path("client_secret_file");
    let certificate_file = section.secret_path("certificate_file");
    let command = command(section);
    let token_file = section.secret_path("token_file");
    let cloud = section.one_of("cloud", &CLOUDS);
    let lazy = section.boolean("lazy");

    let source = source?.map_or_else(|| implied(&spots), |source| source.value);
    let fits = fits(section, source, &spots);
    if let Ok(Some(path)) = &client_secret_file
        && let Err(problem) = files::secret(&path.value)
    {
        section.refuse(&path.spot, "client_secret_file", problem);
    }
    if let Ok(Some(path)) = &certificate_file
        && let Err(problem) = files::readable(&path.value)
    {
        section.refuse(&path.spot, "certificate_file", problem);
    }
    fits?;
    Ok(IdentityConfig {
        source,
        selector: selector?,
        tenant_id: tenant_id?.map(|tenant| tenant.value),
        client_secret_file: client_secret_file?.map(|path| path.value),
        certificate_file: certificate_file?.map(|path| path.value),
        command: command?,
        token_file: token_file?.map(|path| path.value),
        cloud: cloud?.map(|cloud| cloud.value),
        lazy: lazy?.is_some_and(|lazy| lazy.value),
    })
}

/// The source that the other keys speak of, when `source` is absent.
fn implied(spots: &BTreeMap<&str, Spot>) -> SourceKind {
    let given = |key| spots.contains_key(key);
    if given("command") {
        SourceKind::Command
    } else if given("token_file") {
        SourceKind::File
    } else if given("client_secret_file") || given("certificate_file") {
        SourceKind::ServicePrincipal
    } else {
        SourceKind::Auto
    }
}

/// The sources to which a key means something; `None` for all of them.
fn sources_of(key: &str) -> Option<&'static [SourceKind]> {
    use SourceKind::{
        AppService, Auto, AzureArc, AzureCli, AzureDeveloperCli, AzurePowershell, Command, File,
        Imds, ManagedIdentity, ServicePrincipal, WorkloadIdentity,
    };
    match key {
        "client_id" => Some(&[
            Auto,
            ManagedIdentity,
            Imds,
            AppService,
            AzureArc,
            WorkloadIdentity,
            ServicePrincipal,
        ]),
        "object_id" | "resource_id" => Some(&[Auto, ManagedIdentity, Imds, AppService, AzureArc]),
        "tenant_id" => Some(&[
            Auto,
            WorkloadIdentity,
            ServicePrincipal,
            AzureCli,
            AzureDeveloperCli,
            AzurePowershell,
        ]),
        "client_secret_file" | "certificate_file" => Some(&[ServicePrincipal]),
        "command" => Some(&[Command]),
        "token_file" => Some(&[WorkloadIdentity, File]),
        _ => None,
    }
}

/// A key that the source would not look at asks for something that would not happen.
fn fits(section: &Section<'_>, source: SourceKind, spots: &BTreeMap<&str, Spot>) -> Checked<()> {
    let mut result = Ok(());
    for (key, spot) in spots {
        if let Some(accepted) = sources_of(key)
            && !accepted.contains(&source)
        {
            let accepted: Vec<&str> = accepted.iter().map(|kind| kind.as_str()).collect();
            let problem = format!(
                "means nothing to source {source}, only to {}",
                accepted.join(", ")
            );
            result = Err(section.refuse(spot, key, problem));
        }
    }
    if let (Some(spot), true) = (
        spots.get("certificate_file"),
        spots.contains_key("client_secret_file"),
    ) {
        result = Err(section.refuse(
            spot,
            "certificate_file",
            "client_secret_file is given too: leave one out",
        ));
    }
    for (needed, by) in [
        ("command", SourceKind::Command),
        ("token_file", SourceKind::File),
    ] {
        if source == by && !spots.contains_key(needed) {
            let spot = spots.get("source").unwrap_or(&section.spot);
            result = Err(section.refuse(spot, "source", format!("{source} needs {needed}")));
        }
    }
    result
}

fn selector(section: &mut Section<'_>) -> Checked<Option<Selector>> {
    let kinds = [
        ("client_id", Selector::ClientId as fn(String) -> Selector),
        ("object_id", Selector::ObjectId),
        ("resource_id", Selector::ResourceId),
    ];
    let mut selector = Ok(None);
    for (key, kind) in kinds {
        match section.text(key) {
            Ok(None) => {}
            Ok(Some(text)) if selector == Ok(None) => selector = Ok(Some(kind(text.value))),
            Ok(Some(text)) => {
                selector = Err(section.refuse(
                    &text.spot,
                    key,
                    "only one of client_id, object_id, resource_id can be given",
                ));
            }
            Err(reported) => selector = Err(reported),
        }
    }
    selector
}

fn command(section: &mut Section<'_>) -> Checked<Vec<String>> {
    let Some(spot) = section.spot_of("command") else {
        return Ok(Vec::new());
    };
    let words = section.texts("command")?.unwrap_or_default();
    section.only_mine("command", &spot)?;
    Ok(words.into_iter().map(|word| word.value).collect())
}
