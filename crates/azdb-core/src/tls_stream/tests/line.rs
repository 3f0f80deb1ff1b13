//! A connection of which a test decides what each receive brings and how much each send takes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::*;

/// The far side of a [`Wire`].
#[derive(Debug, Clone)]
pub(super) struct Line(Rc<RefCell<State>>);

#[derive(Debug)]
pub(super) struct Wire(Line);

#[derive(Debug)]
struct State {
    /// What each receive brings.
    incoming: VecDeque<Vec<u8>>,
    has_ended: bool,
    outgoing: Vec<u8>,
    /// Bytes that sends still take.
    room: usize,
    is_shut: bool,
    receives: usize,
    sends: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(State {
            incoming: VecDeque::new(),
            has_ended: false,
            outgoing: Vec::new(),
            room: usize::MAX,
            is_shut: false,
            receives: 0,
            sends: 0,
        })))
    }
}

impl Line {
    pub(super) fn wire(&self) -> Wire {
        Wire(self.clone())
    }

    /// One receive will bring this, if it has room.
    pub(super) fn send(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.borrow_mut().incoming.push_back(bytes.to_vec());
        }
    }

    pub(super) fn end(&self) {
        self.0.borrow_mut().has_ended = true;
    }

    /// Everything that was sent since.
    pub(super) fn sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().outgoing)
    }

    pub(super) fn set_room(&self, room: usize) {
        self.0.borrow_mut().room = room;
    }

    pub(super) fn is_shut(&self) -> bool {
        self.0.borrow().is_shut
    }

    /// Receives and sends that were not pending, since the last call.
    pub(super) fn calls(&self) -> (usize, usize) {
        let mut state = self.0.borrow_mut();
        (
            std::mem::take(&mut state.receives),
            std::mem::take(&mut state.sends),
        )
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let state = &mut *self.0.0.borrow_mut();
        let Some(chunk) = state.incoming.front_mut() else {
            return match state.has_ended {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            };
        };
        state.receives += 1;
        let count = chunk.len().min(buf.remaining());
        buf.put_slice(&chunk[..count]);
        chunk.drain(..count);
        if chunk.is_empty() {
            state.incoming.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let state = &mut *self.0.0.borrow_mut();
        let count = bytes.len().min(state.room);
        if count == 0 {
            return Poll::Pending;
        }
        state.sends += 1;
        state.room -= if state.room == usize::MAX { 0 } else { count };
        state.outgoing.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.0.borrow_mut().is_shut = true;
        Poll::Ready(Ok(()))
    }
}
