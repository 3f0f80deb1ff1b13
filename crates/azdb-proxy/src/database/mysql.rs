//! mysql_async.

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, OptsBuilder, Row, Value};

use super::private_socket::PrivateSocket;
use super::rows::Coming;
use super::{As, Driver, PROGRAM, Refusal, Rows, Stream};

/// Most bytes of a packet. Said, so that the driver asks nobody.
const LARGEST: usize = 16 * 1024 * 1024;
/// For how many seconds a session may be idle. Said for the same reason.
const IDLE: usize = 28_800;

/// A session, and the socket by which the driver speaks.
pub(super) struct Session {
    conn: Conn,
    _socket: PrivateSocket,
}

impl Session {
    pub(super) async fn open(stream: Box<dyn Stream>, who: &As) -> Result<Self, Refusal> {
        let socket = PrivateSocket::before(stream).map_err(|error| Refusal::of_driver(&error))?;
        let options = socket
            .tell(OptsBuilder::default())
            .prefer_socket(false)
            .max_allowed_packet(Some(LARGEST))
            .wait_timeout(Some(IDLE))
            .connect_attribute("program_name", PROGRAM)
            .user(Some(&who.user))
            .pass(who.password.clone())
            .db_name(who.database.clone());
        let conn = Conn::new(options).await.map_err(|error| refusal(&error))?;
        Ok(Self {
            conn,
            _socket: socket,
        })
    }
}

#[async_trait]
impl Driver for Session {
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        let mut result = self
            .conn
            .query_iter(sql)
            .await
            .map_err(|error| refusal(&error))?;
        let mut rows = Rows::default();
        while !result.is_empty() {
            let columns = result.columns_ref().iter();
            let columns: Vec<_> = columns
                .map(|column| column.name_str().into_owned())
                .collect();
            let mut read = Coming::of(columns);
            while let Some(row) = result.next().await.map_err(|error| refusal(&error))? {
                read.push(Row::unwrap_raw(row).into_iter().map(text).collect())?;
            }
            if !read.rows.columns.is_empty() {
                rows = read.rows;
            }
        }
        Ok(rows)
    }

    async fn close(self: Box<Self>) {
        let _ = self.conn.disconnect().await;
    }
}

/// Answers to plain statements are text.
fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Server(said) => Refusal::answered(said.code, &said.message, None),
        other => Refusal::of_driver(other),
    }
}
