//! A federated token file, as AKS's webhook gives it to a pod. azure_identity trades it for a token.
//!
//! The file changes about every hour, so it is read again for each token. With AKS identity bindings the request goes
//! to the cluster's token proxy instead of the authority (see `binding`).

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::http::ClientOptions;
use azure_identity::{
    ClientAssertionCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::binding::Binding;
use super::file::read_secret;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, Line};
use crate::{Audience, Environment, SourceKind, TokenError, sdk};

pub(super) struct WorkloadIdentity {
    plan: Plan,
    environment: Environment,
    line: Line,
}

impl WorkloadIdentity {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            plan: plan.clone(),
            environment: surroundings.environment.clone(),
            line: surroundings.line.clone(),
        }
    }

    fn token_file(&self) -> PathBuf {
        let variable = || {
            self.environment
                .get("AZURE_FEDERATED_TOKEN_FILE")
                .map(PathBuf::from)
        };
        let configured = self.plan.token_file.clone();
        configured.or_else(variable).unwrap_or_default()
    }

    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let token_file = self.token_file();
        // The credential reads it again; this look is for a better error.
        if read_secret(&token_file).await?.trim_ascii().is_empty() {
            return Err(SourceFault::Setup {
                cause: format!(
                    "the federated token file `{}` is empty",
                    token_file.display()
                ),
                remedy: "check the projected service account token of the pod",
            });
        }
        let binding = Binding::of(&self.environment)?;
        let (line, amend) = match binding {
            None => (self.line.clone(), sdk::as_it_is()),
            Some(binding) => binding.line(&self.line).await?,
        };
        let (client_options, reply) = sdk::line_out(&line, amend);
        let client_options = at_authority(client_options, &self.plan.authority);
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options },
            client_id: self
                .plan
                .selector
                .as_ref()
                .map(|selector| selector.id().to_owned()),
            tenant_id: self.plan.tenant.clone(),
            token_file_path: Some(token_file),
        };
        let credential = WorkloadIdentityCredential::new(Some(options));
        let credential = credential.map_err(|error| sdk::refused(&error))?;
        sdk::ask(&*credential, audience, reply).await
    }
}

/// Directs a credential to an authority.
pub(super) fn at_authority(options: ClientOptions, authority: &str) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = authority.to_owned();
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        ..options
    }
}

#[async_trait::async_trait]
impl TokenSource for WorkloadIdentity {
    fn kind(&self) -> SourceKind {
        SourceKind::WorkloadIdentity
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        answer
            .and_then(|answer| granted(&answer, self.plan.selector.as_ref(), &self.line.clock))
            .map_err(|fault| TokenError::new(self.kind(), fault))
    }
}
