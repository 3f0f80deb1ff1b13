//! Whole messages over a bare stream: what is needed until login is over.

use std::io;

use bytes::BytesMut;
use pgwire::error::ErrorInfo;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::ErrorResponse;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// PostgreSQL's MAX_STARTUP_PACKET_LENGTH.
const STARTUP_LIMIT: usize = 10_000;
/// PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH: what the length word of a password message may say.
const PASSWORD_LIMIT: usize = 65_535;

/// Reads a packet without type byte: its code and what follows.
pub(super) async fn read_untyped<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> io::Result<(u32, Vec<u8>)> {
    let length = stream.read_u32().await? as usize;
    if !(8..=STARTUP_LIMIT).contains(&length) {
        return Err(invalid("length of a startup packet"));
    }
    let code = stream.read_u32().await?;
    let mut rest = vec![0; length - 8];
    stream.read_exact(&mut rest).await?;
    Ok((code, rest))
}

/// Reads a message of type `p`: its body.
pub(super) async fn read_password<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    if stream.read_u8().await? != b'p' {
        return Err(invalid("expected password response"));
    }
    let length = stream.read_u32().await? as usize;
    if !(4..=PASSWORD_LIMIT).contains(&length) {
        return Err(invalid("length of a password message"));
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// Writes messages in one go.
pub(super) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    messages: impl IntoIterator<Item = PgWireBackendMessage>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    for message in messages {
        message.encode(&mut buffer).map_err(io::Error::other)?;
    }
    stream.write_all(&buffer).await?;
    stream.flush().await
}

/// Writes a FATAL ErrorResponse and ends the stream in the way TLS wants it.
pub(super) async fn write_fatal<S: AsyncWrite + Unpin>(
    stream: &mut S,
    sqlstate: &str,
    message: &str,
) -> io::Result<()> {
    write(stream, [fatal(sqlstate, message)]).await?;
    stream.shutdown().await
}

/// A FATAL ErrorResponse.
pub(super) fn fatal(sqlstate: &str, message: &str) -> PgWireBackendMessage {
    let mut info = ErrorInfo::new("FATAL".to_owned(), sqlstate.to_owned(), message.to_owned());
    info.severity_nonlocalized = Some("FATAL".to_owned());
    PgWireBackendMessage::ErrorResponse(ErrorResponse::from(info))
}

pub(super) fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
