//! The tokens that the routes will ask for, fetched before the first app comes.

use std::sync::Arc;

use azdb_config::route::UpstreamAuth;
use azdb_identity::{Audience, IdentityConfig};
use azdb_quote::Chain;

use super::{Server, StartError};
use crate::reception::Reception;

/// A token that a route will ask for.
struct Wanted {
    route: String,
    identity: Arc<IdentityConfig>,
    audience: Audience,
}

impl Wanted {
    fn is_same(&self, other: &Self) -> bool {
        (&self.identity, &self.audience) == (&other.identity, &other.audience)
    }
}

/// Every token that some routes will ask for, once.
#[derive(Default)]
pub(super) struct Needed(Vec<Wanted>);

impl Needed {
    /// What the routes of these ask for, lazy or not.
    pub(super) fn by(receptions: &[Reception]) -> Self {
        let mut needed = Self::default();
        for reception in receptions {
            let route = reception.route();
            let UpstreamAuth::Token(audience) = &route.auth else {
                continue;
            };
            for principal in route.principals.iter() {
                needed.add(Wanted {
                    route: route.name.clone(),
                    identity: Arc::clone(&principal.identity),
                    audience: audience.clone(),
                });
            }
        }
        needed
    }

    fn add(&mut self, wanted: Wanted) {
        if !self.has(&wanted) {
            self.0.push(wanted);
        }
    }

    fn has(&self, wanted: &Wanted) -> bool {
        self.0.iter().any(|known| known.is_same(wanted))
    }

    /// Those of both.
    pub(super) fn and(mut self, others: Self) -> Self {
        others.0.into_iter().for_each(|other| self.add(other));
        self
    }

    pub(super) fn that_are_not_in(mut self, others: &Self) -> Self {
        self.0.retain(|wanted| !others.has(wanted));
        self
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&IdentityConfig, &Audience)> {
        self.0
            .iter()
            .map(|wanted| (&*wanted.identity, &wanted.audience))
    }

    /// Those that are fetched before an app asks.
    fn early(self) -> impl Iterator<Item = Wanted> {
        self.0.into_iter().filter(|wanted| !wanted.identity.lazy)
    }
}

impl Server {
    /// Asks for the token of every route, so that a mistake shows before the first app does.
    pub fn prefetch(&self) {
        self.fetch(Needed::by(&self.premises.receptions.now()));
    }

    pub(super) fn fetch(&self, needed: Needed) {
        for Wanted {
            route,
            identity,
            audience,
        } in needed.early()
        {
            let tokens = self.premises.tokens.clone();
            if let Err(error) = tokens.start(&identity, &audience) {
                let remedy = error.remedy();
                tracing::warn!(route, %audience, error = %Chain(&error), remedy, "no token to be had");
                continue;
            }
            // On its own: the end of the process must not wait for an identity endpoint. What a fetch meets is logged by the
            // token engine, with its remedy.
            tokio::spawn(async move {
                if tokens.get(&identity, &audience).await.is_ok() {
                    tracing::info!(route, %audience, "token ready");
                }
            });
        }
    }

    /// Waits for the token of every route.
    ///
    /// # Errors
    ///
    /// [`StartError::NotReady`] for the first route that gets none.
    pub async fn require_tokens(&self) -> Result<(), StartError> {
        for Wanted {
            route,
            identity,
            audience,
        } in Needed::by(&self.premises.receptions.now()).early()
        {
            self.premises
                .tokens
                .get(&identity, &audience)
                .await
                .map_err(|source| StartError::NotReady {
                    route,
                    remedy: source.remedy(),
                    source,
                })?;
        }
        Ok(())
    }
}
