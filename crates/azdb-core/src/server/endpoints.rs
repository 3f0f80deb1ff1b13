//! Opening the endpoints for health and administration.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use azdb_config::route::{DoorRights, ListenAddr, PipeUser};
use azdb_config::{Admin, AdminListen};
use azdb_quote::Chain;

use super::doors::EAFNOSUPPORT;
use super::premises::Premises;
use super::taken::advice;
use super::{Server, StartError};
use crate::admin::{self, Bureau, Desk};
use crate::socket::{Door, Families, Reserved};

/// Rights on an endpoint's socket file or pipe: whoever runs the proxy.
const OURS_ALONE: DoorRights = DoorRights {
    mode: 0o600,
    group: None,
    pipe_users: Vec::new(),
};

/// On the pipe of the admin endpoint: who runs the machine, too, as root does elsewhere.
fn ours_and_the_machines() -> DoorRights {
    let runs_it = |(name, sid): (&str, &str)| PipeUser {
        name: name.to_owned(),
        sid: sid.to_owned(),
    };
    let who = [
        ("BUILTIN\\Administrators", "S-1-5-32-544"),
        ("NT AUTHORITY\\SYSTEM", "S-1-5-18"),
    ];
    DoorRights {
        pipe_users: who.map(runs_it).into(),
        ..OURS_ALONE
    }
}

impl Server {
    /// Opens the endpoints for health and administration, and answers there until the process ends.
    ///
    /// # Errors
    ///
    /// [`StartError::Endpoint`] when an address cannot be opened that the configuration names.
    pub async fn open_endpoints(
        &self,
        health: &[ListenAddr],
        admin: &Admin,
    ) -> Result<(), StartError> {
        let bureau = Arc::new(self.premises.bureau(self.log_lines_dropped));
        for listen in health {
            let door = health_door(listen, health).await;
            answer_at(door, listen, Desk::health(listen), &bureau)?;
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
                    let remedy = "another process of this user serves it, or may not be kept there: set [admin] listen or state_dir to a place of its own, or \
                                  [admin] listen = \"off\"";
                    tracing::warn!(error = %Chain(&error), remedy, "no admin endpoint, see [admin]");
                }
            }
        }
        Ok(())
    }
}

impl Premises {
    /// What the endpoints know of all this.
    pub(super) fn bureau(&self, log_lines_dropped: fn() -> u64) -> Bureau {
        Bureau {
            receptions: self.receptions.clone(),
            tokens: self.tokens.clone(),
            ending: self.ending.clone(),
            opened: self.opened.clone(),
            reloads: self.reloads.clone(),
            started: self.started,
            asked_to_end: false.into(),
            log_lines_dropped,
        }
    }
}

/// A door for probes, among all of them. `[::]` is for both families, and on a machine that has one only for that one: whoever writes a
/// manifest for many machines need not know.
async fn health_door(listen: &ListenAddr, all: &[ListenAddr]) -> io::Result<Door> {
    let ListenAddr::Tcp(addr) = listen else {
        return Door::open(listen, &ours_and_the_machines()).await;
    };
    let port = addr.port();
    let has_other_family = |other: &ListenAddr| matches!(other, ListenAddr::Tcp(other) if other.is_ipv4() && other.port() == port);
    if addr.ip() != Ipv6Addr::UNSPECIFIED || all.iter().any(has_other_family) {
        return Door::open(listen, &OURS_ALONE).await;
    }
    match Reserved::at(listen, &OURS_ALONE, Families::Both) {
        Ok(reserved) => reserved.open().await,
        Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT) => {
            let listen = ListenAddr::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
            Door::open(&listen, &OURS_ALONE).await
        }
        Err(error) => Err(error),
    }
}

async fn open_endpoint(
    listen: &ListenAddr,
    desk: Desk,
    bureau: &Arc<Bureau>,
) -> Result<(), StartError> {
    let door = Door::open(listen, &OURS_ALONE).await;
    answer_at(door, listen, desk, bureau)
}

fn answer_at(
    door: io::Result<Door>,
    listen: &ListenAddr,
    desk: Desk,
    bureau: &Arc<Bureau>,
) -> Result<(), StartError> {
    let door = door.map_err(|source| StartError::Endpoint {
        listen: listen.clone(),
        advice: advice(listen, &source),
        source,
    })?;
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
