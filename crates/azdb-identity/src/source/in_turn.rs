//! Several places, tried in turn until one has an identity for us. That one is kept.
//!
//! On a terminal there is no telling whether this is a virtual machine of Azure or somebody's desk: IMDS is asked first, for two
//! seconds, then the sign-ins of the person. Which one answered is kept for as long as the process lives, because a token of
//! another identity in the middle of the day would be a surprise. Whatever answers in IMDS's place on a desk (Docker Desktop, an HTTP
//! proxy, a captive portal) is no reason to stop; on a machine of Azure only IMDS's own "no" is a reason to go on. A person who has
//! signed in nowhere reads all the causes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::info;

use super::{Plan, Surroundings, TokenSource, build};
use crate::answer::Grant;
use crate::fault::SourceFault;
use crate::{Audience, SourceKind, TokenError};

/// Several places are tried only where a person sits at a terminal.
const SIGN_IN: &str = "sign in with `az login --allow-no-subscriptions`, `azd auth login` or `Connect-AzAccount`, \
                       or name another source in the configuration";
/// No place has answered yet.
const NONE: usize = usize::MAX;

pub(super) struct InTurn {
    places: Vec<Box<dyn TokenSource>>,
    found: AtomicUsize,
    /// Whether nobody else can be taken for IMDS on this machine.
    imds_is_real: bool,
}

impl InTurn {
    pub(super) fn new(plan: &Plan, surroundings: &Surroundings) -> Self {
        let first = plan.of_kind(plan.kind, plan.guessed);
        let others = plan.otherwise.iter().map(|&kind| plan.of_kind(kind, false));
        let places = std::iter::once(first).chain(others);
        Self {
            places: places.map(|plan| build(&plan, surroundings)).collect(),
            found: AtomicUsize::new(NONE),
            imds_is_real: surroundings.whereabouts.is_azures_own_machine(),
        }
    }

    fn is_imds_itself(&self, place: &dyn TokenSource) -> bool {
        self.imds_is_real && place.kind() == SourceKind::Imds
    }
}

#[async_trait::async_trait]
impl TokenSource for InTurn {
    fn kind(&self) -> SourceKind {
        let found = self.places.get(self.found.load(Ordering::Relaxed));
        found.map_or(SourceKind::Auto, |place| place.kind())
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        if let Some(found) = self.places.get(self.found.load(Ordering::Relaxed)) {
            return found.fetch(audience).await;
        }
        let mut causes = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            match place.fetch(audience).await {
                Ok(grant) => {
                    info!(source = %place.kind(), "this source has an identity: kept from now on");
                    self.found.store(index, Ordering::Relaxed);
                    return Ok(grant);
                }
                // It is there and cannot answer now: a sign-in that is found meanwhile would be kept for good.
                Err(error) if self.is_imds_itself(&**place) && error.is_transient() => {
                    return Err(error);
                }
                Err(error) => causes.push(error.cause()),
            }
        }
        let cause = format!("no identity found: {}", causes.join("; "));
        let remedy = SIGN_IN.to_owned();
        Err(TokenError::new(
            SourceKind::Auto,
            SourceFault::NoIdentity { cause, remedy },
        ))
    }
}
