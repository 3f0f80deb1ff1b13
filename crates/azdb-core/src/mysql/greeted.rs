//! An upstream's first word, which comes before any of ours.

use azdb_wire::mysql::{Capabilities, ErrorPacket, Greeting};

use super::channel::Channel;
use super::upstream::{bad_packet, read};
use super::{Mysql, MysqlFault, Secretive};
use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::lobby::{Lobby, Tracks, Try, persist};
use crate::phases::Phase;
use crate::way::{Dial, Dialled, Leg, Opened, Opening, Stream};

/// An upstream that has greeted and has been told nothing.
pub(super) struct Greeted<S> {
    pub(super) hello: Hello<S>,
    pub(super) dialled: Dialled,
    /// Upstreams that have not been tried.
    pub(super) others: usize,
}

/// A connection, and the payload of the greeting that came over it.
pub(super) struct Hello<S> {
    pub(super) leg: Leg<S>,
    pub(super) payload: Secretive,
}

impl<S> Hello<S> {
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        Greeting::parse(&self.payload).map_err(bad_packet)
    }
}

impl<S: Stream> Hello<S> {
    /// Whether it is still there and has said nothing more.
    pub(super) async fn is_waiting(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.leg.fill(1) => false,
            () = std::future::ready(()) => true,
        }
    }
}

impl<S: Stream> Greeted<S> {
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        self.hello.greeting()
    }

    /// The greeting's bytes.
    pub(super) fn payload(&self) -> &[u8] {
        &self.hello.payload
    }

    pub(super) fn host(&self) -> &str {
        &self.dialled.upstream.host
    }

    /// Whether it speaks TLS.
    pub(super) fn offers_tls(&self) -> bool {
        let greeting = self.greeting();
        greeting.is_ok_and(|greeting| greeting.capabilities.has(Capabilities::SSL))
    }

    pub(super) fn leg(&mut self) -> &mut Leg<S> {
        &mut self.hello.leg
    }

    /// Whether it is still there and has said nothing more.
    pub(super) async fn is_waiting(&mut self) -> bool {
        self.hello.is_waiting().await
    }
}

/// Dials the route's upstream and hears its greeting. `left` completes when nobody wants it any more.
pub(super) async fn meet<D: Dial>(
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Greeted<D::Stream>, Fault<MysqlFault>> {
    let mut meeting = Meeting {
        lobby,
        deadline,
        tracks: Tracks::default(),
    };
    persist(&mut meeting, lobby, deadline, std::pin::pin!(left)).await
}

/// Hearing a greeting, which may be tried again.
struct Meeting<'a, D: Dial> {
    lobby: &'a Lobby<Mysql, D>,
    deadline: &'a Deadline,
    tracks: Tracks,
}

impl<D: Dial> Try for Meeting<'_, D> {
    type Granted = Greeted<D::Stream>;
    type Fault = MysqlFault;

    async fn go(&mut self) -> Result<Greeted<D::Stream>, Fault<MysqlFault>> {
        let search = self.lobby.search(&self.tracks.passed_over, self.deadline);
        let Opened {
            way: hello,
            dialled,
            others,
            ..
        } = search.open(&Hearing).await?;
        Ok(Greeted {
            hello,
            dialled,
            others,
        })
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        Some(&mut self.tracks)
    }
}

/// Hears an upstream's greeting.
struct Hearing;

impl<S: Stream> Opening<S> for Hearing {
    type Way = Hello<S>;
    type Fault = MysqlFault;

    async fn open(
        &self,
        stream: S,
        _: &Dialled,
        deadline: &Deadline,
    ) -> Result<Hello<S>, Fault<MysqlFault>> {
        hear(stream, deadline).await
    }
}

pub(super) async fn hear<S: Stream>(
    stream: S,
    deadline: &Deadline,
) -> Result<Hello<S>, Fault<MysqlFault>> {
    const DOING: &str = "waiting for its greeting";
    let mut leg = Leg::new(stream);
    let mut channel = Channel::at(&mut leg, 0);
    let hearing = read(&mut channel, DOING);
    let payload = deadline.run(Phase::Tls, DOING, hearing).await?;
    match Greeting::parse(&payload) {
        Ok(_) => Ok(Hello { leg, payload }),
        Err(error) => Err(match ErrorPacket::parse(&payload) {
            Ok(refusal) => MysqlFault::RefusedAtOnce {
                code: refusal.code,
                message: refusal.message.to_vec(),
            }
            .into(),
            Err(_) => bad_packet(error),
        }),
    }
}
