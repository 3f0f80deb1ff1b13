//! What we say to the app, being its server.

use azdb_wire::tds::{
    Driver, Encryption, Header, MAX_LOGIN7, MAX_PRELOGIN, Manner, Prelogin, TlsWish, kind,
    push_message,
};
use zeroize::Zeroizing;

use super::TdsFault;
use super::mars::MarsFor;
use super::notice::notice;
use super::old_login;
use super::packets::{InPrelogin, NoMessage, Packet, Reading, read_message};
use crate::deadline::Deadline;
use crate::fault::{AppTlsFlaw, Cause, Fault, Left};
use crate::parting::{NotIn, Told};
use crate::phases::Phase;
use crate::stranger::Stranger;
use crate::tls::AppTlsConfig;
use crate::way::{Alpn, AppLeg, Leg, MaybeTls, Stream, TLS_HANDSHAKE, accept, accept_in_packets};

const WAITING: &str = "waiting for the app's first packet";

/// An app that has said who it is.
pub(super) struct Caller<A> {
    pub(super) app: AppLeg<A>,
    /// The payload of its LOGIN7.
    pub(super) login: Zeroizing<Vec<u8>>,
    /// What PRELOGIN settled.
    pub(super) settled: Settled,
}

/// What PRELOGIN settled. Apps of TDS 7.0 begin with LOGIN7 and settle nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    /// The app may ask several things at a time.
    pub(super) mars: bool,
    /// For whoever looks for this connection in the server's logs.
    pub(super) trace_id: Option<[u8; 36]>,
    /// Behind its LOGIN7 the app speaks in the clear, whatever it spoke before.
    pub(super) tls_for_login_alone: bool,
}

/// On what a route takes apps in, as PRELOGIN tells them.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// `None` where there is none.
    pub(super) tls: Option<(&'a AppTlsConfig, TlsWish)>,
    pub(super) mars: MarsFor,
}

/// Answers what an app says before it says who it is. Whoever is no app is a stranger.
pub(super) async fn greet<A: Stream>(
    socket: A,
    terms: Terms<'_>,
    route: &str,
    may_come: impl Fn() -> Result<(), Cause> + Send,
    deadline: &Deadline,
) -> Result<Result<Caller<A>, Stranger>, NotIn<TdsFault>> {
    let mut settled = Settled::default();
    let arriving = arrive(socket, terms, &mut settled, deadline);
    let mut app = match arriving.await? {
        Ok(app) => app,
        Err(stranger) => return Ok(Err(stranger)),
    };
    let since = if app.is_tls() {
        Since::Tls
    } else {
        Since::Door
    };
    let settling = settle(&mut app, &mut settled, (None, terms.mars), since);
    match deadline.run(Phase::App, WAITING, settling).await? {
        Begun::Login => {}
        Begun::OldLogin => {
            let refusing = old_login::refuse(&mut app, may_come(), route, deadline);
            return refusing.await.map(Err);
        }
        Begun::Tls => return Ok(Err(Stranger::Tls)),
        Begun::Stranger(stranger) => return Ok(Err(stranger)),
    }
    let login = read_login(&mut app, route, deadline).await?;
    if settled.tls_for_login_alone {
        app = app.without_tls().map_err(Left::StuffedBytes)?;
    }
    Ok(Ok(Caller {
        app,
        login,
        settled,
    }))
}

/// Takes TLS on, where the app begins with it or asks for it.
async fn arrive<A: Stream>(
    socket: A,
    Terms { tls, mars }: Terms<'_>,
    settled: &mut Settled,
    deadline: &Deadline,
) -> Result<Result<AppLeg<A>, Stranger>, Left> {
    const SHAKING: &str = "speaking TLS with the app";
    let mut socket = Leg::new(socket);
    match (socket.first_byte(deadline).await, tls) {
        (Err(stranger), _) => return Ok(Err(stranger)),
        (Ok(TLS_HANDSHAKE), None) => {
            return Ok(Err(Stranger::in_tls(socket.unread(), Stranger::Tls)));
        }
        (Ok(TLS_HANDSHAKE), Some((tls, _))) => {
            let other = Stranger::in_tls(socket.unread(), Stranger::OtherTls);
            let accepting = accept(socket, tls, Alpn::Optional);
            return match deadline.run(Phase::AppTls, SHAKING, accepting).await {
                // A browser, as it names the protocols of the web.
                Err(Left::Tls(AppTlsFlaw::OtherProtocol(_))) => Ok(Err(other)),
                outcome => outcome.map(Ok),
            };
        }
        (Ok(_), _) => {}
    }
    let in_packets = tls.and_then(|(tls, _)| Some((tls.in_packets.clone()?, tls.end)));
    let wish = tls.map(|(_, wish)| wish).filter(|_| in_packets.is_some());
    let settling = settle(&mut socket, settled, (wish, mars), Since::Door);
    match (
        deadline.run(Phase::App, WAITING, settling).await?,
        in_packets,
    ) {
        (Begun::Stranger(stranger), _) => Ok(Err(stranger)),
        (Begun::Tls, None) => Ok(Err(Stranger::Tls)),
        (Begun::Login | Begun::OldLogin, _) => Ok(Ok(Leg::new(MaybeTls::Plain(socket)))),
        (Begun::Tls, Some((tls, end))) => {
            let accepting = accept_in_packets::<InPrelogin, _>(socket, tls, end);
            deadline
                .run(Phase::AppTls, SHAKING, accepting)
                .await
                .map(Ok)
        }
    }
}

/// What an app begins next. None of it has been read yet.
enum Begun {
    Login,
    /// That of before TDS 7.
    OldLogin,
    Tls,
    Stranger(Stranger),
}

/// What lies behind an app that has said nothing yet.
enum Since {
    /// The door alone.
    Door,
    /// TLS, with a look at our certificate.
    Tls,
}

/// Answers PRELOGIN, and looks what comes behind it.
async fn settle<S: Stream>(
    leg: &mut Leg<S>,
    settled: &mut Settled,
    (tls, mars): (Option<TlsWish>, MarsFor),
    since: Since,
) -> Result<Begun, Left> {
    /// A driver that asks again has misunderstood something; one that asks a third time always will.
    const MOST: usize = 2;
    for round in 0..=MOST {
        let begun = match leg.fill(Header::LEN).await {
            // A request of PostgreSQL's for TLS is no longer than this.
            Ok(()) if leg.unread().first() != Some(&0) => leg.fill(Header::LEN + 1).await,
            begun => begun,
        };
        if let Err(error) = begun {
            // Whoever has had an answer and leaves is an app that did not like it.
            return match (round, since) {
                (0, Since::Door) => Ok(Begun::Stranger(Stranger::left(leg.unread()))),
                _ => Err(error.into()),
            };
        }
        match leg.unread() {
            [kind::LOGIN7, ..] => return Ok(Begun::Login),
            [kind::PRELOGIN, _, _, _, _, _, _, _, TLS_HANDSHAKE, ..] => return Ok(Begun::Tls),
            [kind::PRELOGIN, ..] => {
                let Some((asked, driver)) = read_prelogin(leg).await? else {
                    return Ok(Begun::Stranger(Stranger::Unknown));
                };
                let encryption = encryption(&asked, driver, tls);
                *settled = Settled {
                    mars: mars.grants(&asked, driver),
                    trace_id: asked.trace_id,
                    tls_for_login_alone: encryption == Encryption::Off,
                };
                answer_prelogin(leg, &asked, encryption, settled.mars).await?;
            }
            [kind::OLD_LOGIN, ..] => return Ok(Begun::OldLogin),
            // An HTTP request: an answer would mean nothing to it.
            first => return Ok(Begun::Stranger(Stranger::with(first))),
        }
    }
    Ok(Begun::Stranger(Stranger::Unknown))
}

/// Reads PRELOGIN. What is none could not be answered: there is no version yet to say it in.
async fn read_prelogin<S: Stream>(leg: &mut Leg<S>) -> Result<Option<(Prelogin, Driver)>, Left> {
    match read_message(leg, Reading::Ahead, kind::PRELOGIN, MAX_PRELOGIN).await {
        Ok(Packet { payload, .. }) => {
            let asked = Prelogin::parse(&payload).ok();
            Ok(asked.map(|asked| (asked, Driver::of(&payload))))
        }
        Err(NoMessage::Lost(error)) => Err(error.into()),
        Err(
            NoMessage::Bad(_) | NoMessage::Kind | NoMessage::TooLong | NoMessage::TooManyPackets,
        ) => Ok(None),
    }
}

/// What an app hears of encryption. `tls` is `None` where it is offered none.
fn encryption(asked: &Prelogin, driver: Driver, tls: Option<TlsWish>) -> Encryption {
    let wanted = asked.encryption.unwrap_or(Encryption::Off);
    match (driver, wanted, tls) {
        (_, _, None) => Encryption::NotSupported,
        (Driver::R2dbc, Encryption::Off, Some(TlsWish::AsTheAppLikes)) => Encryption::Off,
        (_, _, Some(wish)) => wanted.answer(wish),
    }
}

async fn answer_prelogin<S: Stream>(
    leg: &mut Leg<S>,
    asked: &Prelogin,
    encryption: Encryption,
    mars: bool,
) -> Result<(), Left> {
    let answer = Prelogin {
        encryption: Some(encryption),
        mars: Some(mars),
        trace_id: None,
        fed_auth_required: asked.fed_auth_required.map(|_| false),
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    answer.encode_answer(&mut payload);
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    Ok(leg.say(&message).await?)
}

/// Reads LOGIN7. An app may put a token into it.
async fn read_login<A: Stream>(
    app: &mut AppLeg<A>,
    route: &str,
    deadline: &Deadline,
) -> Result<Zeroizing<Vec<u8>>, NotIn<TdsFault>> {
    let reading = async {
        match read_message(app, Reading::Ahead, kind::LOGIN7, MAX_LOGIN7).await {
            Ok(message) => Ok(Ok(Zeroizing::new(message.payload))),
            Err(NoMessage::Lost(error)) => Err(Left::from(error)),
            Err(other) => Ok(Err(TdsFault::AppPacket(broken(&other)))),
        }
    };
    match deadline
        .run(Phase::App, "reading the app's login", reading)
        .await?
    {
        Ok(login) => Ok(login),
        Err(fault) => {
            let told = refuse(app, fault.into(), &Manner::UNKNOWN, route).await;
            Err(told.into())
        }
    }
}

/// What is wrong with a message, in words.
fn broken(no_message: &NoMessage) -> &'static str {
    match no_message {
        NoMessage::Lost(_) => "half a packet",
        NoMessage::Bad(_) => "a packet that is shorter than its header",
        NoMessage::Kind => "a packet in the middle of another message",
        NoMessage::TooLong => "a login that is too long",
        NoMessage::TooManyPackets => "a login in too many packets",
    }
}

/// Lets the app in, with what it is to read of the upstream's words.
pub(super) async fn admit<A: Stream>(
    app: &mut AppLeg<A>,
    payload: &[u8],
    spid: u16,
) -> Result<(), Left> {
    let mut message = Vec::new();
    push_message(kind::RESPONSE, spid, payload, &mut message);
    Ok(app.say(&message).await?)
}

/// Tells the app why it was not let in. An app that does not listen any more is not an error.
pub(super) async fn refuse<A: Stream>(
    app: &mut AppLeg<A>,
    fault: Fault<TdsFault>,
    manner: &Manner,
    route: &str,
) -> Told<TdsFault> {
    let (payload, mut message) = (notice(&fault, manner, route), Vec::new());
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    app.refuse(fault, &message).await
}
