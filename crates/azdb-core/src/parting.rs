//! How a side is parted with: so that it hears the last words.
//!
//! # Invariants
//!
//! * A [`Fault`] ends a login as [`Told`], which [`Leg::refuse`] alone makes, by saying the words; or as [`NotIn::Untold`], where the
//!   app has left before it could be told.

use std::time::Duration;

use azdb_quote::Chain;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fault::{Fault, Left};
use crate::way::{Leg, Stream};

/// How long an upstream may take to hear what an app said that is gone.
const HEARING: Duration = Duration::from_secs(5);
/// How long a side may take to hear them. One that takes nothing, or never stops talking, must not hold its session.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of the app's that are read and thrown away meanwhile.
const MOST: u64 = 64 * 1024;

/// Why an app is not in.
#[derive(Debug)]
pub(crate) enum NotIn<F> {
    /// It is not there any more, or never was an app of this protocol.
    Left(Left),
    /// It has been told.
    Told(Told<F>),
    /// It left while words were due.
    Untold(Fault<F>),
}

/// A fault that the app has been told.
#[derive(Debug)]
pub(crate) struct Told<F>(Fault<F>);

impl<F> Told<F> {
    /// What it was told.
    pub(crate) fn fault(&self) -> &Fault<F> {
        &self.0
    }
}

impl<S: Stream> Leg<S> {
    /// Ends a login with `words`, which say what went wrong in the app's protocol.
    pub(crate) async fn refuse<F>(&mut self, fault: Fault<F>, words: &[u8]) -> Told<F> {
        self.part_with(words).await;
        Told(fault)
    }

    /// Says something and closes. A socket that is closed while bytes of the app lie unread resets the connection, and the
    /// reset overtakes the last words; so it is read until the app has left. An app that does not listen is not an error.
    pub(crate) async fn part_with(&mut self, last_words: &[u8]) {
        let parting = async {
            self.say(last_words).await?;
            self.shutdown().await?;
            tokio::io::copy(&mut self.take(MOST), &mut tokio::io::sink()).await
        };
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, parting).await {
            tracing::debug!(error = %Chain(&error), "the app did not hear the last words");
        }
    }
}

/// Lets an upstream have what its app said last, and closes as the app has. As for an app, bytes that lie unread must not have
/// the kernel throw away what the upstream has not taken yet. What it answers nobody hears: one that goes on and on is broken off,
/// as it would be by the app's own kernel.
pub(crate) async fn see_off<U: Stream>(upstream: &mut U, said_last: &[u8]) {
    let parting = async {
        upstream.write_all(said_last).await?;
        upstream.shutdown().await?;
        tokio::io::copy(&mut upstream.take(MOST), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(HEARING, parting).await {
        tracing::debug!(error = %Chain(&error), "the upstream did not hear what the app said last");
    }
}

/// Leaves an upstream as a client does, by saying so. One at rest ends then, and is waited for: bytes that lie unread would have the kernel
/// reset the connection, and the reset would overtake what was said. One that is busy hears it when it has time.
pub(crate) async fn leave<U: Stream>(upstream: &mut U, words: &[u8], is_at_rest: bool) {
    let patience = if is_at_rest { PATIENCE } else { Duration::ZERO };
    let parting = async {
        upstream.write_all(words).await?;
        upstream.shutdown().await?;
        tokio::io::copy(&mut upstream.take(MOST), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(patience, parting).await {
        tracing::debug!(error = %Chain(&error), "the upstream did not hear that we leave");
    }
}

impl<F> From<Told<F>> for NotIn<F> {
    fn from(told: Told<F>) -> Self {
        Self::Told(told)
    }
}

impl<F> From<Left> for NotIn<F> {
    fn from(left: Left) -> Self {
        Self::Left(left)
    }
}
