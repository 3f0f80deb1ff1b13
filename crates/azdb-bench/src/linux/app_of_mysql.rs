//! The app of MySQL.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::app::{Login, Way};
use super::chain::HOST;
use super::messages::Stream;
use super::packets::{Packets, put};
use super::upstream::{BLOCK, SEND};

/// Bit 0, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, SECURE_CONNECTION and PLUGIN_AUTH.
pub(super) const CAPABILITIES: u32 = 1 | 1 << 3 | 1 << 7 | 1 << 9 | 1 << 15 | 1 << 19;
/// TLS.
pub(super) const SSL: u32 = 1 << 11;
/// The plugin that asks for the password as it is.
pub(super) const CLEAR: &[u8] = b"mysql_clear_password\0";

/// A session, from the app's side.
pub(super) struct MysqlApp {
    packets: Packets<Box<dyn Stream>>,
    /// COM_STMT_EXECUTE of statement 1 with one text parameter, as libmysqlclient sends it.
    execute: Vec<u8>,
}

impl MysqlApp {
    /// Connects and logs in.
    pub(super) async fn connect(way: &Way, password: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(way.address).await?;
        socket.set_nodelay(true)?;
        let mut packets = Packets::new(socket);
        packets.good().await?;
        let flags = match way.tls {
            Some(_) => CAPABILITIES | SSL,
            None => CAPABILITIES,
        };
        let mut fixed = flags.to_le_bytes().to_vec();
        fixed.extend([0, 0, 0, 1, 45]);
        fixed.resize(32, 0);
        let mut number = 1;
        let stream: Box<dyn Stream> = match &way.tls {
            None => Box::new(packets.stream),
            Some(tls) => {
                let mut request = Vec::new();
                put(&mut request, number, &[&fixed]);
                packets.send(&request).await?;
                number += 1;
                let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::clone(tls));
                Box::new(connector.connect(name, packets.stream).await?)
            }
        };
        let mut app = Self {
            packets: Packets::new(stream),
            execute: execute(),
        };
        app.log_in(way.login, &fixed, number, password).await?;
        Ok(app)
    }

    async fn log_in(
        &mut self,
        login: Login,
        fixed: &[u8],
        number: u8,
        password: &str,
    ) -> io::Result<()> {
        let names = [login.user, "", login.database, "mysql_native_password", ""];
        let [user, empty, database, plugin, end] = names.map(str::as_bytes);
        let nul = &[0][..];
        let parts = [
            fixed, user, nul, empty, nul, database, nul, plugin, nul, end,
        ];
        let mut response = Vec::new();
        put(&mut response, number, &parts);
        self.packets.send(&response).await?;
        if self.packets.good().await?.first() == Some(&0xfe) {
            let mut answer = Vec::new();
            put(&mut answer, number + 2, &[password.as_bytes(), b"\0"]);
            self.packets.send(&answer).await?;
            self.packets.good().await?;
        }
        Ok(())
    }

    pub(super) async fn copy_out(&mut self, blocks: u64) -> io::Result<()> {
        self.query(&format!("SELECT {blocks}")).await?;
        self.packets.good().await?;
        self.packets.skim().await?;
        let rows = self.packets.skim().await?;
        whole(rows, blocks)
    }

    /// LOAD DATA LOCAL of a file in packets of [`SEND`] bytes.
    pub(super) async fn copy_in(&mut self, blocks: u64, block: &[u8]) -> io::Result<()> {
        self.query("LOAD DATA LOCAL INFILE 'rows' INTO TABLE sink")
            .await?;
        self.packets.good().await?;
        for _ in 0..blocks {
            for rows in block.chunks(SEND) {
                self.packets.send(rows).await?;
            }
        }
        self.packets.send(&[0, 0, 0, 2]).await?;
        let ok = self.packets.good().await?;
        let arrived = ok.get(2..10).and_then(|bytes| bytes.try_into().ok());
        whole(arrived.map_or(0, u64::from_le_bytes), blocks)
    }

    /// A query of one row.
    pub(super) async fn first_row(&mut self) -> io::Result<()> {
        self.query("select 1").await?;
        self.packets.good().await?;
        self.packets.skim().await?;
        match self.packets.skim().await? {
            0 => Err(io::Error::other("no row")),
            _ => Ok(()),
        }
    }

    pub(super) async fn prepare(&mut self) -> io::Result<()> {
        let mut command = Vec::new();
        put(
            &mut command,
            0,
            &[b"\x16SELECT abalance FROM accounts WHERE aid = ?"],
        );
        self.packets.send(&command).await?;
        self.packets.good().await?;
        self.packets.skim().await?;
        self.packets.skim().await.map(drop)
    }

    pub(super) async fn select(&mut self) -> io::Result<()> {
        self.packets.send(&self.execute).await?;
        self.packets.good().await?;
        self.packets.skim().await?;
        self.packets.skim().await.map(drop)
    }

    pub(super) async fn leave(mut self) -> io::Result<()> {
        let mut command = Vec::new();
        put(&mut command, 0, &[&[1]]);
        self.packets.send(&command).await?;
        use tokio::io::AsyncWriteExt as _;
        self.packets.stream.shutdown().await
    }

    async fn query(&mut self, sql: &str) -> io::Result<()> {
        let mut command = Vec::new();
        put(&mut command, 0, &[b"\x03", sql.as_bytes()]);
        self.packets.send(&command).await
    }
}

fn execute() -> Vec<u8> {
    let mut command = Vec::new();
    // Statement 1, no cursor, once; nothing is NULL; the parameter is a text.
    put(
        &mut command,
        0,
        &[b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfd\0\x0554321"],
    );
    command
}

fn whole(arrived: u64, blocks: u64) -> io::Result<()> {
    let meant = blocks * BLOCK as u64;
    if arrived == meant {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{arrived} bytes of {meant} arrived"
    )))
}
