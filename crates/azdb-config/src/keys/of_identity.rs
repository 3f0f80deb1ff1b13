//! `[identity]` and `[identities.NAME]`.

use azdb_identity::SourceKind::{
    self, AppService, Auto, AzureArc, AzureCli, AzureDeveloperCli, AzurePowershell, Command, File,
    Imds, ManagedIdentity, ServicePrincipal, WorkloadIdentity,
};
use azdb_identity::{AuthorityProxy, NoProxyUrl, Selector};

use super::kinds::{Parsed, Raw, SecretIn, SecretPath, Switch, TEXT, Word};
use super::lists::CommandLine;
use super::{Form, Literal, Needs, Table, key, keys, of_cloud};
use crate::clouds::CLOUD_NAMES;

/// An identity.
pub(crate) static TABLE: Table = Table {
    name: "identity",
    title: "[identity] or [identities.NAME]",
    parts: &[KEYS],
};

const MANAGED: Needs = Needs::Sources(&[Auto, ManagedIdentity, Imds, AppService, AzureArc]);
const APP_REGISTRATION: Needs = Needs::Sources(&[ServicePrincipal]);

keys! { KEYS {
    SOURCE: Word<SourceKind> = Word(&SourceKind::ALL, SourceKind::as_str),
        key("source", "where tokens come from; without it, the keys that belong to one source choose that one").or(Literal::Text("auto"));
    CLIENT_ID: Parsed<Selector> = Parsed("text", |id| Ok(Selector::ClientId(id.to_owned()))),
        key("client_id", "the user-assigned identity, or the app registration, by client (application) id")
            .needs(&[Needs::Sources(&[Auto, ManagedIdentity, Imds, AppService, AzureArc, WorkloadIdentity, ServicePrincipal])]);
    OBJECT_ID: Parsed<Selector> = Parsed("text", |id| Ok(Selector::ObjectId(id.to_owned()))),
        key("object_id", "the user-assigned identity by object (principal) id").needs(&[MANAGED]);
    RESOURCE_ID: Parsed<Selector> = Parsed("`/subscriptions/…`", |id| Ok(Selector::ResourceId(id.to_owned()))),
        key("resource_id", "the user-assigned identity by resource id; at most one of the three").needs(&[MANAGED]);
    TENANT_ID: Parsed<String> = TEXT,
        key("tenant_id", "the tenant")
            .or_else("`$AZURE_TENANT_ID`; developer sources: the tenant of the sign-in")
            .needs(&[Needs::Sources(&[Auto, WorkloadIdentity, ServicePrincipal, AzureCli, AzureDeveloperCli, AzurePowershell])]);
    CLIENT_SECRET_FILE: SecretIn = SecretIn,
        key("client_secret_file", "file with the secret of an app registration; chooses `service-principal`").needs(&[APP_REGISTRATION]);
    CERTIFICATE_FILE: SecretPath = SecretPath,
        key("certificate_file", "PEM file with its certificate and private key; chooses `service-principal`").needs(&[APP_REGISTRATION]);
    COMMAND: CommandLine = CommandLine,
        key("command", "prints a token; chooses `command`").needs(&[Needs::Sources(&[Command])]).in_files_only();
    TOKEN_FILE: SecretPath = SecretPath,
        key("token_file", "file that holds a token; chooses `file`. With `workload-identity`: the federated token")
            .needs(&[Needs::Sources(&[WorkloadIdentity, File])]);
    AUTHORITY_PROXY: Parsed<AuthorityProxy> = Parsed("`http://[user:password@]host:port` or `env`", |url| url.parse().map_err(|error: NoProxyUrl| error.to_string())),
        key("authority_proxy", "HTTP proxy on the way to Entra's authority, by CONNECT: it sees a host name, no secret and no token. `env`: what `HTTPS_PROXY` and `NO_PROXY` say. Identity endpoints of this machine are never asked through a proxy")
            .or_else("none, whatever the environment says").needs(&[Needs::Sources(&[Auto, WorkloadIdentity, ServicePrincipal])]);
    CLOUD: Raw = Raw(|| Form::Either(vec![Form::Words(CLOUD_NAMES.to_vec()), Form::Table(&of_cloud::TABLE)])),
        key("cloud", "which Azure; a table writes the names out of one that is not known here, see below").or_else("the upstream's, see below");
    LAZY: Switch = Switch,
        key("lazy", "the first token waits for the first app").or(Literal::Bool(false));
}}
