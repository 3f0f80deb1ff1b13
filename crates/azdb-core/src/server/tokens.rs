//! Tokens before the first app comes.

use std::time::Duration;

use azdb_identity::Token;
use azdb_quote::{Chain, Quoted};
use tokio::time::Instant;

use super::premises::Premises;
use super::{Server, StartError};
use crate::reception::Reception;
use crate::wanted::{Wanted, named, wanted};

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
        let tokens = &self.premises.tokens;
        for one in wanted {
            let token = tokens.get(&one.identity, &one.audience);
            match tokio::time::timeout_at(until, token).await {
                Ok(Ok(token)) => log_ready(&one, &token),
                Ok(Err(source)) => {
                    return Err(StartError::NotReady {
                        route: one.route,
                        remedy: source.remedy(),
                        source,
                    });
                }
                Err(_) => {
                    let source = tokens.why_none(&one.identity, &one.audience);
                    let remedy = source.as_ref().map_or_else(
                        || "the identity endpoint has not answered".to_owned(),
                        azdb_identity::TokenError::remedy,
                    );
                    return Err(StartError::NotReadyInTime {
                        route: one.route,
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
                if let Ok(token) = tokens.get(&one.identity, &one.audience).await {
                    log_ready(&one, &token);
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

/// Whose token it is: as the configuration says it, and, by its ids, as the token itself does, which nobody has verified.
fn log_ready(wanted: &Wanted, token: &Token) {
    let Wanted {
        route,
        identity,
        audience,
    } = wanted;
    let claims = token.claims().unwrap_or_default();
    let shown = |id: &Option<String>| {
        let id = id.as_deref()?;
        Some(Quoted(id.as_bytes()).first_line().to_string())
    };
    tracing::info!(
        route,
        identity = %named(identity.selector.as_ref()),
        name = identity.name.as_deref(),
        oid = shown(&claims.oid),
        appid = shown(&claims.appid),
        %audience,
        left_s = token.left().as_secs(),
        "token ready"
    );
}
