//! An app registration that proves itself with a client secret or a certificate.
//!
//! azure_identity asks, with `ClientSecretCredential` or with `ClientAssertionCredential` and an assertion that we
//! sign: its own certificate credential needs OpenSSL. Secret and certificate are read again for each token, so
//! that a rotated one is used without a restart.

use std::path::{Path, PathBuf};

use azure_core::credentials::Secret;
use azure_core::http::ClientMethodOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions,
};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::file::read_secret;
use super::workload::at_authority;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, Line};
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
            line: surroundings.line.clone(),
        }
    }

    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let variable = |name| self.environment.get(name);
        let certificate = || variable("AZURE_CLIENT_CERTIFICATE_PATH").map(PathBuf::from);
        if let Some(path) = &self.plan.certificate_file {
            return self.with_certificate(path, audience).await;
        }
        if let Some(path) = &self.plan.client_secret_file {
            let secret = read_secret(path).await?;
            return self.with_secret(text(&secret, path)?, audience).await;
        }
        match (variable("AZURE_CLIENT_SECRET"), certificate()) {
            (Some(secret), _) => self.with_secret(secret, audience).await,
            (None, Some(path)) => self.with_certificate(&path, audience).await,
            (None, None) => Err(SourceFault::Setup {
                cause: "the service principal has neither a secret nor a certificate".to_owned(),
                remedy: "set `client_secret_file` or `certificate_file`",
            }),
        }
    }

    async fn with_secret(&self, secret: &str, audience: &Audience) -> Result<Answer, SourceFault> {
        let (client_options, reply) = sdk::line_out(&self.line, sdk::as_it_is());
        let client_options = at_authority(client_options, &self.plan.authority);
        let options = ClientSecretCredentialOptions { client_options };
        let secret = Secret::new(secret.to_owned());
        let credential =
            ClientSecretCredential::new(self.tenant(), self.client_id(), secret, Some(options));
        let credential = credential.map_err(|error| sdk::refused(&error))?;
        sdk::ask(&*credential, audience, reply).await
    }

    async fn with_certificate(
        &self,
        path: &Path,
        audience: &Audience,
    ) -> Result<Answer, SourceFault> {
        let pem = read_secret(path).await?;
        let certificate = Certificate::read(&pem, self.line.tls.crypto_provider(), path)?;
        let endpoint = format!(
            "{}/{}/oauth2/v2.0/token",
            self.plan.authority,
            self.tenant()
        );
        let with_chain = self.environment.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
        let with_chain =
            with_chain.is_some_and(|value| matches!(value, "1" | "true" | "TRUE" | "True"));
        let assertion = certificate.assertion(
            &self.client_id(),
            &endpoint,
            self.line.clock.now(),
            with_chain,
        )?;
        let (client_options, reply) = sdk::line_out(&self.line, sdk::as_it_is());
        let client_options = at_authority(client_options, &self.plan.authority);
        let options = ClientAssertionCredentialOptions { client_options };
        let credential = ClientAssertionCredential::new(
            self.tenant().to_owned(),
            self.client_id(),
            Signed(assertion),
            Some(options),
        );
        let credential = credential.map_err(|error| sdk::refused(&error))?;
        sdk::ask(&*credential, audience, reply).await
    }

    fn tenant(&self) -> &str {
        self.plan.tenant.as_deref().unwrap_or_default()
    }

    fn client_id(&self) -> String {
        let selector = self.plan.selector.as_ref();
        selector
            .map(|selector| selector.id().to_owned())
            .unwrap_or_default()
    }
}

/// A secret as text, without the line break that editors leave.
fn text<'a>(secret: &'a [u8], path: &Path) -> Result<&'a str, SourceFault> {
    let text = std::str::from_utf8(secret)
        .map(str::trim)
        .unwrap_or_default();
    if text.is_empty() {
        return Err(SourceFault::Setup {
            cause: format!(
                "the client secret file `{}` is empty or not text",
                path.display()
            ),
            remedy: "put the value of the secret into it, not its id",
        });
    }
    Ok(text)
}

/// An assertion that is ready.
struct Signed(Zeroizing<String>);

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signed")
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Signed {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.to_string())
    }
}

#[async_trait::async_trait]
impl TokenSource for ServicePrincipal {
    fn kind(&self) -> SourceKind {
        SourceKind::ServicePrincipal
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        answer
            .and_then(|answer| granted(&answer, self.plan.selector.as_ref(), &self.line.clock))
            .map_err(|fault| TokenError::new(self.kind(), fault))
    }
}
