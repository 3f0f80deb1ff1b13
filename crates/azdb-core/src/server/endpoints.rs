//! Opening the endpoints for health and administration.

use std::sync::Arc;

use azdb_config::route::ListenAddr;
use azdb_config::{Admin, AdminListen};
use azdb_quote::Chain;

use super::{Server, StartError};
use crate::admin::{self, Bureau, Desk};
use crate::socket::Door;

/// Mode of an endpoint's socket file: whoever runs the proxy.
const SOCKET_MODE: u32 = 0o600;

impl Server {
    /// Opens the endpoints for health and administration, and answers there until the process ends.
    ///
    /// # Errors
    ///
    /// [`StartError::Endpoint`] when an address cannot be opened that the configuration names.
    pub async fn open_endpoints(
        &self,
        health: Option<&ListenAddr>,
        admin: &Admin,
    ) -> Result<(), StartError> {
        let premises = &self.premises;
        let bureau = Arc::new(Bureau {
            receptions: premises.receptions.clone(),
            tokens: premises.tokens.clone(),
            ending: premises.ending.clone(),
            reloads: premises.reloads.clone(),
            asked_to_end: false.into(),
            log_lines_dropped: self.log_lines_dropped,
            started: premises.started,
        });
        if let Some(listen) = health {
            let desk = Desk::health(listen);
            open_endpoint(listen, desk, &bureau).await?;
        }
        let desk = |listen| Desk::admin(listen, admin.ends_over_tcp);
        match &admin.listen {
            AdminListen::Off => {}
            AdminListen::NoPlace => tracing::info!(
                "no admin endpoint: neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR nor state_dir says where, see [admin]"
            ),
            AdminListen::At(listen) => open_endpoint(listen, desk(listen), &bureau).await?,
            AdminListen::Default(listen) => {
                make_place(listen);
                if let Err(error) = open_endpoint(listen, desk(listen), &bureau).await {
                    tracing::warn!(error = %Chain(&error), "no admin endpoint, see [admin]");
                }
            }
        }
        Ok(())
    }

    /// Opens what protocols have besides their doors. That a port of theirs is taken is no reason to fail.
    pub async fn open_beside(&self) {
        let mut standing = self.premises.standing.lock().await;
        let addresses = standing.addresses();
        standing
            .beside
            .get_or_insert_default()
            .open_for(&addresses)
            .await;
    }
}

async fn open_endpoint(
    listen: &ListenAddr,
    desk: Desk,
    bureau: &Arc<Bureau>,
) -> Result<(), StartError> {
    let failed = |source| StartError::Endpoint {
        listen: listen.clone(),
        source,
    };
    let door = Door::open(listen, SOCKET_MODE).await.map_err(failed)?;
    let listen = door
        .local_addr()
        .map_or_else(|| listen.clone(), ListenAddr::Tcp);
    tracing::info!(%listen, endpoint = ?desk.pages, "listening");
    tokio::spawn(admin::serve(door, desk, Arc::clone(bureau)));
    Ok(())
}

/// Makes the directory of the usual socket file, for its owner alone. What goes wrong shows when the door is opened.
fn make_place(listen: &ListenAddr) {
    #[cfg(unix)]
    if let ListenAddr::Unix(path) = listen
        && let Some(directory) = path.parent()
    {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut builder = std::fs::DirBuilder::new();
        if let Err(error) = builder.recursive(true).mode(0o700).create(directory) {
            tracing::debug!(directory = %directory.display(), error = %Chain(&error), "no place for the admin socket");
        }
    }
    #[cfg(not(unix))]
    let _ = listen;
}
