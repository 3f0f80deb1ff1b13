//! `[health]` and `[admin]`: where the process is watched and run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::address::host_and_port;
use super::keys::of_document::{ADMIN, ADMIN_LISTEN, ADMIN_TABLE, HEALTH_LISTEN, HEALTH_TABLE};
use super::section::Section;
use crate::route::ListenAddr;

const ADMIN_PORT: u16 = 9091;

/// Where the admin endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminListen {
    /// On the usual address, which nobody asked for: that it is taken is no reason to fail.
    Default(ListenAddr),
    /// Where the configuration says.
    At(ListenAddr),
    /// Nowhere.
    Off,
}

/// `[health]`: off when absent.
pub(super) fn health(document: &mut Section<'_>) -> Option<ListenAddr> {
    let mut section = document.table(&HEALTH_TABLE).ok()??;
    let listen = section.value(&HEALTH_LISTEN);
    section.finish();
    listen.ok()
}

/// `[admin]`: on loopback when absent.
pub(super) fn admin(document: &mut Section<'_>) -> AdminListen {
    let mut section = match document.table(&ADMIN_TABLE) {
        Ok(Some(section)) => section,
        _ => document.empty(&ADMIN),
    };
    let asked = section.has(&ADMIN_LISTEN);
    let listen = section.value(&ADMIN_LISTEN);
    section.finish();
    match listen {
        Ok(AdminListen::At(listen)) if !asked => AdminListen::Default(listen),
        Ok(listen) => listen,
        Err(_) => AdminListen::Off,
    }
}

/// Where `[admin]` may listen.
pub(super) fn admin_listen(text: &str) -> Result<AdminListen, String> {
    if text == "off" {
        return Ok(AdminListen::Off);
    }
    match address(text, ADMIN_PORT)? {
        ListenAddr::Tcp(addr) if !addr.ip().is_loopback() => Err(
            "must be on loopback or a unix socket: whoever reaches it can end the process"
                .to_owned(),
        ),
        addr => Ok(AdminListen::At(addr)),
    }
}

/// An address of this machine.
pub(super) fn address(text: &str, usual_port: u16) -> Result<ListenAddr, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(ListenAddr::Unix(PathBuf::from(path)));
    }
    let wrong = || format!("{text:?} is not address:port or unix:/path");
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
