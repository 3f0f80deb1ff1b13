//! PgBouncer, pooling sessions: a session of an app has a server connection of its own, which outlives it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::process::Command;

use super::{Bed, Places};
use crate::linux::app::Login;
use crate::linux::upstream::PASSWORD;

/// Who logs in at the upstream.
pub(in crate::linux) struct Account<'a> {
    pub(in crate::linux) login: Login,
    pub(in crate::linux) password: &'a str,
}

pub(super) fn set_up(command: &mut Command, bed: &Bed, places: &Places) -> anyhow::Result<()> {
    let account = Account {
        login: Login::BENCH,
        password: PASSWORD,
    };
    let addresses = (places.listen, places.upstream);
    write(
        command,
        &places.dir,
        &account,
        addresses,
        &bed.ca_file(),
        bed.most,
    )
}

/// Writes its files into `dir`, for so many sessions.
pub(in crate::linux) fn write(
    command: &mut Command,
    dir: &Path,
    Account { login, password }: &Account<'_>,
    (listen, upstream): (SocketAddr, SocketAddr),
    ca: &Path,
    most: usize,
) -> anyhow::Result<()> {
    let Login { user, database } = login;
    let users = dir.join("users.txt");
    fs::write(&users, format!("\"{user}\" \"{password}\"\n"))?;
    let text = format!(
        "[databases]
{database} = host={host} port={port} dbname={database}
[pgbouncer]
listen_addr = {address}
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = session
max_client_conn = {most}
default_pool_size = {most}
server_tls_sslmode = verify-ca
server_tls_ca_file = {ca}
server_tls_protocols = tlsv1.3
{other_user}",
        host = upstream.ip(),
        port = upstream.port(),
        address = listen.ip(),
        listen_port = listen.port(),
        users = users.display(),
        ca = ca.display(),
        // It refuses to be root.
        other_user = if nix::unistd::geteuid().is_root() {
            "user = nobody\n"
        } else {
            ""
        },
    );
    let file = dir.join("pgbouncer.ini");
    fs::write(&file, text)?;
    command.arg(file);
    Ok(())
}
