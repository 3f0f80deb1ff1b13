//! HAProxy doing TLS origination. It can't ask for TLS as PostgreSQL wants it, so it starts with TLS.

use std::fs;
use std::net::SocketAddr;

use tokio::process::Command;

use super::Bed;
use crate::linux::tls::{ALPN, HOST};

pub(super) fn set_up(command: &mut Command, bed: &Bed, listen: SocketAddr) -> anyhow::Result<()> {
    let threads = std::thread::available_parallelism()?;
    let text = format!(
        "global
    nbthread {threads}
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind {listen}
    server database {upstream} ssl verify required ca-file {ca} sni str({HOST}) verifyhost {HOST} alpn {ALPN}
",
        upstream = bed.upstream.address,
        ca = bed.ca_file().display(),
    );
    let file = bed.file("haproxy.cfg");
    fs::write(&file, text)?;
    command.arg("-db").arg("-f").arg(file);
    Ok(())
}
