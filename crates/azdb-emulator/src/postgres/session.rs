//! The command loop of a session that is logged in.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{BufMut, BytesMut};
use futures_util::{Sink, SinkExt, StreamExt, stream};
use pgwire::api::query::SimpleQueryHandler;
use pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::{
    ClientInfo, ClientPortalStore, DefaultClient, NoopHandler, PgWireConnectionState, Type,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use pgwire::tokio::server::{PgWireMessageServerCodec, process_error, process_message};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

use super::cancel::{Entry, Sessions};
use super::opening::Startup;
use super::server::VERSION;
use super::wire::fatal;
use crate::sqlite::{Database, Interrupt};

/// A session: its connection to SQLite and what it has set.
pub(super) struct Session {
    connection: Arc<Mutex<Connection>>,
    interrupt: Arc<Interrupt>,
    process: AtomicI32,
    user: String,
}

impl Session {
    pub(super) async fn open(
        database: &Arc<Database>,
        _sessions: &Arc<Sessions>,
        startup: &Startup,
    ) -> Result<Self, rusqlite::Error> {
        let connection = database.connect()?;
        let interrupt = Arc::new(Interrupt::new(&connection));
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            interrupt,
            process: AtomicI32::new(0),
            user: startup.parameter("user").unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    pub(super) fn set_process(&self, process: i32) {
        self.process.store(process, Ordering::Relaxed);
    }

    pub(super) fn reported_parameters(&self) -> Vec<(String, String)> {
        [
            ("server_version", VERSION),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
            ("session_authorization", self.user.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt.close();
    }
}

/// Serves commands until the client leaves or the session is terminated.
pub(super) async fn run(
    stream: TlsStream<TcpStream>,
    peer: SocketAddr,
    session: Session,
    entry: Entry,
) -> io::Result<()> {
    let mut client = DefaultClient::new(peer, true);
    client.protocol_version = ProtocolVersion::PROTOCOL3_0;
    client.state = PgWireConnectionState::ReadyForQuery;
    let mut socket = Framed::new(stream, PgWireMessageServerCodec::<String>::new(client));
    let commands = Arc::new(Commands { session });
    let noop = Arc::new(NoopHandler);
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            () = entry.end.cancelled() => {
                let text = "terminating connection due to administrator command";
                socket.send(fatal("57P01", text)).await?;
                return socket.close().await;
            }
        };
        let message = match message {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
            Some(message) => message.map_err(io::Error::other)?,
        };
        let extended = message.is_extended_query();
        let processed = process_message(
            message,
            &mut socket,
            Arc::clone(&noop),
            Arc::clone(&commands),
            Arc::clone(&noop),
            Arc::clone(&noop),
            Arc::clone(&noop),
        );
        if let Err(error) = processed.await {
            let is_fatal = error.is_fatal();
            process_error(&mut socket, error, extended).await?;
            if is_fatal {
                return Ok(());
            }
        }
    }
}

struct Commands {
    session: Session,
}

#[async_trait]
impl SimpleQueryHandler for Commands {
    async fn do_query<C>(&self, _client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    {
        let connection = Arc::clone(&self.session.connection);
        let query = query.to_owned();
        self.session.interrupt.arm();
        let done = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            execute(&connection, &query)
        });
        let done = done
            .await
            .map_err(|error| PgWireError::ApiError(error.into()))?;
        let response = done.map_err(|error| {
            PgWireError::UserError(Box::new(ErrorInfo::new(
                "ERROR".to_owned(),
                "XX000".to_owned(),
                error.to_string(),
            )))
        })?;
        Ok(vec![response])
    }
}

fn execute(connection: &Connection, query: &str) -> Result<Response, rusqlite::Error> {
    let mut statement = connection.prepare(query)?;
    if statement.column_count() == 0 {
        let rows = statement.execute([])?;
        return Ok(Response::Execution(Tag::new("OK").with_rows(rows)));
    }
    let fields: Vec<FieldInfo> = statement
        .column_names()
        .into_iter()
        .map(|name| FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text))
        .collect();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut data = BytesMut::new();
        for column in 0..fields.len() {
            let text = match row.get_ref(column)? {
                ValueRef::Null => {
                    data.put_i32(-1);
                    continue;
                }
                ValueRef::Integer(value) => value.to_string(),
                ValueRef::Real(value) => value.to_string(),
                ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
                ValueRef::Blob(value) => String::from_utf8_lossy(value).into_owned(),
            };
            data.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
            data.put_slice(text.as_bytes());
        }
        let count = i16::try_from(fields.len()).unwrap_or(i16::MAX);
        found.push(Ok(DataRow::new(data, count)));
    }
    Ok(Response::Query(QueryResponse::new(
        Arc::new(fields),
        stream::iter(found),
    )))
}
