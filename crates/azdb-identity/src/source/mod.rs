//! The sources of tokens. Each one asks one place once; caching, waiting and retrying are the keeper's.
//!
//! ```text
//!   IdentityConfig + Environment -- plan, pick --> Plan -- build --> Box<dyn TokenSource> -- fetch --> Grant | TokenError
//! ```
//!
//! | files | ask |
//! |---|---|
//! | `managed`, `arc`, `service_fabric` | an endpoint of this machine, over [`http`](crate::http), never through a proxy |
//! | `workload`, `principal`, with `authority`, `certificate`, `binding` | Microsoft Entra, perhaps through a proxy |
//! | `developer`, `command`, with `program` | a program |
//! | `file` | a file |
//! | `in_turn` | several of them, until one answers |
//!
//! # Invariants
//!
//! * A fetch ends: each has a time-out of its own, and a cap for whatever it reads.
//! * Files, variables of files and certificates are read again for each token: what is rotated is used without a restart.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use azdb_names::Names;
use rustls::ClientConfig;

use crate::answer::Grant;
use crate::clock::Clock;
use crate::http::Line;
use crate::whereabouts::Whereabouts;
use crate::{Audience, Environment, SourceKind, TokenError};

mod arc;
mod authority;
mod binding;
mod certificate;
mod command;
mod developer;
mod file;
mod in_turn;
mod managed;
mod pick;
mod plan;
mod principal;
mod program;
mod service_fabric;
#[cfg(test)]
pub(crate) mod tests;
mod workload;

pub(crate) use plan::{Plan, plan};

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
    /// The variables of the process, as they were at its start.
    pub(crate) environment: Environment,
    /// The way to endpoints; it has no proxy.
    pub(crate) line: Line,
    /// The wall clock that tokens end by.
    pub(crate) clock: Clock,
    /// Whether a person started this process: only then are developer sign-ins looked for.
    pub(crate) on_terminal: bool,
    /// On what it runs, for words.
    pub(crate) whereabouts: Whereabouts,
    /// The program of the Azure Arc agent: a machine that has it is an Arc machine.
    pub(crate) arc_agent: PathBuf,
    /// Where that agent puts the keys of its challenges, and nowhere else.
    pub(crate) arc_keys: PathBuf,
}

impl Surroundings {
    pub(crate) fn new(environment: Environment, tls: Arc<ClientConfig>, clock: Clock) -> Self {
        let (arc_agent, arc_keys) = arc::places(&environment);
        // Whatever the caller's protocol is, ours is HTTP/1.1.
        let mut tls = ClientConfig::clone(&tls);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            whereabouts: Whereabouts::of(&environment),
            environment,
            line: Line {
                tls: Arc::new(tls),
                verify_as: None,
                names: Names::of_the_system(),
                clock: clock.clone(),
                proxy: None,
            },
            clock,
            on_terminal: std::io::stdin().is_terminal(),
            arc_agent,
            arc_keys,
        }
    }
}

/// Makes the source of a plan.
pub(crate) fn build(plan: &Plan, surroundings: &Surroundings) -> Box<dyn TokenSource> {
    if !plan.otherwise.is_empty() {
        return Box::new(in_turn::InTurn::new(plan, surroundings));
    }
    match plan.kind {
        SourceKind::Auto
        | SourceKind::ManagedIdentity
        | SourceKind::Imds
        | SourceKind::AppService => Box::new(managed::ManagedIdentity::new(plan, surroundings)),
        SourceKind::AzureArc => Box::new(arc::AzureArc::new(plan, surroundings)),
        SourceKind::ServiceFabric => {
            Box::new(service_fabric::ServiceFabric::new(plan, surroundings))
        }
        SourceKind::WorkloadIdentity => {
            Box::new(workload::WorkloadIdentity::new(plan, surroundings))
        }
        SourceKind::ServicePrincipal => {
            Box::new(principal::ServicePrincipal::new(plan, surroundings))
        }
        SourceKind::AzureCli | SourceKind::AzureDeveloperCli | SourceKind::AzurePowershell => {
            Box::new(developer::Developer::new(plan, surroundings))
        }
        SourceKind::Command => Box::new(command::Command::new(plan, surroundings)),
        SourceKind::File => Box::new(file::File::new(plan, surroundings)),
    }
}
