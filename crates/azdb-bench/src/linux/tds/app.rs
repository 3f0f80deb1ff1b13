//! The app: tiberius.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::way::Way;

/// A session.
pub(in crate::linux) type Session = Client<Compat<TcpStream>>;

/// Logs in: with a token over TLS, or with any password in the clear.
pub(super) async fn connect(way: &Way) -> anyhow::Result<Session> {
    open(way.address, way.own_tls.as_ref()).await
}

/// The same of somebody who has no [`Way`].
pub(in crate::linux) async fn open(
    address: SocketAddr,
    own_tls: Option<&(String, PathBuf)>,
) -> anyhow::Result<Session> {
    let mut config = Config::new();
    config.host("localhost");
    config.port(address.port());
    config.database("shop");
    match own_tls {
        Some((token, ca)) => {
            config.authentication(AuthMethod::aad_token(token));
            config.encryption(EncryptionLevel::Required);
            config.trust_cert_ca(ca.display());
        }
        None => {
            config.authentication(AuthMethod::sql_server("anyone", "any password"));
            config.encryption(EncryptionLevel::NotSupported);
        }
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let session = Client::connect(config, stream.compat_write()).await;
    session.context("cannot log in")
}

/// A select of one row by its key.
pub(super) async fn select(session: &mut Session) -> anyhow::Result<()> {
    let sql = "select name from products where id = @P1";
    let row = session.query(sql, &[&3_i32]).await?.into_row().await?;
    anyhow::ensure!(row.is_some(), "no row");
    Ok(())
}

/// Reads `rows` rows of 4000 characters.
pub(super) async fn read(session: &mut Session, rows: usize) -> anyhow::Result<()> {
    use futures_util::TryStreamExt as _;
    let sql = format!("select replicate(N'x', 4000) from generate_series(1, {rows})");
    let mut stream = session.simple_query(sql).await?;
    let mut read = 0;
    while let Some(item) = stream.try_next().await? {
        read += usize::from(item.into_row().is_some());
    }
    anyhow::ensure!(read == rows, "{read} rows instead of {rows}");
    Ok(())
}

/// Sends `text` as a parameter.
pub(super) async fn send(session: &mut Session, text: &str) -> anyhow::Result<()> {
    let rows = session.query("select len(@P1)", &[&text]).await?;
    rows.into_row().await?.context("no row")?;
    Ok(())
}
