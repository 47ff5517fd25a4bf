//! Devices without hardware: files, tones, memory and silence, paced by a real or a manual clock.
//!
//! A headless device runs the very callbacks a sound card runs. It refuses to know what is played. Timing model,
//! with `P` the period and sample `n` of a stream belonging to time `epoch + n / rate` (its [`Timeline`]):
//! - **input**: a sample spoken at `t` is delivered by the callback at the end of its period, so callback `k`
//!   comes at `epoch + (k + 1) P`;
//! - **output**: what a callback takes is heard one period later (a double buffer), so callback `k` comes at
//!   `epoch + (k - 1) P` and sample 0 of a recording is heard at the epoch.
//!
//! Both directions thus cost what the best of real sound cards cost, and input file and output recording lie on
//! one clock.

mod file;
mod manual;
mod memory;
mod pacer;
mod rack;
mod signal;
mod sound_file;
mod timeline;
mod wav_out;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use file::{AfterEnd, file_input};
pub use manual::ManualClock;
pub use memory::{Recording, memory_input, memory_output};
pub use pacer::{Lateness, Pacing};
pub use rack::Rack;
pub use signal::{Silence, tone_input};
pub use sound_file::SoundFile;
pub use timeline::{Timeline, TimelineHandle, instant_of_monotonic_nanos, monotonic_nanos};
pub use wav_out::{WavRecording, wav_output};

use super::{
    CaptureCallback, CaptureStream, DeviceError, DeviceId, DeviceInfo, Direction, EventSender, InputDevice,
    LatencyGauge, OutputDevice, PlayoutCallback, PlayoutStream, StreamEvent, StreamFormat, StreamRequest,
    stream_events,
};
use pacer::{Schedule, Tick};
use sidetone_pipeline::Notifier;

/// The audio system that headless devices name.
pub const HOST: &str = "headless";

/// What a headless microphone hears. Runs on the pacing thread: it must not allocate, lock or wait.
pub trait Source: Send {
    /// Fills `out` with the next interleaved samples. Returns `false` once nothing but silence will follow.
    fn fill(&mut self, out: &mut [f32]) -> bool;

    /// Back to the start, when the device is opened again.
    fn rewind(&mut self) {}
}

impl Source for Box<dyn Source> {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        (**self).fill(out)
    }

    fn rewind(&mut self) {
        (**self).rewind();
    }
}

/// Where a headless speaker's sound goes. Runs on the pacing thread: it must not allocate, lock or wait.
pub trait Sink: Send {
    /// Takes the next interleaved samples.
    fn take(&mut self, samples: &[f32]);
}

impl Sink for Box<dyn Sink> {
    fn take(&mut self, samples: &[f32]) {
        (**self).take(samples);
    }
}

/// The end of a device that one stream at a time may hold.
type Slot<T> = Arc<Mutex<Option<Box<T>>>>;

fn slot<T: ?Sized>(part: Box<T>) -> Slot<T> {
    Arc::new(Mutex::new(Some(part)))
}

fn lend<T: ?Sized>(slot: &Slot<T>, info: &DeviceInfo) -> Result<Box<T>, DeviceError> {
    let part = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    part.ok_or_else(|| DeviceError::Unavailable {
        id: info.id.0.clone(),
        reason: "it is open already".into(),
    })
}

fn give_back<T: ?Sized>(slot: &Slot<T>, part: &mut Option<Box<T>>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = part.take();
}

fn info(name: &str, direction: Direction, format: StreamFormat) -> DeviceInfo {
    let way = match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    };
    DeviceInfo {
        id: DeviceId(format!("headless:{way}:{name}")),
        name: name.to_owned(),
        host: HOST.to_owned(),
        direction,
        is_default: false,
        default_format: Some((format, "f32".to_owned())),
    }
}

/// Checks a format before anything is built on it.
fn check(info: &DeviceInfo, format: StreamFormat) -> Result<(), DeviceError> {
    let refuse = |reason: String| {
        Err(DeviceError::Format {
            id: info.id.0.clone(),
            reason,
        })
    };
    if !super::convert::RATES.contains(&format.sample_rate) {
        return refuse(format!("{} Hz is no sample rate", format.sample_rate));
    }
    if !(1..=super::callback::MAX_CHANNELS).contains(&format.channels) {
        return refuse(format!("{} channels", format.channels));
    }
    Ok(())
}

/// The requested period in frames of `format`: the same time, whatever the rate.
fn period_frames(request: StreamRequest, format: StreamFormat) -> u32 {
    let rate = u64::from(request.sample_rate.max(1));
    let frames = u64::from(request.period) * u64::from(format.sample_rate) / rate;
    frames.clamp(1, u64::from(format.sample_rate)) as u32
}

fn duration_of(frames: u32, format: StreamFormat) -> Duration {
    Duration::from_nanos(u64::from(frames) * 1_000_000_000 / u64::from(format.sample_rate))
}

/// A microphone fed by a [`Source`].
pub struct HeadlessInput {
    info: DeviceInfo,
    format: StreamFormat,
    source: Slot<dyn Source>,
    pacing: Pacing,
    timeline: TimelineHandle,
}

impl HeadlessInput {
    /// A microphone called `name` that hears `source` in `format`.
    ///
    /// # Errors
    /// [`DeviceError::Format`] for a rate or channel count no device has.
    pub fn new(name: &str, format: StreamFormat, source: impl Source + 'static) -> Result<Self, DeviceError> {
        let device = Self::unchecked(name, format, source);
        check(&device.info, format)?;
        Ok(device)
    }

    fn unchecked(name: &str, format: StreamFormat, source: impl Source + 'static) -> Self {
        let info = info(name, Direction::Input, format);
        let (pacing, timeline) = (Pacing::default(), TimelineHandle::default());
        Self {
            info,
            format,
            source: slot(Box::new(source)),
            pacing,
            timeline,
        }
    }

    /// The same microphone on another clock.
    #[must_use]
    pub fn paced(self, pacing: Pacing) -> Self {
        Self { pacing, ..self }
    }

    /// When each sample is spoken, known once the device is open. Take it before boxing the device.
    pub fn timeline(&self) -> TimelineHandle {
        self.timeline.clone()
    }
}

impl InputDevice for HeadlessInput {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<CaptureStream, DeviceError> {
        let mut source = lend(&self.source, &self.info)?;
        source.rewind();
        let period = period_frames(request, self.format);
        let (callback, samples, clock) = CaptureCallback::new(self.format, period, wake);
        let (sender, events) = stream_events();
        let hardware_latency = LatencyGauge::default();
        hardware_latency.set(duration_of(period, self.format));
        let timeline = self.pacing.timeline(self.format.sample_rate, Duration::ZERO);
        self.timeline.set(timeline);
        let body = InputBody {
            block: vec![0.0; period as usize * usize::from(self.format.channels)].into(),
            source: Some(source),
            home: self.source.clone(),
            callback,
            events: sender,
        };
        let schedule = Schedule {
            timeline,
            period,
            first: i64::from(period),
        };
        let keep = self
            .pacing
            .run("headless input", schedule, Box::new(body), &self.info)?;
        Ok(CaptureStream {
            format: self.format,
            period,
            samples,
            clock,
            events,
            hardware_latency,
            keep,
        })
    }
}

struct InputBody {
    block: Box<[f32]>,
    source: Option<Box<dyn Source>>,
    home: Slot<dyn Source>,
    callback: CaptureCallback,
    events: EventSender,
}

impl Tick for InputBody {
    fn tick(&mut self, at: Instant) {
        let more = self
            .source
            .as_mut()
            .is_some_and(|source| source.fill(&mut self.block));
        self.callback.run_f32(&self.block, at);
        if !more {
            self.events.send(StreamEvent::Ended);
        }
    }
}

impl Drop for InputBody {
    fn drop(&mut self) {
        give_back(&self.home, &mut self.source);
    }
}

/// A speaker whose sound goes to a [`Sink`].
pub struct HeadlessOutput {
    info: DeviceInfo,
    format: StreamFormat,
    sink: Slot<dyn Sink>,
    pacing: Pacing,
    timeline: TimelineHandle,
}

impl HeadlessOutput {
    /// A speaker called `name` that plays to `sink` in `format`.
    ///
    /// # Errors
    /// [`DeviceError::Format`] for a rate or channel count no device has.
    pub fn new(name: &str, format: StreamFormat, sink: impl Sink + 'static) -> Result<Self, DeviceError> {
        let device = Self::unchecked(name, format, sink);
        check(&device.info, format)?;
        Ok(device)
    }

    fn unchecked(name: &str, format: StreamFormat, sink: impl Sink + 'static) -> Self {
        let info = info(name, Direction::Output, format);
        let (pacing, timeline) = (Pacing::default(), TimelineHandle::default());
        Self {
            info,
            format,
            sink: slot(Box::new(sink)),
            pacing,
            timeline,
        }
    }

    /// The same speaker on another clock.
    #[must_use]
    pub fn paced(self, pacing: Pacing) -> Self {
        Self { pacing, ..self }
    }

    /// When each sample is heard, known once the device is open. Take it before boxing the device.
    pub fn timeline(&self) -> TimelineHandle {
        self.timeline.clone()
    }
}

impl OutputDevice for HeadlessOutput {
    fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn open(&mut self, request: StreamRequest, wake: Notifier) -> Result<PlayoutStream, DeviceError> {
        let sink = lend(&self.sink, &self.info)?;
        let period = period_frames(request, self.format);
        let (callback, samples, clock) = PlayoutCallback::new(self.format, period, wake);
        let (_, events) = stream_events();
        let hardware_latency = LatencyGauge::default();
        hardware_latency.set(duration_of(period, self.format));
        let timeline = self
            .pacing
            .timeline(self.format.sample_rate, duration_of(period, self.format));
        self.timeline.set(timeline);
        let body = OutputBody {
            block: vec![0.0; period as usize * usize::from(self.format.channels)].into(),
            sink: Some(sink),
            home: self.sink.clone(),
            callback,
        };
        let schedule = Schedule {
            timeline,
            period,
            first: -i64::from(period),
        };
        let keep = self
            .pacing
            .run("headless output", schedule, Box::new(body), &self.info)?;
        Ok(PlayoutStream {
            format: self.format,
            period,
            samples,
            clock,
            events,
            hardware_latency,
            keep,
        })
    }
}

struct OutputBody {
    block: Box<[f32]>,
    sink: Option<Box<dyn Sink>>,
    home: Slot<dyn Sink>,
    callback: PlayoutCallback,
}

impl Tick for OutputBody {
    fn tick(&mut self, at: Instant) {
        self.callback.run_f32(&mut self.block, at);
        if let Some(sink) = &mut self.sink {
            sink.take(&self.block);
        }
    }
}

impl Drop for OutputBody {
    fn drop(&mut self) {
        give_back(&self.home, &mut self.sink);
    }
}
