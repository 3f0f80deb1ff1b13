//! An upstream's first word, which comes before any of ours.

use azdb_wire::mysql::{Capabilities, ErrorPacket, Greeting};

use super::channel::Channel;
use super::upstream::{bad_packet, read};
use super::{Mysql, MysqlFault, Secretive};
use crate::fault::Fault;
use crate::lobby::Lobby;
use crate::way::{Dial, Dialled, Leg, Stream, dial};

/// An upstream that has greeted and has been told nothing.
pub(super) struct Greeted<S> {
    leg: Leg<S>,
    payload: Secretive,
    dialled: Dialled,
}

impl<S: Stream> Greeted<S> {
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        Greeting::parse(&self.payload).map_err(bad_packet)
    }

    /// The greeting's bytes.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn host(&self) -> &str {
        &self.dialled.upstream.host
    }

    /// Whether it speaks TLS.
    pub(super) fn offers_tls(&self) -> bool {
        let greeting = Greeting::parse(&self.payload);
        greeting.is_ok_and(|greeting| greeting.capabilities.has(Capabilities::SSL))
    }

    pub(super) fn leg(&mut self) -> &mut Leg<S> {
        &mut self.leg
    }

    /// The leg, and the host that it leads to.
    pub(super) fn into_parts(self) -> (Leg<S>, String) {
        (self.leg, self.dialled.upstream.host)
    }

    /// Whether it is still there and has said nothing more.
    pub(super) async fn is_waiting(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.leg.fill(1) => false,
            () = std::future::ready(()) => true,
        }
    }
}

/// Dials the route's upstream and hears its greeting.
pub(super) async fn meet<D: Dial>(
    lobby: &Lobby<Mysql, D>,
) -> Result<Greeted<D::Stream>, Fault<MysqlFault>> {
    const DOING: &str = "waiting for the upstream's greeting";
    let (stream, dialled) = dial(&lobby.dialler, &lobby.route).await?;
    let mut leg = Leg::new(stream);
    let payload = read(&mut Channel::at(&mut leg, 0), DOING).await?;
    match Greeting::parse(&payload) {
        Ok(_) => Ok(Greeted {
            leg,
            payload,
            dialled,
        }),
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
