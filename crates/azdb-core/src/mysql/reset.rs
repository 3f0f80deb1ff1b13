//! A session that an app has left is made like new.
//!
//! ```text
//!   azdb-proxy                              upstream
//!    | -------- COM_RESET_CONNECTION --------> |   at once: the app's locks and tables go with it
//!    | <----------------- OK ----------------- |
//!    | ------ forget what you have traced ---> |
//!    | <----------------- OK ----------------- |
//!    | --- a number; what do you at logins? -> |
//!    | <------- that number, and that -------- |
//! ```
//!
//! # Invariants
//!
//! * A session is like new only when each byte of the answers is the one that it has to be, and no byte lies behind them.

use azdb_wire::mysql::{
    AtLogin, Capabilities, FORGET_TRACES, NONCE, Proof, Proved, RESET, encode_query,
    read_forgotten, read_plain_ok,
};

use super::channel::{Channel, NoPacket};
use crate::way::{Leg, Stream};

/// First byte of an error.
const ERR: u8 = 0xff;

/// What became of a session whose app has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewed {
    /// It is like new, but for what the server does at logins.
    Whole(AtLogin),
    /// The upstream does not reset sessions.
    Refused,
    /// It has not proved that it is.
    Dirty(&'static str),
}

/// Makes the session on this leg like new, which has agreed on these capabilities.
pub(super) async fn renew<S: Stream>(
    leg: &mut Leg<S>,
    capabilities: Capabilities,
    extended: u32,
) -> Renewed {
    let Some(nonce) = nonce() else {
        return Renewed::Dirty("no randomness");
    };
    match ask(leg, Proof::new(nonce, capabilities, extended), capabilities).await {
        Ok(renewed) if leg.unread().is_empty() => renewed,
        Ok(_) => Renewed::Dirty("something lies behind the answer"),
        Err(renewed) => renewed,
    }
}

async fn ask<S: Stream>(
    leg: &mut Leg<S>,
    mut proof: Proof,
    capabilities: Capabilities,
) -> Result<Renewed, Renewed> {
    say(leg, &RESET).await?;
    let (number, payload) = hear(leg).await?;
    if payload.first() == Some(&ERR) {
        return Err(Renewed::Refused);
    }
    read_plain_ok(number, &payload, capabilities).map_err(|dirty| Renewed::Dirty(dirty.0))?;
    say(leg, &encode_query(FORGET_TRACES, capabilities)).await?;
    let (number, payload) = hear(leg).await?;
    read_forgotten(number, &payload, capabilities).map_err(|dirty| Renewed::Dirty(dirty.0))?;
    say(leg, &proof.question()).await?;
    loop {
        let (number, payload) = hear(leg).await?;
        match proof.hear(number, &payload) {
            Ok(Proved::NotYet) => {}
            Ok(Proved::Whole(at_login)) => return Ok(Renewed::Whole(at_login)),
            Err(dirty) => return Err(Renewed::Dirty(dirty.0)),
        }
    }
}

/// Says a command. What lies unread before it is no answer to it.
async fn say<S: Stream>(leg: &mut Leg<S>, command: &[u8]) -> Result<(), Renewed> {
    if !leg.unread().is_empty() {
        return Err(Renewed::Dirty("an answer that nobody has asked for"));
    }
    let said = Channel::at(leg, 0).say(command).await;
    said.map_err(|_| LOST)
}

/// The next packet, and its number.
async fn hear<S: Stream>(leg: &mut Leg<S>) -> Result<(u8, super::Secretive), Renewed> {
    let mut channel = Channel::at(leg, 0);
    match channel.read().await {
        Ok(payload) => Ok((channel.next().wrapping_sub(1), payload)),
        Err(NoPacket::Lost(_)) => Err(LOST),
        Err(NoPacket::Bad(_)) => Err(Renewed::Dirty("a packet that is none")),
    }
}

const LOST: Renewed = Renewed::Dirty("the connection broke");

/// A number that nobody can have said before, in hexadecimal digits.
fn nonce() -> Option<[u8; NONCE]> {
    let mut drawn = [0; NONCE];
    aws_lc_rs::rand::fill(&mut drawn).ok()?;
    Some(drawn.map(|byte| match byte % 16 {
        digit @ ..10 => b'0' + digit,
        digit => b'a' + digit - 10,
    }))
}
