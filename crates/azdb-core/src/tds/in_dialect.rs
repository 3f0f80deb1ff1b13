//! An upstream as an app of an older version hears it, and is heard.
//!
//! ```text
//!   relay --- write --> from_app --> requests ---> OnePacketPerRecord --> upstream
//!   relay <-- read ---- answers <-- from_upstream <---------------------- upstream
//! ```
//!
//! Where both sides speak one version it is the upstream itself. The relay and its watch see what the app sees, so "at rest" and words of
//! ours between two answers mean the same in every version.
//!
//! # Invariants
//!
//! * Of either direction waits only what one read or one write has become: nothing is taken before that has gone.
//! * What cannot be translated breaks the upstream's side, and the app hears of it where it waits for an answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::tds::{Translator, Untranslatable};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::one_packet_per_record::OnePacketPerRecord;
use crate::way::{BreakOff, Stream, Unsent, Upstream};

/// Bytes of an upstream that are translated at a time.
const AT_A_TIME: usize = 16 * 1024;

/// A way towards a server of TDS, in the version of its app.
#[derive(Debug)]
pub(crate) struct InDialect<S> {
    upstream: OnePacketPerRecord<Upstream<S>>,
    translation: Option<Box<Translation>>,
}

/// What stands between the two versions.
#[derive(Debug)]
struct Translation {
    translator: Translator,
    /// Requests that the upstream has yet to take.
    requests: Unsent,
    /// Answers that the app has yet to take.
    answers: Unsent,
    /// How the upstream has ended, to be told behind all that it has said.
    end: Option<io::Result<()>>,
}

impl<S: Stream> InDialect<S> {
    /// The upstream itself.
    pub(super) fn new(upstream: OnePacketPerRecord<Upstream<S>>) -> Self {
        Self {
            upstream,
            translation: None,
        }
    }

    /// The connection that it goes over.
    pub(super) fn connection(&mut self) -> &mut S {
        self.upstream.connection()
    }

    /// The same upstream, through a translator if the two sides need one, from here on.
    pub(super) fn with(self, translator: Option<Translator>) -> Self {
        let translation = translator.map(|translator| {
            Box::new(Translation {
                translator,
                requests: Unsent::default(),
                answers: Unsent::default(),
                end: None,
            })
        });
        Self {
            translation,
            ..self
        }
    }

    /// Takes the translator away, where nothing waits in it; says whether that is so.
    pub(super) fn speak_plainly(&mut self) -> bool {
        let is_empty = self.translation.as_ref().is_none_or(|translation| {
            translation.requests.is_empty()
                && translation.answers.is_empty()
                && translation.end.is_none()
        });
        if is_empty {
            self.translation = None;
        }
        is_empty
    }

    /// Has the upstream take all requests that wait.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(translation) = &mut self.translation else {
            return Poll::Ready(Ok(()));
        };
        translation.requests.poll_sent(cx, &mut self.upstream)
    }
}

impl Translation {
    /// Reads and translates until there is something for the app, or the upstream has ended.
    fn poll_answers<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        upstream: &mut OnePacketPerRecord<Upstream<S>>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.answers.is_empty() {
            if let Some(end) = &mut self.end {
                return Poll::Ready(std::mem::replace(end, Ok(())));
            }
            // What is read lies where its translation goes then: nothing else has to be kept for it.
            let mut raw = room.take(AT_A_TIME);
            let read = ready!(Pin::new(&mut *upstream).poll_read(cx, &mut raw));
            let (translator, answers) = (&mut self.translator, self.answers.end());
            let end = match (read, raw.filled()) {
                (Ok(()), bytes @ [_, ..]) => translator
                    .from_upstream(bytes, answers)
                    .map_err(broken)
                    .err(),
                (Ok(()), []) => {
                    translator.upstream_ended(answers);
                    self.end = Some(Ok(()));
                    None
                }
                (Err(error), _) => {
                    translator.upstream_ended(answers);
                    Some(error)
                }
            };
            if let Some(error) = end {
                self.end = Some(Err(error));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The upstream has broken, as far as the app is concerned.
fn broken(why: Untranslatable) -> io::Error {
    io::Error::other(format!("cannot be translated: {why}"))
}

impl<S: Stream> BreakOff for InDialect<S> {
    fn break_off(&mut self) {
        self.upstream.break_off();
    }
}

impl<S: Stream> AsyncRead for InDialect<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            upstream,
            translation,
        } = &mut *self;
        // Without room there is nothing to read into, which would look like an end.
        let Some(translation) = translation.as_mut().filter(|_| buf.remaining() > 0) else {
            return Pin::new(upstream).poll_read(cx, buf);
        };
        ready!(translation.poll_answers(cx, upstream, buf))?;
        let answers = &mut translation.answers;
        let count = answers.rest().len().min(buf.remaining());
        buf.put_slice(answers.rest().get(..count).unwrap_or_default());
        answers.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for InDialect<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_requests(cx))?;
        match &mut this.translation {
            Some(translation) => {
                let (translator, requests) =
                    (&mut translation.translator, translation.requests.end());
                let refused = |why: Untranslatable| {
                    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
                };
                translator.from_app(bytes, requests).map_err(refused)?;
                Poll::Ready(Ok(bytes.len()))
            }
            None => Pin::new(&mut this.upstream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_requests(cx))?;
        Pin::new(&mut self.upstream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_requests(cx))?;
        Pin::new(&mut self.upstream).poll_shutdown(cx)
    }
}
