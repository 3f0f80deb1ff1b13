//! How an app proves that it knows its password, where it is asked for one.
//!
//! ```text
//!   app                       azdb-proxy
//!    | <------ greeting -------- |   the upstream's, with a scramble of ours
//!    | ---- user, answer ------> |
//!    | <------- switch --------- |   where it answered in another way than one that can be checked
//!    | -------- answer --------> |
//!    | <-- "all of it", -------- |   inside TLS, where the file has a hash that an answer cannot be checked by
//!    | ------- password -------> |
//! ```
//!
//! The upstream has greeted, and hears nothing before the proof was right: after a wrong one it is the next app's.

use azdb_wire::mysql::{SCRAMBLE, encode_switch, plugin};

use super::app::{FAST_OK, parse_response, read, refuse, say};
use super::channel::Channel;
use super::{Mysql, MysqlFault, Secretive};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, Left};
use crate::gate::Asked;
use crate::lobby::Lobby;
use crate::parting::NotIn;
use crate::socket::Peer;
use crate::way::{Dial, Leg, MaybeTls, Stream};

const ASKING: &str = "waiting for the app's password";

/// AuthMoreData: "say the password itself".
const ALL_OF_IT: &[u8] = &[0x01, 0x04];

/// Who an app says it is.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) user: &'a [u8],
    /// The plugin that it has begun with.
    pub(super) named: &'a [u8],
    /// Its answer in the way of that.
    pub(super) answer: &'a [u8],
    pub(super) peer: Peer,
    pub(super) over: Over,
}

/// Who else hears what an app says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Nobody.
    Tls,
    /// Whoever is on the way.
    Clear,
}

impl Over {
    pub(super) fn of<S>(leg: &Leg<MaybeTls<S>>) -> Self {
        if leg.is_tls() { Self::Tls } else { Self::Clear }
    }
}

/// A proof that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proven {
    /// The upstream's OK is the answer.
    Whole,
    /// It was a fast answer, of which an app must hear that it was right before it hears OK.
    Fast,
}

/// Asks an app that has answered the greeting for its password, where the route has such.
pub(super) async fn prove<S: Stream, D: Dial>(
    app: &mut Channel<'_, S>,
    packet: &[u8],
    scramble: &[u8; SCRAMBLE],
    (peer, over): (Peer, Over),
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<Option<Proven>, NotIn<MysqlFault>> {
    let response = match parse_response(packet) {
        Ok(response) => response,
        Err(fault) => return Err(refuse(app, fault.into()).await.into()),
    };
    let claim = Claim {
        user: response.user,
        named: response.plugin,
        answer: response.auth,
        peer,
        over,
    };
    ask(app, claim, scramble, lobby, deadline).await
}

/// Asks an app for its password, where the route has such: `None` where it has none. The app is told when it has a wrong one.
///
/// # Errors
///
/// Why it is not in.
pub(super) async fn ask<S: Stream, D: Dial>(
    app: &mut Channel<'_, S>,
    claim: Claim<'_>,
    scramble: &[u8; SCRAMBLE],
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<Option<Proven>, NotIn<MysqlFault>> {
    let Some(asked) = lobby.asks(claim.peer) else {
        return Ok(None);
    };
    let mut asking = Asking {
        app,
        asked,
        claim,
        scramble,
        lobby,
        deadline,
    };
    match asking.ask().await {
        Ok(proven) => Ok(Some(proven)),
        Err(Broken::Over(not_in)) => Err(*not_in),
        Err(Broken::Fault(fault)) => Err(refuse(app, *fault).await.into()),
    }
}

/// Why an app has proved nothing.
enum Broken {
    /// It has been told, or is not there to be.
    Over(Box<NotIn<MysqlFault>>),
    Fault(Box<Fault<MysqlFault>>),
}

impl From<NotIn<MysqlFault>> for Broken {
    fn from(not_in: NotIn<MysqlFault>) -> Self {
        Self::Over(Box::new(match not_in {
            NotIn::Left(Left::Gone(error)) => NotIn::Left(Left::WithoutPassword(error)),
            other => other,
        }))
    }
}

impl From<Cause> for Broken {
    fn from(cause: Cause) -> Self {
        Self::Fault(Box::new(cause.into()))
    }
}

/// An app that is asked.
struct Asking<'a, 'b, S, D: Dial> {
    app: &'a mut Channel<'b, S>,
    asked: Asked<'a>,
    claim: Claim<'a>,
    scramble: &'a [u8; SCRAMBLE],
    lobby: &'a Lobby<Mysql, D>,
    deadline: &'a Deadline,
}

impl<S: Stream, D: Dial> Asking<'_, '_, S, D> {
    async fn ask(&mut self) -> Result<Proven, Broken> {
        let Claim {
            named,
            answer,
            over,
            ..
        } = self.claim;
        match (named, over) {
            (b"" | plugin::NATIVE, _) => self.native(answer).await,
            (plugin::CACHING_SHA2, _) => self.caching_sha2().await,
            (plugin::CLEAR, Over::Tls) => self.whole(answer).await,
            _ => {
                let answer = self.switch(plugin::NATIVE).await?;
                self.native(&answer).await
            }
        }
    }

    /// Looks at an answer of `mysql_native_password`.
    async fn native(&mut self, answer: &[u8]) -> Result<Proven, Broken> {
        let Some(native) = self.asked.native(self.claim.user) else {
            return self.caching_sha2().await;
        };
        let scramble = self.scramble;
        self.judge(|| native.fits(scramble, answer)).await?;
        Ok(Proven::Whole)
    }

    async fn caching_sha2(&mut self) -> Result<Proven, Broken> {
        let (user, scramble) = (self.claim.user, self.scramble);
        let fast = self.asked.fast(user);
        if let (None, Over::Clear) = (&fast, self.claim.over) {
            // Drivers would ask for an RSA key that nothing vouches for.
            if self.asked.native(user).is_none() {
                return Err(Broken::Fault(Box::new(MysqlFault::AppProofInClear.into())));
            }
            let answer = self.switch(plugin::NATIVE).await?;
            return Box::pin(self.native(&answer)).await;
        }
        let answer = self.switch(plugin::CACHING_SHA2).await?;
        match (fast, answer.as_slice()) {
            // No password of a file is empty.
            (_, [] | [0]) => {
                self.judge(|| false).await?;
                Ok(Proven::Whole)
            }
            (Some(fast), answer) => {
                self.judge(|| fast.fits(scramble, answer)).await?;
                Ok(Proven::Fast)
            }
            (None, _) => {
                say(self.app, ALL_OF_IT, self.deadline)
                    .await
                    .map_err(NotIn::from)?;
                let told = read(self.app, ASKING, self.deadline).await?;
                self.whole(&told).await
            }
        }
    }

    /// Looks at a password that was told as it is, with a NUL behind it.
    async fn whole(&mut self, told: &[u8]) -> Result<Proven, Broken> {
        let (asked, user) = (self.asked, self.claim.user);
        let password = told.strip_suffix(&[0]).unwrap_or(told);
        self.judge(|| asked.is_whole(user, password)).await?;
        Ok(Proven::Whole)
    }

    async fn judge(&mut self, is_right: impl FnOnce() -> bool + Send) -> Result<(), Broken> {
        let Claim { peer, user, .. } = self.claim;
        let look = || is_right().then_some(());
        Ok(self.lobby.judge(peer, user, self.deadline, look).await?)
    }

    async fn switch(&mut self, plugin: &[u8]) -> Result<Secretive, Broken> {
        let switch = encode_switch(plugin, self.scramble);
        say(self.app, &switch, self.deadline)
            .await
            .map_err(NotIn::from)?;
        Ok(read(self.app, ASKING, self.deadline).await?)
    }
}

/// Lets an app in whose proof was right, with the upstream's `ok`.
pub(super) async fn admit<S: Stream>(
    app: &mut Channel<'_, S>,
    proven: Proven,
    ok: &[u8],
    deadline: &Deadline,
) -> Result<(), NotIn<MysqlFault>> {
    if proven == Proven::Fast {
        say(app, FAST_OK, deadline).await?;
    }
    Ok(say(app, ok, deadline).await?)
}
