//! A federated token file, as AKS's webhook gives it to a pod. azure_identity trades it for a token.
//!
//! The file changes about every hour, so it is read again for each token: by us, because the SDK's own reader has no limits
//! and takes a byte order mark for a part of the token. With AKS identity bindings the request goes to the cluster's token
//! proxy instead of the authority (see `binding`).

use std::path::PathBuf;

use super::authority::ask_with_assertion;
use super::binding::Binding;
use super::file::read_text;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Wanted, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, Line};
use crate::{Audience, Environment, SourceKind, TokenError, sdk};

/// What an error calls it.
const FEDERATED: &str = "the federated token file";

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

    /// The configuration's file, else the one that the webhook mounted.
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
        let token = read_text(FEDERATED, &token_file).await?;
        let token = token.map_err(|what| SourceFault::Setup {
            cause: format!("{FEDERATED} `{}`: {what}", token_file.display()),
            remedy: "check the projected service account token of the pod",
        })?;
        let way = match Binding::of(&self.environment)? {
            None => {
                let proxy = self.plan.proxy.as_ref();
                (self.line.through(proxy), sdk::as_it_is())
            }
            Some(binding) => binding.line(&self.line).await?,
        };
        ask_with_assertion(token, &self.plan, audience, (&way.0, way.1)).await
    }
}

#[async_trait::async_trait]
impl TokenSource for WorkloadIdentity {
    fn kind(&self) -> SourceKind {
        SourceKind::WorkloadIdentity
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
