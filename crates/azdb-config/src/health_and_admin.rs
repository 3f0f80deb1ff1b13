//! `[health]` and `[admin]`: where the process is watched and run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use azdb_identity::Environment;

use super::address::host_and_port;
#[cfg(unix)]
use super::env;
use super::keys::Fact;
use super::keys::of_document::{
    ADMIN, ADMIN_LISTEN, ADMIN_TABLE, HEALTH_LISTEN, HEALTH_TABLE, QUITQUITQUIT,
};
use super::pipe;
use super::section::Section;
use crate::route::ListenAddr;
#[cfg(not(unix))]
use crate::route::PipeName;

const HEALTH_PORT: u16 = 9090;
const ADMIN_PORT: u16 = 9091;
#[cfg(unix)]
const ADMIN_SOCKET: &str = "admin.sock";

/// `[admin]`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub listen: AdminListen,
    /// Whether the process may be ended over TCP; over a socket file or a pipe it always may, by whoever may open that.
    pub ends_over_tcp: bool,
}

/// Where the admin endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminListen {
    /// At the usual place, for which nobody asked: that it cannot be had is no reason to fail.
    Default(ListenAddr),
    /// At the usual place, and the environment does not say where that is.
    NoPlace,
    /// Where the configuration says.
    At(ListenAddr),
    /// Nowhere.
    Off,
}

/// `[health]`: off when absent.
pub(super) fn health(document: &mut Section<'_>) -> Option<Vec<ListenAddr>> {
    let mut section = document.table(&HEALTH_TABLE).ok()??;
    let listen = health_of(&mut section);
    section.finish();
    listen
}

/// What a table of that kind says, in a file or in the environment.
pub(super) fn health_of(section: &mut Section<'_>) -> Option<Vec<ListenAddr>> {
    let listen = section.value(&HEALTH_LISTEN).ok()?;
    Some(listen.into_iter().map(|listen| listen.value).collect())
}

/// Where `[health]` may listen.
///
/// # Errors
///
/// What is wrong with the text.
pub fn health_listen(text: &str) -> Result<ListenAddr, String> {
    address(text, HEALTH_PORT)
}

/// `[admin]`: a socket file or a pipe for whoever runs the process when absent.
pub(super) fn admin(document: &mut Section<'_>, usual: AdminListen) -> Admin {
    let mut section = match document.table(&ADMIN_TABLE) {
        Ok(Some(section)) => section,
        _ => document.empty(&ADMIN),
    };
    let listen = section.read(&ADMIN_LISTEN);
    if let Ok(listen) = &listen {
        let listen = listen.as_ref().map_or(&usual, |listen| &listen.value);
        let door = match listen {
            AdminListen::At(listen) | AdminListen::Default(listen) => Some(listen),
            AdminListen::NoPlace | AdminListen::Off => None,
        };
        section.know(&Fact::Listen {
            unix: matches!(door, Some(ListenAddr::Unix(_))),
            pipe: matches!(door, Some(ListenAddr::Pipe(_))),
            port: matches!(door, Some(ListenAddr::Tcp(_))),
            other_machines: false,
        });
    }
    let ends_over_tcp = section.value(&QUITQUITQUIT);
    section.finish();
    Admin {
        listen: match listen {
            Ok(listen) => listen.map_or(usual, |listen| listen.value),
            Err(_) => AdminListen::Off,
        },
        ends_over_tcp: ends_over_tcp.unwrap_or_default(),
    }
}

/// Where the admin endpoint listens when nobody says: in systemd's runtime directory, else in the user's, else in `state_dir`.
#[cfg(unix)]
pub(super) fn usual_admin(env: &Environment, state_dir: Option<&Path>) -> AdminListen {
    let of_user = || env::directory(env, "XDG_RUNTIME_DIR").map(|of| of.join("azdb-proxy"));
    let directory = env::directory(env, "RUNTIME_DIRECTORY")
        .or_else(of_user)
        .or_else(|| state_dir.map(Path::to_owned));
    directory.map_or(AdminListen::NoPlace, |directory| {
        AdminListen::Default(ListenAddr::Unix(directory.join(ADMIN_SOCKET)))
    })
}

/// Where there are no socket files: a pipe.
#[cfg(not(unix))]
pub(super) fn usual_admin(_: &Environment, _: Option<&Path>) -> AdminListen {
    AdminListen::Default(ListenAddr::Pipe(PipeName::admin()))
}

/// Where `[admin]` may listen.
pub(super) fn admin_listen(text: &str) -> Result<AdminListen, String> {
    if text == "off" {
        return Ok(AdminListen::Off);
    }
    match address(text, ADMIN_PORT)? {
        ListenAddr::Tcp(addr) if !addr.ip().is_loopback() => Err(
            "must be on loopback, a unix socket or a pipe: whoever reaches it can end the process"
                .to_owned(),
        ),
        addr => Ok(AdminListen::At(addr)),
    }
}

/// An address of this machine.
pub(super) fn address(text: &str, usual_port: u16) -> Result<ListenAddr, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match cfg!(unix) {
            true => Ok(ListenAddr::Unix(PathBuf::from(path))),
            false => {
                Err("unix sockets do not exist on this platform: here it is pipe:NAME".to_owned())
            }
        };
    }
    if let Some(name) = text.strip_prefix("pipe:") {
        return pipe::door(name);
    }
    let wrong = || format!("{text:?} is not address:port, unix:/path or pipe:NAME");
    let (host, port) = host_and_port(text).map_err(|_| wrong())?;
    let ip = match host.eq_ignore_ascii_case("localhost") {
        true => Ipv4Addr::LOCALHOST.into(),
        false => host.parse().map_err(|_| wrong())?,
    };
    Ok(ListenAddr::Tcp(SocketAddr::new(
        ip,
        port.unwrap_or(usual_port),
    )))
}
