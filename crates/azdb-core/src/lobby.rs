//! What every login of a route shares.

use std::sync::Arc;
use std::time::Duration;

use azdb_identity::{Audience, Token, Tokens};
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::counters::Counters;
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::mysql::Spares;
use crate::postgres::{Cancels, Registration};
use crate::tls::UpstreamTlsConfig;
use crate::upstream::Dial;
use azdb_config::route::{Principal, Route};
use azdb_quote::Chain;

/// A route, and everything a login of it needs.
pub(crate) struct Lobby<D: Dial> {
    pub(crate) route: Arc<Route>,
    /// `None` when the route goes upstream without TLS.
    pub(crate) upstream_tls: Option<UpstreamTlsConfig>,
    /// `None` when apps are offered none.
    pub(crate) local_tls: Option<Arc<ServerConfig>>,
    /// The same for TDS apps that shake hands inside packets; `None` for other protocols too.
    pub(crate) wrapped_tls: Option<Arc<ServerConfig>>,
    pub(crate) tokens: Tokens,
    pub(crate) cancels: Cancels,
    /// Of MySQL.
    pub(crate) spares: Spares<D::Stream>,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) dialler: D,
    /// Set when no new session may begin.
    pub(crate) closing: CancellationToken,
}

/// What a session holds of its route, given back when it is dropped.
pub(crate) struct Guest {
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) _cancel: Option<Registration>,
}

impl<D: Dial> Lobby<D> {
    /// Whom an app becomes that calls itself `user`.
    pub(crate) fn principal(&self, user: &[u8]) -> Result<&Principal, LoginError> {
        let unknown = || LoginError::UnknownUser {
            user: user.to_vec(),
        };
        self.route
            .principal(user)
            .map(|principal| &**principal)
            .ok_or_else(unknown)
    }

    /// A place among the route's sessions.
    pub(crate) fn permit(&self) -> Result<OwnedSemaphorePermit, LoginError> {
        if self.closing.is_cancelled() {
            return Err(LoginError::ShuttingDown);
        }
        Arc::clone(&self.sessions)
            .try_acquire_owned()
            .map_err(|_| LoginError::TooMany {
                limit: self.route.max_connections,
            })
    }

    /// A token for the principal. One whose source fails in passing is waited for; when the time is over, the error is what
    /// the source met, because "no progress" alone would help nobody.
    pub(crate) async fn token(
        &self,
        principal: &Principal,
        audience: &Audience,
        deadline: &Deadline,
    ) -> Result<Token, LoginError> {
        let identity = &principal.identity;
        let failed = |source| LoginError::Token {
            audience: audience.clone(),
            source,
        };
        let get = async { self.tokens.get(identity, audience).await.map_err(failed) };
        match deadline.run("waiting for a token", get).await {
            Err(timed_out @ LoginError::Deadline { .. }) => {
                let met = self.tokens.last_error(identity, audience);
                Err(met.map_or(timed_out, failed))
            }
            outcome => outcome,
        }
    }

    /// A token for a session that should not end soon: one with little life left is worth a short wait for the next.
    pub(crate) async fn lasting_token(
        &self,
        principal: &Principal,
        audience: &Audience,
        deadline: &Deadline,
    ) -> Result<Token, LoginError> {
        const LASTING: Duration = Duration::from_secs(10 * 60);
        const PATIENCE: Duration = Duration::from_secs(2);
        let token = self.token(principal, audience, deadline).await?;
        if token.left() >= LASTING {
            return Ok(token);
        }
        let newer = self.tokens.replace(&principal.identity, audience, &token);
        match tokio::time::timeout(PATIENCE, newer).await {
            Ok(Ok(Some(newer))) => Ok(newer),
            _ => Ok(token),
        }
    }

    /// Another token in place of one that the upstream called expired; `None` when there is no other one.
    pub(crate) async fn replace_token(
        &self,
        principal: &Principal,
        audience: &Audience,
        rejected: &Token,
        deadline: &Deadline,
    ) -> Option<Token> {
        let replace = async {
            let token = self
                .tokens
                .replace(&principal.identity, audience, rejected)
                .await;
            token.map_err(|source| LoginError::Token {
                audience: audience.clone(),
                source,
            })
        };
        match deadline
            .run("replacing a token that expired", replace)
            .await
        {
            Ok(Some(token)) => {
                tracing::info!("the upstream calls the token expired, trying once with another");
                Some(token)
            }
            Ok(None) => {
                tracing::warn!(
                    "the upstream calls the token expired, and its source gave the same one again"
                );
                None
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the upstream calls the token expired");
                None
            }
        }
    }
}
