//! The tokens that the routes will ask for, fetched before the first app comes.

use std::collections::HashSet;
use std::sync::Arc;

use azdb_config::route::UpstreamAuth;
use azdb_identity::{Audience, IdentityConfig};
use azdb_quote::Chain;

use super::{Server, StartError};

/// A token that a route will ask for.
struct Wanted {
    route: String,
    identity: Arc<IdentityConfig>,
    audience: Audience,
}

impl Server {
    /// Asks for the token of every route, so that a mistake shows before the first app does.
    pub fn prefetch(&self) {
        for Wanted {
            route,
            identity,
            audience,
        } in self.wanted()
        {
            let tokens = self.tokens.clone();
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
        } in self.wanted()
        {
            self.tokens
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

    /// Every token that the routes will ask for, once.
    fn wanted(&self) -> Vec<Wanted> {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for (route, _) in &self.addresses {
            let UpstreamAuth::Token(audience) = &route.auth else {
                continue;
            };
            for principal in route
                .principals
                .iter()
                .filter(|principal| !principal.identity.lazy)
            {
                let identity = Arc::clone(&principal.identity);
                if seen.insert((Arc::clone(&identity), audience.clone())) {
                    let (route, audience) = (route.name.clone(), audience.clone());
                    wanted.push(Wanted {
                        route,
                        identity,
                        audience,
                    });
                }
            }
        }
        wanted
    }
}
