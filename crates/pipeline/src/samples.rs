//! The ring between a device callback and its worker: one writer, one reader, `f32` samples, any slice size.
//!
//! Neither side ever waits. What does not fit is dropped and counted as overrun; what is missing is filled with
//! silence and counted as underrun. The ring refuses to know about channels: give it a capacity that is a whole
//! number of frames and always move whole frames, then a drop never swaps channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

/// What passed through a ring, in samples since it was made. Readable from any thread; the figures are
/// individually exact and at rest add up: `written == read + skipped + still in the ring`.
#[derive(Debug, Default)]
pub struct RingCounters {
    written: AtomicU64,
    overruns: AtomicU64,
    read: AtomicU64,
    skipped: AtomicU64,
    underruns: AtomicU64,
}

impl RingCounters {
    /// Samples that went in.
    pub fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Samples that found the ring full and were dropped.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Relaxed)
    }

    /// Samples that came out.
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Samples thrown away on purpose by [`SampleReader::skip`].
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Relaxed)
    }

    /// Samples that were asked for, were not there, and became silence.
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Relaxed)
    }
}

/// Adds to a counter that has one writing thread: a load and a store are cheaper than a locked add.
fn bump(counter: &AtomicU64, by: usize) {
    if by > 0 {
        counter.store(counter.load(Relaxed).wrapping_add(by as u64), Relaxed);
    }
}

/// The writing end. One thread at a time.
pub struct SampleWriter {
    ring: HeapProd<f32>,
    counters: Arc<RingCounters>,
    watermark: Arc<AtomicUsize>,
}

/// The reading end. One thread at a time.
pub struct SampleReader {
    ring: HeapCons<f32>,
    counters: Arc<RingCounters>,
    watermark: Arc<AtomicUsize>,
}

/// Makes a ring for `capacity` samples (at least one). The only allocation is here.
pub fn samples(capacity: usize) -> (SampleWriter, SampleReader) {
    let (writer, reader) = HeapRb::<f32>::new(capacity.max(1)).split();
    let counters = Arc::new(RingCounters::default());
    let watermark = Arc::new(AtomicUsize::new(0));
    (
        SampleWriter {
            ring: writer,
            counters: Arc::clone(&counters),
            watermark: Arc::clone(&watermark),
        },
        SampleReader {
            ring: reader,
            counters,
            watermark,
        },
    )
}

impl SampleWriter {
    /// Puts in as much of the front of `samples` as fits and returns how many that were. The rest is dropped
    /// and counted as overrun.
    pub fn write(&mut self, samples: &[f32]) -> usize {
        let written = self.ring.push_slice(samples);
        bump(&self.counters.written, written);
        bump(&self.counters.overruns, samples.len() - written);
        written
    }

    /// Samples that fit now. The reader can only make it more.
    pub fn vacant(&self) -> usize {
        self.ring.vacant_len()
    }

    /// Samples in the ring now. The reader can only make it fewer.
    pub fn len(&self) -> usize {
        self.ring.occupied_len()
    }

    /// Whether nothing is in the ring.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples the ring can hold.
    pub fn capacity(&self) -> usize {
        self.ring.capacity().get()
    }

    /// Whether the reader has what it waits for: at least its [watermark](SampleReader::set_watermark).
    pub fn at_watermark(&self) -> bool {
        self.len() >= self.watermark.load(Relaxed)
    }

    /// Samples dropped so far because the ring was full.
    pub fn overruns(&self) -> u64 {
        self.counters.overruns()
    }

    /// The counters of both ends, for any thread.
    pub fn counters(&self) -> Arc<RingCounters> {
        Arc::clone(&self.counters)
    }
}

impl SampleReader {
    /// Takes out up to `out.len()` samples and returns how many there were. The rest of `out` becomes silence
    /// and is counted as underrun.
    pub fn read(&mut self, out: &mut [f32]) -> usize {
        let read = self.ring.pop_slice(out);
        out[read..].fill(0.0);
        bump(&self.counters.read, read);
        bump(&self.counters.underruns, out.len() - read);
        read
    }

    /// Throws away up to `n` of the oldest samples and returns how many it were. Not an overrun: the caller
    /// wanted it.
    pub fn skip(&mut self, n: usize) -> usize {
        let skipped = self.ring.skip(n);
        bump(&self.counters.skipped, skipped);
        skipped
    }

    /// Samples in the ring now. The writer can only make it more.
    pub fn len(&self) -> usize {
        self.ring.occupied_len()
    }

    /// Whether nothing is in the ring.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples the ring can hold.
    pub fn capacity(&self) -> usize {
        self.ring.capacity().get()
    }

    /// From how many samples on it is worth waking the reader. Zero at first: always. A change is a hint that the
    /// writer sees soon, so a reader that needs fewer than before looks for itself first.
    pub fn set_watermark(&self, samples: usize) {
        self.watermark.store(samples, Relaxed);
    }

    /// Samples of silence handed out so far because the ring was empty.
    pub fn underruns(&self) -> u64 {
        self.counters.underruns()
    }

    /// The counters of both ends, for any thread.
    pub fn counters(&self) -> Arc<RingCounters> {
        Arc::clone(&self.counters)
    }
}
