//! Managed identities that are one GET away: IMDS and App Service (also Functions and Container Apps).
//!
//! azure_identity's `ManagedIdentityCredential` asks; what it cannot be told is put right on the way out:
//! it goes by the variables of the process alone, knows no other IMDS address than the usual one, and refuses resource
//! ids on App Service. Where it refuses altogether (a process with variables of Cloud Shell, Azure ML, Arc or Service
//! Fabric, or with empty ones) the same request goes out without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use azure_core::http::Url;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions};
use hyper::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Wanted, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, HttpFault, Line, Outgoing};
use crate::identity::Chosen;
use crate::token::wiped;
use crate::whereabouts::Whereabouts;
use crate::{Audience, Environment, Selector, SourceKind, TokenError, remedy, sdk};

const METADATA: HeaderName = HeaderName::from_static("metadata");
const IDENTITY_HEADER: HeaderName = HeaderName::from_static("x-identity-header");

pub(super) struct ManagedIdentity {
    kind: SourceKind,
    /// Whether there is reason to believe that the endpoint exists: it was named, or it has answered before.
    believed: AtomicBool,
    identity: Option<Chosen>,
    environment: Environment,
    line: Line,
    whereabouts: Whereabouts,
}

impl ManagedIdentity {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            kind: plan.kind,
            believed: AtomicBool::new(!plan.guessed),
            identity: plan.identity.clone(),
            environment: surroundings.environment.clone(),
            line: surroundings.line.clone(),
            whereabouts: surroundings.whereabouts,
        }
    }

    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let endpoint = Arc::new(self.endpoint(audience)?);
        self.believe(&endpoint.url).await?;
        let amended = Arc::clone(&endpoint);
        let amend = Box::new(move |request| amended.address(request));
        let (client_options, reply) = sdk::line_out(&self.line, amend);
        let options = ManagedIdentityCredentialOptions {
            client_options,
            ..Default::default()
        };
        match ManagedIdentityCredential::new(Some(options)) {
            Ok(credential) => sdk::ask(&*credential, audience, reply).await,
            Err(_) => {
                let shown = sdk::endpoint(&endpoint.url);
                let http = |source| SourceFault::Http {
                    endpoint: shown.clone(),
                    source,
                };
                let request = endpoint.address(Outgoing::get(endpoint.url.clone()));
                self.line
                    .exchange(request.map_err(http)?)
                    .await
                    .map_err(http)
            }
        }
    }

    /// Nobody shall wait for an endpoint that was only guessed: whether it exists is known within two seconds. The
    /// real one answers at once that the question lacks its header; its first token may take longer.
    async fn believe(&self, endpoint: &Url) -> Result<(), SourceFault> {
        if self.believed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut url = endpoint.clone();
        url.set_query(None);
        if let Err(fault) = self.line.probe(url).await {
            let endpoint = sdk::endpoint(endpoint);
            return Err(SourceFault::NoIdentity {
                cause: format!(
                    "nothing gives this process an identity: the platform's variables name none, and IMDS \
                     cannot be asked at `{endpoint}`: {fault}"
                ),
                remedy: remedy::unreachable(SourceKind::Imds, self.whereabouts).to_owned(),
            });
        }
        self.believed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn endpoint(&self, audience: &Audience) -> Result<Address, SourceFault> {
        match self.kind {
            SourceKind::AppService => self.app_service(audience),
            _ => self.imds(audience),
        }
    }

    fn imds(&self, audience: &Audience) -> Result<Address, SourceFault> {
        const BASE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let base = self.environment.get(BASE);
        let base = base.unwrap_or("http://169.254.169.254");
        let path = "metadata/identity/oauth2/token";
        let mut url = parse_url(BASE, &format!("{}/{path}", base.trim_end_matches('/')))?;
        url.query_pairs_mut()
            .append_pair("api-version", "2018-02-01")
            .append_pair("resource", audience.as_str());
        select(&mut url, self.identity.as_ref(), "msi_res_id");
        let secret = None;
        Ok(Address { url, secret })
    }

    fn app_service(&self, audience: &Audience) -> Result<Address, SourceFault> {
        let variable = |name: &str| {
            self.environment.get(name).ok_or_else(|| SourceFault::Setup {
                cause: format!("{name} is not set, which App Service and Container Apps do for an app with an identity"),
                remedy: remedy::without_endpoint(self.whereabouts),
            })
        };
        let mut url = parse_url("IDENTITY_ENDPOINT", variable("IDENTITY_ENDPOINT")?)?;
        let secret = Some(wiped(variable("IDENTITY_HEADER")?));
        url.query_pairs_mut()
            .append_pair("api-version", "2019-08-01")
            .append_pair("resource", audience.as_str());
        select(&mut url, self.identity.as_ref(), "mi_res_id");
        Ok(Address { url, secret })
    }
}

#[async_trait::async_trait]
impl TokenSource for ManagedIdentity {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        let identity = self.identity.as_ref();
        let wanted = Wanted { audience, identity };
        answer
            .and_then(|answer| granted(&answer, wanted, &self.line.clock))
            .map_err(|fault| TokenError::new(self.kind, fault).at(self.whereabouts))
    }
}

/// Where to ask, with everything that the question says.
struct Address {
    url: Url,
    /// The value of `X-IDENTITY-HEADER`.
    secret: Option<Zeroizing<String>>,
}

impl Address {
    /// Directs a request here.
    fn address(&self, mut request: Outgoing) -> Result<Outgoing, HttpFault> {
        request.url = self.url.clone();
        request.headers.remove(IDENTITY_HEADER);
        request
            .headers
            .insert(METADATA, HeaderValue::from_static("true"));
        if let Some(secret) = &self.secret {
            request.headers.remove(METADATA);
            request.secret_header(IDENTITY_HEADER, secret)?;
        }
        Ok(request)
    }
}

/// Reads a URL that the platform gave in a variable.
pub(super) fn parse_url(variable: &str, url: &str) -> Result<Url, SourceFault> {
    Url::parse(url).map_err(|error| SourceFault::Setup {
        cause: format!("{variable} is not a URL: {error}"),
        remedy: "correct the variable, or unset it",
    })
}

/// Names the wanted identity. The parameter for a resource id differs between endpoints, and an unknown one is ignored:
/// the answer is then a token of the system-assigned identity.
pub(super) fn select(url: &mut Url, identity: Option<&Chosen>, resource_id: &str) {
    let Some(Chosen { selector, .. }) = identity else {
        return;
    };
    let name = match selector {
        Selector::ClientId(_) => "client_id",
        Selector::ObjectId(_) => "object_id",
        Selector::ResourceId(_) => resource_id,
    };
    url.query_pairs_mut().append_pair(name, selector.id());
}
