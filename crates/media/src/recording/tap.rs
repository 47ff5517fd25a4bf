//! Where a real-time worker leaves its sound: a copy into a preallocated queue, and nothing else. A recording that falls
//! behind loses the oldest; the position of each piece tells how much that was.

use std::time::Instant;

use sidetone_pipeline::{QueueReceiver, QueueSender, queue};

use crate::voice::BLOCK;

/// Pieces that may wait for the disk. While nothing is played pieces are a quarter of a block: at least two and a half
/// seconds.
const WAITING: usize = 1_024;

/// A stretch of sound, at most a block.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Samples that were left here before it.
    pub(super) position: u64,
    /// When its last sample was there.
    pub(super) at: Instant,
    len: usize,
    samples: [f32; BLOCK],
}

impl Piece {
    /// Its sound.
    pub(super) fn samples(&self) -> &[f32] {
        &self.samples[..self.len.min(BLOCK)]
    }
}

/// The worker's end.
pub struct Tap {
    pieces: QueueSender<Piece>,
    position: u64,
}

impl Tap {
    /// A tap, and where its sound comes out.
    pub(super) fn new() -> (Self, QueueReceiver<Piece>) {
        let (pieces, receiver) = queue(WAITING);
        (Self { pieces, position: 0 }, receiver)
    }

    /// Leaves samples, at most a block, the last of which was there at `now`. Neither allocates nor waits.
    pub fn push(&mut self, samples: &[f32], now: Instant) {
        let len = samples.len().min(BLOCK);
        let mut piece = Piece {
            position: self.position,
            at: now,
            len,
            samples: [0.0; BLOCK],
        };
        piece.samples[..len].copy_from_slice(&samples[..len]);
        self.position += len as u64;
        self.pieces.push(piece);
    }

    /// Leaves so much silence, at most a block.
    pub fn push_silence(&mut self, len: usize, now: Instant) {
        self.push(&[0.0; BLOCK][..len.min(BLOCK)], now);
    }

    /// Whether nobody records any more.
    pub fn is_closed(&self) -> bool {
        self.pieces.is_closed()
    }
}
