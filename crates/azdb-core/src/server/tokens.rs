//! Tokens before the first app comes.

use std::time::Duration;

use azdb_quote::Chain;
use tokio::time::Instant;

use super::premises::Premises;
use super::{Server, StartError};
use crate::reception::Reception;
use crate::wanted::{Wanted, wanted};

impl Server {
    /// Asks for the token of every route, so that a mistake shows before the first app does.
    pub fn prefetch(&self) {
        self.premises.fetch(self.wanted());
    }

    /// Waits until every route has its token, for `patience` at most.
    ///
    /// # Errors
    ///
    /// [`StartError::NotReady`] for the first route that is told "no", [`StartError::NotReadyInTime`] for the first that is told nothing.
    pub async fn require_tokens(&self, patience: Duration) -> Result<(), StartError> {
        let (wanted, until) = (self.wanted(), Instant::now() + patience);
        for one in &wanted {
            self.premises.begin(one);
        }
        for Wanted {
            route,
            identity,
            audience,
        } in wanted
        {
            let tokens = &self.premises.tokens;
            let token = tokens.get(&identity, &audience);
            match tokio::time::timeout_at(until, token).await {
                Ok(Ok(_)) => tracing::info!(route, %audience, "token ready"),
                Ok(Err(source)) => {
                    return Err(StartError::NotReady {
                        route,
                        remedy: source.remedy(),
                        source,
                    });
                }
                Err(_) => {
                    let source = tokens.last_error(&identity, &audience);
                    let remedy = source.as_ref().map_or_else(
                        || "the identity endpoint has not answered".to_owned(),
                        azdb_identity::TokenError::remedy,
                    );
                    return Err(StartError::NotReadyInTime {
                        route,
                        patience,
                        remedy,
                        source,
                    });
                }
            }
        }
        Ok(())
    }

    fn wanted(&self) -> Vec<Wanted> {
        wanted(self.prepared.receptions.iter().map(Reception::route))
    }
}

impl Premises {
    /// Fetches these in the background.
    pub(super) fn fetch(&self, wanted: impl IntoIterator<Item = Wanted>) {
        for one in wanted {
            if !self.begin(&one) {
                continue;
            }
            let tokens = self.tokens.clone();
            // On its own: the end of the process must not wait for an identity endpoint. What a fetch meets is logged by the
            // token engine, with its remedy.
            tokio::spawn(async move {
                if tokens.get(&one.identity, &one.audience).await.is_ok() {
                    tracing::info!(route = one.route, audience = %one.audience, "token ready");
                }
            });
        }
    }

    /// Begins to fetch one. What is wrong with its configuration is logged.
    fn begin(&self, wanted: &Wanted) -> bool {
        let Wanted {
            route,
            identity,
            audience,
        } = wanted;
        let begun = self.tokens.start(identity, audience);
        if let Err(error) = &begun {
            let remedy = error.remedy();
            tracing::warn!(route, %audience, error = %Chain(error), remedy, "no token to be had");
        }
        begun.is_ok()
    }
}
