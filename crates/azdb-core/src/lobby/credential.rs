//! Logging in with what a route logs in with.
//!
//! A token that the upstream calls expired is replaced, and the login tried once more: once, here, for every login there is.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use azdb_config::route::{PlainPassword, Principal, Principals, Route, UpstreamAuth};
use azdb_identity::{Audience, Token, TokenError};
use azdb_quote::Chain;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Lobby, Protocol, Tracks, Try, persist};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, OwnFault, ProvedBy, Secrets};
use crate::phases::Phase;
use crate::way::{Dial, Upstream};

/// What proves to an upstream who we are.
#[derive(Clone, Copy)]
pub(crate) enum Credential<'a> {
    /// A managed identity's.
    Token(&'a Token),
    /// A development server's.
    Password(Password<'a>),
}

/// A development server's password, and whom it may be told as it is.
#[derive(Clone, Copy)]
pub(crate) struct Password<'a> {
    secret: &'a SecretString,
    plain: PlainPassword,
    secrets: &'a Secrets,
}

impl<'a> Password<'a> {
    /// The password of a route. What is made of it goes to `secrets`.
    pub(crate) fn of(route: &Route, secret: &'a SecretString, secrets: &'a Secrets) -> Self {
        Self {
            secret,
            plain: route.plain_password,
            secrets,
        }
    }

    /// For proofs of it, which do not show it.
    pub(crate) fn to_prove(self) -> &'a str {
        self.secret.expose_secret()
    }

    /// Where proofs of it are noted before they leave.
    pub(crate) fn secrets(self) -> &'a Secrets {
        self.secrets
    }

    /// For whoever asks for it as it is, at the end of this way.
    ///
    /// # Errors
    ///
    /// [`Cause::PasswordInClear`] where nobody has verified who that is, unless the route says that anybody may be told.
    pub(crate) fn in_clear<S>(self, upstream: &Upstream<S>, host: &str) -> Result<&'a str, Cause> {
        match (upstream, self.plain) {
            (Upstream::Sealed(_), _) | (_, PlainPassword::ToAnybody) => {
                Ok(self.secret.expose_secret())
            }
            (Upstream::Plain(_), PlainPassword::ToVerified) => Err(Cause::PasswordInClear {
                host: host.to_owned(),
            }),
        }
    }
}

impl Credential<'_> {
    /// Notes the secret itself.
    pub(crate) fn note(&self, secrets: &Secrets) {
        secrets.secret(match self {
            Self::Token(token) => token.expose(),
            Self::Password(password) => password.to_prove(),
        });
    }

    /// Paints over what of it, and of what was made of it, stands in an upstream's words.
    pub(crate) fn paint_over(&self, words: &mut [u8]) {
        let itself = Secrets::default();
        self.note(&itself);
        itself.paint_over(words);
        if let Self::Password(password) = self {
            password.secrets.paint_over(words);
        }
    }

    /// Which of the two it is.
    pub(crate) fn proved_by(&self) -> ProvedBy {
        match self {
            Self::Token(_) => ProvedBy::Token,
            Self::Password(_) => ProvedBy::Password,
        }
    }

    /// Whether it may go nowhere but over a sealed way.
    pub(crate) fn is_token(&self) -> bool {
        matches!(self, Self::Token(_))
    }
}

/// How much life a token should have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Enough to log in.
    Any,
    /// Enough for a session: one with little left is worth a short wait for the next.
    Lasting,
}

/// What a login is doing that has said who it is, as it reads behind who has not answered.
pub(crate) const AWAITING_LOGIN: &str = "waiting for it to let us in";

/// A login that can be tried again with another credential.
pub(crate) trait Attempt: Send {
    /// What comes of it.
    type Granted: Send;
    /// What can go wrong in its protocol alone.
    type Fault: OwnFault;
    /// How much life its tokens should have left.
    const LIFE: Life = Life::Any;

    /// Logs in.
    ///
    /// # Errors
    ///
    /// Why not.
    fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> impl Future<Output = Result<Self::Granted, Fault<Self::Fault>>> + Send;

    /// What an app is to read of what the upstream said before it had let us in.
    fn upstreams_words(granted: &mut Self::Granted) -> Vec<&mut [u8]>;

    /// Where it has been. `None` for a login that cannot be tried anywhere else.
    fn tracks(&mut self) -> Option<&mut Tracks>;
}

/// An attempt and what it is tried with.
struct With<'a, 'c, T> {
    attempt: &'a mut T,
    credential: Credential<'c>,
    /// What it was tried with so far: an upstream still knows it.
    secrets: &'c Secrets,
}

impl<T: Attempt> Try for With<'_, '_, T> {
    type Granted = T::Granted;
    type Fault = T::Fault;

    async fn go(&mut self) -> Result<T::Granted, Fault<T::Fault>> {
        self.credential.note(self.secrets);
        match self.attempt.log_in(self.credential).await {
            Ok(mut granted) => {
                for words in T::upstreams_words(&mut granted) {
                    self.secrets.paint_over(words);
                }
                Ok(granted)
            }
            Err(fault) => Err(fault.without(self.secrets)),
        }
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        self.attempt.tracks()
    }
}

/// Logs in as `principal`, and once more with another token if the upstream calls the first one expired. Returns also the token
/// that opened the door; a password is none. `left` completes when the app has gone; it is asked only while the login is held.
///
/// # Errors
///
/// [`Cause::Token`] when there is none, and whatever the attempt says. When there is no other token, what it said at first.
pub(crate) async fn log_in<P: Protocol, D: Dial, T: Attempt>(
    attempt: &mut T,
    principal: &Principal,
    lobby: &Lobby<P, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<(T::Granted, Option<Token>), Fault<T::Fault>> {
    let (mut left, secrets) = (std::pin::pin!(left), Secrets::default());
    let audience = match &lobby.route.auth {
        UpstreamAuth::Token(audience) => audience,
        UpstreamAuth::Password(secret) => {
            let credential = Credential::Password(Password::of(&lobby.route, secret, &secrets));
            let mut with = With {
                attempt,
                credential,
                secrets: &secrets,
            };
            let granted = persist(&mut with, lobby, deadline, left).await?;
            return Ok((granted, None));
        }
    };
    let supply = Supply {
        lobby,
        principal,
        audience,
        deadline,
    };
    let token = match T::LIFE {
        Life::Any => supply.token().await?,
        Life::Lasting => supply.lasting_token().await?,
    };
    let credential = Credential::Token(&token);
    let mut with = With {
        attempt,
        credential,
        secrets: &secrets,
    };
    let fault = match persist(&mut with, lobby, deadline, left.as_mut()).await {
        Err(fault) if fault.says_token_expired() => fault,
        outcome => return outcome.map(|granted| (granted, Some(token))),
    };
    let Some(other) = supply.other_than(&token).await else {
        return Err(fault);
    };
    let credential = Credential::Token(&other);
    let mut with = With {
        attempt,
        credential,
        secrets: &secrets,
    };
    let granted = persist(&mut with, lobby, deadline, left).await?;
    Ok((granted, Some(other)))
}

/// Waits until somebody of the route could log in: until there is a token of one of its identities.
///
/// # Errors
///
/// [`Cause::Token`], or that the time is over.
pub(crate) async fn ready<P: Protocol, D: Dial>(
    lobby: &Lobby<P, D>,
    deadline: &Deadline,
) -> Result<(), Cause> {
    let UpstreamAuth::Token(audience) = &lobby.route.auth else {
        return Ok(());
    };
    let _lap = deadline.phases().lap(Phase::Token);
    let apart = deadline.apart();
    let supply = |principal| Supply {
        lobby,
        principal,
        audience,
        deadline: &apart,
    };
    match &lobby.route.principals {
        Principals::One(principal) => supply(principal).token().await.map(drop),
        Principals::ByAppUser(map) => {
            let supplies = map.iter().map(|(_, principal)| supply(principal));
            let tokens = supplies.map(|supply| async move { supply.token().await.map(drop) });
            first_good(tokens.map(Box::pin).collect()).await
        }
    }
}

/// The first step that goes well, or what the last one said.
async fn first_good(
    mut steps: Vec<impl Future<Output = Result<(), Cause>> + Unpin>,
) -> Result<(), Cause> {
    poll_fn(|cx| {
        let mut outcome = Poll::Pending;
        steps.retain_mut(|step| {
            if matches!(outcome, Poll::Ready(Ok(()))) {
                return true;
            }
            let polled = Pin::new(step).poll(cx);
            let goes_on = polled.is_pending();
            if !goes_on {
                outcome = polled;
            }
            goes_on
        });
        match outcome {
            Poll::Ready(Err(_)) if !steps.is_empty() => Poll::Pending,
            outcome => outcome,
        }
    })
    .await
}

/// Where the tokens of one login come from.
struct Supply<'a, P: Protocol, D: Dial> {
    lobby: &'a Lobby<P, D>,
    principal: &'a Principal,
    audience: &'a Audience,
    deadline: &'a Deadline,
}

impl<P: Protocol, D: Dial> Supply<'_, P, D> {
    /// A token. One whose source fails in passing is waited for; when the time is over, the error is what the source met,
    /// because "no progress" alone would help nobody.
    async fn token(&self) -> Result<Token, Cause> {
        let (tokens, identity) = (&self.lobby.tokens, &self.principal.identity);
        let get = async {
            let token = tokens.get(identity, self.audience).await;
            token.map_err(|source| self.failed(source))
        };
        match self
            .deadline
            .run(Phase::Token, "waiting for a token", get)
            .await
        {
            Err(Cause::Overdue(overdue)) => {
                let met = tokens.why_none(identity, self.audience);
                Err(met.map_or(Cause::Overdue(overdue), |source| self.failed(source)))
            }
            outcome => outcome,
        }
    }

    /// A token for a session that should not end soon.
    async fn lasting_token(&self) -> Result<Token, Cause> {
        const LASTING: Duration = Duration::from_secs(10 * 60);
        const PATIENCE: Duration = Duration::from_secs(2);
        let token = self.token().await?;
        if token.left() >= LASTING {
            return Ok(token);
        }
        let _lap = self.deadline.phases().lap(Phase::Token);
        let newer = tokio::time::timeout(PATIENCE, self.replace(&token)).await;
        match newer {
            Ok(Ok(Some(newer))) => Ok(newer),
            _ => Ok(token),
        }
    }

    /// Another token in place of one that the upstream called expired; `None` when there is no other one.
    async fn other_than(&self, rejected: &Token) -> Option<Token> {
        let replacing = self.replace(rejected);
        let replaced = self
            .deadline
            .run(Phase::Token, "replacing a token that expired", replacing);
        match replaced.await {
            Ok(Some(token)) => {
                tracing::info!("the upstream calls the token expired, trying once with another");
                Some(token)
            }
            Ok(None) => {
                tracing::warn!(
                    "the upstream calls the token expired, and its source gave the same one again"
                );
                None
            }
            Err(cause) => {
                tracing::warn!(error = %Chain(&cause), "the upstream calls the token expired");
                None
            }
        }
    }

    async fn replace(&self, rejected: &Token) -> Result<Option<Token>, Cause> {
        let (tokens, identity) = (&self.lobby.tokens, &self.principal.identity);
        let replaced = tokens.replace(identity, self.audience, rejected).await;
        replaced.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: TokenError) -> Cause {
        Cause::Token {
            audience: self.audience.clone(),
            source,
        }
    }
}
