//! How an app is parted with: so that it hears the last words.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::io::{Leg, Stream};

/// How long an app may take to hear them. One that takes nothing, or never stops talking, must not hold its session.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of the app's that are read and thrown away meanwhile.
const MOST: u64 = 64 * 1024;

impl<S: Stream> Leg<S> {
    /// Writes all of `bytes`, and sees them off.
    ///
    /// # Errors
    ///
    /// The stream's.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
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
            tracing::debug!(%error, "the app did not hear the last words");
        }
    }
}
