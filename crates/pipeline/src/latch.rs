//! A pair of numbers that one real-time thread publishes and any thread reads whole.
//!
//! A sequence lock over two copies: the writer fills the copy nobody is sent to, then turns the readers towards
//! it. So the writer never waits, and a writer that is preempted half-way never makes a reader wait either; a
//! reader tries again only when two publications overtook it. It refuses to queue: only the latest pair is kept.

use std::sync::atomic::Ordering::*;

use crate::sync::{Arc, AtomicU64, fence, spin};

struct Shared {
    /// Publications so far. Its last bit tells which copy readers use.
    version: AtomicU64,
    copies: [[AtomicU64; 2]; 2],
}

/// The one writer.
pub struct LatchWriter {
    shared: Arc<Shared>,
    version: u64,
}

/// A reader; clone it for more.
#[derive(Clone)]
pub struct LatchReader(Arc<Shared>);

/// Makes a latch that holds nothing yet.
pub fn latch() -> (LatchWriter, LatchReader) {
    let pair = || [AtomicU64::new(0), AtomicU64::new(0)];
    let shared = Arc::new(Shared {
        version: AtomicU64::new(0),
        copies: [pair(), pair()],
    });
    (
        LatchWriter {
            shared: Arc::clone(&shared),
            version: 0,
        },
        LatchReader(shared),
    )
}

impl LatchWriter {
    /// Replaces the pair. Wait-free.
    pub fn publish(&mut self, pair: [u64; 2]) {
        let next = self.version.wrapping_add(1);
        // Whoever sees one of the stores below also sees the version before this one, and so knows that the copy
        // it reads is being reused.
        fence(Release);
        for (cell, value) in self.shared.copies[(next & 1) as usize].iter().zip(pair) {
            cell.store(value, Relaxed);
        }
        self.shared.version.store(next, Release);
        self.version = next;
    }
}

impl LatchReader {
    /// The latest pair with the number of its publication, from 1; `None` before the first.
    pub fn read(&self) -> Option<(u64, [u64; 2])> {
        loop {
            let version = self.0.version.load(Acquire);
            if version == 0 {
                return None;
            }
            let [first, second] = &self.0.copies[(version & 1) as usize];
            let pair = [first.load(Relaxed), second.load(Relaxed)];
            fence(Acquire);
            if self.0.version.load(Relaxed) == version {
                return Some((version, pair));
            }
            spin();
        }
    }
}
