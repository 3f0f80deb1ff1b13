//! The sources of tokens. Each one asks one place once; caching, waiting and retrying are the keeper's.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::answer::Grant;
use crate::clock::Clock;
use crate::http::Line;
use crate::tokens::setup;
use crate::{Audience, Environment, IdentityConfig, Selector, SourceKind, TokenError};

mod command;
mod file;
mod managed;
mod program;

/// One place that gives tokens.
#[async_trait::async_trait]
pub(crate) trait TokenSource: Send + Sync {
    /// Its name for logs and errors.
    fn kind(&self) -> SourceKind;

    /// Asks once.
    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError>;
}

/// What sources see of the world.
pub(crate) struct Surroundings {
    pub(crate) environment: Environment,
    pub(crate) line: Line,
    pub(crate) clock: Clock,
}

impl Surroundings {
    pub(crate) fn new(environment: Environment, tls: Arc<ClientConfig>, clock: Clock) -> Self {
        let line = Line {
            tls,
            verify_as: None,
        };
        Self {
            environment,
            line,
            clock,
        }
    }
}

/// What a configuration came to, in these surroundings: the key under which a token is shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    pub(crate) kind: SourceKind,
    pub(crate) selector: Option<Selector>,
    pub(crate) config: IdentityConfig,
}

/// Decides which source serves `identity`.
pub(crate) fn plan(
    identity: &IdentityConfig,
    _audience: &Audience,
    surroundings: &Surroundings,
) -> Result<Plan, TokenError> {
    let get = |name| surroundings.environment.get(name);
    let kind = match identity.source {
        SourceKind::Auto | SourceKind::ManagedIdentity => {
            match (get("IDENTITY_ENDPOINT"), get("IDENTITY_HEADER")) {
                (Some(_), Some(_)) => SourceKind::AppService,
                _ => SourceKind::Imds,
            }
        }
        kind => kind,
    };
    let missing = |key: &str| {
        let cause = format!("source `{kind}` needs `{key}`");
        setup(
            kind,
            cause,
            "add the key to the identity in the configuration",
        )
    };
    match kind {
        SourceKind::Command if identity.command.is_empty() => return Err(missing("command")),
        SourceKind::File if identity.token_file.is_none() => return Err(missing("token_file")),
        SourceKind::Imds | SourceKind::AppService | SourceKind::Command | SourceKind::File => {}
        other => {
            let cause = format!("source `{other}` is not part of this build");
            return Err(setup(
                other,
                cause,
                "use `command` with a program that prints a token",
            ));
        }
    }
    let client_id = || Some(Selector::ClientId(get("AZURE_CLIENT_ID")?.to_owned()));
    let config = IdentityConfig {
        lazy: false,
        ..identity.clone()
    };
    let selector = identity.selector.clone().or_else(client_id);
    Ok(Plan {
        kind,
        selector,
        config,
    })
}

/// Makes the source of a plan.
pub(crate) fn build(plan: &Plan, surroundings: &Surroundings) -> Box<dyn TokenSource> {
    match plan.kind {
        SourceKind::Command => Box::new(command::Command::new(plan, surroundings)),
        SourceKind::File => Box::new(file::File::new(plan, surroundings)),
        _ => Box::new(managed::ManagedIdentity::new(plan, surroundings)),
    }
}
