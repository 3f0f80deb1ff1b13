//! stunnel as a client, which knows PostgreSQL's SSLRequest.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use tokio::process::Command;

use super::{Bed, Places};
use crate::linux::chain::HOST;

pub(super) fn set_up(command: &mut Command, bed: &Bed, places: &Places) -> anyhow::Result<()> {
    let text = format!(
        "foreground = yes
pid =
[postgres]
client = yes
protocol = pgsql
accept = {listen}
connect = {upstream}
CAfile = {ca}
verifyChain = yes
checkHost = {HOST}
sni = {HOST}
",
        listen = places.listen,
        upstream = places.upstream,
        ca = bed.ca_file().display(),
    );
    let file = places.file("stunnel.conf");
    fs::write(&file, text)?;
    command.arg(file);
    Ok(())
}

/// Its version stands behind a line about its mode.
pub(super) async fn version(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program)
        .arg("-version")
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.context("cannot run stunnel")?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.starts_with("stunnel "));
    Ok(line.unwrap_or("stunnel").to_owned())
}
