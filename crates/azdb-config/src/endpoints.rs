//! `[health]` and `[admin]`: where the process is watched and run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::address::host_and_port;
use super::problems::Written;
use super::section::Section;
use super::value::Value;
use crate::route::ListenAddr;

const HEALTH_PORT: u16 = 9090;
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
    let mut section = table(document, "health", "[health]")?;
    let listen = section.text("listen").ok().flatten();
    if listen.is_none() {
        section.refuse_all("listen: is missing, for example \"127.0.0.1:9090\"");
    }
    section.finish();
    let Written { value, spot } = listen?;
    match address(&value, HEALTH_PORT) {
        Ok(addr) => Some(addr),
        Err(problem) => {
            section.refuse(&spot, "listen", problem);
            None
        }
    }
}

/// `[admin]`: on loopback when absent.
pub(super) fn admin(document: &mut Section<'_>) -> AdminListen {
    let usual = ListenAddr::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT)));
    let Some(mut section) = table(document, "admin", "[admin]") else {
        return AdminListen::Default(usual);
    };
    let listen = section.text("listen").ok().flatten();
    section.finish();
    let Some(Written { value, spot }) = listen else {
        return AdminListen::Default(usual);
    };
    if value == "off" {
        return AdminListen::Off;
    }
    let problem = match address(&value, ADMIN_PORT) {
        Ok(ListenAddr::Tcp(addr)) if !addr.ip().is_loopback() => {
            "must be on loopback or a unix socket: whoever reaches it can end the process"
                .to_owned()
        }
        Ok(addr) => return AdminListen::At(addr),
        Err(problem) => problem,
    };
    section.refuse(&spot, "listen", problem);
    AdminListen::Off
}

fn table<'r>(document: &mut Section<'r>, key: &'static str, name: &str) -> Option<Section<'r>> {
    let Written { value, spot } = document.take(key)?;
    match value {
        Value::Table(entries) => Some(document.inner(name, &spot, entries)),
        _ => {
            document.refuse(&spot, key, "must be a table");
            None
        }
    }
}

fn address(text: &str, usual_port: u16) -> Result<ListenAddr, String> {
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
