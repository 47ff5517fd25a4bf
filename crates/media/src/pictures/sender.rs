//! One source on its way to the port, as the engine's thread sees to it: encoders for the codec and the size that there
//! are, and plans for the rates that the port gives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_video::codec::{ContentHint, EncodedFrame, Settings, Simulcast};
use sidetone_video::ladder::Source;
use sidetone_video::worker::{Encoded, EncoderStats, EncoderWorker};
use sidetone_video::{Codec, Size};

use super::inlet::Inlet;
use super::plan::{Given, Planner};
use super::stats::SourceStats;
use super::{ShownAt, VideoEngineConfig, VideoSource, of};
use crate::transport::video::{CodedFrame, LocalVideo};
use crate::video::{Content, Demand, PlayoutDelay, TemporalLayer};

/// Over this the rate of a camera is taken.
const MEASURE: Duration = Duration::from_secs(2);

/// A camera's rate must differ by so much from what is believed to count as another one.
const OTHER_RATE: f32 = 0.2;

/// A picture that nothing has followed for so long stands still.
const STILL: Duration = Duration::from_millis(200);

/// Encoders that could not be made are tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Once nobody has looked for so long, nothing is sent: who looks away for a moment only does not wait for a key frame.
const UNSEEN: Duration = Duration::from_secs(1);

/// One source that is sent.
pub(super) struct Sender {
    config: VideoEngineConfig,
    source: VideoSource,
    inlet: Inlet,
    locals: Vec<Arc<LocalVideo>>,
    temporal_layers: u8,
    shown_at: ShownAt,
    /// Since when nobody looks, as far as that was seen to.
    unseen: Option<Instant>,
    planner: Option<Planner>,
    /// What the port was told.
    demands: Vec<Option<Demand>>,
    worker: Option<Arc<EncoderWorker>>,
    /// What the encoders were told, and the size of pictures for which the inlet is open.
    plan: Vec<Option<Settings>>,
    open: Option<Size>,
    /// Of encoders that are no more.
    past: EncoderStats,
    failed: Option<Instant>,
    /// Pictures at the begin of a measurement, and when that was.
    measured: (u64, Instant),
    rate: f32,
    /// Pictures at the last look, and since when there were no more.
    seen: (u64, Instant),
}

impl Sender {
    /// `past` are the counters of sources of this kind before.
    pub(super) fn new(
        config: VideoEngineConfig,
        source: VideoSource,
        inlet: Inlet,
        past: EncoderStats,
        now: Instant,
    ) -> Self {
        Self {
            config,
            rate: source.frame_rate.clamp(1.0, 120.0),
            source,
            inlet,
            locals: Vec::new(),
            temporal_layers: 1,
            shown_at: ShownAt::Unknown,
            unseen: None,
            planner: None,
            demands: Vec::new(),
            worker: None,
            plan: Vec::new(),
            open: None,
            past,
            failed: None,
            measured: (0, now),
            seen: (0, now),
        }
    }

    /// Sends there from now on; nowhere, where that is empty.
    pub(super) fn send_to(&mut self, locals: Vec<Arc<LocalVideo>>, temporal_layers: u8) {
        let same = locals.len() == self.locals.len()
            && locals
                .iter()
                .zip(&self.locals)
                .all(|(new, old)| Arc::ptr_eq(new, old));
        if !same {
            self.stop();
            self.locals = locals;
            self.temporal_layers = temporal_layers;
        }
    }

    pub(super) fn set_shown_at(&mut self, shown_at: ShownAt) {
        self.shown_at = shown_at;
    }

    /// Whether a source waits for something to happen.
    pub(super) fn is_beginning(&self) -> bool {
        self.unseen.is_none() && self.open.is_none() && !self.locals.is_empty() && self.inlet.size().is_some()
    }

    /// Ends the encoders, and what is sent.
    fn stop(&mut self) {
        self.end_coding();
        self.rest();
    }

    /// Sends nothing for now. The encoders stay.
    fn rest(&mut self) {
        self.close();
        if !self.demands.is_empty() {
            for local in &self.locals {
                local.set_demand(None);
            }
            self.demands.clear();
        }
    }

    /// Whether nobody has looked for a while.
    fn is_unseen(&mut self, now: Instant) -> bool {
        if self.shown_at != ShownAt::Nowhere {
            self.unseen = None;
            return false;
        }
        now >= *self.unseen.get_or_insert(now) + UNSEEN
    }

    fn end_coding(&mut self) {
        self.close();
        self.planner = None;
        if let Some(worker) = self.worker.take() {
            self.past = sum(&self.past, worker.stats());
        }
        self.plan.clear();
    }

    fn close(&mut self) {
        self.open = None;
        self.inlet.close();
    }

    /// Sees to it that what is wanted is coded.
    pub(super) fn work(&mut self, now: Instant) {
        let known = self.locals.first().and_then(|local| local.codec());
        let (Some(codec), Some(size)) = (known, self.inlet.size()) else {
            return;
        };
        if self.is_unseen(now) {
            return self.rest();
        }
        let codec = of(codec);
        self.measure(now);
        let source = Source {
            size,
            frame_rate: self.rate,
            hint: self.source.hint,
            colour: self.inlet.colour(),
            // H.264 has none here.
            temporal_layers: if codec == Codec::H264 {
                1
            } else {
                self.temporal_layers
            },
        };
        let fits = |planner: &Planner| planner.codec() == codec && planner.takes(size);
        if !self.planner.as_ref().is_some_and(fits) {
            self.end_coding();
        }
        let layers = self.locals.len();
        let threads = match self.source.hint {
            ContentHint::Motion => self.config.threads,
            ContentHint::Detail | ContentHint::Text => self.config.screen_threads,
        };
        let planner = self
            .planner
            .get_or_insert_with(|| Planner::new(codec, source, layers, threads));
        planner.set_source(source);
        let mut plan = self.decide(now);
        let Some(planner) = &self.planner else { return };
        let (demands, first) = (planner.demands(), planner.first());
        if demands != self.demands {
            for (local, demand) in self.locals.iter().zip(&demands) {
                local.set_demand(*demand);
            }
            self.demands = demands;
        }
        if plan.iter().all(Option::is_none) {
            self.close();
            return;
        }
        let anew = self.worker.is_none();
        if anew {
            if !self.begin(codec, &first, now) {
                return;
            }
            // That takes some hundredths of a second, in which more may have become known of the path.
            plan = self.decide(now);
        }
        self.carry_out(plan, first.len(), size, anew);
        let (pictures, _) = self.inlet.counts();
        if pictures != self.seen.0 {
            self.seen = (pictures, now);
        }
        self.inlet.look_again(now >= self.seen.1 + STILL);
    }

    /// What to code for what the port gives now.
    fn decide(&mut self, now: Instant) -> Vec<Option<Settings>> {
        let Some(planner) = &mut self.planner else {
            return Vec::new();
        };
        let bitrates: Vec<u32> = self.locals.iter().map(|local| local.bitrate().0).collect();
        let given = Given {
            bitrates: &bitrates,
            shown_at: self.shown_at.size(),
            encode_time: self.worker.as_ref().and_then(|worker| worker.stats().encode_time),
            cpu: self.config.cpu,
        };
        planner
            .decide(&given, now.saturating_duration_since(self.source.epoch))
            .to_vec()
    }

    /// Tells encoders and inlet what is new.
    fn carry_out(&mut self, plan: Vec<Option<Settings>>, layers: usize, size: Size, anew: bool) {
        let Some(worker) = &self.worker else { return };
        let is_on = |plan: &[Option<Settings>]| plan.iter().map(Option::is_some).collect::<Vec<_>>();
        let on = is_on(&plan);
        let same = !anew && self.open == Some(size) && is_on(&self.plan) == on;
        if plan != self.plan {
            // Encoders are made for the layers that there are, which may be fewer than the port's.
            worker.configure(plan[..layers].to_vec());
            self.plan = plan;
        }
        if !same {
            self.inlet.open(size, worker, &self.locals, &on, anew);
            self.open = Some(size);
        }
    }

    /// Makes encoders. Whether that was possible.
    fn begin(&mut self, codec: Codec, settings: &[Settings], now: Instant) -> bool {
        if self.failed.is_some_and(|failed| now < failed + AGAIN) {
            return false;
        }
        let (locals, epoch) = (self.locals.clone(), self.source.epoch);
        // Only screens are told apart: a camera is shown as its receivers like.
        let playout = match (self.locals.first().map(|local| local.content()), self.source.hint) {
            (Some(Content::Screen), ContentHint::Motion) => Some(PlayoutDelay::ANY),
            (Some(Content::Screen), _) => Some(PlayoutDelay::AT_ONCE),
            _ => None,
        };
        let out = move |encoded: Encoded| match encoded {
            Encoded::Frame(frame) => {
                if let Some(local) = locals.get(usize::from(frame.layer)) {
                    local.push(coded(frame, epoch, playout));
                }
            }
            Encoded::Failed(error) => tracing::warn!(%error, "an encoder of pictures"),
        };
        let worker = Simulcast::new(codec, settings)
            .map_err(|error| error.to_string())
            .and_then(|simulcast| EncoderWorker::spawn(simulcast, out).map_err(|error| error.to_string()));
        match worker {
            Ok(worker) => {
                self.failed = None;
                self.worker = Some(Arc::new(worker));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "no encoder of pictures");
                self.failed = Some(now);
                false
            }
        }
    }

    /// Cameras give what the light allows. Screens give what changes, which says nothing.
    fn measure(&mut self, now: Instant) {
        let (pictures, since) = self.measured;
        let passed = now.saturating_duration_since(since);
        if self.source.hint != ContentHint::Motion || (pictures > 0 && passed < MEASURE) {
            return;
        }
        let (count, _) = self.inlet.counts();
        if pictures == 0 {
            // From the first picture on.
            self.measured = (count, now);
            return;
        }
        let rate = (count - pictures) as f32 / passed.as_secs_f32();
        self.measured = (count, now);
        if rate >= 1.0 && (rate / self.rate - 1.0).abs() > OTHER_RATE {
            self.rate = rate.min(self.source.frame_rate.max(1.0));
        }
    }

    /// Counters of all encoders that there were, and what the inlet counts.
    pub(super) fn stats(&self) -> SourceStats {
        let encoders = match &self.worker {
            Some(worker) => sum(&self.past, worker.stats()),
            None => self.past.clone(),
        };
        let (pictures, dropped) = self.inlet.counts();
        SourceStats {
            encoders,
            pictures,
            dropped,
            size: self.inlet.size(),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.inlet.end();
        self.stop();
    }
}

/// As the port wants it.
fn coded(frame: EncodedFrame, epoch: Instant, playout: Option<PlayoutDelay>) -> CodedFrame {
    let layers = frame.temporal_layers > 1;
    CodedFrame {
        key: frame.key,
        temporal: layers.then_some(TemporalLayer {
            id: frame.temporal,
            sync: frame.sync,
        }),
        discardable: frame.discardable,
        captured: epoch + frame.time,
        playout,
        data: Bytes::from(frame.data),
    }
}

/// Counters of encoders that are no more, and of those that took their place.
fn sum(past: &EncoderStats, now: EncoderStats) -> EncoderStats {
    let mut sum = now;
    sum.frames_received += past.frames_received;
    sum.frames_dropped += past.frames_dropped;
    sum.frames_thinned += past.frames_thinned;
    sum.frames_skipped += past.frames_skipped;
    sum.frames_repeated += past.frames_repeated;
    sum.layers
        .resize(sum.layers.len().max(past.layers.len()), Default::default());
    for (layer, past) in sum.layers.iter_mut().zip(&past.layers) {
        layer.frames_encoded += past.frames_encoded;
        layer.key_frames_encoded += past.key_frames_encoded;
        layer.qp_sum += past.qp_sum;
        layer.total_encode_time += past.total_encode_time;
        layer.bytes += past.bytes;
        layer.size = layer.size.or(past.size);
    }
    sum
}
