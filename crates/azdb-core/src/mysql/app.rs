//! What we say to the app, being its server.

use azdb_wire::mysql::{
    Header, MAX_LOGIN_PACKET, PacketError, Response, ResponsePacket, SCRAMBLE, encode_switch,
    plugin, push_packet,
};

use super::channel::{Channel, NoPacket};
use super::leave::Leave;
use super::notice::{self, notice};
use super::{MysqlFault, Secretive};
use crate::deadline::Deadline;
use crate::fault::{Fault, Left};
use crate::parting::{NotIn, Told};
use crate::phases::Phase;
use crate::stranger::{Stranger, is_tls};
use crate::tls::AppTlsConfig;
use crate::way::{Alpn, AppLeg, Leg, MaybeTls, Stream, TLS_HANDSHAKE, accept};

const WAITING: &str = "waiting for the app's answer to the greeting";
const ADMITTING: &str = "letting the app in";

/// Number of the packet behind an app's answer without TLS.
const AFTER_ANSWER: u8 = 2;

/// Length of the fast answer of caching_sha2_password.
const FAST_ANSWER: usize = 32;
/// AuthMoreData: "the fast answer is right".
pub(super) const FAST_OK: &[u8] = &[0x01, 0x03];

/// Who came through the door.
pub(super) enum Arrival<A> {
    /// An app that has answered the greeting.
    App(Arrived<A>),
    /// It was no app.
    Nobody(Stranger),
}

/// What begins an app's connection.
pub(super) enum Opening {
    /// An answer to the greeting, of which the header is there.
    Answer,
    Stranger(Stranger),
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
    tls: Option<&AppTlsConfig>,
    leave: &mut Leave,
    deadline: &Deadline,
) -> Result<Arrival<A>, NotIn<MysqlFault>> {
    let greeting = async {
        // An app that has gone already is one that leaves without a byte.
        let _ = Channel::at(&mut socket, 0).say(greeting).await;
        Ok::<_, Left>(leave.seated(opening(&mut socket)).await)
    };
    match deadline.run(Phase::App, WAITING, greeting).await {
        Ok(Opening::Answer) => {}
        Ok(Opening::Stranger(stranger)) => return Ok(part(&mut socket, stranger).await),
        Err(_) if socket.unread().is_empty() => return Ok(Arrival::Nobody(Stranger::Silent)),
        Err(silent) => return Err(silent.into()),
    }
    let (packet, next) = match read_answer(&mut socket, 1, deadline).await {
        Err(NotIn::Left(Left::Gone(_))) => return Ok(Arrival::Nobody(Stranger::Half)),
        read => read?,
    };
    match ResponsePacket::parse(&packet) {
        Ok(ResponsePacket::Tls) => {}
        Ok(ResponsePacket::TooOld) => return Ok(part(&mut socket, Stranger::OldMysql).await),
        Ok(ResponsePacket::Response(_)) | Err(_) => {
            let leg = Leg::new(MaybeTls::Plain(socket));
            return Ok(Arrival::App(Arrived { leg, next, packet }));
        }
    }
    let Some(tls) = tls else {
        let mut channel = Channel::at(&mut socket, next);
        return Err(refuse(&mut channel, MysqlFault::AppWantsTls.into())
            .await
            .into());
    };
    // An app begins its handshake without waiting for us. What lies here is read as TLS and as nothing else.
    match socket.unread() {
        [] | [TLS_HANDSHAKE, ..] => {}
        stuffed => return Err(Left::StuffedBytes(stuffed.len()).into()),
    }
    let accepting = accept(socket, tls, Alpn::Optional);
    let mut leg = deadline
        .run(Phase::AppTls, "speaking TLS with the app", accepting)
        .await?;
    let (packet, next) = read_answer(&mut leg, next, deadline).await?;
    Ok(Arrival::App(Arrived { leg, next, packet }))
}

/// Reads a packet of the app's answer, and says the number of the next.
async fn read_answer<S: Stream>(
    leg: &mut Leg<S>,
    number: u8,
    deadline: &Deadline,
) -> Result<(Secretive, u8), NotIn<MysqlFault>> {
    let mut channel = Channel::at(leg, number);
    let packet = read(&mut channel, WAITING, deadline).await?;
    Ok((packet, channel.next()))
}

/// Looks how an app's answer begins; takes nothing of it, and may be asked again.
pub(super) async fn opening<A: Stream>(socket: &mut Leg<A>) -> Opening {
    if socket.fill(Header::LEN).await.is_err() {
        return Opening::Stranger(Stranger::left(socket.unread()));
    }
    let first = socket.unread();
    let header = first.first_chunk().map(|bytes| Header::parse(*bytes));
    match header {
        Some(Header { length, number: 1 }) if length <= MAX_LOGIN_PACKET && !is_tls(first) => {
            Opening::Answer
        }
        _ => Opening::Stranger(Stranger::with(first)),
    }
}

/// Parts with a stranger that has been greeted, in words of the protocol where it may understand them.
async fn part<A: Stream>(socket: &mut Leg<A>, stranger: Stranger) -> Arrival<A> {
    if let Some(words) = notice::to_stranger(stranger) {
        let mut packet = Vec::new();
        push_packet(&mut packet, AFTER_ANSWER, &words);
        socket.part_with(&packet).await;
    }
    Arrival::Nobody(stranger)
}

/// Greets and refuses what has begun with a header of the PROXY protocol: behind it waits a client for a greeting.
pub(super) async fn refuse_proxy_header<A: Stream>(socket: &mut Leg<A>, greeting: &[u8]) {
    let mut packets = Vec::new();
    push_packet(&mut packets, 0, greeting);
    if let Some(words) = notice::to_stranger(Stranger::ProxyHeader) {
        push_packet(&mut packets, AFTER_ANSWER, &words);
    }
    socket.part_with(&packets).await;
}

/// Reads a packet of the app's, and tells it when that is none.
pub(super) async fn read<S: Stream>(
    app: &mut Channel<'_, S>,
    doing: &'static str,
    deadline: &Deadline,
) -> Result<Secretive, NotIn<MysqlFault>> {
    let reading = async {
        match app.read().await {
            Ok(packet) => Ok(Ok(packet)),
            Err(NoPacket::Bad(error)) => Ok(Err(error)),
            Err(NoPacket::Lost(error)) => Err(Left::from(error)),
        }
    };
    match deadline.run(Phase::App, doing, reading).await? {
        Ok(packet) => Ok(packet),
        Err(error) => {
            let fault = MysqlFault::AppPacket(error).into();
            Err(refuse(app, fault).await.into())
        }
    }
}

/// Reads the app's answer to the greeting.
pub(super) fn parse_response(packet: &[u8]) -> Result<Response<'_>, MysqlFault> {
    match ResponsePacket::parse(packet) {
        Ok(ResponsePacket::Response(response)) => Ok(response),
        Ok(ResponsePacket::TooOld) => {
            let error = PacketError::Malformed("answer of MySQL before 4.1 within TLS");
            Err(MysqlFault::AppPacket(error))
        }
        Ok(ResponsePacket::Tls) => {
            let error = PacketError::Malformed("request for TLS within TLS");
            Err(MysqlFault::AppPacket(error))
        }
        Err(error) => Err(MysqlFault::AppPacket(error)),
    }
}

/// Lets the app in with the upstream's `ok`, in the fewest packets that an app takes which has begun with the plugin `named`.
pub(super) async fn admit<S: Stream>(
    app: &mut Channel<'_, S>,
    named: &[u8],
    scramble: &[u8; SCRAMBLE],
    ok: &[u8],
    deadline: &Deadline,
) -> Result<(), NotIn<MysqlFault>> {
    match named {
        b"" | plugin::NATIVE | plugin::CLEAR => {}
        plugin::CACHING_SHA2 => {
            say(
                app,
                &encode_switch(plugin::CACHING_SHA2, scramble),
                deadline,
            )
            .await?;
            if read(app, ADMITTING, deadline).await?.len() == FAST_ANSWER {
                say(app, FAST_OK, deadline).await?;
            }
        }
        _ => {
            say(app, &encode_switch(plugin::NATIVE, scramble), deadline).await?;
            read(app, ADMITTING, deadline).await?;
        }
    }
    Ok(say(app, ok, deadline).await?)
}

pub(super) async fn say<S: Stream>(
    app: &mut Channel<'_, S>,
    payload: &[u8],
    deadline: &Deadline,
) -> Result<(), Left> {
    let saying = async { Ok(app.say(payload).await?) };
    deadline.run(Phase::App, ADMITTING, saying).await
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<S: Stream>(
    app: &mut Channel<'_, S>,
    fault: Fault<MysqlFault>,
) -> Told<MysqlFault> {
    let mut packet = Vec::new();
    push_packet(&mut packet, app.next(), &notice(&fault));
    app.leg().refuse(fault, &packet).await
}
