//! The encoding thread: takes the newest picture, codes it in every layer, and gives the frames away. A picture that
//! stands still is refined and then left alone; one that a new viewer asks for is coded again.

use super::pace::Pace;
use crate::codec::{EncodedFrame, Error, Settings, Simulcast};
use crate::ladder::Refinement;
use crate::picture::{Picture, Size};
use crossbeam_queue::ArrayQueue;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How much a new measurement weighs in the mean encoding time.
const WEIGHT: f64 = 0.1;

/// What comes out of the encoding thread.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// A frame to send.
    Frame(EncodedFrame),
    /// The encoder failed on a picture. It is made anew for the next one.
    Failed(Error),
}

/// Counters of one layer, in the words of webrtc-stats (RTCOutboundRtpStreamStats).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerStats {
    /// Frames coded.
    pub frames_encoded: u64,
    /// Key frames among them.
    pub key_frames_encoded: u64,
    /// Sum of their quantizers, in the units of the codec.
    pub qp_sum: u64,
    /// Time spent coding them, scaling included.
    pub total_encode_time: Duration,
    /// Bytes that came out.
    pub bytes: u64,
    /// Size of the latest one.
    pub size: Option<Size>,
}

/// Counters of an encoding thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncoderStats {
    /// Pictures handed in.
    pub frames_received: u64,
    /// Pictures that a newer one overtook while the encoder was busy.
    pub frames_dropped: u64,
    /// Pictures left out because the plan has a lower frame rate than the source.
    pub frames_thinned: u64,
    /// Frames that the rate control left out.
    pub frames_skipped: u64,
    /// Still pictures that were coded again, to refine them or for a key frame.
    pub frames_repeated: u64,
    /// Mean time for one picture in all layers, recent ones first, key frames aside: what a ladder wants to know.
    pub encode_time: Option<Duration>,
    /// By simulcast layer, smallest first.
    pub layers: Vec<LayerStats>,
}

struct Shared {
    picture: ArrayQueue<Picture>,
    /// The latest plan: a setting for each layer, `None` for one that is off.
    plan: ArrayQueue<Vec<Option<Settings>>>,
    /// Layers of which a key frame is wanted (bits).
    keys: AtomicU64,
    stop: AtomicBool,
    busy: AtomicBool,
    received: AtomicU64,
    dropped: AtomicU64,
    thinned: AtomicU64,
    /// Never taken by who hands pictures in.
    stats: Mutex<EncoderStats>,
}

/// Where a capturing thread hands its pictures in.
#[derive(Clone)]
pub struct PictureInput {
    shared: Arc<Shared>,
    thread: Thread,
}

impl PictureInput {
    /// Hands in a picture; one that still waits is overtaken. Takes no lock and never waits. The worker holds up to
    /// three pictures (waiting, in work, last): size the pool for that.
    pub fn submit(&self, picture: Picture) {
        self.shared.received.fetch_add(1, Ordering::Relaxed);
        if self.shared.picture.force_push(picture).is_some() {
            let counter = if self.shared.busy.load(Ordering::Relaxed) {
                &self.shared.dropped
            } else {
                &self.shared.thinned
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.thread.unpark();
    }
}

/// An encoding thread of its own. Ends when dropped, after the picture it is at.
pub struct EncoderWorker {
    input: PictureInput,
    handle: Option<JoinHandle<()>>,
}

impl EncoderWorker {
    /// Starts the thread. `out` runs on it, so it should only hand frames on.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn spawn(simulcast: Simulcast, out: impl FnMut(Encoded) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            picture: ArrayQueue::new(1),
            plan: ArrayQueue::new(1),
            keys: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            received: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            thinned: AtomicU64::new(0),
            stats: Mutex::default(),
        });
        let plan: Vec<Option<Settings>> = simulcast.settings().copied().map(Some).collect();
        let mut work = Work {
            shared: Arc::clone(&shared),
            refinement: refinement(&plan),
            stats: EncoderStats {
                layers: vec![LayerStats::default(); plan.len()],
                ..EncoderStats::default()
            },
            simulcast,
            plan,
            out,
            began: Instant::now(),
            pace: Pace::default(),
            last: None,
            repeat: false,
        };
        let handle = thread::Builder::new()
            .name("video encoder".into())
            .spawn(move || work.run())?;
        let input = PictureInput {
            shared,
            thread: handle.thread().clone(),
        };
        Ok(Self {
            input,
            handle: Some(handle),
        })
    }

    /// Where pictures are handed in.
    pub fn input(&self) -> PictureInput {
        self.input.clone()
    }

    /// What to code from the next picture on: a setting for each layer, smallest first, `None` for one that is off.
    /// The newest plan counts. Pictures are scaled to the plan's sizes: a source of another shape wants another plan.
    pub fn configure(&self, plan: Vec<Option<Settings>>) {
        // An older plan that nobody has looked at yet is of no use any more.
        drop(self.input.shared.plan.force_push(plan));
        self.input.thread.unpark();
    }

    /// Asks for a key frame of one layer: of the next picture, or of the last one where none comes.
    pub fn ask_key(&self, layer: usize) {
        self.input
            .shared
            .keys
            .fetch_or(1 << layer.min(63), Ordering::Relaxed);
        self.input.thread.unpark();
    }

    /// Counters until now.
    pub fn stats(&self) -> EncoderStats {
        let shared = &self.input.shared;
        let stats = shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        EncoderStats {
            frames_received: shared.received.load(Ordering::Relaxed),
            frames_dropped: shared.dropped.load(Ordering::Relaxed),
            frames_thinned: shared.thinned.load(Ordering::Relaxed),
            ..stats
        }
    }
}

impl Drop for EncoderWorker {
    fn drop(&mut self) {
        self.input.shared.stop.store(true, Ordering::Relaxed);
        self.input.thread.unpark();
        if let Some(handle) = self.handle.take() {
            // A panic on that thread was reported there.
            let _ = handle.join();
        }
    }
}

fn refinement(plan: &[Option<Settings>]) -> Refinement {
    Refinement::new(
        plan.iter()
            .rev()
            .flatten()
            .next()
            .map(|largest| largest.hint)
            .unwrap_or_default(),
    )
}

struct Work<F> {
    shared: Arc<Shared>,
    simulcast: Simulcast,
    plan: Vec<Option<Settings>>,
    out: F,
    stats: EncoderStats,
    began: Instant,
    pace: Pace,
    refinement: Refinement,
    last: Option<Last>,
    /// The last picture is to be coded again as soon as the pace allows.
    repeat: bool,
}

/// The last picture, and when it was handed to the encoder first.
struct Last {
    picture: Picture,
    at: Duration,
}

impl<F: FnMut(Encoded)> Work<F> {
    fn run(&mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.take_orders();
            let now = self.began.elapsed();
            let interval = self.interval();
            let waiting = !self.shared.picture.is_empty();
            let due = self.refinement.due().filter(|_| self.last.is_some());
            let refine = due.is_some_and(|due| due <= now);
            if (waiting || self.repeat || refine) && !self.pace.ready(now, interval) {
                thread::park_timeout(self.pace.wait(now, interval));
            } else if let Some(picture) = self.shared.picture.pop() {
                self.last = Some(Last {
                    picture: picture.clone(),
                    at: now,
                });
                self.repeat = false;
                self.refinement.fresh(now);
                self.encode(&picture);
                self.pace.coded(now, interval);
            } else if self.repeat || refine {
                self.again(now);
                self.pace.coded(now, interval);
            } else if let Some(due) = due {
                thread::park_timeout(due - now);
            } else {
                thread::park();
            }
        }
    }

    /// Time from picture to picture: the fastest layer sets the pace.
    fn interval(&self) -> Duration {
        let rate = self
            .plan
            .iter()
            .flatten()
            .map(|settings| settings.frame_rate)
            .fold(0.1, f32::max);
        Duration::from_secs_f32(1.0 / rate)
    }

    fn take_orders(&mut self) {
        if let Some(plan) = self.shared.plan.pop() {
            for (layer, (new, old)) in plan.iter().zip(&self.plan).enumerate() {
                if new == old {
                    continue;
                }
                let result = match new {
                    Some(settings) => self
                        .simulcast
                        .configure(layer, *settings)
                        .and_then(|()| self.simulcast.set_on(layer, true)),
                    None => self.simulcast.set_on(layer, false),
                };
                if let Err(error) = result {
                    (self.out)(Encoded::Failed(error));
                }
                // Somebody is waiting for a first picture of it.
                self.repeat |= match (new, old) {
                    (Some(new), Some(old)) => !new.same_stream(old),
                    (Some(_), None) => true,
                    (None, _) => false,
                };
            }
            if plan.len() == self.plan.len() {
                self.plan = plan;
            }
            self.refinement = refinement(&self.plan);
            if self.last.is_some() {
                self.refinement.fresh(self.began.elapsed());
            }
        }
        let keys = self.shared.keys.swap(0, Ordering::Relaxed);
        for layer in (0..self.plan.len()).filter(|layer| keys & (1 << layer) != 0) {
            self.repeat |= self.simulcast.ask_key(layer).is_ok();
        }
        self.repeat &= self.last.is_some();
    }

    /// Codes the last picture again, as of now.
    fn again(&mut self, now: Duration) {
        self.repeat = false;
        let Some(last) = &self.last else { return };
        let mut picture = last.picture.clone();
        picture.set_time(last.picture.time() + now.saturating_sub(last.at));
        self.stats.frames_repeated += 1;
        let largest = self.encode(&picture);
        let share = self.plan.iter().rev().flatten().next().map_or(0.0, |settings| {
            f64::from(settings.bitrate) / 8.0 / f64::from(settings.frame_rate)
        });
        self.refinement.repeated(largest.as_ref(), share as usize, now);
    }

    /// Codes a picture in all layers; gives back what came out of the largest.
    fn encode(&mut self, picture: &Picture) -> Option<EncodedFrame> {
        self.shared.busy.store(true, Ordering::Relaxed);
        let start = Instant::now();
        let mut lap = start;
        let mut largest: Option<EncodedFrame> = None;
        let (mut frames, mut keys) = (0, 0);
        let (stats, out) = (&mut self.stats, &mut self.out);
        let result = self.simulcast.encode(picture, |frame| {
            let now = Instant::now();
            if let Some(layer) = stats.layers.get_mut(usize::from(frame.layer)) {
                layer.frames_encoded += 1;
                layer.key_frames_encoded += u64::from(frame.key);
                layer.qp_sum += u64::from(frame.quantizer);
                layer.total_encode_time += now - lap;
                layer.bytes += frame.data.len() as u64;
                layer.size = Some(frame.size);
            }
            lap = now;
            frames += 1;
            keys += u32::from(frame.key);
            if largest.as_ref().is_none_or(|largest| frame.layer > largest.layer) {
                largest = Some(frame.clone());
            }
            out(Encoded::Frame(frame));
        });
        // A key frame takes several times as long, and the first one longer still: it says nothing of the next picture.
        if keys == 0 {
            let took = start.elapsed();
            stats.encode_time = Some(match stats.encode_time {
                Some(mean) => mean.mul_f64(1.0 - WEIGHT) + took.mul_f64(WEIGHT),
                None => took,
            });
        }
        let on = self.plan.iter().flatten().count();
        match result {
            Ok(()) => stats.frames_skipped += on.saturating_sub(frames) as u64,
            Err(error) => {
                out(Encoded::Failed(error));
                self.renew();
            }
        }
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.stats.clone();
        self.shared.busy.store(false, Ordering::Relaxed);
        largest
    }

    /// New encoders with the old settings, after a failure.
    fn renew(&mut self) {
        let settings: Vec<Settings> = self.simulcast.settings().copied().collect();
        if let Ok(mut simulcast) = Simulcast::new(self.simulcast.codec(), &settings) {
            for (layer, plan) in self.plan.iter().enumerate() {
                // Fails only for a layer there is not.
                let _ = simulcast.set_on(layer, plan.is_some());
            }
            self.simulcast = simulcast;
        }
    }
}
