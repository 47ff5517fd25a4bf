//! Decoded sound on its way out: what was just heard, kept as context for concealment and stretching, and what
//! is ready to be heard. One block of memory, never reallocated.

/// Samples of context kept behind the playhead: two periods of the lowest voice.
pub(super) const HISTORY: usize = 1920;
/// Room for what is ready: two packets of 120 ms (the longest Opus allows) and change.
const ROOM: usize = 5760 * 2 + 4800;

/// History and ready samples in one slice.
#[derive(Debug)]
pub(super) struct Pcm {
    buffer: Box<[f32]>,
    head: usize,
    end: usize,
}

impl Pcm {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0.0; HISTORY + 2 * ROOM].into_boxed_slice(),
            head: HISTORY,
            end: HISTORY,
        }
    }

    /// Samples ready to be heard.
    pub(super) fn ready(&self) -> usize {
        self.end - self.head
    }

    /// The next `n` samples of room. Give back what was not used with [`commit`](Self::commit).
    pub(super) fn room(&mut self, n: usize) -> Option<&mut [f32]> {
        if self.end + n > self.buffer.len() {
            let from = self.head - HISTORY;
            self.buffer.copy_within(from..self.end, 0);
            self.end -= from;
            self.head = HISTORY;
        }
        self.buffer.get_mut(self.end..self.end + n)
    }

    /// Makes `n` samples of the room, less the first `skip`, part of what is ready.
    pub(super) fn commit(&mut self, skip: usize, n: usize) {
        let n = n.min(self.buffer.len() - self.end);
        let skip = skip.min(n);
        if skip > 0 {
            self.buffer.copy_within(self.end + skip..self.end + n, self.end);
        }
        self.end += n - skip;
    }

    /// Appends silence; returns how much there was room for.
    pub(super) fn push_silence(&mut self, n: usize) -> usize {
        match self.room(n) {
            Some(room) => room.fill(0.0),
            None => return 0,
        }
        self.commit(0, n);
        n
    }

    /// Everything up to the end of what is ready, and where the playhead is in it.
    pub(super) fn all(&mut self) -> (&mut [f32], usize) {
        (&mut self.buffer[..self.end], self.head)
    }

    /// What was heard and is ready, the last `n` samples.
    pub(super) fn tail(&self, n: usize) -> &[f32] {
        &self.buffer[self.end - n.min(HISTORY)..self.end]
    }

    /// The last `n` samples, to be changed.
    pub(super) fn tail_mut(&mut self, n: usize) -> &mut [f32] {
        let from = self.end - n.min(self.ready());
        &mut self.buffer[from..self.end]
    }

    /// Takes `count` samples out, `after` samples from the playhead.
    pub(super) fn remove(&mut self, after: usize, count: usize) {
        let from = (self.head + after).min(self.end);
        let count = count.min(self.end - from);
        self.buffer.copy_within(from + count..self.end, from);
        self.end -= count;
    }

    /// Opens a gap of `count` samples at the playhead, to be filled through [`all`](Self::all). `false` when
    /// there is no room.
    pub(super) fn open(&mut self, count: usize) -> bool {
        if self.room(count).is_none() {
            return false;
        }
        self.buffer.copy_within(self.head..self.end, self.head + count);
        self.end += count;
        true
    }

    /// Lets the next samples be heard. Returns how many there were.
    pub(super) fn emit(&mut self, out: &mut [f32]) -> usize {
        let n = out.len().min(self.ready());
        out[..n].copy_from_slice(&self.buffer[self.head..self.head + n]);
        self.head += n;
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_history_for_hours() {
        let mut pcm = Pcm::new();
        let (mut written, mut read) = (0_u32, 0_u32);
        for round in 0..2000 {
            let n = 120 + (round * 7) % 900;
            for sample in pcm.room(n).unwrap() {
                *sample = (written % 9973) as f32;
                written += 1;
            }
            pcm.commit(0, n);
            let mut out = vec![0.0; pcm.ready()];
            pcm.emit(&mut out);
            for sample in out {
                assert_eq!(sample, (read % 9973) as f32);
                read += 1;
            }
        }
        assert_eq!(written, read);
        assert_eq!(pcm.tail(1)[0], ((written - 1) % 9973) as f32);
    }

    #[test]
    fn more_than_fits_is_refused() {
        let mut pcm = Pcm::new();
        assert!(pcm.room(HISTORY + 2 * ROOM).is_none());
        assert!(pcm.room(5760).is_some());
    }
}
