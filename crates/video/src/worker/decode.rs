//! The decoding thread: frames in the order they are to be decoded, pictures out. A frame that cannot be decoded, or
//! a queue that runs over, asks for a key frame and waits for it.

use crate::codec::{self, Codec, Error, Limits, VideoDecoder};
use crate::picture::{Picture, Pool, Size};
use crossbeam_queue::ArrayQueue;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Frames that may wait: two seconds' worth.
const WAITING: usize = 64;

/// A frame as it was assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedFrame {
    /// Which codec; it may change at a key frame.
    pub codec: Codec,
    /// As in [`crate::EncodedFrame`].
    pub data: Vec<u8>,
    /// Needs no frame before it.
    pub key: bool,
    /// What the picture is to be stamped with.
    pub time: Duration,
}

/// What comes out of the decoding thread.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// A picture to show.
    Picture(Picture),
    /// Nothing can be shown before a key frame. Said once, until one comes.
    KeyFrameWanted(Reason),
}

/// Why a key frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A frame could not be decoded.
    Failed(Error),
    /// Frames came faster than they could be decoded, and were dropped.
    Late,
    /// The stream began without one.
    Begun,
}

/// Counters of a decoding thread, in the words of webrtc-stats (RTCInboundRtpStreamStats).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DecoderStats {
    /// Frames handed in.
    pub frames_received: u64,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Key frames among them.
    pub key_frames_decoded: u64,
    /// Frames dropped: too late, damaged, leaning on such a one, or without a free picture to go to.
    pub frames_dropped: u64,
    /// Frames that could not be decoded.
    pub frames_corrupt: u64,
    /// Time spent decoding.
    pub total_decode_time: Duration,
    /// Size of the latest picture.
    pub size: Option<Size>,
    /// Which library or device decodes (`decoderImplementation`).
    pub implementation: Option<&'static str>,
}

struct Shared {
    frames: ArrayQueue<CodedFrame>,
    /// Frames were dropped: all up to the next key frame are of no use.
    overrun: AtomicBool,
    stop: AtomicBool,
    received: AtomicU64,
    dropped: AtomicU64,
    /// Never taken by who hands frames in.
    stats: Mutex<DecoderStats>,
}

/// A decoding thread of its own. Ends when dropped, after the frame it is at.
pub struct DecoderWorker {
    shared: Arc<Shared>,
    handle: Option<JoinHandle<()>>,
}

impl DecoderWorker {
    /// Starts the thread. Pictures come from `pool`; `out` runs on the thread, so it should only hand them on.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn spawn(limits: Limits, pool: Pool, out: impl FnMut(Decoded) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            frames: ArrayQueue::new(WAITING),
            overrun: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            received: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            stats: Mutex::default(),
        });
        let mut work = Work {
            shared: Arc::clone(&shared),
            limits,
            pool,
            out,
            decoder: None,
            wanting: false,
            stats: DecoderStats::default(),
        };
        let handle = thread::Builder::new()
            .name("video decoder".into())
            .spawn(move || work.run())?;
        Ok(Self {
            shared,
            handle: Some(handle),
        })
    }

    /// Hands in the next frame to decode. Takes no lock and never waits: a frame there is no room for is dropped,
    /// and those that lean on it.
    pub fn submit(&self, frame: CodedFrame) {
        self.shared.received.fetch_add(1, Ordering::Relaxed);
        if self.shared.frames.push(frame).is_err() {
            self.shared.overrun.store(true, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(handle) = &self.handle {
            handle.thread().unpark();
        }
    }

    /// Counters until now.
    pub fn stats(&self) -> DecoderStats {
        let stats = *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        DecoderStats {
            frames_received: self.shared.received.load(Ordering::Relaxed),
            frames_dropped: stats.frames_dropped + self.shared.dropped.load(Ordering::Relaxed),
            ..stats
        }
    }
}

impl Drop for DecoderWorker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(handle) = self.handle.take() {
            handle.thread().unpark();
            // A panic on that thread was reported there.
            let _ = handle.join();
        }
    }
}

struct Work<F> {
    shared: Arc<Shared>,
    limits: Limits,
    pool: Pool,
    out: F,
    decoder: Option<Box<dyn VideoDecoder>>,
    /// A key frame was asked for and has not come.
    wanting: bool,
    stats: DecoderStats,
}

impl<F: FnMut(Decoded)> Work<F> {
    fn run(&mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            if self.shared.overrun.swap(false, Ordering::Relaxed) {
                // What waits is too old already, but for the last key frame in it.
                let mut waiting: Vec<CodedFrame> = std::iter::from_fn(|| self.shared.frames.pop()).collect();
                self.stats.frames_dropped += waiting.len() as u64;
                self.want(Reason::Late);
                if let Some(at) = waiting.iter().rposition(|frame| frame.key) {
                    self.stats.frames_dropped -= 1;
                    self.decode(&waiting.swap_remove(at));
                    // The frame that found no room leaned on those dropped here.
                    self.want(Reason::Late);
                }
            }
            match self.shared.frames.pop() {
                Some(frame) => self.decode(&frame),
                None => thread::park(),
            }
        }
    }

    fn want(&mut self, reason: Reason) {
        if !self.wanting {
            self.wanting = true;
            (self.out)(Decoded::KeyFrameWanted(reason));
        }
    }

    fn decode(&mut self, frame: &CodedFrame) {
        if frame.key {
            self.wanting = false;
        } else if self.decoder.is_none() {
            self.want(Reason::Begun);
        }
        if self.wanting {
            self.stats.frames_dropped += 1;
            return self.publish();
        }
        let start = Instant::now();
        let result = self.run_decoder(frame);
        self.stats.total_decode_time += start.elapsed();
        match result {
            Ok(picture) => {
                self.stats.frames_decoded += 1;
                self.stats.key_frames_decoded += u64::from(frame.key);
                if let Some(picture) = picture {
                    self.stats.size = Some(picture.size());
                    (self.out)(Decoded::Picture(picture));
                }
            }
            // Decoded, but there is no picture to show it in.
            Err(Error::Picture(_)) => self.stats.frames_dropped += 1,
            Err(error) => {
                self.stats.frames_corrupt += 1;
                self.stats.frames_dropped += 1;
                self.want(Reason::Failed(error));
            }
        }
        self.publish();
    }

    fn run_decoder(&mut self, frame: &CodedFrame) -> Result<Option<Picture>, Error> {
        let decoder = match &mut self.decoder {
            Some(decoder) if decoder.codec() == frame.codec => decoder,
            slot => slot.insert(codec::decoder(frame.codec, self.limits)?),
        };
        self.stats.implementation = Some(decoder.implementation());
        decoder.decode(&frame.data, frame.time, &self.pool)
    }

    fn publish(&self) {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.stats;
    }
}
