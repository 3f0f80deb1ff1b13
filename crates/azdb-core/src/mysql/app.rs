//! What we say to the app, being its server.

use std::io;
use std::sync::Arc;

use azdb_wire::mysql::{
    Header, MAX_LOGIN_PACKET, PacketError, Response, ResponsePacket, SCRAMBLE, encode_switch,
    plugin, push_packet,
};
use rustls::ServerConfig;

use super::Secretive;
use super::channel::{Channel, Fault};
use super::notice::notice;
use super::spares::{Seat, seated};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{AppLeg, Leg, MaybeTls, Stream};
use crate::tls::{self, Alpn};

/// Length of the fast answer of caching_sha2_password.
const FAST_ANSWER: usize = 32;
/// AuthMoreData: "the fast answer is right".
const FAST_OK: &[u8] = &[0x01, 0x03];

/// Who came through the door.
pub(super) enum Arrival<A> {
    /// An app that has answered the greeting.
    App(Arrived<A>),
    /// It has gone without a byte, or it was never one of MySQL.
    Nobody,
}

/// An app that has answered the greeting, and its answer.
pub(super) struct Arrived<A> {
    pub(super) leg: AppLeg<A>,
    /// The number of the next packet.
    pub(super) next: u8,
    pub(super) packet: Secretive,
}

/// Greets an app and reads its answer, over TLS if it asks for that first.
pub(super) async fn introduce<A: Stream>(
    mut socket: Leg<A>,
    greeting: &[u8],
    tls: Option<&Arc<ServerConfig>>,
    seat: &mut Seat,
    deadline: &Deadline,
) -> Result<Arrival<A>, LoginError> {
    const DOING: &str = "waiting for the app's answer to the greeting";
    let greeting = async {
        // An app that has gone already is one that leaves without a byte.
        let _ = Channel::at(&mut socket, 0).say(greeting).await;
        seated(seat, first_header(&mut socket)).await
    };
    if !deadline.run(DOING, greeting).await? {
        return Ok(Arrival::Nobody);
    }
    let mut channel = Channel::at(&mut socket, 1);
    let packet = deadline.run(DOING, read(&mut channel)).await?;
    let next = channel.next();
    if ResponsePacket::parse(&packet) != Ok(ResponsePacket::Tls) {
        let leg = Leg::new(MaybeTls::Plain(socket));
        return Ok(Arrival::App(Arrived { leg, next, packet }));
    }
    let Some(tls) = tls else {
        let error = io::Error::other("the app wants TLS and is offered none");
        return Err(LoginError::AppTls(error));
    };
    // An app begins its handshake without waiting for us. What lies here is read as TLS and as nothing else.
    match socket.unread() {
        [] | [TLS_HANDSHAKE, ..] => {}
        stuffed => return Err(LoginError::AppStuffedBytes(stuffed.len())),
    }
    let accepting = tls::accept(socket, tls, Alpn::Optional);
    let mut leg = deadline.run("TLS with the app", accepting).await?;
    let mut channel = Channel::at(&mut leg, next);
    let packet = deadline.run(DOING, read(&mut channel)).await?;
    let next = channel.next();
    Ok(Arrival::App(Arrived { leg, next, packet }))
}

/// First byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Whether the app's answer begins as one of MySQL does.
async fn first_header<A: Stream>(socket: &mut Leg<A>) -> Result<bool, LoginError> {
    match socket.fill(Header::LEN).await {
        Ok(()) => {}
        Err(_) if socket.unread().is_empty() => return Ok(false),
        Err(error) => return Err(LoginError::AppLeft(error)),
    }
    let header = socket
        .unread()
        .first_chunk()
        .map(|bytes| Header::parse(*bytes));
    let is_ours =
        header.is_some_and(|Header { length, number }| number == 1 && length <= MAX_LOGIN_PACKET);
    if !is_ours {
        tracing::debug!("not an answer of MySQL");
    }
    Ok(is_ours)
}

/// Reads a packet of the app's.
pub(super) async fn read<S: Stream>(app: &mut Channel<'_, S>) -> Result<Secretive, LoginError> {
    app.read().await.map_err(|fault| match fault {
        Fault::Lost(error) => LoginError::AppLeft(error),
        Fault::Bad(error) => LoginError::AppMysqlPacket(error),
    })
}

/// Reads the app's answer to the greeting.
pub(super) fn parse_response(packet: &[u8]) -> Result<Response<'_>, LoginError> {
    match ResponsePacket::parse(packet) {
        Ok(ResponsePacket::Response(response)) => Ok(response),
        Ok(ResponsePacket::TooOld) => Err(LoginError::AppTooOld),
        Ok(ResponsePacket::Tls) => {
            let error = PacketError::Malformed("request for TLS within TLS");
            Err(LoginError::AppMysqlPacket(error))
        }
        Err(error) => Err(LoginError::AppMysqlPacket(error)),
    }
}

/// Lets the app in with the upstream's `ok`, in the fewest packets that an app takes which has begun with the plugin `named`.
pub(super) async fn admit<S: Stream>(
    app: &mut Channel<'_, S>,
    named: &[u8],
    scramble: &[u8; SCRAMBLE],
    ok: &[u8],
) -> Result<(), LoginError> {
    match named {
        b"" | plugin::NATIVE | plugin::CLEAR => {}
        plugin::CACHING_SHA2 => {
            say(app, &encode_switch(plugin::CACHING_SHA2, scramble)).await?;
            if read(app).await?.len() == FAST_ANSWER {
                say(app, FAST_OK).await?;
            }
        }
        _ => {
            say(app, &encode_switch(plugin::NATIVE, scramble)).await?;
            read(app).await?;
        }
    }
    say(app, ok).await
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<S: Stream>(app: &mut Channel<'_, S>, error: &LoginError) {
    if let Some(payload) = notice(error) {
        let mut packet = Vec::new();
        push_packet(&mut packet, app.next(), &payload);
        app.leg().part_with(&packet).await;
    }
}

async fn say<S: Stream>(app: &mut Channel<'_, S>, payload: &[u8]) -> Result<(), LoginError> {
    app.say(payload).await.map_err(LoginError::AppLeft)
}
