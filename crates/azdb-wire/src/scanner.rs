//! Where frames begin in a stream that reads have cut anywhere.

/// What the bytes at the front of a frame say.
pub(crate) enum Front<T> {
    /// Too few of them are there.
    Short,
    /// All that had to be seen is in the first `head` bytes, and the frame goes on for `body` bytes behind them.
    Whole { head: usize, body: usize, said: T },
    /// They begin no frame.
    Impossible,
}

/// Follows the frames of one direction. It keeps nothing of them but a front that is not whole, of at most `N` bytes.
#[derive(Debug)]
pub(crate) struct Scanner<const N: usize> {
    front: [u8; N],
    /// Bytes of `front` that are there.
    have: usize,
    /// Bytes of the current frame that are still to come.
    body: usize,
    /// Something was no frame: nothing can be said from there on.
    lost: bool,
}

impl<const N: usize> Default for Scanner<N> {
    fn default() -> Self {
        Self {
            front: [0; N],
            have: 0,
            body: 0,
            lost: false,
        }
    }
}

impl<const N: usize> Scanner<N> {
    /// Follows `bytes`, and tells `found` what each frame that begins in them says.
    ///
    /// `look` is shown bytes from the beginning of a frame on, and never finds `N` of them too short.
    pub(crate) fn scan<T>(
        &mut self,
        bytes: &[u8],
        look: impl Fn(&[u8]) -> Front<T>,
        found: impl FnMut(T),
    ) {
        let (look, found) = (|_: &_, bytes: &[u8]| look(bytes), &mut { found });
        self.scan_knowing(found, bytes, look, |found, said| found(said));
    }

    /// The same, where what was `found` says what there is to look at in the next frame.
    pub(crate) fn scan_knowing<K, T>(
        &mut self,
        known: &mut K,
        mut bytes: &[u8],
        look: impl Fn(&K, &[u8]) -> Front<T>,
        found: impl Fn(&mut K, T),
    ) {
        while !self.lost {
            bytes = self.end_frame(bytes);
            match self.front(&mut bytes, |bytes| look(known, bytes)) {
                Front::Short => return,
                Front::Whole { body, said, .. } => {
                    self.body = body;
                    found(known, said);
                }
                Front::Impossible => self.lost = true,
            }
        }
    }

    /// Follows `bytes` as far as the current frame goes. Returns what is behind it.
    pub(crate) fn end_frame<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (rest, behind) = bytes.split_at_checked(self.body).unwrap_or((bytes, &[]));
        self.body = self.body.saturating_sub(rest.len());
        behind
    }

    /// Takes the front of a frame off `bytes`. Most are whole in them, and are not copied.
    fn front<T>(&mut self, bytes: &mut &[u8], look: impl Fn(&[u8]) -> Front<T>) -> Front<T> {
        if self.have == 0 {
            match look(bytes) {
                Front::Short => {}
                front => {
                    if let Front::Whole { head, .. } = front {
                        *bytes = bytes.get(head..).unwrap_or_default();
                    }
                    return front;
                }
            }
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            if let Some(slot) = self.front.get_mut(self.have) {
                *slot = byte;
            }
            self.have = self.have.saturating_add(1);
            match look(self.front.get(..self.have).unwrap_or(&self.front)) {
                Front::Short => {}
                front => {
                    self.have = 0;
                    return front;
                }
            }
        }
        Front::Short
    }

    /// Whether the last frame has ended and the next one has not begun.
    pub(crate) fn between_frames(&self) -> bool {
        !self.lost && self.have == 0 && self.body == 0
    }
}
