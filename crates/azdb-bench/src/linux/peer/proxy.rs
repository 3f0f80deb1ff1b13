//! azdb-proxy, with a token from the run's own identity endpoint.

use std::path::Path;
use std::{fs, io};

use azdb_emulator::IdentityEndpoint;
use tokio::process::Command;

use super::{Bed, Kind, Places};
use crate::linux::app::USER;
use crate::linux::chain::HOST;

pub(super) fn set_up(
    command: &mut Command,
    bed: &Bed,
    kind: Kind,
    places: &Places,
) -> anyhow::Result<()> {
    let Places {
        listen,
        upstream,
        health,
        ..
    } = places;
    let port = upstream.port();
    let ca_file = bed.ca_file();
    let file = places.file("proxy.toml");
    let log_level = match kind {
        Kind::Unwatched => "off",
        _ => "info",
    };
    let health = health.map_or_else(String::new, |health| {
        format!("[health]\nlisten = \"{health}\"\n")
    });
    let text = format!(
        r#"[process]
log_level = "{log_level}"
state_dir = "{state}"

{health}
[identity]
source = "app-service"

[[route]]
name = "bench"
protocol = "{protocol}"
listen = "{listen}"
upstream = "{HOST}:{port}"
connect_to = "{upstream}"
upstream_user = "{USER}"
upstream_ca_file = "{ca}"
max_connections = {most}
"#,
        protocol = bed.dialect.word(),
        // What its first start has made is there for all that follow.
        state = bed.file("state").display(),
        most = bed.most,
        ca = ca_file.display(),
    );
    configure(command, &file, &text, &bed.identity)?;
    Ok(())
}

/// Has the proxy run with this configuration, and get its tokens there.
///
/// # Errors
///
/// When the file cannot be written.
pub(in crate::linux) fn configure(
    command: &mut Command,
    file: &Path,
    text: &str,
    identity: &IdentityEndpoint,
) -> io::Result<()> {
    fs::write(file, text)?;
    command
        .args(["run", "--config"])
        .arg(file)
        .env("IDENTITY_ENDPOINT", identity.url())
        .env("IDENTITY_HEADER", identity.secret());
    Ok(())
}
