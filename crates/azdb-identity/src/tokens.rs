//! The tokens of a process: one per source, identity and audience, shared by everybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;
use tracing::info;

use crate::clock::Clock;
use crate::fault::SourceFault;
use crate::keeper::{Gone, Keeper};
use crate::schedule::Jitter;
use crate::source::{self, Plan, Surroundings};
use crate::status::{Outlook, TokenStatus};
use crate::{Audience, Environment, IdentityConfig, Token, TokenError};

/// Gives tokens, and keeps them fresh in the background. Clones share everything.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    surroundings: Surroundings,
    clock: Clock,
    stock: Mutex<Stock>,
}

#[derive(Default)]
struct Stock {
    /// What each configuration came to: two of them may want the same identity.
    plans: HashMap<(IdentityConfig, Audience), Arc<Plan>>,
    keepers: HashMap<(Arc<Plan>, Audience), Arc<Keeper>>,
}

impl Tokens {
    /// `environment` says what the platform gave to this process, `tls` verifies the authorities of Microsoft Entra.
    #[must_use]
    pub fn new(environment: Environment, tls: Arc<ClientConfig>) -> Self {
        Self::with_clock(environment, tls, Clock::system())
    }

    /// The same with another wall clock, for tests.
    #[must_use]
    pub fn with_clock(environment: Environment, tls: Arc<ClientConfig>, clock: Clock) -> Self {
        let surroundings = Surroundings::new(environment, tls, clock.clone());
        Self(Arc::new(Shared {
            surroundings,
            clock,
            stock: Mutex::default(),
        }))
    }

    /// A token with at least 60 seconds left. While one is in hand this does not wait.
    ///
    /// Without one it waits for the background task, however long that takes: give it a deadline. Dropping the
    /// future stops nothing. [`why_none`](Self::why_none) says what the task met meanwhile.
    ///
    /// # Errors
    ///
    /// A permanent one: the configuration, or the endpoint's "no". Transient ones are only waited through.
    pub async fn get(
        &self,
        identity: &IdentityConfig,
        audience: &Audience,
    ) -> Result<Token, TokenError> {
        match self.keeper(identity, audience)?.look() {
            Ok(token) => Ok(token),
            Err(waiter) => waiter
                .token()
                .await
                .unwrap_or_else(|Gone| Err(gone(identity))),
        }
    }

    /// For when the database said that `rejected` is expired: one fetch, shared by all who ask and made at most
    /// every 30 seconds. `None` when the source gave the same bytes again.
    ///
    /// # Errors
    ///
    /// Whatever the fetch met, transient faults included.
    pub async fn replace(
        &self,
        identity: &IdentityConfig,
        audience: &Audience,
        rejected: &Token,
    ) -> Result<Option<Token>, TokenError> {
        let waiter = self.keeper(identity, audience)?.waiter();
        let replaced = waiter.other_than(rejected).await;
        replaced.unwrap_or_else(|Gone| Err(gone(identity)))
    }

    /// Begins to fetch in the background and does not wait: so that what is wrong shows before the first app comes.
    ///
    /// # Errors
    ///
    /// Only what is wrong with the configuration itself.
    pub fn start(&self, identity: &IdentityConfig, audience: &Audience) -> Result<(), TokenError> {
        self.keeper(identity, audience).map(drop)
    }

    /// What the last fetch met, if it went wrong.
    #[must_use]
    pub fn last_error(&self, identity: &IdentityConfig, audience: &Audience) -> Option<TokenError> {
        let keeper = self.keeper(identity, audience).ok()?;
        let known = keeper.known();
        known.failure.as_ref().map(|failure| failure.error.clone())
    }

    /// The reason to tell when [`get`](Self::get) ran into a deadline: what the last fetch met, if it went wrong, else whom it is
    /// waiting for, and for how long.
    #[must_use]
    pub fn why_none(&self, identity: &IdentityConfig, audience: &Audience) -> Option<TokenError> {
        if let Some(met) = self.last_error(identity, audience) {
            return Some(met);
        }
        let keeper = self.keeper(identity, audience).ok()?;
        let since = keeper.known().under_way?.elapsed();
        let plan = self.plan(identity, audience)?;
        let error = TokenError::new(plan.kind, SourceFault::UnderWay { since });
        Some(error.of(plan.subject()).at(self.0.surroundings.whereabouts))
    }

    /// What this configuration came to.
    fn plan(&self, identity: &IdentityConfig, audience: &Audience) -> Option<Arc<Plan>> {
        let wanted = (identity.clone(), audience.clone());
        self.stock().plans.get(&wanted).cloned()
    }

    /// The token that is there now. Starts nothing.
    #[must_use]
    pub fn in_hand(&self, identity: &IdentityConfig, audience: &Audience) -> Option<Token> {
        let stock = self.stock();
        let plan = stock.plans.get(&(identity.clone(), audience.clone()))?;
        let keeper = stock.keepers.get(&(Arc::clone(plan), audience.clone()))?;
        let known = keeper.known();
        known.usable().map(|kept| kept.token.clone())
    }

    /// Tries again at once where the last fetch went wrong: somebody says that something has been mended.
    pub fn retry(&self) {
        for keeper in self.stock().keepers.values() {
            keeper.retry();
        }
    }

    /// How it is with one token. The first look begins to fetch it in the background, as [`start`](Self::start) does.
    #[must_use]
    pub fn outlook(&self, identity: &IdentityConfig, audience: &Audience) -> Outlook {
        match self.keeper(identity, audience) {
            Ok(keeper) => {
                let known = keeper.known();
                Outlook {
                    has_token: known.usable().is_some(),
                    failure: known.failure.as_ref().map(|failure| failure.error.clone()),
                }
            }
            Err(error) => Outlook {
                has_token: false,
                failure: Some(error),
            },
        }
    }

    /// Forgets every token that is not among `wanted`, as after a reload of the configuration.
    pub fn retain<'a>(&self, wanted: impl IntoIterator<Item = (&'a IdentityConfig, &'a Audience)>) {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut stock = self.stock();
        stock
            .plans
            .retain(|(identity, audience), _| wanted.contains(&(identity, audience)));
        let Stock { plans, keepers } = &mut *stock;
        keepers.retain(|(plan, audience), _| {
            plans
                .iter()
                .any(|((_, other), planned)| planned == plan && other == audience)
        });
    }

    /// One entry per token, in no particular order.
    #[must_use]
    pub fn status(&self) -> Vec<TokenStatus> {
        let stock = self.stock();
        let now = self.0.clock.now();
        stock
            .keepers
            .iter()
            .map(|((plan, audience), keeper)| TokenStatus::of(plan, audience, &keeper.known(), now))
            .collect()
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.0.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper of this token, started when it is the first time.
    fn keeper(
        &self,
        identity: &IdentityConfig,
        audience: &Audience,
    ) -> Result<Arc<Keeper>, TokenError> {
        let wanted = (identity.clone(), audience.clone());
        let mut stock = self.stock();
        let plan = match stock.plans.get(&wanted) {
            Some(plan) => Arc::clone(plan),
            None => {
                let (plan, why) = source::plan(identity, audience, &self.0.surroundings)?;
                log_picked(&plan, audience, &why);
                let plan = Arc::new(plan);
                stock.plans.insert(wanted, Arc::clone(&plan));
                plan
            }
        };
        let key = (plan, audience.clone());
        if let Some(keeper) = stock.keepers.get(&key)
            && !keeper.is_dead()
        {
            return Ok(Arc::clone(keeper));
        }
        let source = source::build(&key.0, &self.0.surroundings);
        let keeper = Keeper::start(
            source,
            audience.clone(),
            self.0.clock.clone(),
            Jitter::random(),
        );
        let keeper = Arc::new(keeper);
        stock.keepers.insert(key, Arc::clone(&keeper));
        Ok(keeper)
    }
}

/// The task broke. The next caller starts another one.
fn gone(identity: &IdentityConfig) -> TokenError {
    TokenError::new(identity.source, SourceFault::TaskBroke)
}

/// The one line that says where tokens come from.
fn log_picked(plan: &Plan, audience: &Audience, why: &str) {
    let selector = plan
        .identity
        .as_ref()
        .map(|chosen| chosen.selector.to_string());
    let otherwise: Vec<_> = plan.otherwise.iter().map(|kind| kind.as_str()).collect();
    let (selector, otherwise) = (selector.unwrap_or_default(), otherwise.join(" "));
    let authority_proxy = plan.proxy.as_ref().map(ToString::to_string);
    info!(source = %plan.kind, %audience, selector, otherwise, why, authority_proxy, "identity source");
}
