//! The greeting that an app reads: the upstream's own, masked, with a scramble of ours.

use azdb_config::route::{LocalFiles, LocalTls};
use azdb_wire::mysql::{Capabilities, Greeting, Offer, SCRAMBLE, plugin};

use super::spares::Greeter;
use super::{Mysql, MysqlFault};
use crate::fault::{Cause, Fault};
use crate::lobby::Lobby;
use crate::way::Dial;

/// What an app is told of an upstream that has never been met. Of an older version an app would ask for a TLS that is too old, or be
/// offered none, and not come to read why it is refused.
pub(super) const NEVER_MET: Greeting<'static> = Greeting {
    version: b"8.0.4-azdb-proxy",
    thread_id: 1,
    scramble: [0; SCRAMBLE],
    capabilities: Capabilities(0x0000_a28d),
    charset: 45,
    status: 2,
    reserved: [0; 10],
    plugin: plugin::NATIVE,
};

/// The upstream's greeting as the app reads it, and what was drawn for it.
pub(super) fn greeting_for_app<D: Dial>(
    greeter: &Greeter<D>,
    lobby: &Lobby<Mysql, D>,
) -> Result<([u8; SCRAMBLE], Vec<u8>), Fault<MysqlFault>> {
    let scramble = draw()?;
    let greeting = masked(&greeter.greeting()?, lobby, scramble);
    Ok((scramble, greeting.encode()))
}

/// A greeting without an upstream: that of the one that was met last. Nothing is proved with its scramble, for whoever reads it
/// will be refused.
pub(super) fn remembered<D: Dial>(lobby: &Lobby<Mysql, D>, scramble: [u8; SCRAMBLE]) -> Vec<u8> {
    let seen = lobby.state.own.last_greeting();
    let greeting = seen.as_deref().map(Greeting::parse);
    let greeting = greeting.and_then(Result::ok).unwrap_or(NEVER_MET);
    masked(&greeting, lobby, scramble).encode()
}

/// The upstream's greeting as the app may read it.
pub(super) fn masked<'a, D: Dial>(
    greeting: &Greeting<'a>,
    lobby: &Lobby<Mysql, D>,
    scramble: [u8; SCRAMBLE],
) -> Greeting<'a> {
    // Connector/J before 5.1.48 and 8.0.19 chooses its TLS by the server's version, and older ones had 1.0 and 1.1, which
    // cannot be spoken here.
    let is_spared = lobby.route.local_tls == LocalTls::Auto && greeting.is_mysql_before([8, 0, 4]);
    let offer = Offer {
        tls: lobby.app_tls.is_some() && !is_spared,
        local_files: lobby.route.local_files == LocalFiles::Allow,
    };
    Greeting {
        scramble,
        capabilities: greeting.capabilities.offered(offer),
        plugin: plugin::NATIVE,
        ..*greeting
    }
}

/// Random bytes as a scramble has them: none is NUL, none has the highest bit.
pub(super) fn draw() -> Result<[u8; SCRAMBLE], Cause> {
    let mut scramble = [0; SCRAMBLE];
    aws_lc_rs::rand::fill(&mut scramble).map_err(|_| Cause::NoRandomness)?;
    Ok(scramble.map(|byte| byte % 127 + 1))
}
