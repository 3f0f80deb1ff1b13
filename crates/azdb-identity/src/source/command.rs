//! A program of the user's choice that prints a token.
//!
//! It is started directly from its arguments, never through a shell. Its standard input is empty, and it has 30
//! seconds. It prints a bare token, or JSON with a token and the end of its life; what else it prints around the JSON, and
//! in which colours, does not matter.

use super::program::Program;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Shape, Wanted, read};
use crate::clock::Clock;
use crate::{Audience, SourceKind, TokenError};

pub(super) struct Command {
    /// What an error calls it.
    subject: Option<String>,
    program: Program,
    clock: Clock,
}

impl Command {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            subject: plan.subject(),
            program: Program::new(plan.command.clone(), &surroundings.environment),
            clock: surroundings.clock.clone(),
        }
    }
}

#[async_trait::async_trait]
impl TokenSource for Command {
    fn kind(&self) -> SourceKind {
        SourceKind::Command
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let printed = self.program.run().await;
        let wanted = Wanted::anybodys(audience);
        printed
            .and_then(|printed| read(&printed, Shape::PrintedOrBare, wanted, &self.clock))
            .map_err(|fault| TokenError::new(self.kind(), fault).of(self.subject.clone()))
    }
}
