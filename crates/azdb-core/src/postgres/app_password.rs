//! How an app proves that it knows its password, where it is asked for one.
//!
//! ```text
//!   app                       azdb-proxy
//!    | ---- StartupMessage ----> |
//!    | <-- SCRAM-SHA-256(-PLUS) - |   or MD5, for a user of whom the file has nothing else
//!    | ------ its first -------> |
//!    | <------ our first ------- |
//!    | ------ its proof -------> |   a wrong one has cost the upstream nothing
//!    | <------ our proof ------- |   "Ok" is the upstream's to say
//! ```

use azdb_wire::postgres::{
    MessageError, Next, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaslInitial, encode_md5_request,
    encode_sasl_continue, encode_sasl_final, encode_sasl_request, next_message, parse_password,
    tag,
};
use zeroize::Zeroizing;

use super::{Postgres, PostgresFault, app};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, Left};
use crate::gate::{Asked, Proof, Scram, ScramError, Shown};
use crate::lobby::Lobby;
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::socket::Peer;
use crate::way::{AppLeg, Dial, Stream};

/// What an app says for a proof.
type Secretive = Zeroizing<Vec<u8>>;

/// Asks an app for the password of the user that it wants to be, where the route has such. The app is told when it has none.
///
/// # Errors
///
/// Why it is not in.
pub(super) async fn ask<A: Stream, D: Dial>(
    app: &mut AppLeg<A>,
    packet: &[u8],
    peer: Peer,
    lobby: &Lobby<Postgres, D>,
    deadline: &Deadline,
) -> Result<(), NotIn<PostgresFault>> {
    let Some(asked) = lobby.asks(peer) else {
        return Ok(());
    };
    let proving = async {
        let startup = app::parse_startup(packet).map_err(Fault::Own)?;
        let user = startup.user().ok_or(PostgresFault::NoUser)?;
        let mut asking = Asking {
            app,
            user,
            peer,
            lobby,
            deadline,
        };
        match asked.md5(user) {
            Some(digits) => asking.md5(digits).await,
            None => asking.scram(asked).await,
        }
    };
    match proving.await {
        Ok(()) => Ok(()),
        Err(Broken::Off(left)) => Err(left.into()),
        Err(Broken::Fault(fault)) => Err(app::refuse(app, *fault).await.into()),
    }
}

/// Why an app has proved nothing.
enum Broken {
    /// It is not there to be told.
    Off(Left),
    Fault(Box<Fault<PostgresFault>>),
}

impl<E: Into<Fault<PostgresFault>>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Fault(Box::new(error.into()))
    }
}

/// An app that is asked.
struct Asking<'a, A, D: Dial> {
    app: &'a mut AppLeg<A>,
    user: &'a [u8],
    peer: Peer,
    lobby: &'a Lobby<Postgres, D>,
    deadline: &'a Deadline,
}

impl<A: Stream, D: Dial> Asking<'_, A, D> {
    async fn scram(&mut self, asked: Asked<'_>) -> Result<(), Broken> {
        let shown = match &self.lobby.app_tls {
            Some(tls) if self.app.is_tls() => Shown::Certificates(&tls.bindings),
            _ => Shown::Nothing,
        };
        let offered: &[&str] = match shown {
            Shown::Nothing => &[SCRAM_SHA_256],
            Shown::Certificates(_) => &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256],
        };
        self.say(&encode_sasl_request(offered)).await?;
        let body = self.hear().await?;
        let initial = SaslInitial::parse(&body).map_err(ScramError::from)?;
        let is_offered = offered
            .iter()
            .any(|name| name.as_bytes() == initial.mechanism);
        if !is_offered {
            return Err(ScramError::Mechanism.into());
        }
        let plus = initial.mechanism == SCRAM_SHA_256_PLUS.as_bytes();
        let verifier = asked.scram(self.user);
        let (scram, first) = Scram::begin(verifier, initial.message, plus, shown)?;
        self.say(&encode_sasl_continue(first.as_bytes())).await?;
        let last = self.hear().await?;
        let look = || match scram.end(&last, shown) {
            Ok(Proof::Right(ours)) => Some(Ok(ours)),
            Ok(Proof::Wrong) => None,
            Err(error) => Some(Err(error)),
        };
        let judging = self.lobby.judge(self.peer, self.user, self.deadline, look);
        let ours = judging.await??;
        self.say(&encode_sasl_final(ours.as_bytes())).await
    }

    async fn md5(&mut self, digits: &str) -> Result<(), Broken> {
        let mut salt = [0; 4];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| Cause::NoRandomness)?;
        self.say(&encode_md5_request(salt)).await?;
        let body = self.hear().await?;
        let answer = parse_password(&body).map_err(ScramError::from)?;
        let look = || Asked::is_md5(digits, salt, answer).then_some(());
        let judging = self.lobby.judge(self.peer, self.user, self.deadline, look);
        Ok(judging.await?)
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let saying = async { Ok::<_, Left>(self.app.say(bytes).await?) };
        let said = self
            .deadline
            .run(Phase::App, "asking the app for its password", saying);
        said.await.map_err(Broken::Off)
    }

    /// The body of the app's next message, which must be an answer.
    async fn hear(&mut self) -> Result<Secretive, Broken> {
        let hearing = async { Ok::<_, Left>(read(self.app).await) };
        let doing = "waiting for the app's password";
        match self.deadline.run(Phase::App, doing, hearing).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Unheard::Gone(left))) | Err(left) => Err(Broken::Off(left)),
            Ok(Err(Unheard::Bad(error))) => Err(ScramError::Message(error).into()),
        }
    }
}

/// Why there is no answer.
enum Unheard {
    Gone(Left),
    Bad(MessageError),
}

/// Reads one message.
async fn read<A: Stream>(app: &mut AppLeg<A>) -> Result<Secretive, Unheard> {
    loop {
        let need = match next_message(app.unread()).map_err(Unheard::Bad)? {
            Next::Message {
                tag: tag::PASSWORD,
                body,
                raw,
            } => {
                let (body, length) = (Zeroizing::new(body.to_vec()), raw.len());
                app.consume(length);
                return Ok(body);
            }
            Next::Message { .. } => {
                return Err(Unheard::Bad(MessageError::Malformed(
                    "answer to a request for a password",
                )));
            }
            Next::NeedBytes(need) => need,
        };
        if let Err(error) = app.fill(need).await {
            let has_begun = !app.unread().is_empty();
            return Err(Unheard::Gone(match Left::from(error) {
                Left::Gone(error) if !has_begun => Left::WithoutPassword(error),
                left => left,
            }));
        }
    }
}
