//! Opening the endpoints for health and administration.

use std::sync::Arc;

use azdb_config::AdminListen;
use azdb_config::route::ListenAddr;
use azdb_quote::Chain;

use super::{Server, StartError};
use crate::admin::{self, Bureau, Desk};
use crate::reception;
use crate::socket::Door;

/// Mode of an admin socket: whoever runs the proxy.
const ADMIN_SOCKET_MODE: u32 = 0o600;

impl Server {
    /// Opens the endpoints for health and administration, and answers there until the process ends.
    ///
    /// # Errors
    ///
    /// [`StartError::Endpoint`] when an address cannot be opened that the configuration names.
    pub async fn open_endpoints(
        &self,
        health: Option<&ListenAddr>,
        admin: &AdminListen,
    ) -> Result<(), StartError> {
        let (receptions, tokens) = (self.receptions.clone(), self.tokens.clone());
        let ending = self.ending.clone();
        let bureau = Arc::new(Bureau {
            receptions,
            tokens,
            ending,
            asked_to_end: false.into(),
            log_lines_dropped: self.log_lines_dropped,
        });
        if let Some(listen) = health {
            self.open_endpoint(listen, Desk::Health, &bureau).await?;
        }
        match admin {
            AdminListen::Off => Ok(()),
            AdminListen::At(listen) => self.open_endpoint(listen, Desk::Admin, &bureau).await,
            AdminListen::Default(listen) => {
                if let Err(error) = self.open_endpoint(listen, Desk::Admin, &bureau).await {
                    tracing::warn!(error = %Chain(&error), "no admin endpoint, see [admin]");
                }
                Ok(())
            }
        }
    }

    /// Opens what protocols have besides their doors. That a port of theirs is taken is no reason to fail.
    pub async fn open_beside(&self) {
        reception::open_beside(&self.addresses).await;
    }

    async fn open_endpoint(
        &self,
        listen: &ListenAddr,
        desk: Desk,
        bureau: &Arc<Bureau>,
    ) -> Result<(), StartError> {
        let failed = |source| StartError::Endpoint {
            listen: listen.clone(),
            source,
        };
        let door = Door::open(listen, ADMIN_SOCKET_MODE)
            .await
            .map_err(failed)?;
        let listen = door
            .local_addr()
            .map_or_else(|| listen.clone(), ListenAddr::Tcp);
        tracing::info!(%listen, endpoint = ?desk, "listening");
        tokio::spawn(admin::serve(door, desk, Arc::clone(bureau)));
        Ok(())
    }
}
