//! PgBouncer, pooling sessions: a session of an app has a server connection of its own, which outlives it.

use std::fs;
use std::net::SocketAddr;

use tokio::process::Command;

use super::Bed;
use crate::linux::app::{DATABASE, USER};
use crate::linux::upstream::PASSWORD;

pub(super) fn set_up(command: &mut Command, bed: &Bed, listen: SocketAddr) -> anyhow::Result<()> {
    let users = bed.file("users.txt");
    fs::write(&users, format!("\"{USER}\" \"{PASSWORD}\"\n"))?;
    let text = format!(
        "[databases]
{DATABASE} = host={host} port={port} dbname={DATABASE}
[pgbouncer]
listen_addr = {address}
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = session
max_client_conn = 4000
default_pool_size = 4000
server_tls_sslmode = verify-ca
server_tls_ca_file = {ca}
server_tls_protocols = tlsv1.3
{user}",
        host = bed.upstream.address.ip(),
        port = bed.upstream.address.port(),
        address = listen.ip(),
        listen_port = listen.port(),
        users = users.display(),
        ca = bed.ca_file().display(),
        // It refuses to be root.
        user = if nix::unistd::geteuid().is_root() {
            "user = nobody\n"
        } else {
            ""
        },
    );
    let file = bed.file("pgbouncer.ini");
    fs::write(&file, text)?;
    command.arg(file);
    Ok(())
}
