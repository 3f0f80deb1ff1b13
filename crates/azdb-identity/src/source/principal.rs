//! An app registration that proves itself with a client secret or a certificate.
//!
//! ```text
//!   certificate_file, else client_secret_file, else Service Connector's secret, else AZURE_CLIENT_SECRET, else AZURE_CLIENT_CERTIFICATE_PATH
//!      |                        |
//!      v                        v
//!   signed assertion         secret     -- POST /TENANT/oauth2/v2.0/token --> authority (through `authority_proxy`, if set)
//! ```
//!
//! azure_identity asks, with `ClientSecretCredential` or with `ClientAssertionCredential` and an assertion that we
//! sign: its own certificate credential needs OpenSSL. Secret and certificate are read again for each token, so
//! that a rotated one is used without a restart.

use std::path::{Path, PathBuf};

use azure_core::credentials::Secret;
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use zeroize::Zeroizing;

use super::authority::{ask_with_assertion, at_authority};
use super::certificate::Certificate;
use super::file::{read_secret, read_text};
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Wanted, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, Line};
use crate::token::wiped;
use crate::{Audience, Environment, SourceKind, TokenError, sdk};

pub(super) struct ServicePrincipal {
    plan: Plan,
    environment: Environment,
    line: Line,
}

impl ServicePrincipal {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            plan: plan.clone(),
            environment: surroundings.environment.clone(),
            line: surroundings.line.through(plan.proxy.as_ref()),
        }
    }

    /// Asks with what there is, in the order of the picture above: what is written out beats what is in the environment.
    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let variable = |name| self.environment.get(name);
        let certificate = || variable("AZURE_CLIENT_CERTIFICATE_PATH").map(PathBuf::from);
        if let Some(path) = &self.plan.certificate_file {
            return self.with_certificate(path, audience).await;
        }
        if let Some(path) = &self.plan.client_secret_file {
            let secret = read_text(path).await?;
            let secret = secret.map_err(|what| SourceFault::Setup {
                cause: format!("the client secret file `{}`: {what}", path.display()),
                remedy: "put the value of the secret into it, not its id, as UTF-8",
            })?;
            return self.with_secret(secret, audience).await;
        }
        if let Some(secret) = &self.plan.client_secret {
            return self.with_secret(wiped(secret.expose()), audience).await;
        }
        match (variable("AZURE_CLIENT_SECRET"), certificate()) {
            // What puts files into variables often leaves the line break of the file in them.
            (Some(secret), _) => self.with_secret(wiped(secret.trim()), audience).await,
            (None, Some(path)) => self.with_certificate(&path, audience).await,
            (None, None) => Err(SourceFault::Setup {
                cause: "the service principal has neither a secret nor a certificate".to_owned(),
                remedy: "set `client_secret_file` or `certificate_file`",
            }),
        }
    }

    /// The secret goes into the body of one request; the SDK's copy of it is its own `Secret`, which does not print itself.
    async fn with_secret(
        &self,
        secret: Zeroizing<String>,
        audience: &Audience,
    ) -> Result<Answer, SourceFault> {
        let (client_options, reply) = sdk::line_out(&self.line, sdk::as_it_is());
        let client_options = at_authority(client_options, &self.plan.authority);
        let options = ClientSecretCredentialOptions { client_options };
        let credential = ClientSecretCredential::new(
            self.plan.tenant(),
            self.plan.client_id().to_owned(),
            Secret::new(secret.to_string()),
            Some(options),
        );
        let credential = credential.map_err(|error| sdk::refused(&error))?;
        sdk::ask(&*credential, audience, reply).await
    }

    /// The private key never leaves: what goes out is a statement that lasts ten minutes and names the authority.
    async fn with_certificate(
        &self,
        path: &Path,
        audience: &Audience,
    ) -> Result<Answer, SourceFault> {
        let pem = read_secret(path).await?;
        let certificate = Certificate::read(&pem, self.line.tls.crypto_provider(), path)?;
        let (authority, tenant) = (&self.plan.authority, self.plan.tenant());
        let endpoint = format!("{authority}/{tenant}/oauth2/v2.0/token");
        let with_chain = self.environment.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
        let with_chain =
            with_chain.is_some_and(|value| matches!(value, "1" | "true" | "TRUE" | "True"));
        let assertion = certificate.assertion(
            self.plan.client_id(),
            &endpoint,
            self.line.clock.now(),
            with_chain,
        )?;
        let way = (&self.line, sdk::as_it_is());
        ask_with_assertion(assertion, &self.plan, audience, way).await
    }
}

#[async_trait::async_trait]
impl TokenSource for ServicePrincipal {
    fn kind(&self) -> SourceKind {
        SourceKind::ServicePrincipal
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        let identity = self.plan.identity.as_ref();
        let wanted = Wanted { audience, identity };
        answer
            .and_then(|answer| granted(&answer, wanted, &self.line.clock))
            .map_err(|fault| TokenError::new(self.kind(), fault))
    }
}
